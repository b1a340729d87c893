"""What is inside a file: compressed streams, archives, tables and databases, opened without trusting any of them.

Each opener yields parts: a label made of kinds and ordinal numbers, and bytes. A label holds no name from inside: names
of members are yielded as parts of their own.
"""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
import sqlite3
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import zstandard

Part = tuple[str, bytes]
_CHUNK = 1 << 20
_WINDOW, _BITE = 1 << 27, 1 << 10
_ZSTD, _SKIPPABLE = b"\x28\xb5\x2f\xfd", 5
_TAR_MAGIC_AT = 257
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_BROKEN = (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zlib.error, lzma.LZMAError,
           zstandard.ZstdError, tarfile.TarError, zipfile.BadZipFile, sqlite3.Error)  # fmt: skip


class Unsearchable(Exception):
    """A container that could not be opened to its end: what is in it is unknown, and that is a finding."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How far unpacking goes before it counts as a bomb."""

    depth: int = 8
    """Containers inside containers."""
    stream_bytes: int = 1 << 30
    """What one container may expand to."""
    total_bytes: int = 1 << 32
    """What one file may expand to in all."""


def parts(data: bytes, limits: Limits, *, log: bytes = b"") -> Iterator[Part]:
    """The parts of a container; nothing for bytes that are none.

    Args:
        data: the whole container.
        limits: where to stop.
        log: the write-ahead log that belongs to ``data`` where that is an SQLite database.

    Raises:
        Unsearchable: it is broken, encrypted, or expands beyond the limit. What came before was yielded.
        ImportError: a Parquet file was met and pyarrow is not installed.
    """
    opener = _opener(data)
    if opener is None:
        return
    try:
        yield from _sqlite(data, log) if opener is _plain_sqlite else opener(data, limits)
    except _BROKEN as error:
        raise Unsearchable(type(error).__name__) from error


def _opener(data: bytes) -> Callable[[bytes, Limits], Iterator[Part]] | None:
    for magic, opener in _OPENERS:
        if data.startswith(magic):
            return opener
    if data[_TAR_MAGIC_AT : _TAR_MAGIC_AT + 5] == b"ustar":
        return _tar
    if data[128:132] == b"DICM" and _DEFLATED in data[132:1024]:
        return _deflated
    return _zip if b"PK\x05\x06" in data[-66_000:] and zipfile.is_zipfile(io.BytesIO(data)) else None


def _drain(stream: BinaryIO, limits: Limits) -> bytes:
    out = bytearray()
    while chunk := stream.read(_CHUNK):
        out += chunk
        if len(out) > limits.stream_bytes:
            msg = "expands beyond the limit"
            raise ValueError(msg)
    return bytes(out)


def _zstd(data: bytes, limits: Limits) -> Iterator[Part]:
    """All frames as one part, what stands behind them as another; fed in small bites, since one bite may be a bomb."""
    out, position = bytearray(), 0
    while position < len(data):
        if data[position + 1 : position + 4] == b"\x2a\x4d\x18" and data[position] >> 4 == _SKIPPABLE:
            position += 8 + int.from_bytes(data[position + 4 : position + 8], "little")
            continue
        if not data.startswith(_ZSTD, position):
            yield "zstd.rest", data[position:]
            break
        frame = zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()
        while not frame.eof:
            if position >= len(data):
                msg = "the last frame does not end"
                raise ValueError(msg)
            out += frame.decompress(data[position : position + _BITE])
            position += _BITE
            if len(out) > limits.stream_bytes:
                msg = "expands beyond the limit"
                raise ValueError(msg)
        position = min(position, len(data)) - len(frame.unused_data)
    yield "zstd", bytes(out)


def _gzip(data: bytes, limits: Limits) -> Iterator[Part]:
    yield "gzip", _drain(cast("BinaryIO", gzip.GzipFile(fileobj=io.BytesIO(data))), limits)


def _bzip2(data: bytes, limits: Limits) -> Iterator[Part]:
    yield "bzip2", _drain(cast("BinaryIO", bz2.BZ2File(io.BytesIO(data))), limits)


def _xz(data: bytes, limits: Limits) -> Iterator[Part]:
    with lzma.LZMAFile(io.BytesIO(data)) as stream:
        yield "xz", _drain(cast("BinaryIO", stream), limits)


