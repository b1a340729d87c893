"""Names that say something, and no excuses in comments."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

from .sources import FOLDERS, ROOT, place, python_files

EMPTY_WORDS = {"utils", "util", "helpers", "helper", "common", "core", "base", "manager", "handler", "service", "misc"}
EXCUSES = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b|pragma: *no cover|type: *ignore|pyright: *ignore", re.IGNORECASE)
ANSWERED = re.compile(r"# pyright: ignore\[report\w+\] [-#] \w+")


def words(path: Path) -> set[str]:
    """The words that a file's path below the project is made of."""
    return {word for part in path.relative_to(ROOT).parts for word in re.split(r"[^a-z]+", part.lower())}


def comments(path: Path) -> list[tuple[int, str]]:
    """The comments of one file, with their lines."""
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
    return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]


def test_no_file_or_folder_has_an_empty_name() -> None:
    """A module is a step (verb) or a type (noun), never a drawer."""
    found = [place(path) for path in python_files(*FOLDERS) if words(path) & EMPTY_WORDS]
    assert not found, "\n".join(found)


def excuses(path: Path) -> list[str]:
    """Comments that promise or muzzle. In the package, pyright alone may be silenced: one rule, with the reason."""
    strict = ROOT / "src" not in path.parents
    return [
        f"{place(path)}:{line}: {text}"
        for line, text in comments(path)
        if EXCUSES.search(text) and (strict or not ANSWERED.match(text))
    ]


def test_comments_hold_no_promises_and_no_muzzles() -> None:
    """What is missing stands in docs/coverage.md; checkers are answered in code."""
    found = [excuse for path in python_files(*FOLDERS) for excuse in excuses(path)]
    assert not found, "\n".join(found)


def test_an_excuse_is_recognised() -> None:
    """The net has no hole for the usual spellings."""
    for comment in ("# TODO later", "# pragma: no cover", "# type: ignore[x]", "# pyright: ignore", "# fixme"):
        assert EXCUSES.search(comment)
        assert not ANSWERED.match(comment)
    assert ANSWERED.match("# pyright: ignore[reportArgumentType] - the names were just checked")
