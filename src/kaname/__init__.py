"""Kaname (要): one image's journey from a hospital to research and back.

Read the folders in the order of ``docs/story.md``; nothing is exported from here but the version.
"""

__version__ = "0.1.0"
