"""From a data set and its pixels to a Part 10 file: preamble, File Meta Information, explicit little endian."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from kaname.dicom.part10 import EXPLICIT_LITTLE, write_meta

if TYPE_CHECKING:
    from pydicom import Dataset

_NATIVE, _ENCAPSULATED = b"\xe0\x7f\x10\0OW\0\0", b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff"
_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\0\0\0\0"
_OFFSET_LIMIT = 1 << 32


def part10(dataset: Dataset, transfer_syntax_uid: str = EXPLICIT_LITTLE, pixel_data: Sequence[bytes] = ()) -> bytes:
    """A whole file.

    Args:
        dataset: everything below (7FE0,0010), with SOP Class and SOP Instance UID.
        transfer_syntax_uid: explicit little endian, or the syntax of encapsulated pixels.
        pixel_data: what :func:`native` or :func:`encapsulated` gave; empty for an object without pixels.
    """
    from pydicom.filebase import DicomIO
    from pydicom.filewriter import write_dataset

    body = BytesIO()
    writer = DicomIO(body)
    writer.is_little_endian, writer.is_implicit_VR = True, False
    write_dataset(writer, dataset)
    meta = write_meta(str(dataset.SOPClassUID), str(dataset.SOPInstanceUID), transfer_syntax_uid)
    return b"".join((meta, body.getvalue(), *pixel_data))


def native(pixels: bytes) -> tuple[bytes, ...]:
    """Pixel Data (7FE0,0010) of uncompressed frames, one after the other, little endian."""
    return _NATIVE, struct.pack("<I", len(pixels) + len(pixels) % 2), pixels, b"\0" * (len(pixels) % 2)


def encapsulated(frames: Sequence[bytes]) -> tuple[bytes, ...]:
    """Pixel Data (7FE0,0010) of compressed frames, each one fragment, with their offsets (PS3.5 section A.4).

    A single frame needs no offset, and beyond 4 GiB the table cannot hold them: then it is empty.
    """
    offsets, position = [0] * len(frames), 0
    for number, frame in enumerate(frames):
        offsets[number] = position
        position += 8 + len(frame) + len(frame) % 2
    table = struct.pack(f"<{len(offsets)}I", *offsets) if len(frames) > 1 and position < _OFFSET_LIMIT else b""
    items = (table, *frames)
    return (
        _ENCAPSULATED,
        *(
            part
            for item in items
            for part in (_ITEM, struct.pack("<I", len(item) + len(item) % 2), item, b"\0" * (len(item) % 2))
        ),
        _END,
    )
