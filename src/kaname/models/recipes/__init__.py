"""Recipes: programs that learn from a frozen dataset inside a sandbox.

Each runs as ``python -m kaname.models.recipes.…``.
A recipe finds its data in the folder that ``KANAME_DATA`` names and leaves ``model.onnx`` and ``model.json`` in the one
that ``KANAME_OUT`` names. The same data, seed and code give the same bytes. Nothing here is imported by a serving node.
"""
