"""Read: where each instance of a pack lies. A file that ``write_pack`` did not write is no pack."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from kaname.dicom.keys import is_uid
from kaname.errors import Refused
from kaname.pack.ustar import BLOCK, END, NAME, SIZE, header, padding
from kaname.pack.write import SUFFIX

_INVALID = "pack-invalid"


def read_members(pack: Path) -> Iterator[tuple[str, int, int]]:
    """``(SOP Instance UID, offset, length)`` of each member, after the whole structure was found sound.

    Every header must be, byte for byte, the one that ``write_pack`` would have written; names must ascend; padding is
    zero; behind the end there is nothing. Contents are judged by :func:`kaname.pack.index_pack`.

    Raises:
        Refused: ``pack-invalid``.
    """
    with pack.open("rb") as file:
        return iter(_members(file, os.fstat(file.fileno()).st_size))


def _members(file: BinaryIO, size_bytes: int) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []
    position = 0
    while size_bytes - position > len(END):
        uid, length = _header(file.read(BLOCK))
        offset = position + BLOCK
        file.seek(offset + length)
        zeros = padding(length)
        if file.read(len(zeros)) != zeros or (found and uid <= found[-1][0]):
            raise Refused(_INVALID, offset=position)
        found.append((uid, offset, length))
        position = offset + length + len(zeros)
    if not found or file.read() != END:
        raise Refused(_INVALID, offset=position)
    return found


def _header(block: bytes) -> tuple[str, int]:
    """UID and size that a header tells, once it is the only header that tells them."""
    name, digits = block[NAME].rstrip(b"\0"), block[SIZE][:-1]
    try:
        uid, length = name.decode("ascii").removesuffix(SUFFIX), int(digits, 8)
    except ValueError as error:
        raise Refused(_INVALID) from error
    if not is_uid(uid) or length < 1 or block != header(uid + SUFFIX, length):
        raise Refused(_INVALID)
    return uid, length
