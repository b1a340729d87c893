"""Everything that arrives and should not: one bad file per way of being bad, each with what should become of it."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from kaname.testing.ct import Scan, technical
from kaname.testing.phantom import Phantom
from kaname.testing.write import CHARSETS, CT_IMAGE_STORAGE, UTF_8, Charset, Header, part10, tag_of

_SIZE = 16
_DEFLATED = "1.2.840.10008.1.2.1.99"
_DEEP = 24
_BOMB_BYTES = 24 << 20
_UNDECODABLE = b"\x81\x20\x1b$B\xff\x81\x20"
PASSES = ""
"""Stands among the expected reasons where an object may cross."""


@dataclass(frozen=True, slots=True)
class BadInput:
    """One file or archive, and the reason codes that are right for what is in it."""

    path: Path
    reasons: frozenset[str]
    """Every object in the file ends with one of these codes; :data:`PASSES` stands for one that is cleaned."""


def good_slice(number: int = 1, charset: Charset = UTF_8) -> Header:
    """A small CT slice that may cross; every bad one is this with one thing wrong."""
    scan = Scan(date(2024, 5, 2), "101500", _SIZE, 20.0, 5.0, 120, 250, "FC13", "CHEST", 1)
    header = technical(scan, number, 1)
    header.put_all({"PatientID": f"BAD-{number:07}", "PatientSex": "M", "PatientBirthDate": "19610214"})
    name = "DAMEDA^GENZO=駄目田^源三" if charset.fits("駄目田源三") else "DAMEDA^GENZO"
    header.put_all({"PatientName": name, "AccessionNumber": f"BADACC{number:07}", "InstitutionName": "DAME CLINIC"})
    for level, keyword in enumerate(("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"), start=1):
        header.put(keyword, f"2.25.{10**30 + number * 10 + level}")
    header.put("PixelData", Phantom(f"bad {number}", _SIZE).slice(0.5), "OW")
    return header


def make_bad_inputs(folder: Path) -> dict[str, BadInput]:
    """Writes one good file, ``good``, and every bad one into ``folder``; returns them by name.

    A missing File Meta Information, a program in the preamble, a lie about the character set, two objects of one UID,
    broken, hostile and lying archives, a link: the issue's list and its neighbours. ``same-uid-first`` sorts before
    ``same-uid-second``, which is the bad one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made: dict[str, BadInput] = {}
    for number, (name, (content, reasons)) in enumerate(_FILES.items(), start=1):
        path = folder / f"{name}.dcm"
        path.write_bytes(content(number))
        made[name] = BadInput(path, frozenset(reasons))
    for name, (write, reasons) in _ARCHIVES.items():
        path = folder / f"{name}.zip"
        write(path)
        made[name] = BadInput(path, frozenset(reasons))
    link = folder / "symlink.dcm"
    link.unlink(missing_ok=True)
    link.symlink_to(made["good"].path.name)
    made["symlink"] = BadInput(link, frozenset(("not-a-file",)))
    return made


def _before_pixels(number: int) -> bytes:
    header = good_slice(number)
    del header.elements[0x7FE00010]
    return part10(header)


def _with(keyword: str, value: str | bytes, number: int) -> bytes:
    header = good_slice(number)
    header.put(keyword, value)
    return part10(header)


def _without(keyword: str, number: int) -> bytes:
    header = good_slice(number)
    meta = {0x02: ("UI", CT_IMAGE_STORAGE.encode()), 0x03: ("UI", b"2.25.1")}
    del header.elements[tag_of(keyword)]
    return part10(header, meta=meta)


def _lying_charset(number: int) -> bytes:
    """Declared UTF-8, written in CP932."""
    header, cp932 = good_slice(number, CHARSETS[-1]), CHARSETS[-1]
    header.put("SpecificCharacterSet", UTF_8.declared)
    return part10(header, cp932)


def _nested(number: int, *, undefined: bool) -> bytes:
    header, inner = good_slice(number), Header()
    inner.put("CodeMeaning", "the bottom")
    for _ in range(_DEEP):
        outer = Header()
        outer.put_items("ContentSequence", inner)
        inner = outer
    header.put_items("ContentSequence", inner)
    return part10(header, undefined=undefined)


def _deflate_bomb(number: int) -> bytes:
    """A deflated data set whose last element is a long stretch of nothing."""
    content = part10(good_slice(number), meta={0x10: ("UI", _DEFLATED.encode())})
    start = content.index(struct.pack("<HH", 0x0008, 0x0005))
    squeezer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    body = [squeezer.compress(content[start:] + struct.pack("<HH2sHI", 0xFFFC, 0xFFFC, b"OB", 0, _BOMB_BYTES))]
    body.append(squeezer.compress(bytes(_BOMB_BYTES)))
    return content[:start] + b"".join(body) + squeezer.flush()


def _out_of_order(number: int) -> bytes:
    """The data set's end, then elements that belong before it."""
    stray = Header()
    stray.put("PatientComments", "DAMEDA GENZO behind the pixels")
    return part10(good_slice(number)) + stray.encode(UTF_8)


