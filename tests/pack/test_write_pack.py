from __future__ import annotations

import errno
import os
import subprocess
import tarfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaname.errors import NotYet, Refused
from kaname.pack import read_members, write_pack
from kaname.pack import write as writing
from kaname.pack.ustar import header
from kaname.store import digest_file
from kaname.testing.objects import ct_slice, to_bytes


def save(folder: Path, number: int) -> Path:
    """A slice in a file whose name says nothing."""
    path = folder / f"file-{number}"
    path.write_bytes(to_bytes(ct_slice(SOPInstanceUID=f"1.2.{number}")))
    return path


@settings(deadline=None, max_examples=25)
@given(st.sets(st.integers(min_value=1, max_value=10**12), min_size=1, max_size=6), st.randoms())
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, numbers: set[int], random: Random) -> None:
    """What was written is read: every file byte for byte, in the order of its UID, whatever order they came in."""
    folder = tmp_path_factory.mktemp("pack")
    paths = [save(folder, number) for number in numbers]
    random.shuffle(paths)
    written = write_pack(paths, folder / "one.tar")
    assert write_pack(paths[::-1], folder / "two.tar").digest == written.digest
    data = written.path.read_bytes()
    found = {uid: data[offset : offset + length] for uid, offset, length in read_members(written.path)}
    assert found == {f"1.2.{number}": (folder / f"file-{number}").read_bytes() for number in numbers}
    assert list(found) == sorted(found)
    assert (written.members, written.size_bytes, written.digest) == (
        len(numbers),
        len(data),
        digest_file(written.path),
    )


def test_ordinary_tar(tmp_path: Path) -> None:
    """An ordinary tar program opens a pack and finds nothing in it of who wrote it, or when."""
    written = write_pack([save(tmp_path, 2), save(tmp_path, 1)], tmp_path / "series.tar")
    with tarfile.open(written.path) as tar:
        members = tar.getmembers()
        assert [m.name for m in members] == ["1.2.1.dcm", "1.2.2.dcm"]
        assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {(0, 0, 0, "", "", 0o644)}
        assert all(m.isreg() and m.offset % 512 == 0 for m in members)
        first = tar.extractfile(members[0])
        assert first is not None
        assert first.read() == (tmp_path / "file-1").read_bytes()


def test_same_bytes_as_tar(tmp_path: Path) -> None:
    """GNU tar, asked as the specification says, writes the same bytes."""
    if "GNU tar" not in subprocess.run(["tar", "--version"], capture_output=True, text=True, check=False).stdout:
        pytest.skip("tar here is not GNU tar")
    names = ["1.2.1.dcm", "1.2.2.dcm"]
    for number, name in enumerate(names, 1):
        save(tmp_path, number).rename(tmp_path / name)
    written = write_pack([tmp_path / name for name in names], tmp_path / "ours.tar")
    spelling = "--format=ustar --blocking-factor=1 --numeric-owner --owner=0 --group=0 --mtime=@0 --mode=0644"
    subprocess.run(["tar", *spelling.split(), "-cf", "theirs.tar", *names], cwd=tmp_path, check=True)
    assert (tmp_path / "theirs.tar").read_bytes() == written.path.read_bytes()


def test_golden(tmp_path: Path) -> None:
    """The spelling of a pack never changes: this is the test vector of docs/spec/pack.md."""
    path = tmp_path / "instance"
    path.write_bytes(bytes(128) + b"DICM" + GOLDEN_META + b"content")
    written = write_pack([path], tmp_path / "pack.tar")
    assert (written.size_bytes, written.digest) == (2048, GOLDEN)


GOLDEN_META = b"\x02\0\x03\0UI\x06\x001.2.3\0\x02\0\x10\0UI\x14\x001.2.840.10008.1.2.1\0"
GOLDEN = "48570f7ae24282284529b1d9eeb6aa67e6b5726b0e312dd516ef388922e26f1e"


def refusal(files: list[Path], target: Path) -> str:
    """The reason for refusing; nothing is left of the attempt."""
    with pytest.raises(Refused) as refused:
        write_pack(files, target)
    assert not target.exists()
    assert not list(target.parent.glob(".*"))
    return refused.value.code


def test_refused(tmp_path: Path) -> None:
    """No file, two files of one instance, and files that are no instance make no pack."""
    target = tmp_path / "out.tar"
    one = save(tmp_path, 1)
    same = tmp_path / "same"
    same.write_bytes(one.read_bytes())
    empty = tmp_path / "empty"
    empty.touch()
    text = tmp_path / "text"
    text.write_bytes(b"x" * 300)
    no_uid, odd_uid = tmp_path / "no", tmp_path / "odd"
    no_uid.write_bytes(bytes(128) + b"DICM" + GOLDEN_META.replace(b"1.2.3\0", b"\0\0\0\0\0\0"))
    odd_uid.write_bytes(bytes(128) + b"DICM" + GOLDEN_META.replace(b"1.2.3\0", b"../../"))
    assert refusal([], target) == "pack-invalid"
    assert refusal([one, same], target) == "pack-invalid"
    assert refusal([one, empty], target) == "empty-file"
    assert refusal([text], target) == "not-dicom"
    assert refusal([no_uid], target) == "missing-uid"
    assert refusal([odd_uid], target) == "invalid-uid"


def test_too_large(tmp_path: Path) -> None:
    """A file that a header cannot measure is refused before it is read."""
    path = save(tmp_path, 1)
    os.truncate(path, 1 << 33)  # a hole: takes no room
    assert refusal([path], tmp_path / "out.tar") == "too-large"


def test_file_that_shrinks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that becomes shorter while it is packed is refused."""
    path = save(tmp_path, 1)

    def shrink(name: str, size_bytes: int) -> bytes:
        os.truncate(path, 400)
        return header(name, size_bytes)

    monkeypatch.setattr(writing, "header", shrink)
    assert refusal([path], tmp_path / "out.tar") == "truncated"


def test_failing_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk a pack waits; on a failing one the error is told; either way nothing is half there."""
    path, target = save(tmp_path, 1), tmp_path / "out.tar"
    target.write_bytes(b"before")

    def fail(number: int) -> None:
        def fsync(_: int) -> None:
            raise OSError(number, "injected")

        monkeypatch.setattr(os, "fsync", fsync)

    fail(errno.ENOSPC)
    with pytest.raises(NotYet) as full:
        write_pack([path], target)
    assert full.value.code == "storage-full"
    fail(errno.EIO)
    with pytest.raises(OSError, match="injected"):
        write_pack([path], target)
    assert target.read_bytes() == b"before"
    assert not list(tmp_path.glob(".*"))


def test_draft_of_a_kill(tmp_path: Path) -> None:
    """What a killed process left is written over, and the pack is the same."""
    path = save(tmp_path, 1)
    expected = write_pack([path], tmp_path / "a.tar").digest
    (tmp_path / ".b.tar.part").write_bytes(b"half" * 10_000)
    assert write_pack([path], tmp_path / "b.tar").digest == expected == digest_file(tmp_path / "b.tar")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tar", "b.tar", "file-1"]
