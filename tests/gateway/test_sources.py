from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from kaname.errors import KanameError
from kaname.gateway import sources
from kaname.gateway.sources import Source, walk


def read(source: Source) -> bytes | str:
    """What a source gives: its bytes, or the reason why it gives none."""
    try:
        with source.open() as identified:
            return identified.buffer[:]
    except KanameError as error:
        return error.code


def test_folders(tmp_path: Path) -> None:
    """Files of every depth come in the order of their names; empty files and links are told."""
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "2").write_bytes(b"two")
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "c").touch()
    (tmp_path / "d").symlink_to(tmp_path / "a")
    found = list(walk([tmp_path]))
    assert [s.label for s in found] == [str(tmp_path / n) for n in ("a", "b/2", "c", "d")]
    assert [read(s) for s in found] == [b"one", b"two", "empty-file", "not-a-file"]


def test_archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Members of an archive come one by one; each bad one is refused by its own reason and the rest goes on."""
    monkeypatch.setattr(sources, "_RATIO_FREE_BYTES", 1 << 10)
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("folder")
        archive.writestr("good", b"one")
        archive.writestr("empty", b"")
        archive.writestr("../../etc/passwd", b"root")
        archive.writestr("/etc/passwd", b"root")
        archive.writestr("C:\\windows", b"root")
        archive.writestr("bomb", b"\0" * (1 << 20))
    found = {s.member: read(s) for s in walk([path])}
    assert found == {
        "good": b"one",
        "empty": "empty-file",
        "../../etc/passwd": "path-traversal",
        "/etc/passwd": "path-traversal",
        "C:\\windows": "path-traversal",
        "bomb": "too-large",
    }
    assert next(iter(walk([path]))).label.startswith(f"{path}!")


def test_broken_archives(tmp_path: Path) -> None:
    """An archive that cannot be read is one refused source."""
    whole, bad, empty = tmp_path / "a.zip", tmp_path / "b.zip", tmp_path / "c.zip"
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("x", b"content")
    bad.write_bytes(whole.read_bytes()[:-10])
    with zipfile.ZipFile(empty, "w"):
        pass
    assert [read(s) for s in walk([bad])] == ["archive-broken"]
    assert list(walk([empty])) == []
    damaged = bytearray(whole.read_bytes())
    damaged[damaged.index(b"content")] ^= 1
    bad.write_bytes(damaged)
    assert [read(s) for s in walk([bad])] == ["archive-broken"]


def test_an_archive_that_lies_about_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A member that holds more than it says is refused."""
    monkeypatch.setattr(sources, "MEMBER_LIMIT_BYTES", 100)
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", b"a" * 200)
    assert [read(s) for s in walk([path])] == ["too-large"]


def test_a_dicom_file_that_begins_like_an_archive(tmp_path: Path) -> None:
    """A DICOM file with an archive's first bytes is one file, not an archive."""
    path = tmp_path / "x"
    path.write_bytes(b"PK\x03\x04" + b"\0" * 124 + b"DICM" + b"\0" * 20)
    assert [s.member for s in walk([path])] == [""]
