"""Reading a container whose every byte is known beforehand: compare, never guess."""

from __future__ import annotations

from typing import BinaryIO

from kaname.errors import Refused
from kaname.pack.ustar import BLOCK, SIZE, header, padding


def expect(source: BinaryIO, exact: bytes, code: str) -> None:
    """Reads ``len(exact)`` bytes that must be ``exact``.

    Raises:
        Refused: ``code``.
    """
    if source.read(len(exact)) != exact:
        raise Refused(code)


def read_small(source: BinaryIO, name: str, limit_bytes: int, code: str) -> bytes:
    """Reads a member whose size only its header tells.

    Raises:
        Refused: ``code`` when it is not this member, larger than ``limit_bytes`` or cut short.
    """
    block = source.read(BLOCK)
    digits = block[SIZE][:-1]
    if not digits.isdigit() or b"8" in digits or b"9" in digits:
        raise Refused(code)
    size_bytes = int(digits, 8)
    if size_bytes > limit_bytes or block != header(name, size_bytes):
        raise Refused(code)
    data = source.read(size_bytes)
    if len(data) != size_bytes:
        raise Refused(code)
    expect(source, padding(size_bytes), code)
    return data
