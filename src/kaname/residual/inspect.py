"""At intake, which knows nobody: does anything in a file look as if it named somebody?

An inspection by structure and by the look of values, with its own tables (``settings.toml``). It lets a file pass only
if every element, at every depth, is one that a de-identified CT, MR or PET object may have, or an ultrasound object
whose pixels are blank outside the regions of image, or a photograph, section, slide or video without writing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from kaname.residual.layout import Buffer, Layout, LayoutError, Span, read_layout, value_text
from kaname.residual.model import Finding
from kaname.residual.picture import inspect_picture
from kaname.residual.structure import forbidden, inspect_elements, inspect_meta
from kaname.residual.tables import INSPECT
from kaname.residual.values import inspect_value

_NAME, _ID, _REMOVED, _METHOD, _CODES = 0x00100010, 0x00100020, 0x00120062, 0x00120063, 0x00120064
_CHARSET, _DATES_MODIFIED, _SOP_CLASS = 0x00080005, 0x00280303, 0x00080016
_NONE: frozenset[str] = frozenset()
_KINDS = {"truncated": "truncated", "trailing": "trailing-bytes"}


def inspect_file(
    data: Buffer, region_classes: Collection[str] = (), writing_classes: Collection[str] = ()
) -> tuple[Finding, ...]:
    """Findings in one de-identified Part 10 file, sorted; empty when it may pass.

    Args:
        data: the whole file, bytes or a memory map.
        region_classes: SOP Class UIDs that the registry takes in when they are blank outside their regions.
        writing_classes: SOP Class UIDs that the registry takes in when their picture shows no writing.

    Raises:
        NotYet: ``detector-missing``, ``video-decoder-missing``, for objects of such a class alone.
    """
    try:
        layout = read_layout(data)
    except LayoutError as error:
        reason = str(error)
        return (Finding(_KINDS.get(reason, "malformed"), "bytes", reason),)
    sop_class = value_text(data, layout.spans, _SOP_CLASS)
    own = INSPECT.writing.attributes.get(sop_class, _NONE) if sop_class in writing_classes else _NONE
    found = {
        *inspect_meta(data, layout, INSPECT.writing.videos if sop_class in writing_classes else _NONE),
        *inspect_elements(layout.spans),
        *_values(data, layout, own),
        *_marks(data, layout),
        *inspect_picture(data, layout, region_classes, writing_classes),
    }
    return tuple(sorted(found))


def _values(data: Buffer, layout: Layout, own: frozenset[str]) -> Iterator[Finding]:
    for span in (*layout.meta, *layout.spans):
        if _has_value(span, layout):
            yield from inspect_value(span, data[span.value : span.end], own)


def _has_value(span: Span, layout: Layout) -> bool:
    """Whether a span has a value to judge: no sequence, not the pixels, not something whose presence is a finding."""
    if span is layout.pixels or span.vr == "SQ":
        return False
    if span.tag >> 16 == 2:  # noqa: PLR2004
        return span.vr == "UI"
    return not forbidden(span.tag, nested=bool(span.path))


def _marks(data: Buffer, layout: Layout) -> Iterator[Finding]:
    """The markers that PS3.15 section E.1.1 demands, the character set, and one pseudonym in both places."""
    spans = layout.spans
    if value_text(data, spans, _REMOVED) != "YES":
        yield Finding("marker", "PatientIdentityRemoved")
    if not value_text(data, spans, _METHOD):
        yield Finding("marker", "DeidentificationMethod")
    if not any(span.path == (_CODES,) for span in spans):
        yield Finding("marker", "DeidentificationMethodCodeSequence")
    if value_text(data, spans, _DATES_MODIFIED) not in ("", "MODIFIED", "REMOVED"):
        yield Finding("marker", "LongitudinalTemporalInformationModified")
    if not value_text(data, spans, _CHARSET):
        yield Finding("charset", "SpecificCharacterSet", "missing")
    subject = value_text(data, spans, _ID)
    if not INSPECT.subject.fullmatch(subject):
        yield Finding("subject", "PatientID")
    if value_text(data, spans, _NAME) != subject:
        yield Finding("subject", "PatientName")
