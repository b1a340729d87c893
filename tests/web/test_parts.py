import os
import re
from collections.abc import Iterable
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kaname.errors import Refused
from kaname.web import parts
from kaname.web.multipart import Part, write_parts
from kaname.web.parts import PartReader, ReceivedPart, boundary_of

BOUNDARY = "abc"
HEAD = b"--abc\r\nContent-Type: application/dicom\r\n\r\n"
END = b"\r\n--abc--\r\n"
ENDINGS = st.sampled_from([b"\r", b"\n", b"\r\n", b"-", b"--", b"\r\n--ab", b"\r\n--abcd", b"--abc", b"x", b"\0"])
"""What looks nearly like a boundary."""


def reader(folder: Path, limit_bytes: int = 1 << 20, boundary: str = BOUNDARY) -> PartReader:
    """A reader that numbers its files."""
    numbers = count(len(list(folder.iterdir())))
    return PartReader(boundary.encode(), lambda: folder / str(next(numbers)), limit_bytes)


def read(reading: PartReader, pieces: Iterable[bytes]) -> tuple[ReceivedPart, ...]:
    """All parts of a body."""
    for piece in pieces:
        reading.feed(piece)
    return reading.finish()


def written(contents: Iterable[bytes]) -> bytes:
    """A body of these parts."""
    return b"".join(write_parts((Part("application/dicom", "/", (c,)) for c in contents), BOUNDARY))


def contents(found: Iterable[ReceivedPart]) -> list[bytes]:
    """What lies in the files."""
    return [part.path.read_bytes() for part in found]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(ENDINGS | st.binary(max_size=8), max_size=6).map(b"".join), min_size=1, max_size=4),
    st.lists(st.integers(1, 40), min_size=1, max_size=5),
)
def test_what_is_written_is_what_is_read(tmp_path: Path, wanted: list[bytes], sizes: list[int]) -> None:
    """However a body is cut into pieces, its parts are the same, byte for byte; nothing near a boundary is one."""
    body = written(wanted)
    assume(not any(re.search(rb"\r\n--abc(--|\s*\r\n)", b"\r\n" + c + b"\r\n") for c in wanted))
    pieces: list[bytes] = []
    for size in (sizes * len(body))[: len(body)]:
        pieces.append(body[:size])
        body = body[size:]
    reading = reader(tmp_path)
    assert contents(read(reading, pieces)) == wanted
    reading.discard()


