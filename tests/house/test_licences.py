"""The licence check finds what it is there for: tried on invented distributions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .sources import ROOT

CHECK = ROOT / "tools" / "check_licences.py"


def install(site: Path, metadata: str, files: dict[str, bytes]) -> None:
    """Writes a distribution named ``thing`` 1.0 as an installer would."""
    info = site / "thing-1.0.dist-info"
    written = {"thing-1.0.dist-info/METADATA": f"Metadata-Version: 2.4\nName: thing\nVersion: 1.0\n{metadata}".encode()}
    written |= files
    for name, content in written.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in written), encoding="utf-8")


def check(site: Path, table: str = "") -> tuple[int, str]:
    """Exit code and output of the check over ``site`` with these reviewed rows."""
    reviewed = site / "reviewed.toml"
    reviewed.write_text(table, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, CHECK, "--path", site, "--reviewed", reviewed], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def row(kind: str, place: str, licence: str, version: str = "1.0") -> str:
    """One reviewed row about ``thing``."""
    return (
        f'[[review]]\ndistribution = "thing"\nversion = "{version}"\nkind = "{kind}"\nplaces = ["{place}"]\n'
        f'licence = "{licence}"\nreason = "looked at"\n'
    )


@pytest.mark.parametrize(
    "metadata",
    [
        "License-Expression: GPL-3.0-or-later\n",
        "License-Expression: MIT AND AGPL-3.0-only\n",
        "License-Expression: GPL-3.0-or-later WITH GCC-exception-3.1\n",
        "License: GPLv2+\n",
        "Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)\n",
        "Classifier: License :: OSI Approved :: GNU Affero General Public License v3\n",
        "",
    ],
)
def test_a_gpl_distribution_or_one_without_licence_fails(tmp_path: Path, metadata: str) -> None:
    """Whatever way the metadata say it, or when they say nothing."""
    install(tmp_path, metadata, {})
    code, output = check(tmp_path)
    assert code == 1
    assert "NOT ALLOWED thing 1.0: metadata" in output


@pytest.mark.parametrize(
    ("metadata", "listed"),
    [
        ("License-Expression: MIT AND Apache-2.0 WITH LLVM-exception\n", False),
        ("License-Expression: BSD-3-Clause OR GPL-2.0-only\n", False),
        ("License-Expression: LGPL-3.0-only\n", True),
        ("Classifier: License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)\n", True),
    ],
)
def test_free_licences_pass_and_lgpl_is_listed(tmp_path: Path, metadata: str, *, listed: bool) -> None:
    """A choice that leaves a free branch passes; LGPL passes and is named."""
    install(tmp_path, metadata, {})
    code, output = check(tmp_path)
    assert code == 0, output
    assert ("thing 1.0: " in output) == listed


def test_a_bundled_x264_fails_and_no_row_excuses_it(tmp_path: Path) -> None:
    """A GPL library inside a wheel that calls itself MIT is found by its name."""
    install(tmp_path, "License-Expression: MIT\n", {"thing.libs/libx264-0123abcd.so.164": b"\x7fELF"})
    assert check(tmp_path)[0] == 1
    code, output = check(tmp_path, row("library", "libx264", "MIT"))
    assert code == 1
    assert "library libx264 is GPL" in output


def test_a_codec_built_with_gpl_parts_is_found_by_its_traces(tmp_path: Path) -> None:
    """A library under an innocent name still carries how it was configured."""
    library = b"\x7fELF...configuration: --prefix=/usr --enable-gpl --enable-shared"
    install(tmp_path, "License-Expression: MIT\n", {"thing/libmedia.so.60": library})
    code, output = check(tmp_path, row("library", "libmedia", "LGPL-2.1-or-later"))
    assert code == 1
    assert "trace --enable-gpl is GPL" in output


@pytest.mark.parametrize(
    "place", ["thing.libs/libnew-0123abcd.so.1", "thing/.dylibs/libnew.1.dylib", "thing/libnew.so"]
)
def test_a_bundled_library_needs_a_review_of_this_version(tmp_path: Path, place: str) -> None:
    """Unknown libraries fail until a person has looked, and again when the version changes."""
    install(tmp_path, "License-Expression: MIT\n", {place: b"\x7fELF"})
    code, output = check(tmp_path)
    assert code == 1
    assert "nobody has reviewed" in output
    name = "libnew.1" if "dylib" in place else "libnew"
    assert check(tmp_path, row("library", name, "Zlib", version="0.9"))[0] == 1
    assert check(tmp_path, row("library", name, "GPL-3.0-only"))[0] == 1
    assert check(tmp_path, row("library", name, "GPL-3.0-or-later WITH GCC-exception-3.1"))[0] == 0
    code, output = check(tmp_path, row("library", name, "Zlib"))
    assert code == 0, output


@pytest.mark.parametrize(
    "text",
    [
        b"                    GNU GENERAL PUBLIC LICENSE\n                       Version 3, 29 June 2007\n",
        b"                    GNU AFFERO GENERAL PUBLIC LICENSE\n",
        b"Name: codec\nFiles: thing.libs/*\nLicense: GPL-2.0-or-later\n",
        b"it under the terms of the GNU General Public License as published by\n",
    ],
)
def test_a_bundled_licence_text_speaks_for_what_is_linked_in(tmp_path: Path, text: bytes) -> None:
    """A GPL text among the licences of an MIT wheel has to be looked at."""
    place = "thing-1.0.dist-info/licenses/LICENSE.bundled"
    install(tmp_path, "License-Expression: MIT\n", {place: text})
    code, output = check(tmp_path)
    assert code == 1
    assert "text dist-info/licenses/LICENSE.bundled" in output
    assert check(tmp_path, row("text", "dist-info/licenses/LICENSE.bundled", "MIT"))[0] == 0
