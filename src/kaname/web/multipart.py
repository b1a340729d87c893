"""Writing ``multipart/related`` (RFC 2387, PS3.18 section 8.6.1.2) as a stream: nothing is held but one piece."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain


@dataclass(frozen=True, slots=True)
class Part:
    """One part: what it is, where it can be had alone, and its bytes in pieces."""

    content_type: str
    location: str
    pieces: Iterable[bytes]


def new_boundary() -> str:
    """A boundary that no content contains: 128 random bits."""
    return f"kaname-{secrets.token_hex(16)}"


def write_parts(parts: Iterable[Part], boundary: str) -> Iterator[bytes]:
    """The body, piece by piece."""
    for number, part in enumerate(parts):
        opening = f"--{boundary}\r\nContent-Type: {part.content_type}\r\nContent-Location: {part.location}\r\n\r\n"
        pieces = iter(part.pieces)
        first = next(pieces, b"")  # what is not there is missed before anything is sent of it
        yield (("\r\n" if number else "") + opening).encode("ascii") + first
        yield from pieces
    yield f"\r\n--{boundary}--\r\n".encode("ascii")


def begun(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same pieces, with the first one already taken.

    What goes wrong before the first piece is then raised here, while a proper status can still be sent.
    """
    remaining = iter(pieces)
    first = next(remaining, b"")
    return chain((first,), remaining)