@pytest.mark.parametrize(
    "body",
    [
        b"\r\n" + HEAD + b"x" + END,
        b"a preamble\r\nof two lines\r\n" + HEAD + b"x" + END + b"an epilogue" + END,
        b"--abc \t \r\nContent-Type: application/dicom\r\n\r\nx\r\n--abc--",
        b"--abc\r\ncontent-type:application/dicom; transfer-syntax=*\r\nX-Y: z\r\n\r\nx\r\n--abc--",
        b"--abc\r\nContent-Type: application/dicom\r\nContent-Transfer-Encoding: BINARY\r\n\r\nx" + END,
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_lawful_body_is_read_however_it_is_cut(tmp_path: Path, body: bytes, size: int) -> None:
    """Preambles, epilogues, white space behind boundaries and further headers are lawful."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    assert contents(read(reader(tmp_path), pieces)) == [b"x"]


HOSTILE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "multipart-invalid"),
    "no boundary": (b"x" * 1000, "multipart-invalid"),
    "no parts": (b"--abc--\r\n", "multipart-invalid"),
    "another boundary": (HEAD.replace(b"abc", b"abd") + b"x" + END, "multipart-invalid"),
    "cut off": (HEAD + b"x", "multipart-invalid"),
    "cut off in the closing boundary": (HEAD + b"x\r\n--abc-", "multipart-invalid"),
    "cut off in headers": (b"--abc\r\nContent-Type: application/dicom\r\n", "multipart-invalid"),
    "endless preamble": (b"x" * (parts.PREAMBLE_LIMIT_BYTES + 1000), "multipart-invalid"),
    "endless headers": (b"--abc\r\n" + b"A: b\r\n" * parts.HEADERS_LIMIT_BYTES, "multipart-invalid"),
    "long headers": (b"--abc\r\n" + b"A: b\r\n" * parts.HEADERS_LIMIT_BYTES + b"\r\n" + END, "multipart-invalid"),
    "no headers": (b"--abc\r\n\r\nx" + END, "media-type"),
    "no type": (b"--abc\r\nA: b\r\n\r\nx" + END, "media-type"),
    "another type": (HEAD.replace(b"/dicom", b"/dicom+json") + b"x" + END, "media-type"),
    "a multipart": (HEAD.replace(b"application/dicom", b"multipart/related; boundary=x") + END, "media-type"),
    "two types": (HEAD.replace(b"\r\n\r\n", b"\r\nContent-type: a/b\r\n\r\n") + b"x" + END, "multipart-invalid"),
    "a folded header": (HEAD.replace(b"\r\n\r\n", b";\r\n a=b\r\n\r\n") + b"x" + END, "multipart-invalid"),
    "a header of bytes": (HEAD.replace(b"\r\n\r\n", b"\r\nA: \xff\x00\r\n\r\n") + b"x" + END, "multipart-invalid"),
    "base64": (
        HEAD.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n") + b"x" + END,
        "multipart-invalid",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_body_is_refused_and_leaves_nothing(tmp_path: Path, case: str) -> None:
    """Each with its reason, in bounded memory; no file stays."""
    body, code = HOSTILE[case]
    reading = reader(tmp_path)
    with pytest.raises(Refused, match=code):
        read(reading, [body[start : start + 997] for start in range(0, len(body), 997)])
    assert len(reading._buffer) < 2 * parts.HEADERS_LIMIT_BYTES
    reading.discard()
    assert not list(tmp_path.iterdir())


def test_too_many_parts_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of parts ends early."""
    monkeypatch.setattr(parts, "PARTS_MOST", 3)
    reading = reader(tmp_path)
    with pytest.raises(Refused, match="multipart-invalid"):
        read(reading, [written([b"x"] * 4)])
    reading.discard()
    assert not list(tmp_path.iterdir())


def test_a_part_beyond_the_limit_is_counted_and_not_kept(tmp_path: Path) -> None:
    """Its neighbours are read as if nothing had been."""
    found = read(reader(tmp_path, 5), [written([b"12345", b"123456", os.urandom(5000), b""])])
    assert [part.too_large for part in found] == [False, True, True, False]
    assert contents(found) == [b"12345", b"", b"", b""]


def test_no_memory_grows_with_a_part(tmp_path: Path) -> None:
    """What is read lies on the disk, not in the reader."""
    reading = reader(tmp_path, 1 << 30)
    reading.feed(HEAD)
    for _ in range(64):
        reading.feed(bytes(1 << 14))
        assert len(reading._buffer) < 1 << 15
    reading.feed(END)
    assert reading.finish()[0].path.stat().st_size == 64 << 14


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ('multipart/related; type="application/dicom"; boundary=abc', b"abc"),
        ('Multipart/Related; Type=application/dicom; Boundary="a b\'c(d)"', b"a b'c(d)"),
        ("multipart/related; boundary=abc", b"abc"),
    ],
)
def test_a_boundary_is_found(header: str, wanted: bytes) -> None:
    """Quoted or not, in any case; the type of the parts is told by each of them."""
    assert boundary_of(header) == wanted


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "media-type"),
        ("application/dicom", "media-type"),
        ("multipart/form-data; boundary=abc", "media-type"),
        ('multipart/related; type="application/dicom+json"; boundary=abc', "media-type"),
        ('multipart/related; type="application/dicom"', "multipart-invalid"),
        ('multipart/related; type="application/dicom"; boundary=""', "multipart-invalid"),
        (f"multipart/related; boundary={'x' * 71}", "multipart-invalid"),
        ('multipart/related; boundary="a\u00e9"', "multipart-invalid"),
        ('multipart/related; boundary="a "', "multipart-invalid"),
        ("multipart/related; boundary*=utf-8''abc", "multipart-invalid"),
        ('multipart/related; boundary="a\r\nX: y"', "multipart-invalid"),
    ],
)
def test_what_is_no_boundary_is_refused(header: str, code: str) -> None:
    """A header that a lawful client does not send."""
    with pytest.raises(Refused, match=code):
        boundary_of(header)


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    """A name that is taken is an error of ours."""
    reading = PartReader(b"abc", lambda: tmp_path / "one", 10)
    with pytest.raises(FileExistsError):
        read(reading, [written([b"1", b"2"])])
