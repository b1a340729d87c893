"""Small enough to be read: lengths of modules and functions."""

from __future__ import annotations

import ast

from .sources import FOLDERS, place, python_files, tree

MODULE_LINES = 400
FUNCTION_LINES = 60

Function = ast.FunctionDef | ast.AsyncFunctionDef


def length(function: Function) -> int:
    """Lines of a function without its docstring."""
    first = function.body[0]
    docstring = 0
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        docstring = (first.end_lineno or first.lineno) - first.lineno + 1
    return (function.end_lineno or function.lineno) - function.lineno + 1 - docstring


def test_no_module_is_longer_than_400_lines() -> None:
    """A module ends where a reader's patience does."""
    counted = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in python_files(*FOLDERS)}
    found = [f"{place(path)}: {lines}" for path, lines in counted.items() if lines > MODULE_LINES]
    assert not found, "\n".join(found)


def test_no_function_is_longer_than_60_lines() -> None:
    """A function fits on one screen."""
    long = [
        f"{place(path, node)} {node.name}: {length(node)}"
        for path in python_files(*FOLDERS)
        for node in ast.walk(tree(path))
        if isinstance(node, Function) and length(node) > FUNCTION_LINES
    ]
    assert not long, "\n".join(long)


def test_the_length_of_a_function_leaves_its_docstring_out() -> None:
    """Three lines of documentation cost nothing."""
    (function,) = ast.parse('def f():\n    """One.\n\n    Two.\n    """\n    return 1\n').body
    assert isinstance(function, ast.FunctionDef)
    assert length(function) == 2
