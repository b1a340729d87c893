from __future__ import annotations

import os
import subprocess
import warnings
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


def test_unreadable_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be listed and a file that has gone are told, and the rest goes on."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").write_bytes(b"two")
    (tmp_path / "c").write_bytes(b"three")
    listed = Path.iterdir

    def refuse(path: Path) -> object:
        if path.name == "a":
            raise PermissionError
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    found = list(walk([tmp_path]))
    (tmp_path / "c").unlink()
    assert [read(s) for s in found] == ["unreadable-file", b"two", "unreadable-file"]


def test_any_depth(tmp_path: Path) -> None:
    """Folders within folders, more than a stack is high, still end in their file."""
    start = Path.cwd()
    try:
        os.chdir(tmp_path)
        for _ in range(1100):
            Path("a").mkdir()
            os.chdir("a")
        Path("f").write_bytes(b"deep")
    finally:
        os.chdir(start)
    try:
        assert [read(s) for s in walk([tmp_path])] == [b"deep"]
    finally:
        subprocess.run(["rm", "-rf", tmp_path / "a"], check=True)  # what removes trees in Python is recursive


def test_names_of_another_encoding(tmp_path: Path) -> None:
    """A file name in CP932 on a disk of today can be written into a report."""
    path = os.fsdecode(os.fsencode(tmp_path) + b"/" + "髙橋.dcm".encode("cp932"))
    Path(path).write_bytes(b"x")
    (source,) = walk([tmp_path])
    assert source.label.encode().endswith(rb"\xee\xe0\x8b\xb4.dcm")
    assert read(source) == b"x"


def test_members_of_one_name(tmp_path: Path) -> None:
    """Two members of the same name are two sources."""
    path = tmp_path / "x.zip"
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("a", b"one")
        archive.writestr("a", b"two")
    assert [read(s) for s in walk([path])] == [b"one", b"two"]


def test_corrupt_members(tmp_path: Path) -> None:
    """Whatever a codec thinks of the bytes of a member, it is a broken archive."""
    for name, method in (("d", zipfile.ZIP_DEFLATED), ("l", zipfile.ZIP_LZMA), ("b", zipfile.ZIP_BZIP2)):
        path = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr("a", os.urandom(64) * 99)
        data = bytearray(path.read_bytes())
        data[31:60] = b"\xff" * 29
        path.write_bytes(bytes(data))
        assert [read(s) for s in walk([path])] == ["archive-broken"]


def test_an_archive_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of an archive is read once, however many members it has; another file of the name is read anew."""
    opened: list[object] = []
    real = zipfile.ZipFile

    def count(path: Path) -> zipfile.ZipFile:
        opened.append(path)
        return real(path)

    path = tmp_path / "x.zip"
    for n in (20, 30):
        with real(path, "w") as archive:
            for i in range(n):
                archive.writestr(str(i), b"x")
        with monkeypatch.context() as patch:
            patch.setattr(zipfile, "ZipFile", count)
            assert [read(s) for s in walk([path])] == [b"x"] * n
    assert len(opened) == 2
