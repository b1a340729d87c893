"""At the door for derived objects: does a report, a segmentation or an annotation say who somebody is?

Such an object is made on the de-identified side, by people and programs that know only pseudonyms, and it never went
through the crossing. So it is judged like an image at intake, element by element, and besides by what only such objects
have: words that somebody wrote, names of observers, masks. Whether it refers to what it says it does is for the archive
to find out. Own tables: ``derived.toml``.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pydicom.datadict import keyword_for_tag

from kaname.residual.layout import Buffer, Layout, LayoutError, Span, attribute_name, known_vr, read_layout, value_text
from kaname.residual.model import Finding
from kaname.residual.structure import forbidden, inspect_elements, inspect_meta
from kaname.residual.tables import INSPECT
from kaname.residual.values import BINARY_VRS, TEXT_VRS, inspect_value

_CLASS, _NAME, _ID, _REMOVED, _CHARSET = 0x00080016, 0x00100010, 0x00100020, 0x00120062, 0x00080005
_IMPLEMENTATION, _VERSION_NAME, _META_GROUP = 0x00020012, 0x00020013, 2
_SAMPLES, _FRAMES, _ROWS, _COLUMNS, _ALLOCATED = 0x00280002, 0x00280008, 0x00280010, 0x00280011, 0x00280100
_PIXEL_DATA = 0x7FE00010
_CODED = frozenset(["CodeMeaning", "CodeValue", "LongCodeValue", "CodingSchemeDesignator", "CodingSchemeVersion"])
_DIGEST = re.compile(r"sha256[=:][0-9a-f]{64}(?![0-9A-Za-z])")
_KINDS = {"truncated": "truncated", "trailing": "trailing-bytes"}


@dataclass(frozen=True, slots=True)
class _Tables:
    sop_classes: frozenset[str]
    with_pixels: frozenset[str]
    implementations: re.Pattern[str]
    implementation_uids: re.Pattern[str]
    uids: re.Pattern[str]
    spoken: frozenset[str]
    nobody: frozenset[str]
    binary: frozenset[str]
    longest_spoken: int


@cache
def _tables() -> _Tables:
    table = tomllib.loads(files("kaname.residual").joinpath("derived.toml").read_text(encoding="utf-8"))
    return _Tables(
        sop_classes=frozenset(table["sop_classes"]),
        with_pixels=frozenset(table["with_pixels"]),
        implementations=re.compile(table["implementations"]),
        implementation_uids=re.compile(table["implementation_uids"]),
        uids=re.compile(table["uids"]),
        spoken=frozenset(table["spoken"]),
        nobody=frozenset(table["nobody"]),
        binary=frozenset(table["binary"]),
        longest_spoken=table["longest_spoken"],
    )


def inspect_derived(data: Buffer) -> tuple[Finding, ...]:
    """Findings in one derived object, sorted; empty when it may pass.

    Args:
        data: The whole Part 10 file, bytes or a memory map.
    """
    try:
        layout = read_layout(data)
    except LayoutError as error:
        reason = str(error)
        return (Finding(_KINDS.get(reason, "malformed"), "bytes", reason),)
    found = {
        *_meta(data, layout),
        *inspect_elements(layout.spans),
        *_values(data, layout),
        *_marks(data, layout),
        *_pixels(data, layout),
    }
    return tuple(sorted(found))


def _meta(data: Buffer, layout: Layout) -> Iterator[Finding]:
    """File meta information as at intake, but for the programs that may have written it."""
    foreign = Finding("file-meta", attribute_name((_VERSION_NAME,)), "name")
    yield from (finding for finding in inspect_meta(data, layout) if finding != foreign)
    name = value_text(data, layout.meta, _VERSION_NAME)
    if name and not _tables().implementations.fullmatch(name):
        yield foreign


def _values(data: Buffer, layout: Layout) -> Iterator[Finding]:
    for span in (*layout.meta, *layout.spans):
        if _has_value(span, layout):
            yield from _value(span, data[span.value : span.end])


def _has_value(span: Span, layout: Layout) -> bool:
    if span is layout.pixels or span.vr == "SQ":
        return False
    if span.tag >> 16 == _META_GROUP:
        return span.vr == "UI"
    return not forbidden(span.tag, nested=bool(span.path))


def _value(span: Span, value: bytes) -> Iterator[Finding]:
    """One value: by the rules of images where an image may have it, else by those of its kind."""
    keyword, known = keyword_for_tag(span.tag), known_vr(span.tag)
    vr = known if span.vr == "UN" else span.vr
    name = attribute_name((*span.path, span.tag))
    if "PN" in (vr, known) and span.tag != _NAME:
        yield from _person(name, value)
    elif keyword in _tables().spoken and (vr in TEXT_VRS or known in TEXT_VRS):
        yield from _spoken(name, value)
    elif vr == "UI":
        yield from _uids(span, value)
    elif vr not in BINARY_VRS or keyword not in _tables().binary:
        yield from inspect_value(span, value)


def _person(name: str, value: bytes) -> Iterator[Finding]:
    """The name of an observer: nobody's, or a pseudonym."""
    text = value.decode("latin-1").strip("\0 ")
    if text and text.lower() not in _tables().nobody and not INSPECT.subject.fullmatch(text):
        yield Finding("person", name)


