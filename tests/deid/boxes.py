"""Takes videos apart and puts them together otherwise."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np

from kaname.testing.clip import made

SCENE = np.full((16, 32, 3), 90, np.uint8)
PLAIN = made([SCENE], 4).replace(b"Kamera\0", bytes(7))
"""A video of one and a half kilobytes with four frames and nothing else, its movie box at its end."""
FIELDS = {"dref": 8, "stsd": 8, "avc1": 78}


def box(kind: str, content: bytes) -> bytes:
    """One box."""
    return struct.pack(">I4s", len(content) + 8, kind.encode()) + content


def rebuilt(path: str, change: Callable[[bytes], bytes], data: bytes = PLAIN) -> bytes:
    """The video with another content of one box, e.g. of ``moov/trak/tkhd``; of none with the file itself."""
    if not path:
        return change(data)
    kind, _, rest = path.partition("/")
    out, position = b"", 0
    while position < len(data):
        size = int.from_bytes(data[position : position + 4])
        content = data[position + 8 : position + size]
        if data[position + 4 : position + 8] == kind.encode():
            fields = FIELDS.get(kind, 0) if rest else 0
            content = content[:fields] + rebuilt(rest, change, content[fields:])
        out += box(data[position + 4 : position + 8].decode(), content)
        position += size
    assert out != data
    return out


def unit(kind: int, content: bytes = b"\x80") -> bytes:
    """One unit of the stream as it stands in the media data."""
    return struct.pack(">IB", len(content) + 1, kind) + content
