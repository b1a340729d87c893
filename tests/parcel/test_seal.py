"""Sealing and opening: the law of the sealed unit."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kaname.access.signing import SigningKey, sign_statement
from kaname.errors import Refused
from kaname.pack.ustar import END, header, padding
from kaname.parcel.manifest import Manifest, PackEntry, RecordEntry
from kaname.parcel.open import MANIFEST_LIMIT_BYTES, SIGNATURE_LIMIT_BYTES, open_parcel, unpack
from kaname.parcel.seal import Parcel, seal
from kaname.testing.parcels import (
    ATTESTATION,
    GATEWAY_KEY,
    GATEWAY_KEYS,
    PACK,
    RECORD,
    small_files,
    small_manifest,
    small_parcel,
)

DIGEST = sha256(PACK).hexdigest()


@pytest.fixture(scope="module")
def parcel(tmp_path_factory: pytest.TempPathFactory) -> Parcel:
    """The parcel of the test vectors."""
    return small_parcel(tmp_path_factory.mktemp("parcel"))


def refused(code: str) -> pytest.RaisesExc[Refused]:
    """Expects a refusal with that code."""
    return pytest.raises(Refused, check=lambda error: error.code == code)


def member(name: str, content: bytes) -> bytes:
    """One member as it lies in a parcel."""
    return header(name, len(content)) + content + padding(len(content))


def signature(manifest: bytes, key: SigningKey = GATEWAY_KEY, kind: str = "parcel") -> bytes:
    """The content of manifest.sig for these bytes."""
    return sign_statement(kind, {"manifest": sha256(manifest).hexdigest()}, key)


def parts() -> list[bytes]:
    """The small parcel in pieces: manifest, signature, pack, record, end."""
    manifest = small_manifest()
    data = manifest.to_bytes()
    files = [member(manifest.packs[0].name, PACK), member(manifest.records[0].name, RECORD)]
    return [member("manifest.json", data), member("manifest.sig", signature(data)), *files, END]


def test_open_undoes_seal(parcel: Parcel, tmp_path: Path) -> None:
    """A sealed parcel opens to the same manifest and, unpacked, to the same files."""
    opened = open_parcel(parcel.path, GATEWAY_KEYS)
    assert opened == parcel
    assert opened.digest == small_manifest().digest
    assert opened.key_id == GATEWAY_KEY.public.id
    unpacked = unpack(opened, tmp_path / "unpacked")
    assert {digest: path.read_bytes() for digest, path in unpacked.packs.items()} == {DIGEST: PACK}
    assert [path.read_bytes() for path in unpacked.records.values()] == [RECORD]
    assert unpacked.manifest == small_manifest()


@settings(max_examples=30, deadline=None)
@given(
    packs=st.lists(st.binary(min_size=1, max_size=2000), max_size=4, unique=True),
    texts=st.lists(st.text(min_size=1, max_size=50).map(str.encode), max_size=3, unique=True),
)
def test_law_of_the_seal(tmp_path_factory: pytest.TempPathFactory, packs: list[bytes], texts: list[bytes]) -> None:
    """For any files: open(seal(x)) == x, and sealing twice gives the same bytes."""
    texts = [text for text in texts if text not in packs]
    if not packs and not texts:
        return
    folder = tmp_path_factory.mktemp("law")
    files = {sha256(content).hexdigest(): content for content in (*packs, *texts)}
    for digest, content in files.items():
        (folder / digest).write_bytes(content)
    paths = {digest: folder / digest for digest in files}
    entries = tuple(
        PackEntry(sha256(c).hexdigest(), len(c), f"2.25.{n}", "2.25.7", ((f"2.25.9.{n}", "0" * 64),))
        for n, c in enumerate(packs)
    )
    records = tuple(RecordEntry(sha256(c).hexdigest(), len(c), "report") for c in texts)
    manifest = Manifest("gw-1", "j-mid", 3, "A" * 16, ATTESTATION, entries, records)
    first = seal(manifest, paths, GATEWAY_KEY, folder / "first.parcel")
    second = seal(manifest, paths, GATEWAY_KEY, folder / "second.parcel")
    assert first.path.read_bytes() == second.path.read_bytes()
    unpacked = unpack(open_parcel(first.path, GATEWAY_KEYS), folder / "unpacked")
    assert unpacked.manifest == manifest
    assert {d: p.read_bytes() for d, p in {**unpacked.packs, **unpacked.records}.items()} == files


def test_every_flipped_byte_is_refused(parcel: Parcel, tmp_path: Path) -> None:
    """Whichever byte of a parcel is changed, the parcel does not open."""
    content = parcel.path.read_bytes()
    target = tmp_path / "flipped.parcel"
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 1 << position % 8
        target.write_bytes(changed)
        with pytest.raises(Refused, match="parcel-"):
            open_parcel(target, GATEWAY_KEYS)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_edit_is_refused(parcel: Parcel, tmp_path: Path, data: st.DataObject) -> None:
    """Cutting, inserting, replacing or repeating any stretch of a parcel makes one that does not open."""
    content = parcel.path.read_bytes()
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, len(content)))
    new = data.draw(st.binary(max_size=600) | st.just(content[start:end] * 2) | st.just(bytes(512)))
    edited = content[:start] + new + content[end:]
    if edited == content:
        return
    target = tmp_path / "edited.parcel"
    target.write_bytes(edited)
    with pytest.raises(Refused, match="parcel-"):
        open_parcel(target, GATEWAY_KEYS)


def test_every_cut_is_refused(parcel: Parcel, tmp_path: Path) -> None:
    """A parcel that ends early at any block, or in the middle of one, does not open."""
    content = parcel.path.read_bytes()
    target = tmp_path / "cut.parcel"
    for end in range(0, len(content), 128):
        target.write_bytes(content[:end])
        with pytest.raises(Refused, match="parcel-"):
            open_parcel(target, GATEWAY_KEYS)


def test_stranger_is_refused(parcel: Parcel, tmp_path: Path) -> None:
    """A parcel signed by a key that the receiver does not know is a stranger's."""
    with refused("parcel-stranger"):
        open_parcel(parcel.path, {})
    other = SigningKey.from_seed(bytes(32))
    with refused("parcel-stranger"):
        open_parcel(parcel.path, {other.public.id: other.public})
    own = seal(small_manifest(), small_files(tmp_path / "files"), other, tmp_path / "own.parcel")
    with refused("parcel-stranger"):
        open_parcel(own.path, GATEWAY_KEYS)


