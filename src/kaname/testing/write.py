"""Part 10 files written element by element, so that wrong ones can be made as well as right ones.

Shares no code with the crossing: what one side misunderstands, the other shall not misunderstand in the same way.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydicom.datadict import dictionary_VR, tag_for_keyword

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
IMPLICIT_LITTLE = "1.2.840.10008.1.2"
CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"

_LONG = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"])
_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "UV": "Q", "SV": "q"}
_TEXT_IN_CHARSET = frozenset(["LO", "LT", "PN", "SH", "ST", "UC", "UT"])
_NUL_PADDED = frozenset(["OB", "OW", "UI", "UN"])
_UNDEFINED = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Charset:
    """One way in which hospitals write text."""

    name: str
    declared: str
    """Value of Specific Character Set; empty means that the attribute is absent."""
    codec: str
    """Python codec of the bytes; ``jisx0201`` stands for code extension to half-width kana."""

    def fits(self, text: str) -> bool:
        """Whether every character can be written."""
        if self.codec == "jisx0201":
            return all(c.isascii() or "｡" <= c <= "ﾟ" for c in text)
        try:
            text.encode(self.codec)
        except UnicodeEncodeError:
            return False
        return True

    def encode(self, text: str) -> bytes:
        """The bytes of a text, each component and line beginning in ASCII (PS3.5 section 6.1.2.5.3).

        Raises:
            UnicodeEncodeError: when a character cannot be written in this set.
        """
        if self.codec != "jisx0201":
            return text.encode(self.codec)
        out, shifted = bytearray(), False
        for c in text:
            if not c.isascii() and not shifted:
                out += b"\x1b)I"
                shifted = True
            elif c in "^=\\\r\n":
                shifted = False
            out += c.encode("ascii" if c.isascii() else "shift_jis")
        return bytes(out)


UTF_8 = Charset("ISO_IR 192", "ISO_IR 192", "utf-8")
CHARSETS = (
    Charset("ISO 2022 IR 87", "\\ISO 2022 IR 87", "iso2022_jp"),
    UTF_8,
    Charset("ISO 2022 IR 13", "\\ISO 2022 IR 13", "jisx0201"),
    Charset("none", "", "ascii"),
    Charset("undeclared CP932", "", "cp932"),
)
"""What Japanese hospitals send, the last one against the Standard."""

Value = str | bytes | int | float | Sequence[int] | Sequence[float]


@dataclass(slots=True)
class Header:
    """A data set being made: elements by tag, in any order. Texts are ``str``, everything else is bytes already."""

    elements: dict[int, tuple[str, str | bytes | list[Header]]] = field(
        default_factory=dict[int, "tuple[str, str | bytes | list[Header]]"]
    )

    def put(self, attribute: str | int, value: Value, vr: str = "") -> None:
        """Sets an attribute, by keyword or number.

        Args:
            attribute: keyword of the Standard, or the tag as one number.
            value: text, bytes as they shall stand in the file, or numbers for a VR of numbers.
            vr: needed where the Standard does not say it, or to write another one.
        """
        tag = tag_of(attribute)
        vr = vr or dictionary_VR(tag).split(" or ")[0]
        if isinstance(value, str | bytes):
            self.elements[tag] = vr, value
        elif vr in _NUMBERS:
            values = (value,) if isinstance(value, int | float) else tuple(value)
            self.elements[tag] = vr, struct.pack(f"<{len(values)}{_NUMBERS[vr]}", *values)
        else:
            values = (value,) if isinstance(value, int | float) else tuple(value)
            self.elements[tag] = vr, "\\".join(str(v) for v in values)

    def put_all(self, values: Mapping[str, Value]) -> None:
        """Sets many attributes by keyword."""
        for keyword, value in values.items():
            self.put(keyword, value)

    def put_items(self, attribute: str | int, *items: Header) -> None:
        """Sets a sequence."""
        self.elements[tag_of(attribute)] = "SQ", list(items)

    def encode(self, charset: Charset, *, implicit: bool = False, undefined: bool = False) -> bytes:
        """The data set's bytes in little endian, sequences and items of undefined length if asked."""
        return b"".join(
            encode_element(
                tag,
                vr,
                _items(value, charset, implicit=implicit, undefined=undefined)
                if isinstance(value, list)
                else _bytes(vr, value, charset),
                implicit=implicit,
                undefined=undefined and vr == "SQ",
            )
            for tag, (vr, value) in sorted(self.elements.items())
        )


