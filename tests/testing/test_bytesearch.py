from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import os
import random
import sqlite3
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from kaname.testing.bytesearch import UNSEARCHABLE, Hit, find_planted, search_bytes
from kaname.testing.containers import Limits
from kaname.testing.needles import ENCODINGS, Finder
from kaname.testing.write import Header, part10

SECRET = "佐々木健太郎"
PLAIN = "KM8289558X"
STRINGS = ("no such thing", SECRET, PLAIN)
CONTENT = b"\0\1\2 some bytes " * 40 + SECRET.encode() + b" and more " * 30


def noise(seed: int, size: int) -> bytes:
    """Bytes that nothing can compress."""
    return random.Random(seed).randbytes(size)  # noqa: S311 - invented bytes, no secret


def _zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def _zstd_of_two_frames(data: bytes) -> bytes:
    half = len(data) // 3
    return _zstd(data[:half]) + _zstd(data[half:])


def _zstd_without_size(data: bytes) -> bytes:
    squeezer = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    return squeezer.compress(data) + squeezer.flush()


def _zstd_behind_a_skippable_frame(data: bytes) -> bytes:
    return b"\x50\x2a\x4d\x18" + (7).to_bytes(4, "little") + b"skipped" + _zstd(data)


def _gzip_of_two_members(data: bytes) -> bytes:
    return gzip.compress(data[:100]) + gzip.compress(data[100:])


def _tar(data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in (("first", b"nothing"), ("second", data)):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _zip(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("first", "nothing")
        archive.writestr("second", data)
    return out.getvalue()


def _zip_behind_a_program(data: bytes) -> bytes:
    return b"MZ self-extracting" * 50 + _zip(data)


def _database(path: Path, data: bytes | int, column: str = "BLOB") -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA page_size = 512")
    connection.execute(f'CREATE TABLE "a ""table""" (id INTEGER PRIMARY KEY, cell {column})')
    connection.execute('INSERT INTO "a ""table""" (cell) VALUES (?), (NULL), (3.5)', (data,))
    connection.commit()
    connection.close()


def _sqlite_in(folder: Path) -> Callable[[bytes], bytes]:
    def pack(data: bytes) -> bytes:
        path = folder / "packed.sqlite"
        path.unlink(missing_ok=True)
        _database(path, data)
        return path.read_bytes()

    return pack


def _parquet(data: bytes) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"n": [1, 2], "cell": [b"nothing", data], "nested": [[{"x": "y"}], []]})
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()


def _deflated_dicom(data: bytes) -> bytes:
    header = Header()
    header.put_all({"SOPClassUID": "1.2.3", "SOPInstanceUID": "1.2.4"})
    content = part10(header, meta={0x10: ("UI", b"1.2.840.10008.1.2.1.99")})
    header.put("PatientComments", data, "UT")
    squeezer = zlib.compressobj(wbits=-15)
    start = content.index(b"\x08\x00\x05\x00")
    return content[:start] + squeezer.compress(part10(header)[start:]) + squeezer.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "zstd": _zstd,
    "zstd, two frames": _zstd_of_two_frames,
    "zstd, no size": _zstd_without_size,
    "zstd, skippable frame": _zstd_behind_a_skippable_frame,
    "gzip": gzip.compress,
    "gzip, two members": _gzip_of_two_members,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "tar": _tar,
    "tar.gz": lambda data: gzip.compress(_tar(data)),
    "zip": _zip,
    "zip behind a program": _zip_behind_a_program,
    "parquet": _parquet,
    "deflated DICOM": _deflated_dicom,
}