def edit(position: int, replacement: bytes) -> Callable[[list[bytes]], bytes]:
    """Puts other bytes in the place of one piece."""
    return lambda pieces: b"".join([*pieces[:position], replacement, *pieces[position + 1 :]])


OTHER_MANIFEST = replace(small_manifest(), sequence=2).to_bytes()


@pytest.mark.parametrize(
    ("code", "build"),
    [
        ("parcel-format", lambda _: b""),
        ("parcel-format", lambda p: b"".join(p[1:])),
        ("parcel-format", lambda p: b"".join([p[1], p[0], *p[2:]])),
        ("parcel-format", lambda p: b"".join([p[0], *p[2:]])),
        ("parcel-format", edit(0, member("./manifest.json", small_manifest().to_bytes()))),
        ("parcel-format", edit(0, header("manifest.json", MANIFEST_LIMIT_BYTES + 1))),
        ("parcel-format", edit(1, header("manifest.sig", SIGNATURE_LIMIT_BYTES + 1))),
        ("parcel-format", edit(0, header("manifest.json", 4000)[:124] + b"4" * 12 + header("manifest.json", 1)[136:])),
        ("parcel-signature", edit(1, member("manifest.sig", b""))),
        ("parcel-signature", edit(1, member("manifest.sig", signature(OTHER_MANIFEST)))),
        ("parcel-signature", edit(1, member("manifest.sig", signature(small_manifest().to_bytes(), kind="receipt")))),
        ("parcel-signature", edit(0, member("manifest.json", OTHER_MANIFEST))),
        ("parcel-format", lambda _: member("manifest.json", b"{}") + member("manifest.sig", signature(b"{}"))),
        ("parcel-damaged", lambda p: b"".join([*p[:2], p[3], p[2], p[4]])),
        ("parcel-damaged", lambda p: b"".join([*p[:3], p[4]])),
        ("parcel-damaged", lambda p: b"".join([*p[:4], member("extra", b"x"), p[4]])),
        ("parcel-damaged", lambda p: b"".join([*p[:4], p[3], p[4]])),
        ("parcel-damaged", edit(2, member(f"packs/{DIGEST}.tar", PACK[:-1] + b"?"))),
        ("parcel-damaged", edit(2, member(f"packs/{DIGEST}.tar", PACK + b"?"))),
        ("parcel-damaged", edit(2, member(f"packs/../{DIGEST}.tar", PACK))),
        ("parcel-damaged", edit(2, member(f"/packs/{DIGEST}.tar", PACK))),
        ("parcel-damaged", edit(2, member(f"packs/{DIGEST}.tar", PACK)[:-1] + b"?")),
        ("parcel-damaged", lambda p: b"".join(p[:2]) + p[2][:600]),
        ("parcel-damaged", lambda p: b"".join(p[:4])),
        ("parcel-damaged", lambda p: b"".join(p[:4]) + bytes(512)),
        ("parcel-damaged", lambda p: b"".join(p) + b"\0"),
        ("parcel-damaged", lambda p: b"".join(p) + b"".join(p)),
    ],
)
def test_wrong_shape_has_its_code(tmp_path: Path, code: str, build: Callable[[list[bytes]], bytes]) -> None:
    """Foreign, missing, extra, misnamed, misplaced, resized or changed members are refused, each by its code."""
    target = tmp_path / "wrong.parcel"
    target.write_bytes(build(parts()))
    with refused(code):
        open_parcel(target, GATEWAY_KEYS)