def tag_of(attribute: str | int) -> int:
    """The tag as one number.

    Raises:
        KeyError: when the Standard has no such keyword.
    """
    if isinstance(attribute, int):
        return attribute
    tag = tag_for_keyword(attribute)
    if tag is None:
        raise KeyError(attribute)
    return tag


def _bytes(vr: str, value: str | bytes, charset: Charset) -> bytes:
    if isinstance(value, bytes):
        return value
    return charset.encode(value) if vr in _TEXT_IN_CHARSET else value.encode("ascii")


def _items(items: list[Header], charset: Charset, *, implicit: bool, undefined: bool) -> bytes:
    out: list[bytes] = []
    for item in items:
        body = item.encode(charset, implicit=implicit, undefined=undefined)
        length = _UNDEFINED if undefined else len(body)
        out.append(struct.pack("<HHI", 0xFFFE, 0xE000, length) + body)
        if undefined:
            out.append(struct.pack("<HHI", 0xFFFE, 0xE00D, 0))
    if undefined:
        out.append(struct.pack("<HHI", 0xFFFE, 0xE0DD, 0))
    return b"".join(out)


def encode_element(tag: int, vr: str, value: bytes, *, implicit: bool = False, undefined: bool = False) -> bytes:
    """One element in little endian, padded to even length."""
    if len(value) % 2:
        value += b"\0" if vr in _NUL_PADDED else b" "
    length = _UNDEFINED if undefined else len(value)
    number = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if implicit:
        return number + struct.pack("<I", length) + value
    if vr in _LONG:
        return number + vr.encode() + struct.pack("<HI", 0, length) + value
    return number + vr.encode() + struct.pack("<H", length) + value


def part10(
    header: Header,
    charset: Charset = UTF_8,
    *,
    implicit: bool = False,
    undefined: bool = False,
    preamble: bytes = b"",
    meta: Mapping[int, tuple[str, bytes]] | None = None,
) -> bytes:
    """The whole file (PS3.10 section 7): preamble, prefix, File Meta Information, data set.

    Args:
        header: the data set; its SOP Class and Instance UID go into the File Meta Information too.
        charset: how texts are written, and what is declared.
        implicit: VRs implicit.
        undefined: sequences of undefined length.
        preamble: what stands in the first 128 bytes; cut or filled with NUL.
        meta: more elements of group 0002, by element number: VR and bytes. May replace what stands there.
    """
    if charset.declared:
        header.put("SpecificCharacterSet", charset.declared)
    group: dict[int, tuple[str, bytes]] = {
        0x0001: ("OB", b"\0\1"),
        0x0002: ("UI", _meta_uid(header, "SOPClassUID")),
        0x0003: ("UI", _meta_uid(header, "SOPInstanceUID")),
        0x0010: ("UI", (IMPLICIT_LITTLE if implicit else EXPLICIT_LITTLE).encode()),
        0x0012: ("UI", b"2.25.99119911"),
        0x0013: ("SH", b"INVENTED"),
    }
    group.update(meta or {})
    body = b"".join(encode_element(0x00020000 | e, vr, value) for e, (vr, value) in sorted(group.items()))
    length = encode_element(0x00020000, "UL", struct.pack("<I", len(body)))
    data = header.encode(charset, implicit=implicit, undefined=undefined)
    return preamble[:128].ljust(128, b"\0") + b"DICM" + length + body + data


def _meta_uid(header: Header, keyword: str) -> bytes:
    value = header.elements.get(tag_of(keyword), ("UI", b""))[1]
    return value.encode() if isinstance(value, str) else b""
