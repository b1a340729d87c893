"""Rules of the house that a linter does not know."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from .sources import PACKAGE, place, python_files, tree

ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv"}
BROAD = {"Exception", "BaseException"}
MAKERS_OF_DEIDENTIFIED = ("deid", "parcel")


def package_files(*without: str) -> list[Path]:
    """The package's files, leaving out these rooms or modules."""
    left_out = {PACKAGE / name for name in without}
    return [path for path in python_files("src") if not left_out & {path, *path.parents}]


def reads_environment(node: ast.AST) -> bool:
    """Whether ``node`` is ``os.environ``, ``os.getenv`` or one of their kind, however imported."""
    if isinstance(node, ast.Attribute):
        return node.attr in ENVIRONMENT and isinstance(node.value, ast.Name) and node.value.id == "os"
    return isinstance(node, ast.ImportFrom) and node.module == "os" and any(n.name in ENVIRONMENT for n in node.names)


def catches_everything(node: ast.AST) -> bool:
    """Whether ``node`` is a bare ``except`` or one that names ``Exception``, alone or in a tuple."""
    if not isinstance(node, ast.ExceptHandler):
        return False
    return node.type is None or any(isinstance(n, ast.Name) and n.id in BROAD for n in ast.walk(node.type))


def test_only_settings_reads_the_environment() -> None:
    """Everything else is told by its caller."""
    found = [place(p, n) for p in package_files("settings.py") for n in ast.walk(tree(p)) if reads_environment(n)]
    assert not found, "\n".join(found)


def test_only_work_catches_everything() -> None:
    """A bug is seen where it happens; only the worker may outlive it."""
    found = [place(p, n) for p in package_files("work") for n in ast.walk(tree(p)) if catches_everything(n)]
    assert not found, "\n".join(found)


def test_only_the_crossing_and_the_border_make_deidentified() -> None:
    """The token that makes a Deidentified is named in deid and parcel alone."""
    found = [
        place(path, node)
        for path in package_files(*MAKERS_OF_DEIDENTIFIED)
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Name) and node.id == "MADE_BY_CROSSING")
        or (isinstance(node, ast.Attribute) and node.attr == "MADE_BY_CROSSING")
        or (isinstance(node, ast.alias) and node.name == "MADE_BY_CROSSING")
    ]
    assert not found, "\n".join(found)


def test_every_public_thing_has_a_docstring() -> None:
    """Modules, classes and functions without a leading underscore say what they are."""
    silent = [
        place(path, node)
        for path in package_files()
        for node in (tree(path), *tree(path).body)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and not getattr(node, "name", "").startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not silent, "\n".join(silent)


def test_every_test_says_what_is_true() -> None:
    """The first line of each test is one sentence."""
    silent = [
        place(path, node)
        for path in python_files("tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert not silent, "\n".join(silent)


@pytest.mark.parametrize("code", ["import os\nos.environ['X']", "from os import getenv", "import os\nos.getenv('X')"])
def test_reading_the_environment_is_recognised(code: str) -> None:
    """No usual spelling slips through."""
    assert any(reads_environment(node) for node in ast.walk(ast.parse(code)))


@pytest.mark.parametrize("clause", ["except:", "except Exception:", "except (KeyError, Exception) as e:"])
def test_catching_everything_is_recognised(clause: str) -> None:
    """Neither bare, nor named, nor in a tuple."""
    assert any(catches_everything(node) for node in ast.walk(ast.parse(f"try:\n    f()\n{clause}\n    pass\n")))
