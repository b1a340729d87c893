"""Fails on GPL and AGPL in what is installed, libraries bundled in wheels included.

    python tools/check_licences.py [--path FOLDER] [--reviewed TABLE.toml] [--list]

Three looks at every installed distribution: what its metadata say; every licence text it carries (they also speak for
what is linked in); every library that it bundles, by file and by the traces that GPL builds leave in binaries. LGPL is
allowed and listed. What needs a person's judgement stands in ``licences.toml`` with a reason. A bundled library that is
not in that table fails: nobody has looked at it yet. No row excuses a plain GPL or AGPL.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import Distribution, PackagePath, distributions
from pathlib import Path

REVIEWED = Path(__file__).parent / "licences.toml"

_STRONG = re.compile(r"(?<![A-Za-z])A?GPL|GNU (?:Affero )?General Public License|Affero", re.IGNORECASE)
_LESSER = re.compile(r"LGPL|Lesser General Public|Library General Public", re.IGNORECASE)
_TEXT = re.compile(
    r"^\W*GNU (?:AFFERO )?GENERAL PUBLIC LICENSE\W*$"  # the title of the licence itself
    r"|^\W*licen[cs]es?:.*(?<![A-Za-z])A?GPL"  # a line such as "License: GPL-2+"
    r"|(?:terms|conditions) of the GNU (?:Affero )?General Public"
    r"|under\s+(?:the\s+)?(?:terms\s+of\s+)?(?:the\s+)?(?:GNU\s+)?(?:A?GPL|(?:Affero )?General Public)",
    re.IGNORECASE | re.MULTILINE,
)
_TEXT_NAME = re.compile(r"licen[cs]e|copying|notice|copyright|third.?party", re.IGNORECASE)
_LIBRARY_NAME = re.compile(r"^(lib[^/]+?)(?:-[0-9a-f]{8})*\.(?:so|dylib)(?:\.[0-9]+)*$|^([^/]+)\.dll$", re.IGNORECASE)
_EXTENSION_MODULE = re.compile(r"\.(?:cpython|abi3|cp[0-9]+)")
_BINARY_NAME = re.compile(r"\.(?:so|dylib|dll|exe|pyd)(?:\.|$)", re.IGNORECASE)
_TRACES = (b"--enable-gpl", b"x264 - core", b"x265 HEVC encoder")
_GPL_LIBRARIES = frozenset(
    f"lib{name}"
    for name in (
        *("x264", "x265", "xvidcore", "postproc", "rubberband", "vidstab", "fftw3", "readline", "gsl", "gslcblas"),
        *("poppler", "mupdf", "gs", "imagequant", "dvdcss", "a52", "mad"),
    )
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a person has to judge: in which distribution, of which kind, where."""

    distribution: str
    version: str
    kind: str
    """``metadata``, ``text``, ``library`` or ``trace``."""
    place: str
    """The licence as declared, the path of the text, the name of the library, or the trace."""


@dataclass(frozen=True, slots=True)
class Review:
    """One row of the table: a person's judgement of some findings of one distribution."""

    distribution: str
    version: str
    """A judgement holds for the version that was looked at."""
    kind: str
    places: tuple[str, ...]
    licence: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Whether this row speaks of that finding."""
        same = (finding.distribution, finding.version, finding.kind) == (self.distribution, self.version, self.kind)
        return same and finding.place in self.places

    @property
    def excuses(self) -> bool:
        """Whether the licence found by the reviewer may be installed beside ours."""
        return bool(self.reason) and allowed(self.licence, exceptions=True)


def allowed(licence: str, *, exceptions: bool) -> bool:
    """Whether a licence can be met without GPL or AGPL: one branch of OR is enough, AND needs all.

    ``exceptions``: whether a GPL ``WITH`` an exception passes. A reviewer may decide that, metadata may not.
    """
    return any(
        all(not _STRONG.search(part) or (exceptions and " WITH " in part) for part in re.split(r"\s+AND\s+", branch))
        for branch in re.split(r"\s+OR\s+", licence)
    )


def declared(distribution: Distribution) -> str:
    """The licence that the metadata declare, as one line; empty if they say nothing."""
    metadata = distribution.metadata
    expression = metadata.get("License-Expression")
    if expression:
        return expression
    said = [line.split("::")[-1].strip() for line in metadata.get_all("Classifier") or () if line.startswith("License")]
    free_text = (metadata.get("License") or "").strip()
    if free_text and len(free_text.splitlines()) == 1:
        said.append(free_text)
    return "; ".join(said)


def findings(distribution: Distribution) -> Iterator[Finding]:
    """What about one distribution needs a person's judgement."""
    about = partial(Finding, distribution.name, distribution.version)
    files = [file for file in distribution.files or () if not str(file).startswith("..")]
    texts = [file for file in files if _TEXT_NAME.search(file.name) and not _is_code(file)]
    licence = declared(distribution)
    if not licence and not texts:
        yield about("metadata", "no licence declared")
    elif not allowed(licence, exceptions=False):
        yield about("metadata", licence)
    for file in texts:
        if _TEXT.search(_read(distribution, file).decode("utf-8", "replace")):
            yield about("text", _place(file))
    for file in files:
        if library := bundled(file):
            yield about("library", library)
        if _BINARY_NAME.search(file.name) or file.parent.name == "bin":
            content = _read(distribution, file)
            yield from (about("trace", mark.decode()) for mark in _TRACES if mark in content)


