"""The trap: one CT object with a sentinel of its own in each of 57 places where tools were measured to leak.

Some places belong to other kinds of objects (a document, a slide's label, a curve): they stand here all the same, since
nothing keeps a sender from writing them. The object is a CT, so that it may cross by its header alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from io import BytesIO

from kaname.testing.answer import kept_values
from kaname.testing.ct import KEPT, Scan, technical
from kaname.testing.phantom import Phantom
from kaname.testing.plant import PRIVATE_CREATOR
from kaname.testing.write import UTF_8, Header, part10

_SIZE = 64
_TEXTS = (
    "PatientID",
    "AccessionNumber",
    "OtherPatientIDs",
    "PatientAddress",
    "PatientTelephoneNumbers",
    "InstitutionAddress",
    "StudyDescription",
    "SeriesDescription",
    "InstitutionName",
    "StationName",
    "DeviceSerialNumber",
    "ImageComments",
    "ProtocolName",
    "PatientComments",
    "DocumentTitle",
    "RetrieveURL",
    "ContainerIdentifier",
    "BarcodeValue",
    "LabelText",
    "CameraOwnerName",
)
_PEOPLE = ("ReferringPhysicianName", "PerformingPhysicianName", "NameOfPhysiciansReadingStudy", "OperatorsName")
_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_DATES = {"PatientBirthDate": "19371109", "StudyDate": "20130617"}
_NESTED_DATE = "20090823"
_SURNAMES = ("荻窪", "鴨居", "辻堂", "茅野")


@dataclass(frozen=True, slots=True)
class Trap:
    """The object and what is in it."""

    data: bytes
    """A Part 10 file."""
    sentinels: Mapping[str, str]
    """The planted string by the name of its place; no two are alike, none may survive."""
    keep: Mapping[str, str]
    """Values by keyword that must survive, written as ``kept_values`` reads them."""


def trap_object(*, implicit: bool = False) -> Trap:
    """Makes the trap, always the same: a 64 by 64 CT slice in ISO_IR 192 with the 57 places set."""
    scan = Scan(date(2001, 1, 1), "091500.000", _SIZE, 5.5, 5.0, 120, 300, "FC13", "CHEST", 2)
    made = _Trap(technical(scan, 1, 1), {})
    made.header.put_all({"PatientSex": "F", "PatientAge": "075Y", "PatientSize": "1.58", "PatientWeight": "51"})
    made.header.put("PixelData", Phantom("trap", _SIZE).slice(0.5), "OW")
    _header_places(made)
    _nested_places(made)
    _private_places(made)
    _graphic_places(made)
    _bulk_places(made)
    meta = {
        0x0016: ("AE", made.place("file meta (0002,0016)").encode()),
        0x0100: ("UI", b"2.25.4711"),
        0x0102: ("OB", made.place("file meta (0002,0102)").encode()),
    }
    preamble = made.place("preamble").encode()
    data = part10(made.header, UTF_8, implicit=implicit, preamble=preamble, meta=meta)
    return Trap(data, made.sentinels, kept_values(BytesIO(data), KEPT))


@dataclass(frozen=True, slots=True)
class _Trap:
    header: Header
    sentinels: dict[str, str]

    def place(self, name: str) -> str:
        """A new sentinel for the place: 12 letters and digits, so that it fits every VR of text."""
        return self.own(name, f"Sntl{len(self.sentinels):03}Qz7Kx")

    def own(self, name: str, value: str) -> str:
        """A sentinel in the form that its place asks for."""
        self.sentinels[name] = value
        return value


def _header_places(made: _Trap) -> None:
    """Texts, people, dates and UIDs of the top level."""
    name = (made.place("PatientName alphabetic"), made.own("PatientName ideographic", "雪ノ下^澪子"))
    made.header.put("PatientName", "=".join((*name, made.own("PatientName phonetic", "ゆきのした^みおこ"))))
    for keyword in _TEXTS:
        made.header.put(keyword, made.place(keyword))
    for keyword, surname in zip(_PEOPLE, _SURNAMES, strict=True):
        made.header.put(keyword, made.own(keyword, f"{surname}^{surname[::-1]}"))
    for keyword, day in _DATES.items():
        made.header.put(keyword, made.own(keyword, day))
    for number, keyword in enumerate(_UIDS, start=1):
        made.header.put(keyword, made.own(keyword, f"2.25.31415926535897932384626433{number}"))


def _nested_places(made: _Trap) -> None:
    """Sequences of the Standard, down to depth two and three."""
    inner, group = Header(), Header()
    inner.put("PatientID", made.place("depth 2 PatientID"))
    inner.put("StudyDate", made.own("depth 2 date", _NESTED_DATE))
    inner.put("ReferencedSOPInstanceUID", made.own("depth 2 UID", "2.25.2718281828459045235360287471"))
    group.put_items("DerivationImageSequence", inner)
    made.header.put_items("SharedFunctionalGroupsSequence", group)

    text = Header()
    text.put_all({"ValueType": "TEXT", "TextValue": made.place("SR TextValue")})
    made.header.put_items("ContentSequence", text)
    request = Header()
    request.put("ScheduledProcedureStepDescription", made.place("RequestAttributes text"))
    made.header.put_items("RequestAttributesSequence", request)

    before, change = Header(), Header()
    before.put("PatientName", made.own("OriginalAttributes name", "旧姓小鹿野^澪子"))
    change.put("SourceOfPreviousValues", made.place("SourceOfPreviousValues"))
    change.put_items("ModifiedAttributesSequence", before)
    made.header.put_items("OriginalAttributesSequence", change)

    specimen = Header()
    specimen.put("SpecimenIdentifier", made.place("nested SpecimenIdentifier"))
    made.header.put_items("SpecimenDescriptionSequence", specimen)


def _private_places(made: _Trap) -> None:
    """Private elements, reserved or not, and numbers that the Standard does not know."""
    inner = Header()
    inner.put(0x00290010, PRIVATE_CREATOR, "LO")
    inner.put(0x00291040, made.place("private in nested item"), "LO")
    made.header.put(0x00290010, PRIVATE_CREATOR, "LO")
    made.header.put(0x00291010, b"\0\1BLOB" + made.place("private OB blob").encode() + b"\0\0", "OB")
    made.header.put(0x00291020, made.place("private LO"), "LO")
    made.header.put_items(0x00291030, inner)
    made.header.put(0x00331001, made.place("private without creator"), "LO")
    made.header.put(0x00100F01, made.place("unknown even-group UN").encode(), "UN")
    made.header.put(0x00100F02, made.place("unknown even-group LO"), "LO")


def _graphic_places(made: _Trap) -> None:
    """Overlay and curve: their data and their words."""
    texts = {0x0022: "OverlayDescription", 0x1500: "OverlayLabel", 0x4000: "OverlayComments"}
    for element, name in texts.items():
        made.header.put(0x60000000 | element, made.place(name), "LT" if element == 0x4000 else "LO")  # noqa: PLR2004
    numbers = {0x0010: ("US", 8), 0x0011: ("US", 12), 0x0050: ("SS", (1, 1)), 0x0100: ("US", 1), 0x0102: ("US", 0)}
    for element, (vr, value) in numbers.items():
        made.header.put(0x60000000 | element, value, vr)
    made.header.put(0x60000040, "G", "CS")
    made.header.put(0x60003000, made.place("OverlayData").encode(), "OW")
    made.header.put(0x50003000, made.place("CurveData").encode(), "OW")


def _bulk_places(made: _Trap) -> None:
    """Bytes: an icon's pixels, a document, padding."""
    icon = Header()
    icon.put_all({"SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "Rows": 3, "Columns": 4})
    icon.put_all({"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0})
    icon.put("PixelData", made.place("IconImage pixels").encode(), "OB")
    made.header.put_items("IconImageSequence", icon)
    made.header.put("EncapsulatedDocument", b"%PDF-1.4\n" + made.place("EncapsulatedDocument").encode(), "OB")
    made.header.put("DataSetTrailingPadding", b"\0\0" + made.place("FFFC,FFFC padding").encode(), "OB")
