"""Reason codes: each is whole, each is used, none is invented on the spot."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from kaname.errors import reasons

from .sources import PACKAGE, place, python_files, strings, tree

OUTCOMES = {"Refused", "NotYet", "Forbidden"}
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
SENTENCES = 2


def raised_literals(path: Path) -> Iterator[tuple[ast.AST, str]]:
    """The codes that one file hands to an outcome as literals, ``a if x else b`` included."""
    for node in ast.walk(tree(path)):
        if not (isinstance(node, ast.Call) and node.args):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in OUTCOMES:
            for part in ast.walk(node.args[0]):
                if isinstance(part, ast.Constant) and isinstance(part.value, str) and not _is_key(node.args[0], part):
                    yield node, part.value


def _is_key(expression: ast.expr, part: ast.Constant) -> bool:
    """Whether the constant only selects (a comparison or a subscript) and is no code itself."""
    return any(
        isinstance(node, ast.Compare | ast.Subscript) and part in ast.walk(node) for node in ast.walk(expression)
    )


def test_every_reason_says_what_happened_what_was_kept_and_what_to_do() -> None:
    """Both languages, at least two sentences each, and the Japanese is Japanese."""
    for code, reason in reasons().items():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code), code
        assert JAPANESE.search(reason.ja), code
        assert not JAPANESE.search(reason.en), code
        assert reason.ja.count("。") >= SENTENCES, code
        assert len(re.findall(r"[.!?](?:\s|$)", reason.en)) >= SENTENCES, code


def test_every_code_raised_is_known() -> None:
    """No outcome carries a code that reasons.toml lacks."""
    unknown = [
        f"{place(path, node)}: {code}"
        for path in python_files("src")
        for node, code in raised_literals(path)
        if code not in reasons()
    ]
    assert not unknown, "\n".join(unknown)


def test_every_code_is_used() -> None:
    """A code that nothing raises is deleted."""
    used = {str(node.value) for path in python_files("src") for node in strings(path)}
    used |= {word for path in PACKAGE.rglob("registries/*.toml") for word in re.findall(r"[a-z-]+", path.read_text())}
    unused = sorted(reasons().keys() - used)
    assert not unused, "\n".join(unused)


def test_a_code_inside_a_choice_is_seen_and_what_chooses_is_not() -> None:
    """``Refused("a" if kind == "b" else "c")`` raises a or c."""
    call = ast.parse('Refused("a" if kind == "b" else "c")', mode="eval").body
    assert isinstance(call, ast.Call)
    codes = [part.value for part in ast.walk(call.args[0]) if isinstance(part, ast.Constant)]
    kept = [p.value for p in ast.walk(call.args[0]) if isinstance(p, ast.Constant) and not _is_key(call.args[0], p)]
    assert sorted(map(str, codes)) == ["a", "b", "c"]
    assert sorted(map(str, kept)) == ["a", "c"]