@pytest.mark.parametrize("kind", [*PACKERS, "sqlite"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_planted_string_is_found_in_every_container(kind: str, encoding: str, tmp_path: Path) -> None:
    """One string, planted once inside one container, is found in each of six encodings, and its twin is clean."""
    pack = PACKERS.get(kind) or _sqlite_in(tmp_path)
    tree = tmp_path / "tree" / "deep"
    tree.mkdir(parents=True)
    (tree / "clean").write_bytes(pack(CONTENT.replace(SECRET.encode(), b"nobody")))
    assert find_planted(tmp_path / "tree", STRINGS) == []
    (tree / "dirty").write_bytes(pack(CONTENT.replace(SECRET.encode(), SECRET.encode(encoding))))
    hits = find_planted(tmp_path / "tree", STRINGS)
    assert {(hit.path, hit.form_index) for hit in hits} == {(Path("deep/dirty"), 1)}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("text", [SECRET, PLAIN, "髙橋^一郎", "ｱｽﾞﾏ ﾐｽﾞﾎ", "令和6年5月1日", "A山田太郎B"])
def test_plain_bytes_are_searched_in_every_encoding(text: str, encoding: str) -> None:
    """Whatever an encoding can hold is found in it, between other bytes."""
    try:
        form = text.encode(encoding)
    except UnicodeEncodeError:
        return
    assert {hit.form_index for hit in search_bytes(b"\xff\0before" + form + b"after\0", [text])} == {0}


def test_iso_2022_text_is_found_inside_a_sentence_and_under_other_escapes() -> None:
    """A name inside Japanese text has no escapes of its own; the old two-byte set counts as well."""
    sentence = f"患者の{SECRET}は転移なし".encode("iso2022_jp")
    assert search_bytes(sentence, [SECRET]) != []
    assert search_bytes(sentence.replace(b"\x1b$B", b"\x1b$@"), [SECRET]) != []
    component = b"\x1b)I" + "ｱｽﾞﾏ".encode("cp932") + b"^\x1b)I" + "ﾐｽﾞﾎ".encode("cp932")
    assert search_bytes(component, ["ｱｽﾞﾏ^ﾐｽﾞﾎ"]) != []


def test_the_same_bytes_in_ascii_are_no_kanji() -> None:
    """What spells a name after an escape is no name in plain ASCII, at odd offsets, or behind a line's end."""
    jis = SECRET.encode("iso2022_jp")[3:-3]
    assert search_bytes(b"hash " + jis, [SECRET]) == []
    assert search_bytes(b"\x1b$B" + b"!" + jis, [SECRET]) == []
    assert search_bytes(b"\x1b$B!!\x1b(B" + jis, [SECRET]) == []
    assert search_bytes(b"\x1b$B!!\n" + jis, [SECRET]) == []
    assert search_bytes(b"\x1b$B!!" + jis, [SECRET]) != []


def test_escaped_forms_are_found() -> None:
    """JSON escapes in both cases, percent escapes and base64 of all three alignments hide nothing."""
    for data in (
        json.dumps({"name": SECRET}),
        json.dumps({"name": SECRET}).upper().replace("\\U", "\\u"),
        "https://a/?q=%E4%BD%90%E3%80%85%E6%9C%A8%E5%81%A5%E5%A4%AA%E9%83%8E",
        *(base64.b64encode(b"x" * n + f"{SECRET}さん".encode()).decode() for n in range(3)),
    ):
        assert [hit.form_index for hit in search_bytes(data.encode(), STRINGS)] == [1], data


def test_a_date_inside_a_uid_is_no_date() -> None:
    """Eight digits in a run of forty are part of a UID; beside a time or a word they are a date."""
    uid = b"2.25.3100000000000000195012310000000000000"
    assert search_bytes(uid, ["19501231"]) == []
    assert search_bytes(b"19501231120000", ["19501231"]) != []
    assert search_bytes(uid + b" ID19501231", ["19501231"]) != []


def test_four_bytes_amid_noise_are_chance_and_at_its_edge_are_a_name() -> None:
    """A short form counts unless both sides look random; a longer one always does."""
    noise, name = random.Random(1).randbytes(4096), "一郎".encode("cp932")  # noqa: S311
    assert not search_bytes(noise + name + noise, ["一郎"])
    assert search_bytes(noise + name, ["一郎"])
    assert search_bytes(noise + b"PN\x04\x00" + name + b"\x10\x00\x20\x00LO\x08\x0000012345" * 8 + noise, ["一郎"])
    assert search_bytes(noise + "山田一郎".encode("cp932") + noise, ["山田一郎"])


def test_four_bytes_amid_smooth_colours_are_chance() -> None:
    """In a native colour picture that is smooth they do not count; text among its pixels does."""
    name = "ﾀｶﾊｼ".encode("cp932")
    colours = b"".join(bytes((192 + n % 5, 182 + n % 4, 202 - n % 6)) for n in range(200))
    at = 150
    assert not search_bytes(colours[:at] + name + bytes((182, 202)) + colours[at:], ["ﾀｶﾊｼ"])
    assert search_bytes(colours[:at] + b"PN\x04\x00" + name + colours[at:], ["ﾀｶﾊｼ"])
    assert search_bytes(name + colours, ["ﾀｶﾊｼ"])


def test_names_are_searched(tmp_path: Path) -> None:
    """Names of files and folders, of members and links, and what a link points to."""
    (tmp_path / f"{SECRET}様").mkdir()
    (tmp_path / f"{SECRET}様" / f"{PLAIN}.dcm").write_bytes(b"")
    (tmp_path / "link").symlink_to(f"/elsewhere/{PLAIN}")
    found = {(hit.path.name, hit.where.split(":")[0], hit.form_index) for hit in find_planted(tmp_path, STRINGS)}
    assert found == {(f"{SECRET}様", "name", 1), (f"{PLAIN}.dcm", "name", 2), ("link", "link", 2)}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(f"{SECRET}.txt", "")
    assert "zip[0].name" in {hit.where.split(":")[0] for hit in search_bytes(out.getvalue(), STRINGS)}


def test_a_fifo_is_passed_by(tmp_path: Path) -> None:
    """What is neither file, folder nor link has a name only, and the search does not wait for it."""
    os.mkfifo(tmp_path / "pipe")
    assert find_planted(tmp_path, STRINGS) == []


def test_a_single_file_can_be_searched(tmp_path: Path) -> None:
    """The root may be one file; its own name counts for nothing."""
    (tmp_path / PLAIN).write_bytes(SECRET.encode())
    assert [(hit.path, hit.form_index) for hit in find_planted(tmp_path / PLAIN, STRINGS)] == [(Path(), 1)]
    with pytest.raises(FileNotFoundError):
        find_planted(tmp_path / "absent", STRINGS)


def test_the_write_ahead_log_is_part_of_the_database(tmp_path: Path) -> None:
    """A cell that is committed but not yet in the database file is read through the log, even across pages."""
    path = tmp_path / "index.sqlite"
    _database(path, b"nothing")
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("PRAGMA wal_autocheckpoint = 0")
    packed = gzip.compress(noise(1, 2000) + CONTENT + noise(2, 2000))
    writer.execute('INSERT INTO "a ""table""" (cell) VALUES (?)', (packed,))
    try:
        hits = find_planted(tmp_path, STRINGS)
    finally:
        writer.close()
    assert ("index.sqlite", 1) in {(hit.path.name, hit.form_index) for hit in hits}
    assert any("blob" in hit.where and "gzip" in hit.where for hit in hits)


def test_text_and_numbers_in_cells_are_searched(tmp_path: Path) -> None:
    """Texts, numbers and values nested in lists and structures are cells like any other."""
    _database(tmp_path / "a.sqlite", 19501231, "INTEGER")
    assert {hit.path.name for hit in find_planted(tmp_path, ["19501231"])} == {"a.sqlite"}

    import pyarrow as pa
    import pyarrow.parquet as pq

    nested = [{"who": {"names": [SECRET]}}, {"who": {"names": []}}]
    pq.write_table(pa.table({"n": nested}), tmp_path / "b.parquet", compression="zstd", use_dictionary=False)
    assert {hit.form_index for hit in find_planted(tmp_path / "b.parquet", STRINGS)} == {1}


def test_without_pyarrow_a_parquet_file_is_no_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pyarrow is not installed the search stops at a Parquet file and does not call it clean."""
    (tmp_path / "a.parquet").write_bytes(_parquet(CONTENT))
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ImportError):
        find_planted(tmp_path, STRINGS)


def test_containers_nest_eight_deep_and_no_deeper() -> None:
    """Eight containers inside each other are opened; a ninth is reported."""
    data = CONTENT
    packers = [_zstd, gzip.compress, _tar, _zip]
    for level in range(8):
        data = packers[level % 4](data)
    assert {hit.form_index for hit in search_bytes(data, STRINGS)} == {1}
    assert {hit.form_index for hit in search_bytes(gzip.compress(data), STRINGS)} >= {UNSEARCHABLE}


@pytest.mark.parametrize("kind", ["zstd", "gzip", "bzip2", "xz", "zip", "parquet", "deflated DICOM"])
def test_a_bomb_is_reported_and_does_no_harm(kind: str) -> None:
    """What expands beyond the limit is a finding."""
    bomb = PACKERS[kind](bytes(4_000_000) + bytes(range(256)) * 100)
    limits = Limits(stream_bytes=1_000_000)
    assert {hit.form_index for hit in search_bytes(bomb, STRINGS, limits=limits)} == {UNSEARCHABLE}
    total = Limits(total_bytes=1_000_000)
    assert UNSEARCHABLE in {hit.form_index for hit in search_bytes(bomb, STRINGS, limits=total)}


@pytest.mark.parametrize("kind", [*PACKERS, "sqlite"])
def test_a_broken_container_is_reported(kind: str, tmp_path: Path) -> None:
    """A container that is cut off cannot be searched, and that is a finding."""
    whole = (PACKERS.get(kind) or _sqlite_in(tmp_path))(noise(3, 5000))
    middle = len(whole) // 2
    has_its_table_at_the_end = kind == "zip behind a program"
    broken = whole[:middle] + (b"\xff" * 200 + whole[middle + 200 :] if has_its_table_at_the_end else b"")
    assert UNSEARCHABLE in {hit.form_index for hit in search_bytes(broken, STRINGS)}


def test_what_stands_behind_the_last_frame_is_searched() -> None:
    """Bytes behind a zstd stream are a part of their own, and may be a container."""
    hits = search_bytes(_zstd(b"nothing" * 50) + gzip.compress(CONTENT), STRINGS)
    assert {hit.where.split(":")[0] for hit in hits} == {"zstd.rest > gzip"}


def test_members_without_content_are_searched_by_name() -> None:
    """A link inside a tar archive has a name and a target, and both are read."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        link = tarfile.TarInfo("innocent")
        link.type, link.linkname = tarfile.SYMTYPE, f"../{SECRET}"
        archive.addfile(link)
    assert "tar[0].name" in {hit.where.split(":")[0] for hit in search_bytes(out.getvalue(), STRINGS)}


def test_an_encrypted_member_is_reported() -> None:
    """A member of a zip that needs a password is a finding."""
    data = bytearray(_zip(CONTENT))
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    data[data.rindex(b"PK\x03\x04") + 6] |= 1
    assert UNSEARCHABLE in {hit.form_index for hit in search_bytes(bytes(data), STRINGS)}


def test_an_unreadable_file_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be read is a finding."""
    (tmp_path / "locked").write_bytes(b"x")

    def refuse(_: Path) -> bytes:
        raise PermissionError

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert find_planted(tmp_path, STRINGS) == [Hit(Path("locked"), "unreadable: PermissionError", UNSEARCHABLE)]


def test_a_string_too_short_to_search_for_is_refused() -> None:
    """A string that chance would find is refused and not passed over."""
    with pytest.raises(ValueError, match="string 1 is too short"):
        search_bytes(b"", ["long enough", "林"])
    with pytest.raises(ValueError, match="string 0 is too short"):
        search_bytes(b"", ["ABC"])


def test_a_hit_shows_no_string() -> None:
    """A hit names the place and the number of the string, never the string."""
    hits = search_bytes(_zip(_tar(CONTENT)), STRINGS)
    assert [hit.where for hit in hits] == ["zip[1]: utf-8 at 2136", "zip[1] > tar[1]: utf-8 at 600"]
    assert SECRET not in repr(hits)


def test_no_strings_find_nothing() -> None:
    """An empty list is found nowhere."""
    assert search_bytes(CONTENT, []) == []


@given(st.binary(max_size=60), st.binary(max_size=60), st.sampled_from(["utf-8", "cp932", "utf-16le", "utf-16be"]))
def test_surroundings_hide_nothing(before: bytes, after: bytes, encoding: str) -> None:
    """Whatever bytes stand around a form, it is found."""
    data = before + SECRET.encode(encoding) + after
    assert 1 in {found.index for found in Finder(STRINGS).search(data)}


def test_a_form_across_the_edge_of_a_window_is_found() -> None:
    """Large buffers are looked at piece by piece; a form that lies across two pieces is found."""
    for offset in range((1 << 20) - 12, (1 << 20) + 2):
        data = bytes(offset) + PLAIN.encode() + bytes(100)
        assert [found.index for found in Finder(STRINGS).search(data)] == [2]