def bundled(file: PackagePath) -> str | None:
    """The name of the library if ``file`` is one that a wheel brought along, without its hash and version."""
    match = _LIBRARY_NAME.match(file.name)
    if match and not _EXTENSION_MODULE.search(file.name):
        return match.group(1) or match.group(2)
    in_folder = any(part.endswith((".libs", ".dylibs")) or part == ".dylibs" for part in file.parts[:-1])
    return file.name if in_folder and not _is_code(file) else None


def reviews(table: Path) -> tuple[Review, ...]:
    """The reviewed rows. Raises ``KeyError`` or ``TypeError`` when a row is not whole."""
    rows = tomllib.loads(table.read_text(encoding="utf-8")).get("review", [])
    return tuple(
        Review(row["distribution"], row["version"], row["kind"], tuple(row["places"]), row["licence"], row["reason"])
        for row in rows
    )


def judge(finding: Finding, table: Sequence[Review]) -> str | None:
    """Why ``finding`` may not stay; ``None`` if it may."""
    if finding.kind == "trace" or finding.place.lower() in _GPL_LIBRARIES:
        return "is GPL"
    row = _row(finding, table)
    if row is None:
        library = finding.kind == "library"
        return "is a library that nobody has reviewed" if library else "speaks of GPL or of no licence"
    return None if row.excuses else f"was reviewed as {row.licence}, which may not be installed"


def main() -> int:
    """Prints what was found; 1 when something may not stay."""
    arguments = _arguments()
    found = distributions(path=[str(arguments.path)]) if arguments.path else distributions()
    installed = sorted(found, key=lambda d: d.name.lower())
    table = reviews(arguments.reviewed)
    failures: list[str] = []
    judged = 0
    for distribution in installed:
        named = f"{distribution.name} {distribution.version}"
        if arguments.list or _LESSER.search(declared(distribution)):
            print(f"{named}: {declared(distribution)}")
        for finding in sorted(set(findings(distribution)), key=str):
            judged += 1
            row = _row(finding, table)
            if why := judge(finding, table):
                failures.append(f"NOT ALLOWED {named}: {finding.kind} {finding.place} {why}")
            elif arguments.list or (row and _LESSER.search(row.licence)):
                print(f"{named}: {finding.kind} {finding.place}: {row.licence if row else ''}")
    print(*failures, sep="\n", end="\n" if failures else "")
    print(f"licences: {len(installed)} distributions, {judged} findings judged, {len(failures)} not allowed")
    return 1 if failures else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--path", type=Path, help="folder of installed distributions; without it, this interpreter's")
    parser.add_argument("--reviewed", type=Path, default=REVIEWED, help="table of reviewed findings")
    parser.add_argument("--list", action="store_true", help="print the licence of every distribution")
    return parser.parse_args()


def _row(finding: Finding, table: Sequence[Review]) -> Review | None:
    return next((row for row in table if row.covers(finding)), None)


def _is_code(file: PackagePath) -> bool:
    return file.suffix in {".py", ".pyc", ".pyi", ".h", ".js", ".ts"}


def _place(file: PackagePath) -> str:
    """The path, without the version in the name of the distribution's own ``*.dist-info`` folder."""
    return re.sub(r"^[^/]+\.dist-info(?=/)", "dist-info", file.as_posix())


def _read(distribution: Distribution, file: PackagePath) -> bytes:
    path = Path(str(distribution.locate_file(file)))
    return path.read_bytes() if path.is_file() else b""


if __name__ == "__main__":
    sys.exit(main())