def _spoken(name: str, value: bytes) -> Iterator[Finding]:
    """What somebody wrote: short, plain letters, nothing that looks like a person, a date or a number of something."""
    if not value.isascii():
        yield Finding("charset", name, "not ASCII")
        return
    text = _DIGEST.sub("digest", value.decode("ascii").strip("\0 "))
    if len(text) > _tables().longest_spoken:
        yield Finding("long-text", name)
    if any(unicodedata.category(c) == "Cc" and c not in "\r\n\t" for c in text):
        yield Finding("control-character", name)
    for rule, pattern in INSPECT.patterns.items():
        if pattern.search(text):
            yield Finding(rule, name, "pattern")


def _uids(span: Span, value: bytes) -> Iterator[Finding]:
    """UIDs made from chance, by us or by a known program, and those of the Standard."""
    known = _tables().implementation_uids if span.tag == _IMPLEMENTATION else _tables().uids
    kept = [part for part in value.split(b"\\") if not known.fullmatch(part.decode("latin-1").strip("\0 "))]
    yield from inspect_value(span, b"\\".join(kept))


def _marks(data: Buffer, layout: Layout) -> Iterator[Finding]:
    """One pseudonym in both places, and nothing that says that an identity is still there."""
    spans = layout.spans
    if value_text(data, spans, _CLASS) not in _tables().sop_classes:
        yield Finding("sop-class", "SOPClassUID")
    if value_text(data, spans, _REMOVED) not in ("", "YES"):
        yield Finding("marker", "PatientIdentityRemoved")
    subject = value_text(data, spans, _ID)
    if not INSPECT.subject.fullmatch(subject):
        yield Finding("subject", "PatientID")
    if value_text(data, spans, _NAME) not in ("", subject):
        yield Finding("subject", "PatientName")
    if not value_text(data, spans, _CHARSET) and not all(
        data[span.value : span.end].isascii() for span in spans if keyword_for_tag(span.tag) in _CODED
    ):
        yield Finding("charset", "SpecificCharacterSet", "missing")


def _pixels(data: Buffer, layout: Layout) -> Iterator[Finding]:
    """Pixel data only where the class has them, and native ones exactly as long as the header says."""
    pixels = layout.pixels
    if pixels is None:
        return
    if value_text(data, layout.spans, _CLASS) not in _tables().with_pixels or pixels.tag != _PIXEL_DATA:
        yield Finding("pixels", attribute_name((pixels.tag,)))
        return
    if data[pixels.value - 4 : pixels.value] == b"\xff\xff\xff\xff":
        return
    frames = value_text(data, layout.spans, _FRAMES)
    bits = int(frames) if frames.isdecimal() else 1
    for tag in (_ROWS, _COLUMNS, _ALLOCATED, _SAMPLES):
        bits *= next(
            (int.from_bytes(data[s.value : s.end], "little") for s in layout.spans if s.tag == tag and not s.path), 0
        )
    length = (bits + 7) // 8
    if pixels.end - pixels.value != length + length % 2:
        yield Finding("pixel-length", "PixelData")