def _twice(number: int) -> bytes:
    """The last element a second time."""
    header, again = good_slice(number), Header()
    again.elements[0x7FE00010] = header.elements[0x7FE00010]
    return part10(header) + again.encode(UTF_8)


def _zip_traversal(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("series/good.dcm", part10(good_slice(501)))
        for number, name in enumerate(("../../outside.dcm", "/etc/outside.dcm", "..\\outside.dcm"), start=502):
            archive.writestr(name, part10(good_slice(number)))


def _zip_bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("bomb.dcm", part10(good_slice(510)) + bytes(_BOMB_BYTES))


def _zip_broken(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good.dcm", part10(good_slice(511)))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _zip_encrypted(path: Path) -> None:
    """A member that says that it is encrypted."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("secret.dcm", part10(good_slice(512)))
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)


_FILES: Mapping[str, tuple[Callable[[int], bytes], tuple[str, ...]]] = {
    "good": (lambda n: part10(good_slice(n)), (PASSES,)),
    "not-dicom": (lambda n: f"This is letter {n} and no image.\n".encode() * 20, ("not-dicom",)),
    "empty": (lambda _: b"", ("empty-file",)),
    "truncated-meta": (lambda n: part10(good_slice(n))[:150], ("truncated",)),
    "truncated-header": (lambda n: _before_pixels(n)[:-31], ("truncated", "trailing-bytes")),
    "truncated-pixels": (lambda n: part10(good_slice(n))[:-100], ("truncated",)),
    "no-meta": (lambda n: good_slice(n).encode(UTF_8), ("missing-file-meta",)),
    "no-transfer-syntax": (lambda n: part10(good_slice(n), meta={0x10: ("UI", b"")}), ("missing-file-meta",)),
    "unknown-transfer-syntax": (
        lambda n: part10(good_slice(n), meta={0x10: ("UI", b"1.2.840.10008.1.2.4.999")}),
        ("unsupported-transfer-syntax",),
    ),
    "charset-lie": (_lying_charset, (PASSES, "undecodable-text")),
    "charset-undecodable": (lambda n: _with("PatientName", _UNDECODABLE, n), ("undecodable-text",)),
    "unknown-sop-class": (lambda n: _with("SOPClassUID", "2.25.5550001", n), ("unknown-sop-class",)),
    "missing-study-uid": (lambda n: _without("StudyInstanceUID", n), ("missing-uid",)),
    "missing-series-uid": (lambda n: _without("SeriesInstanceUID", n), ("missing-uid",)),
    "missing-sop-instance-uid": (lambda n: _without("SOPInstanceUID", n), ("missing-uid",)),
    "missing-sop-class-uid": (lambda n: _without("SOPClassUID", n), ("missing-uid",)),
    "invalid-uid": (lambda n: _with("SeriesInstanceUID", "1.2.03.x", n), ("invalid-uid",)),
    "same-uid-first": (lambda _: part10(good_slice(900)), (PASSES,)),
    "same-uid-second": (lambda _: _with("KVP", "80", 900), ("same-uid-other-bytes",)),
    "preamble-mz": (lambda n: part10(good_slice(n), preamble=b"MZ\x90\0"), ("hostile-preamble",)),
    "preamble-elf": (lambda n: part10(good_slice(n), preamble=b"\x7fELF\2\1"), ("hostile-preamble",)),
    "preamble-script": (lambda n: part10(good_slice(n), preamble=b"#!/bin/sh\n"), ("hostile-preamble",)),
    "trailing-zeros": (lambda n: part10(good_slice(n)) + b"\0" * 64, ("trailing-bytes", "malformed-dicom")),
    "trailing-text": (
        lambda n: part10(good_slice(n)) + b"behind the end: DAMEDA GENZO",
        ("trailing-bytes", "malformed-dicom"),
    ),
    "deep-nesting": (lambda n: _nested(n, undefined=False), ("nesting-too-deep",)),
    "deep-nesting-undefined": (lambda n: _nested(n, undefined=True), ("nesting-too-deep",)),
    "deflate-bomb": (_deflate_bomb, ("too-large",)),
    "tags-out-of-order": (_out_of_order, ("malformed-dicom",)),
    "tag-twice": (_twice, ("malformed-dicom",)),
    "secondary-capture": (
        lambda n: _with("SOPClassUID", "1.2.840.10008.5.1.4.1.1.7", n),
        ("pixels-may-identify",),
    ),
    "screen-save": (lambda n: _with("ImageType", "DERIVED\\SECONDARY\\SCREEN SAVE", n), ("pixels-may-identify",)),
}
_ARCHIVES: Mapping[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "zip-path-traversal": (_zip_traversal, (PASSES, "path-traversal")),
    "zip-bomb": (_zip_bomb, ("too-large",)),
    "zip-broken": (_zip_broken, ("archive-broken",)),
    "zip-encrypted": (_zip_encrypted, ("archive-broken",)),
}