def test_pieces_make_the_parcel(parcel: Parcel) -> None:
    """The pieces that the tests above spoil are, unspoilt, the parcel."""
    assert b"".join(parts()) == parcel.path.read_bytes()


def test_ordinary_tools_read_a_parcel(parcel: Parcel) -> None:
    """A parcel is a plain tar file, for the standard library as for everybody."""
    with tarfile.open(parcel.path) as tar:
        names = [info.name for info in tar]
        assert names[:2] == ["manifest.json", "manifest.sig"]
        assert names[2:] == [entry.name for entry in small_manifest().members]
        assert {(i.mode, i.uid, i.gid, i.mtime, i.uname, i.gname) for i in tar} == {(0o644, 0, 0, 0, "", "")}
        extracted = tar.extractfile(names[2])
        assert extracted is not None
        assert extracted.read() == PACK


@pytest.mark.skipif(shutil.which("tar") is None, reason="no tar program")
def test_gnu_tar_makes_the_same_bytes(parcel: Parcel, tmp_path: Path) -> None:
    """GNU tar, told to leave time and owner out, writes the same container byte for byte."""
    with tarfile.open(parcel.path) as tar:
        tar.extractall(tmp_path, filter="data")
        names = tar.getnames()
    flags = ["--format=ustar", "--blocking-factor=1", "--numeric-owner", "--owner=0", "--group=0", "--mtime=@0"]
    command = ["tar", *flags, "--mode=0644", "-cf", "-", *names]
    made = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert made.stdout == parcel.path.read_bytes()


def test_seal_refuses_what_does_not_fit(tmp_path: Path) -> None:
    """A file that is absent, changed, shorter or longer, or a manifest that nobody would read, is not sealed."""
    files = small_files(tmp_path / "files")
    target = tmp_path / "out" / "a.parcel"
    with refused("object-missing"):
        seal(small_manifest(), {}, GATEWAY_KEY, target)
    with refused("object-missing"):
        seal(small_manifest(), {**files, DIGEST: tmp_path / "absent"}, GATEWAY_KEY, target)
    for content in (PACK[:-1], PACK + b"x", b"x" + PACK[1:]):
        files[DIGEST].write_bytes(content)
        with refused("object-damaged"):
            seal(small_manifest(), files, GATEWAY_KEY, target)
    with refused("parcel-format"):
        seal(replace(small_manifest(), sequence=0), files, GATEWAY_KEY, target)
    assert list(target.parent.iterdir()) == []


