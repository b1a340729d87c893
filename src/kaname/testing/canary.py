"""The canaries: one CT in which every text attribute of the Standard carries a text of its own.

Whatever rule forgets an attribute, its canary sings: it stands on the top level, in a sequence of the Standard, in a
private sequence, and in a sequence written as UN. Values of DA, TM, CS, DS and the like break their VR's grammar, so
that they are text and not a date or a number.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary

from kaname.testing.ct import Scan, technical
from kaname.testing.phantom import Phantom
from kaname.testing.plant import PRIVATE_CREATOR
from kaname.testing.write import UTF_8, Header, Value, part10

TEXT_VRS = ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UR", "UT")
LEFT_OUT: Mapping[str, str] = {
    "SpecificCharacterSet": "Says how all other texts are to be read.",
    "ImageType": "Decides whether the pixels are a device's own; a stranger value is held.",
    "Modality": "Says that the object is a CT.",
    "ConversionType": "Its presence says that the pixels were captured; such an object is held.",
    "PhotometricInterpretation": "Needed to read the pixels.",
}
"""Attributes that keep their true value on the top level, each with the reason; UIDs are no text and stay as well."""
_SIZE = 32
_SENTENCES = frozenset(("LT", "ST", "UT", "UC"))
_SHORT = frozenset(("AE", "CS", "SH", "AS", "DA", "DS", "DT", "IS", "TM", "UR"))
_KANA = "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロ"
_PLACES = ("top level", "sequence of the Standard", "private sequence", "sequence as UN")
_FIRST_GROUP = 0x0008
_OVERLAY_GROUPS = (0x5000, 0x6000)


@dataclass(frozen=True, slots=True)
class Canaries:
    """The object and its canaries."""

    data: bytes
    """A Part 10 file."""
    canaries: Mapping[str, str]
    """The canary by its place, e.g. ``private sequence/PatientComments``; no two are alike, none may survive."""


@dataclass(slots=True)
class _Cage:
    without: frozenset[str]
    canaries: dict[str, str] = field(default_factory=dict[str, str])

    def canary(self, place: str, vr: str) -> str:
        """A new canary that fits the VR's length, and breaks its grammar where it has one."""
        number = len(self.canaries)
        if vr in _SHORT or number % 2:
            canary = f"Cnry{number:06}x"
        else:
            canary = "カナリア" + "".join(_KANA[number // len(_KANA) ** power % len(_KANA)] for power in range(4))
        self.canaries[place] = canary
        return canary


def text_attributes() -> Iterator[tuple[int, str, str]]:
    """Tag, VR and keyword of every attribute of PS3.6 that holds text, overlays and curves in their first group.

    Groups below 0008 are left out: commands, file meta and directory records stand in no image's data set.
    """
    for tag, entry in sorted(DicomDictionary.items()):
        if entry[0] in TEXT_VRS and tag >> 16 >= _FIRST_GROUP and entry[4]:
            yield tag, entry[0], entry[4]
    for mask, entry in sorted(RepeatersDictionary.items()):
        tag = int(mask.replace("x", "0"), 16)
        if entry[0] in TEXT_VRS and tag >> 16 in _OVERLAY_GROUPS and entry[4]:
            yield tag, entry[0], entry[4]


STILL: Mapping[str, Value] = {
    "Modality": "XC",
    "BodyPartExamined": "HAND",
    "ImageType": "ORIGINAL\\PRIMARY\\VOLUME\\NONE",
    "NumberOfFrames": "1",
    "SamplesPerPixel": 3,
    "PhotometricInterpretation": "RGB",
    "PlanarConfiguration": 0,
    "BitsAllocated": 8,
    "BitsStored": 8,
    "HighBit": 7,
    "PixelRepresentation": 0,
    "SpecimenLabelInImage": "NO",
    "DimensionOrganizationType": "TILED_FULL",
    "TotalPixelMatrixColumns": _SIZE,
    "TotalPixelMatrixRows": _SIZE,
    "PixelData": bytes(3 * _SIZE * _SIZE),
}
"""What turns the CT slice into a black photograph, section or slide of one tile."""


def canary_object(
    *, implicit: bool = False, without: Collection[str] = (), true: Mapping[str, Value] | None = None
) -> Canaries:
    """Makes the object, always the same: a 32 by 32 CT slice in ISO_IR 192 with some 9,800 canaries.

    Args:
        implicit: VRs implicit.
        without: keywords that get no canary in any place, because a registry keeps that text and says why.
        true: attributes that have these values on the top level, and no canary: another class and its pixels.
    """
    true = true or {}
    cage = _Cage(frozenset(without))
    header = technical(Scan(date(2001, 1, 1), "080000", _SIZE, 10.0, 5.0, 120, 200, "FC13", "CHEST", 1), 1, 1)
    for number, keyword in enumerate(("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"), start=1):
        header.put(keyword, f"2.25.16180339887498948482045868{number}")
    header.put("PixelData", Phantom("canary", _SIZE).slice(0.5), "OW")
    _fill(header, cage, _PLACES[0])
    header.put_all(true)
    for keyword in true:
        cage.canaries.pop(f"{_PLACES[0]}/{keyword}", None)
    header.put_items("SharedFunctionalGroupsSequence", _fill(Header(), cage, _PLACES[1]))
    header.put(0x00290010, PRIVATE_CREATOR, "LO")
    header.put_items(0x00291030, _fill(Header(), cage, _PLACES[2]))
    inside = _fill(Header(), cage, _PLACES[3]).encode(UTF_8, implicit=True)
    item = struct.pack("<HHI", 0xFFFE, 0xE000, len(inside)) + inside
    header.put("PerFrameFunctionalGroupsSequence", item, "UN")
    header.put(0x00291040, cage.canary("private LT", "LT"), "LT")
    header.put(0x00100F01, cage.canary("unknown even group as UN", "UN").encode(), "UN")
    return Canaries(part10(header, UTF_8, implicit=implicit), cage.canaries)


def _fill(header: Header, cage: _Cage, place: str) -> Header:
    """Puts a canary into every text attribute; on the top level those of :data:`LEFT_OUT` keep what they have."""
    for tag, vr, keyword in text_attributes():
        if keyword in cage.without or keyword == "SpecificCharacterSet":
            continue
        if place == _PLACES[0] and keyword in LEFT_OUT:
            continue
        canary = cage.canary(f"{place}/{keyword}", vr)
        header.put(tag, f"患者は{canary}である。Seen by {canary}." if vr in _SENTENCES else canary, vr)
    return header
