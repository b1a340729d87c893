"""The skeleton of a de-identified file: what may stand in it at all (PS3.10 and PS3.5 section 7, PS3.15 Annex E)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise

from pydicom.datadict import dictionary_has_tag, dictionary_VR

from kaname.residual.layout import PIXELS, PREAMBLE, Buffer, Layout, Span, attribute_name, value_text
from kaname.residual.model import Finding
from kaname.residual.tables import INSPECT

_MEDIA_SOP_CLASS, _MEDIA_SOP_INSTANCE, _SYNTAX, _VERSION_NAME = 0x00020002, 0x00020003, 0x00020010, 0x00020013
_SOP_CLASS, _SOP_INSTANCE = 0x00080016, 0x00080018
_NEEDED = (0x00020000, 0x00020001, _MEDIA_SOP_CLASS, _MEDIA_SOP_INSTANCE, _SYNTAX, 0x00020012)
_NEARLY_ALIKE = (
    frozenset(["AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"]),
    frozenset(["AT", "DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"]),
    frozenset(["OB", "OW"]),
)
"""VRs that writers confuse: the value is judged by the stricter rule of the two either way."""
_COMMAND, _META, _DIRECTORY, _PHOTOGRAPH, _PADDING = 0x0000, 0x0002, 0x0004, 0x0016, 0xFFFC
_DERMOSCOPE = 0x1000
"""From here on group 0016 is of the light of a dermatoscope (PS3.3 section C.8.12.15), not of a camera and a place."""
_CURVES, _OVERLAYS, _REPEATING = 0x50, 0x60, 0xFF


def inspect_meta(data: Buffer, layout: Layout, syntaxes: Collection[str] = ()) -> Iterator[Finding]:
    """Preamble and file meta information: empty, exact and without foreign elements.

    Args:
        data: the whole file.
        layout: its elements.
        syntaxes: Transfer Syntax UIDs that are taken for this object besides those of every object.
    """
    if any(data[:PREAMBLE]):
        yield Finding("preamble", "bytes")
    tags = [span.tag for span in layout.meta]
    for tag in tags:
        if tag & 0xFFFF not in INSPECT.meta_elements:
            yield Finding("file-meta", attribute_name((tag,)), "foreign")
    for tag in _NEEDED:
        if tag not in tags:
            yield Finding("file-meta", attribute_name((tag,)), "missing")
    if any(a >= b for a, b in pairwise(tags)):
        yield Finding("file-meta", "bytes", "order")
    if layout.syntax not in syntaxes and not any(p.fullmatch(layout.syntax) for p in INSPECT.transfer_syntaxes):
        yield Finding("transfer-syntax", attribute_name((_SYNTAX,)))
    yield from _meta_values(data, layout)


def _meta_values(data: Buffer, layout: Layout) -> Iterator[Finding]:
    for span in layout.meta:
        value = data[span.value : span.end]
        if span.tag == 0x00020000 and int.from_bytes(value, "little") != layout.meta[-1].end - span.end:  # noqa: PLR2004
            yield Finding("file-meta", attribute_name((span.tag,)), "length")
        if span.tag == 0x00020001 and value != b"\0\1":  # noqa: PLR2004
            yield Finding("file-meta", attribute_name((span.tag,)), "version")
    for tag, other in ((_MEDIA_SOP_CLASS, _SOP_CLASS), (_MEDIA_SOP_INSTANCE, _SOP_INSTANCE)):
        if value_text(data, layout.meta, tag) != value_text(data, layout.spans, other):
            yield Finding("file-meta", attribute_name((tag,)), "differs")
    name = value_text(data, layout.meta, _VERSION_NAME)
    if name and not INSPECT.implementations.fullmatch(name):
        yield Finding("file-meta", attribute_name((_VERSION_NAME,)), "name")


def inspect_elements(spans: Sequence[Span]) -> Iterator[Finding]:
    """Elements that no de-identified object has, at any depth, and elements out of order on the top level."""
    for span in spans:
        kind = forbidden(span.tag, nested=bool(span.path))
        if kind:
            yield Finding(kind, attribute_name((*span.path, span.tag)))
        elif not _fits(span):
            yield Finding("vr", attribute_name((*span.path, span.tag)), span.vr)
    top = [span.tag for span in spans if not span.path]
    if any(a >= b for a, b in pairwise(top)):
        yield Finding("order", "bytes")


def forbidden(tag: int, *, nested: bool) -> str:
    """Why an element may not stand in a de-identified object; empty where it may."""
    group, element = tag >> 16, tag & 0xFFFF
    if group & 1:
        return "private-element"
    if element == 0:
        return "group-length"
    if group in (_COMMAND, _META, _DIRECTORY) or (group == _PHOTOGRAPH and element < _DERMOSCOPE):
        return "foreign-group"
    if group == _PADDING:
        return "padding"
    if group >> 8 in (_CURVES, _OVERLAYS) and group & _REPEATING < _REPEATING:
        return "curve" if group >> 8 == _CURVES else "overlay"
    if not dictionary_has_tag(tag):
        return "unknown-element"
    return "nested-pixels" if nested and tag in PIXELS else ""


def _fits(span: Span) -> bool:
    """Whether the VR is one of the dictionary, one that writers confuse with it, or none of a value judged anyway."""
    if span.vr == "UN":
        return True
    known = dictionary_VR(span.tag).split(" or ")
    return span.vr in known or any(span.vr in family and family & set(known) for family in _NEARLY_ALIKE)
