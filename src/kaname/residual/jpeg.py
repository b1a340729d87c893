"""JPEG streams, segment by segment (ISO/IEC 10918-1 Annex B): whether one is nothing but a picture."""

from __future__ import annotations

_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_TABLES = frozenset((0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDD))
"""Frame headers, Huffman and quantisation tables, restart interval."""
_RESTARTS = frozenset(range(0xD0, 0xD8)) | {0}
_APPLICATION = {0xE0: (b"JFIF\0", 14), 0xEE: (b"Adobe", 12)}
"""What may stand in an application's segment, and how long it then is; a longer JFIF has a second picture."""
_MARK = 0xFF


def is_plain(data: bytes) -> bool:
    """Whether the stream has no comments, no data of applications, and nothing behind its end but padding."""
    if data[:2] != bytes((_MARK, _START)):
        return False
    position = 2
    while position + 2 <= len(data):
        if data[position] != _MARK:
            return False
        kind, position = data[position + 1], position + 2
        if kind == _END:
            return not data[position:].strip(b"\0\xff")
        length = int.from_bytes(data[position : position + 2])
        content = data[position + 2 : position + length]
        name, size = _APPLICATION.get(kind, (b"", -1))
        own = size == len(content) and content.startswith(name)
        if not own and kind not in _TABLES and kind != _SCAN:
            return False
        position += length
        if kind == _SCAN:
            position = _after_scan(data, position)
    return False


def _after_scan(data: bytes, position: int) -> int:
    """Where the compressed data end: at the first marker that is neither a restart nor a stuffed zero."""
    while (position := data.find(_MARK, position)) >= 0 and data[position + 1 : position + 2]:
        if data[position + 1] == _MARK:
            position += 1
        elif data[position + 1] in _RESTARTS:
            position += 2
        else:
            return position
    return len(data)
