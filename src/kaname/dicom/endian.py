"""Big-endian and deflated data sets made plain: explicit VR little endian (PS3.5 sections 7.3 and A.5).

Both syntaxes are rare today (big endian is retired), so they are converted whole in memory before the scan.
"""

from __future__ import annotations

import struct
import zlib

from kaname.dicom.part10 import Buffer
from kaname.dicom.scan import LONG_VRS, MAX_DEPTH, SHORT_VRS, UNDEFINED
from kaname.errors import Refused

INFLATED_LIMIT_BYTES = 1 << 30
_RATIO_LIMIT = 200
_WIDTHS = {
    b"AT": 2, b"OW": 2, b"SS": 2, b"US": 2,
    b"FL": 4, b"OF": 4, b"OL": 4, b"SL": 4, b"UL": 4,
    b"FD": 8, b"OD": 8, b"OV": 8, b"SV": 8, b"UV": 8,
}  # fmt: skip
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD


def inflate(buffer: Buffer, start: int) -> bytes:
    """The data set behind ``start`` of a deflated file, at most 1 GiB and 200 times its size.

    Raises:
        Refused: ``too-large`` or ``malformed-dicom``.
    """
    packed = buffer[start:]
    limit = min(INFLATED_LIMIT_BYTES, _RATIO_LIMIT * len(packed) + (1 << 20))
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = stream.decompress(packed, limit)
    except zlib.error as error:
        raise Refused("malformed-dicom") from error
    if stream.unconsumed_tail:
        raise Refused("too-large", limit_bytes=limit)
    if not stream.eof:
        raise Refused("truncated")
    return plain


def to_little_endian(buffer: Buffer, start: int) -> bytes:
    """The explicit big-endian data set behind ``start``, rewritten as explicit little endian.

    Raises:
        Refused: ``truncated``, ``malformed-dicom`` or ``nesting-too-deep``.
    """
    out: list[bytes] = []
    _turn(buffer, start, len(buffer), out, 0)
    return b"".join(out)


def _turn(buffer: Buffer, position: int, end: int, out: list[bytes], depth: int) -> int:
    """Rewrites elements and items up to ``end`` or to a delimiter; returns the offset behind the last one."""
    if depth > 2 * MAX_DEPTH:
        raise Refused("nesting-too-deep")
    while position < end:
        if end - position < 8:  # noqa: PLR2004
            raise Refused("trailing-bytes")
        group, element = struct.unpack(">HH", buffer[position : position + 4])
        tag = group << 16 | element
        if tag in (_ITEM, _ITEM_END, _SEQUENCE_END):
            length = int.from_bytes(buffer[position + 4 : position + 8], "big")
            out.append(struct.pack("<HHI", group, element, length))
            position += 8
            if tag != _ITEM:
                return position
            stop = end if length == UNDEFINED else position + length
            if stop > end:
                raise Refused("truncated")
            position = _turn(buffer, position, stop, out, depth + 1)
            continue
        position = _element(buffer, position, end, out, depth)
    return position


def _element(buffer: Buffer, position: int, end: int, out: list[bytes], depth: int) -> int:
    group, element, vr, length = struct.unpack(">HH2sH", buffer[position : position + 8])
    value = position + 8
    if vr in LONG_VRS:
        value = position + 12
        if value > end:
            raise Refused("truncated")
        length = int.from_bytes(buffer[position + 8 : value], "big")
        out.append(struct.pack("<HH2sHI", group, element, vr, 0, length))
    elif vr in SHORT_VRS:
        out.append(struct.pack("<HH2sH", group, element, vr, length))
    else:
        raise Refused("malformed-dicom", tag=f"{group:04X}{element:04X}")
    if length == UNDEFINED:
        return _turn(buffer, value, end, out, depth + 1)
    if value + length > end:
        raise Refused("truncated")
    if vr == b"SQ":
        return _turn(buffer, value, value + length, out, depth + 1)
    out.append(_swap(buffer[value : value + length], _WIDTHS.get(vr, 1)))
    return value + length


def _swap(value: bytes, width: int) -> bytes:
    if width == 1:
        return value
    if len(value) % width:
        raise Refused("malformed-dicom")
    turned = bytearray(len(value))
    for i in range(width):
        turned[i::width] = value[width - 1 - i :: width]
    return bytes(turned)