def _deflated(data: bytes, limits: Limits) -> Iterator[Part]:
    """The data set of a Part 10 file in the deflated syntax: it begins behind group 0002 (PS3.5 section A.5)."""
    length = int.from_bytes(data[140:144], "little")
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    out = inflater.decompress(data[144 + length :], limits.stream_bytes)
    if inflater.unconsumed_tail or not inflater.eof:
        msg = "deflated data set does not end"
        raise ValueError(msg)
    yield "deflate", out


def _tar(data: bytes, limits: Limits) -> Iterator[Part]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for number, member in enumerate(archive):
            yield f"tar[{number}].name", f"{member.name}\n{member.linkname}".encode("utf-8", "surrogateescape")
            stream = archive.extractfile(member) if member.isreg() else None
            if stream is not None:
                yield f"tar[{number}]", _drain(cast("BinaryIO", stream), limits)


def _zip(data: bytes, limits: Limits) -> Iterator[Part]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for number, info in enumerate(archive.infolist()):
            yield f"zip[{number}].name", info.filename.encode("utf-8", "surrogateescape")
            with archive.open(info) as stream:
                yield f"zip[{number}]", _drain(cast("BinaryIO", stream), limits)


def _parquet(data: bytes, limits: Limits) -> Iterator[Part]:
    parquet: Any = importlib.import_module("pyarrow.parquet")
    seen = 0
    for number, batch in enumerate(parquet.ParquetFile(io.BytesIO(data)).iter_batches()):
        seen += int(batch.nbytes)
        if seen > limits.stream_bytes:
            msg = "expands beyond the limit"
            raise ValueError(msg)
        for column, values in enumerate(batch.to_pydict().values()):
            yield from _cells(f"parquet[{number}][{column}]", values)


def _plain_sqlite(data: bytes, limits: Limits) -> Iterator[Part]:
    del limits  # a database is as large as its file
    yield from _sqlite(data, b"")


def _sqlite(data: bytes, log: bytes) -> Iterator[Part]:
    """Every cell of every table, as a reader of the database and its write-ahead log would see them."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.sqlite"
        copy.write_bytes(data)
        if log:
            copy.with_name("copy.sqlite-wal").write_bytes(log)
        connection = sqlite3.connect(copy)
        try:
            connection.text_factory = bytes
            rows = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table'").fetchall()
            yield from _cells("sqlite.schema", [sql for _, sql in rows if sql])
            for number, (name, _) in enumerate(rows):
                quoted = name.decode("utf-8", "surrogateescape").replace('"', '""')
                cursor = connection.execute(f'SELECT * FROM "{quoted}"')  # noqa: S608 - names cannot be bound
                yield from _cells(f"sqlite[{number}]", (cell for row in cursor for cell in row))
        finally:
            connection.close()


def _cells(label: str, values: Any) -> Iterator[Part]:
    """Texts and numbers of a column as one part, and each value that is itself a container as a part of its own."""
    texts: list[bytes] = []
    number = 0
    for value in _flat(values):
        if isinstance(value, bytes):
            texts.append(value)
            if _opener(value) is not None:
                yield f"{label}.blob[{number}]", value
                number += 1
        elif value is not None:
            texts.append(str(value).encode("utf-8", "surrogatepass"))
    yield label, b"\n\0\n".join(texts)


def _flat(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, dict):
            yield from _flat(cast("dict[Any, Any]", value).items())
        elif isinstance(value, list | tuple | set):
            yield from _flat(value)
        else:
            yield value


_OPENERS: tuple[tuple[bytes, Callable[[bytes, Limits], Iterator[Part]]], ...] = (
    (_ZSTD, _zstd),
    *((bytes((0x50 + n,)) + b"\x2a\x4d\x18", _zstd) for n in range(16)),
    (b"\x1f\x8b\x08", _gzip),
    (b"BZh", _bzip2),
    (b"\xfd7zXZ\x00", _xz),
    (b"PK\x03\x04", _zip),
    (b"PK\x05\x06", _zip),
    (b"PAR1", _parquet),
    (b"SQLite format 3\x00", _plain_sqlite),
)
