"""One spelling of POSIX ustar: a reader knows every byte of a header before it reads it."""

from __future__ import annotations

BLOCK = 512
END = bytes(2 * BLOCK)
"""What follows the last member, and is followed by nothing."""
SIZE_LIMIT_BYTES = 1 << 33
"""A member's size has 11 octal digits: less than 8 GiB."""
NAME = slice(0, 100)
SIZE = slice(124, 136)
_CHECKSUM = slice(148, 156)


def header(name: str, size_bytes: int) -> bytes:
    """The block before a member: plain file, mode 0644, owner 0, time 0 (POSIX.1-2017, pax, ustar interchange format).

    ``name`` is ASCII, at most 100 characters; ``size_bytes`` less than :data:`SIZE_LIMIT_BYTES`.
    """
    block = bytearray(BLOCK)
    block[: len(name)] = name.encode("ascii")
    block[100:124] = b"0000644\x000000000\x000000000\x00"
    block[SIZE] = b"%011o\x00" % size_bytes
    block[136:148] = b"00000000000\x00"
    block[_CHECKSUM] = b" " * 8
    block[156:157] = b"0"
    block[257:265] = b"ustar\x0000"
    block[329:345] = b"0000000\x000000000\x00"
    block[_CHECKSUM] = b"%06o\x00 " % sum(block)
    return bytes(block)


def padding(size_bytes: int) -> bytes:
    """The zero bytes that fill a member's last block."""
    return bytes(-size_bytes % BLOCK)