def test_unpack_checks_again(parcel: Parcel, tmp_path: Path) -> None:
    """A parcel that changes after it was opened is refused while unpacking, and leaves nothing behind."""
    copy = tmp_path / "copy.parcel"
    shutil.copyfile(parcel.path, copy)
    opened = open_parcel(copy, GATEWAY_KEYS)
    content = copy.read_bytes()
    for position in (0, 600, 4000, len(content) - 1):
        changed = bytearray(content)
        changed[position] ^= 1
        copy.write_bytes(changed)
        with refused("parcel-damaged"):
            unpack(opened, tmp_path / "unpacked")
    copy.write_bytes(content + b"x")
    with refused("parcel-damaged"):
        unpack(opened, tmp_path / "unpacked")
    assert [path.name for path in tmp_path.iterdir()] == ["copy.parcel"]


def test_unpack_replaces_what_a_killed_process_left(parcel: Parcel, tmp_path: Path) -> None:
    """Unpacking again gives the same folder, whatever stood there."""
    for leftover in (tmp_path / "unpacked", tmp_path / ".unpacked.part"):
        leftover.mkdir()
        (leftover / "stray").write_bytes(b"x")
    unpack(parcel, tmp_path / "unpacked")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["unpacked"]
    assert sorted(path.name for path in (tmp_path / "unpacked").iterdir()) == ["packs", "records"]


MEASURE = r"""
import re, sys
from hashlib import file_digest
from pathlib import Path
from kaname.parcel.manifest import Manifest, PackEntry
from kaname.parcel.open import open_parcel, unpack
from kaname.parcel.seal import seal
from kaname.testing.parcels import ATTESTATION, GATEWAY_KEY, GATEWAY_KEYS
folder = Path(sys.argv[1])
pack = folder / "pack"
with pack.open("wb") as file:
    file.truncate(300_000_000)
with pack.open("rb") as file:
    digest = file_digest(file, "sha256").hexdigest()
entry = PackEntry(digest, 300_000_000, "2.25.2", "2.25.1", (("2.25.3", "3" * 64),))
manifest = Manifest("gw-1", "j-mid", 1, "A" * 16, ATTESTATION, (entry,))
def peak():
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])
before = peak()
parcel = seal(manifest, {digest: pack}, GATEWAY_KEY, folder / "big.parcel")
assert unpack(open_parcel(parcel.path, GATEWAY_KEYS), folder / "out").packs[digest].stat().st_size == 300_000_000
print(before, peak())
"""


def test_memory_does_not_grow_with_the_pack(tmp_path: Path) -> None:
    """Sealing, opening and unpacking 300 MB takes less than 16 MB more memory than doing nothing, 150 MB in all."""
    run = subprocess.run([sys.executable, "-c", MEASURE, tmp_path], check=True, capture_output=True, text=True)
    before, after = map(int, run.stdout.split())
    assert after - before < 16_000
    assert after < 150_000


def test_header_is_the_one_of_the_standard_library() -> None:
    """A header has the fields and checksum that tarfile reads."""
    info = tarfile.TarInfo.frombuf(header("packs/a.tar", 8**11 - 1), "ascii", "strict")
    assert (info.name, info.size, info.type) == ("packs/a.tar", 8**11 - 1, tarfile.REGTYPE)
    assert [len(padding(size)) for size in (0, 1, 511, 512, 513)] == [0, 511, 1, 0, 511]
    with tarfile.open(fileobj=io.BytesIO(member("a", b"x") + END)) as tar:
        assert tar.getnames() == ["a"]
