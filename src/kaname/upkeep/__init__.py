"""Keeping a node: making its home, looking after it.

In: a folder and a role. Out: a home with settings, keys and an index. Refused: ``home-exists``.
"""
