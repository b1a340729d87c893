"""Colour profiles: their numbers kept, their words not (ICC.1:2022, the format of profiles).

A scanner's profile carries its maker, its serial number, the day of its calibration and free text. What decides the
colours is a handful of tables of numbers: those are copied into a profile with words of our own.
"""

from __future__ import annotations

import struct

_HEADER, _ENTRY = 128, 12
_MOST_TAGS, MOST_BYTES = 100, 1 << 22
_RGB, _XYZ, _LAB = b"RGB ", b"XYZ ", b"Lab "
_CLASSES = frozenset((b"scnr", b"mntr", b"prtr", b"spac"))
_COLOURS = frozenset(
    b"rXYZ gXYZ bXYZ rTRC gTRC bTRC wtpt bkpt chad lumi A2B0 A2B1 A2B2 B2A0 B2A1 B2A2 gamt".split(),
)
"""Tags whose types hold numbers alone."""
_TYPES = frozenset((b"XYZ ", b"curv", b"para", b"sf32", b"mft1", b"mft2", b"mAB ", b"mBA "))
_PARAMETERS = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}
"""Numbers of each kind of parametric curve (table 68 of ICC.1)."""
_D50 = struct.pack(">3i", 63190, 65536, 54061)
_SRGB = {b"rXYZ": (28578, 14581, 912), b"gXYZ": (25240, 46981, 6362), b"bXYZ": (9376, 3974, 46799)}
"""The primaries of IEC 61966-2-1, adapted to D50, in 65536ths."""
_SRGB_CURVE = struct.pack(">4sIHH5i", b"para", 0, 3, 0, 157286, 62119, 3417, 5072, 2651)
"""Gamma 2.4 with a straight foot: g, a, b, c, d in 65536ths (table 68 of ICC.1)."""


def cleaned(profile: bytes) -> bytes:
    """A profile of three colours with its numbers alone; empty where it is none, or has none of them.

    Args:
        profile: as it stood in the file.
    """
    tables = _tables(profile)
    if not {b"wtpt"} <= tables.keys() or not ({b"A2B0"} <= tables.keys() or {*_SRGB, b"rTRC"} <= tables.keys()):
        return b""
    return _written(profile[8:12], profile[12:16], profile[20:24], tables)


def srgb() -> bytes:
    """The profile of sRGB: for pictures that say nothing of their colours."""
    tables = {tag: struct.pack(">4sI3i", b"XYZ ", 0, *values) for tag, values in _SRGB.items()}
    tables |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _SRGB_CURVE)
    tables[b"wtpt"] = b"XYZ \0\0\0\0" + _D50
    return _written(b"\x04\x20\0\0", b"mntr", _XYZ, tables)


def _tables(profile: bytes) -> dict[bytes, bytes]:
    """The tables of numbers of a profile, by tag; nothing where its frame is broken."""
    whole = _HEADER + 4 <= len(profile) <= MOST_BYTES and profile[36:40] == b"acsp"
    if not whole or profile[16:20] != _RGB or profile[20:24] not in (_XYZ, _LAB) or profile[12:16] not in _CLASSES:
        return {}
    count = int.from_bytes(profile[_HEADER : _HEADER + 4], "big")
    if count > _MOST_TAGS or _HEADER + 4 + count * _ENTRY > len(profile):
        return {}
    tables: dict[bytes, bytes] = {}
    for number in range(count):
        tag, offset, size = struct.unpack_from(">4sII", profile, _HEADER + 4 + number * _ENTRY)
        value = profile[offset : offset + size]
        if tag in _COLOURS and len(value) == size and value[:4] in _TYPES:
            tables[tag] = _numbers(value)
    return tables


def _numbers(value: bytes) -> bytes:
    """A table as long as its type makes it: behind its numbers anything may stand. Those of cubes are kept whole."""
    kind, length = value[:4], len(value)
    if kind == b"XYZ ":
        length = 20
    elif kind == b"sf32":
        length = 44
    elif kind == b"curv":
        length = 12 + 2 * int.from_bytes(value[8:12], "big")
    elif kind == b"para":
        length = 12 + 4 * _PARAMETERS.get(int.from_bytes(value[8:10], "big"), 0)
    return kind + bytes(4) + value[8:length]


def _written(version: bytes, kind: bytes, space: bytes, tables: dict[bytes, bytes]) -> bytes:
    """A profile without a day, a maker, a model or a name."""
    four = version[0] >= 4  # noqa: PLR2004 - the edition that changed how words are written
    words = {b"desc": _words("RGB", four=four), b"cprt": _words("none", four=four, kind=b"text")}
    parts: list[bytes] = []
    entries: list[bytes] = []
    offsets: dict[bytes, int] = {}
    position = _HEADER + 4 + _ENTRY * len(tables | words)
    for tag, value in sorted((tables | words).items()):
        if value not in offsets:
            offsets[value] = position
            parts.append(value + b"\0" * (-len(value) % 4))
            position += len(parts[-1])
        entries.append(struct.pack(">4sII", tag, offsets[value], len(value)))
    head = struct.pack(">I4s", position, b"\0" * 4) + version + kind + _RGB + space
    head = head.ljust(36, b"\0") + b"acsp"
    head = head.ljust(68, b"\0") + _D50
    return b"".join((head.ljust(_HEADER, b"\0"), struct.pack(">I", len(entries)), *entries, *parts))


def _words(text: str, *, four: bool, kind: bytes = b"desc") -> bytes:
    if four:
        wide = text.encode("utf-16-be")
        return struct.pack(">4sIII2s2sII", b"mluc", 0, 1, 12, b"en", b"US", len(wide), 28) + wide
    plain = text.encode() + b"\0"
    if kind == b"text":
        return b"text\0\0\0\0" + plain
    return b"desc\0\0\0\0" + struct.pack(">I", len(plain)) + plain + bytes(8 + 3 + 67)
