"""Objects in a folder: put once, read in ranges, gone when deleted."""

from __future__ import annotations

import errno
import multiprocessing
import os
import re
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kaname.errors import NotYet, Refused
from kaname.store import Store, digest_bytes, digest_file
from kaname.store import folder as folder_module

KEY = "packs/ab/0123.tar"
DATA = bytes(range(256)) * 20


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store in a folder."""
    return Store.open(str(tmp_path / "objects"))


def test_delete_finds_drafts(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed writer left of an object goes when the object is deleted; other drafts stay."""
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_arguments, **_more: None)
        store.put(KEY, DATA)
        store.put("packs/cd/4567.tar", DATA)
    staging = tmp_path / "objects" / folder_module.STAGING
    assert len(list(staging.iterdir())) == 2
    store.delete(KEY)
    assert len(list(staging.iterdir())) == 1


def test_put_bytes(store: Store) -> None:
    """What was put is what is got, with its size."""
    assert store.put(KEY, DATA)
    assert store.get(KEY) == DATA
    assert store.size(KEY) == len(DATA)


def test_put_file(store: Store, tmp_path: Path) -> None:
    """A file is copied in; what becomes of it later does not matter."""
    source = tmp_path / "source"
    source.write_bytes(DATA * 1000)
    assert store.put(KEY, source)
    source.write_bytes(b"other")
    assert b"".join(store.stream(KEY)) == DATA * 1000


def test_put_once(store: Store, tmp_path: Path) -> None:
    """A key that is taken stays what it is, and nothing is left behind."""
    assert store.put(KEY, DATA)
    assert not store.put(KEY, b"other")
    assert store.get(KEY) == DATA
    assert list(store.keys("")) == [KEY]
    assert list((tmp_path / "objects" / ".staging").iterdir()) == []


