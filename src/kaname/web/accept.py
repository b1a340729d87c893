"""Which form of an answer a client takes (RFC 9110 section 12.5.1, PS3.18 sections 8.7.3 to 8.7.5)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from kaname.errors import Refused

DICOM = "application/dicom"
DICOM_JSON = "application/dicom+json"
JSON = "application/json"
OCTETS = "application/octet-stream"
MULTIPART = "multipart/related"

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
LITTLE_ENDIAN = frozenset({"1.2.840.10008.1.2", EXPLICIT_LITTLE})
"""Syntaxes whose native frames are the same bytes as in Explicit VR Little Endian."""
FRAME_TYPES = {
    "1.2.840.10008.1.2.5": "image/dicom-rle",
    "1.2.840.10008.1.2.4.50": "image/jpeg",
    "1.2.840.10008.1.2.4.51": "image/jpeg",
    "1.2.840.10008.1.2.4.57": "image/jpeg",
    "1.2.840.10008.1.2.4.70": "image/jpeg",
    "1.2.840.10008.1.2.4.80": "image/jls",
    "1.2.840.10008.1.2.4.81": "image/jls",
    "1.2.840.10008.1.2.4.90": "image/jp2",
    "1.2.840.10008.1.2.4.91": "image/jp2",
    "1.2.840.10008.1.2.4.92": "image/jpx",
    "1.2.840.10008.1.2.4.93": "image/jpx",
    "1.2.840.10008.1.2.4.201": "image/jphc",
    "1.2.840.10008.1.2.4.202": "image/jphc",
    "1.2.840.10008.1.2.4.203": "image/jphc",
}
"""Media type of a compressed frame, by transfer syntax (PS3.18 table 8.7.3-5)."""

_QUOTED = r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)'
"""One that is never closed ends with the header: else each of its quotes would be tried to the end, again and again."""
_ELEMENTS = re.compile(rf'(?:[^,"]|{_QUOTED})++', re.DOTALL)
_PARAMETERS = re.compile(rf'(?:[^;"]|{_QUOTED})++', re.DOTALL)


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One thing that a client takes."""

    type: str
    """e.g. ``multipart/related``, ``application/*``."""
    part: str
    """The ``type`` parameter of a multipart range, ``*/*`` where it says nothing."""
    transfer_syntax: str
    """The ``transfer-syntax`` parameter, ``*`` for any, empty where it says nothing."""
    quality: float

    def takes(self, media_type: str) -> bool:
        """Whether the media type falls in this range."""
        return _matches(self.type, media_type)

    def takes_part(self, media_type: str) -> bool:
        """Whether this is a range of multipart answers with parts of this type."""
        return self.takes(MULTIPART) and _matches(self.part, media_type)


@dataclass(frozen=True, slots=True)
class Form:
    """How instances or frames are sent."""

    shape: Literal["single", "multipart"]
    transfer_syntaxes: frozenset[str]
    """Those that the client named; empty when it takes any."""

    def allows(self, transfer_syntax_uid: str) -> bool:
        """Whether an instance in this syntax may be sent as it is stored."""
        return not self.transfer_syntaxes or transfer_syntax_uid in self.transfer_syntaxes


def ranges(header: str) -> tuple[MediaRange, ...]:
    """The media ranges of an Accept header, the preferred one first; an empty header takes anything.

    Raises:
        Refused: ``not-acceptable`` when a quality is no number.
    """
    found = [_range(element) for element in _ELEMENTS.findall(header or "*/*")]
    return tuple(sorted((r for r in found if r.quality > 0), key=lambda r: -r.quality))


def json_form(header: str) -> str:
    """``application/dicom+json`` or ``application/json``, whichever the client takes first.

    Raises:
        Refused: ``not-acceptable``.
    """
    for wanted in ranges(header):
        for offered in (DICOM_JSON, JSON):
            if wanted.takes(offered):
                return offered
    raise Refused("not-acceptable", offered=DICOM_JSON)


def instance_form(header: str, *, single: bool) -> Form:
    """How to send instances: always as they are stored.

    A client that names a transfer syntax gets that one or a refusal; one that names none gets the stored one, since a
    Part 10 file says itself what it is in.

    Args:
        header: The Accept header.
        single: Whether one instance was asked for by name, so that it may come without a multipart around it.

    Raises:
        Refused: ``not-acceptable``.
    """
    wanted = ranges(header)
    for first in wanted:
        if first.takes_part(DICOM):
            return Form("multipart", _named(r for r in wanted if r.takes_part(DICOM)))
        if single and first.takes(DICOM):
            return Form("single", _named(r for r in wanted if r.takes(DICOM)))
    raise Refused("not-acceptable", offered=f"{MULTIPART}; type={DICOM}")


def frame_form(header: str, transfer_syntax_uid: str, *, single: bool) -> tuple[Literal["single", "multipart"], str]:
    """How to send frames of an instance stored in ``transfer_syntax_uid``: the shape, and the Content-Type of a part.

    A frame does not say what it is in. So compressed frames go out as the media type that names their compression,
    and as octets only to a client that names the syntax or takes any (``transfer-syntax=*``).

    Raises:
        Refused: ``not-acceptable``.
    """
    label = EXPLICIT_LITTLE if transfer_syntax_uid in LITTLE_ENDIAN else transfer_syntax_uid
    for wanted in ranges(header):
        for offered in _frame_types(transfer_syntax_uid, label, wanted):
            if wanted.takes_part(offered):
                return "multipart", f"{offered}; transfer-syntax={label}"
            if single and wanted.takes(offered):
                return "single", f"{offered}; transfer-syntax={label}"
    raise Refused("not-acceptable", offered=f"{MULTIPART}; type={OCTETS}; transfer-syntax={label}")


def _frame_types(stored: str, label: str, wanted: MediaRange) -> Iterable[str]:
    """What this range may be offered, octets last where a name for the compression exists."""
    if wanted.transfer_syntax not in ("", "*", stored, label):
        return
    if stored in FRAME_TYPES:
        yield FRAME_TYPES[stored]
    if label == EXPLICIT_LITTLE or wanted.transfer_syntax:
        yield OCTETS


def _named(taken: Iterable[MediaRange]) -> frozenset[str]:
    syntaxes = {wanted.transfer_syntax for wanted in taken}
    return frozenset() if syntaxes & {"", "*"} else frozenset(syntaxes)


def _range(element: str) -> MediaRange:
    head, *rest = [piece.strip() for piece in _PARAMETERS.findall(element)] or [""]
    parameters = {name.strip().lower(): value.strip().strip('"') for name, _, value in (p.partition("=") for p in rest)}
    try:
        quality = float(parameters.get("q", "1"))
    except ValueError as error:
        raise Refused("not-acceptable") from error
    part = parameters.get("type", "*/*").lower()
    return MediaRange(head.lower(), part, parameters.get("transfer-syntax", ""), quality)


def _matches(pattern: str, media_type: str) -> bool:
    if pattern in ("*", "*/*"):
        return True
    kind, _, subtype = pattern.partition("/")
    return pattern == media_type or (subtype == "*" and media_type.startswith(f"{kind}/"))