def test_taken_while_writing(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two writers at once, one stores and the other is told that it was there."""
    original = folder_module._write

    def write(data: bytes | Path, draft: Path) -> None:
        original(data, draft)
        monkeypatch.setattr(folder_module, "_write", original)
        assert Store.open(str(tmp_path / "objects")).put(KEY, DATA)

    monkeypatch.setattr(folder_module, "_write", write)
    assert not store.put(KEY, DATA)
    assert store.get(KEY) == DATA


def test_empty_object(store: Store) -> None:
    """An object of no bytes is an object."""
    assert store.put(KEY, b"")
    assert (store.get(KEY), store.read(KEY, 0, 0), store.size(KEY)) == (b"", b"", 0)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.integers(0, 60), st.integers(0, 60) | st.none())
def test_ranges(store: Store, offset: int, length: int | None) -> None:
    """Any range inside the object is what a slice of it would be; one that leaves it is refused."""
    data = DATA[:40]
    store.put(KEY, data)
    if offset + (length or 0) <= len(data):
        end = len(data) if length is None else offset + length
        assert b"".join(store.stream(KEY, offset, length)) == data[offset:end]
    else:
        with pytest.raises(Refused, match="object-damaged"):
            store.stream(KEY, offset, length)


def test_read(store: Store) -> None:
    """A ranged read gives exactly that many bytes, or none at all."""
    store.put(KEY, DATA)
    assert store.read(KEY, 250, 12) == DATA[250:262]
    with pytest.raises(Refused, match="object-damaged"):
        store.read(KEY, len(DATA) - 1, 2)


@pytest.mark.parametrize(
    "key", [KEY, "packs", "../up", "/etc/hostname", "", "packs/", "a//b", "a/.b", ".staging/x", "a\0b"]
)
def test_missing(store: Store, key: str) -> None:
    """What is not there, and what no key can name, is missing: told at the call, not while reading."""
    store.put("packs/zz", DATA)
    for call in (store.get, store.stream, lambda k: store.read(k, 0, 1), lambda k: store.read(k, 0, 0)):
        with pytest.raises(Refused, match="object-missing"):
            call(key)
    assert store.size(key) is None
    store.delete(key)
    assert list(store.keys("")) == ["packs/zz"]


@pytest.mark.parametrize("key", ["../up", "/abs", "", "a/", "a//b", ".hidden", "a/..", "日本"])
def test_malformed_key(store: Store, key: str) -> None:
    """Nothing can be put under a key that leaves the store or hides in it."""
    with pytest.raises(ValueError, match=f"^{re.escape(key)}$"):
        store.put(key, DATA)
    assert list(store.keys("")) == []


def test_delete(store: Store, tmp_path: Path) -> None:
    """What was deleted is gone from the disk, and can be put again."""
    store.put(KEY, DATA)
    store.delete(KEY)
    store.delete(KEY)
    assert store.size(KEY) is None
    assert [path for path in (tmp_path / "objects").rglob("*") if path.is_file()] == []
    assert store.put(KEY, b"other")


def test_keys(store: Store) -> None:
    """Keys are listed under a prefix of whole segments."""
    for key in ("packs/aa/1", "packs/ab/2", "packsx/3", "series/aa/4"):
        store.put(key, DATA)
    assert sorted(store.keys("")) == ["packs/aa/1", "packs/ab/2", "packsx/3", "series/aa/4"]
    assert sorted(store.keys("packs")) == sorted(store.keys("packs/")) == ["packs/aa/1", "packs/ab/2"]
    assert list(store.keys("none")) == []


def test_synced_in_order(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes are on the disk before they have their name, and every folder after it."""
    steps: list[str] = []
    fsync, link = os.fsync, os.link

    def noted_fsync(descriptor: int) -> None:
        steps.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    def noted_link(source: Path, target: Path) -> None:
        steps.append("link")
        link(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "link", noted_link)
    store.put(KEY, DATA)
    assert steps[1:] == ["link", "ab", "packs", "objects"]
    steps.clear()
    store.put(KEY, DATA)
    assert steps == ["ab", "packs", "objects"]
    steps.clear()
    store.delete(KEY)
    assert steps == ["ab"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_full(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """On a full disk nothing is left of the attempt, and trying again later is all there is to do."""

    def no_room(_descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_room)
        with pytest.raises(NotYet, match="storage-full"):
            store.put(KEY, DATA)
    assert [path for path in (tmp_path / "objects").rglob("*") if path.is_file()] == []
    assert store.put(KEY, DATA)


def test_other_errors(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails in another way is not called full."""

    def broken(_descriptor: int) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="broken"):
        store.put(KEY, DATA)


def test_leftovers(tmp_path: Path) -> None:
    """What a dead process left in staging goes after a day, not earlier, and is never listed."""
    store = Store.open(str(tmp_path))
    old, new = tmp_path / ".staging" / "old", tmp_path / ".staging" / "new"
    for path in (old, new):
        path.write_bytes(DATA)
    a_day_ago = time.time() - 25 * 3600
    os.utime(old, (a_day_ago, a_day_ago))
    Store.open(str(tmp_path))
    assert (old.exists(), new.exists()) == (False, True)
    assert list(store.keys("")) == []


def test_vanishing_leftover(tmp_path: Path) -> None:
    """A draft that goes between the listing and the look at it, as another process finishes it, disturbs nobody."""
    Store.open(str(tmp_path))
    (tmp_path / ".staging" / "gone").symlink_to(tmp_path / "nowhere")
    Store.open(str(tmp_path)).put("a", b"1")


def _put(task: tuple[str, int]) -> int:
    place, _ = task
    store = Store.open(place)
    return sum(store.put(f"packs/{n:02}/{n}", f"{n}".encode() * 1000) for n in range(20))


def test_many_processes(tmp_path: Path) -> None:
    """Four processes that put the same objects store each of them once between them."""
    with ProcessPoolExecutor(4, multiprocessing.get_context("fork")) as pool:
        stored = pool.map(_put, [(str(tmp_path), writer) for writer in range(4)], chunksize=1)
    assert sum(stored) == 20


def test_digests(tmp_path: Path) -> None:
    """A file's digest is that of its bytes: SHA-256 in hex."""
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest_file(path) == digest_bytes(b"abc") == expected
