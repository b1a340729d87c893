"""Plants a patient's identity in a CT header, in every kind of place where real files were found to carry it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import date

from kaname.testing import spelling
from kaname.testing.pen import Pen
from kaname.testing.personas import Persona, Site
from kaname.testing.write import Header, Value

PRIVATE_CREATOR = "KANATEC HEADER 1.0"


@dataclass(frozen=True, slots=True)
class Visit:
    """One study of one patient: what ties image, order and report together."""

    persona: Persona
    site: Site
    day: date
    time: str
    accession: str
    order: str
    """Number of the order (Placer Order Number)."""
    study_instance_uid: str
    series_instance_uid: str
    frame_of_reference_uid: str

    @property
    def day_da(self) -> str:
        """The day as a DA value."""
        return f"{self.day:%Y%m%d}"


def plant(header: Header, visit: Visit, pen: Pen) -> None:
    """Plants everywhere in the data set; file meta and preamble are :func:`plant_meta`."""
    _patient(header, visit, pen)
    _people(header, visit, pen)
    _order(header, visit, pen)
    _nested(header, visit, pen)
    _private(header, visit, pen)
    _odd_places(header, visit, pen)


def plant_meta(visit: Visit, pen: Pen) -> tuple[bytes, dict[int, tuple[str, bytes]]]:
    """Preamble and elements of group 0002 that name the patient and the hospital."""
    person = visit.persona
    preamble = f"{pen.say(' '.join(person.name.romaji))} {pen.say(person.patient_id)}"
    meta = {
        0x0016: ("AE", pen.say(visit.site.station).encode()),
        0x0100: ("UI", b"2.25.777000777"),
        0x0102: ("OB", f"made for {pen.say(person.patient_id)} by {pen.say(visit.site.name_en)}".encode()),
    }
    return preamble.encode("ascii"), meta


def _patient(header: Header, visit: Visit, pen: Pen) -> None:
    person = visit.persona
    born = spelling.dates(person.birth)
    texts: dict[str, Value] = {
        "PatientName": pen.pn(person.name),
        "PatientID": pen.say(person.patient_id),
        "IssuerOfPatientID": pen.say(person.issuer),
        "OtherPatientIDs": pen.say(person.other_id),
        "OtherPatientNames": pen.pn(person.maiden),
        "PatientBirthName": pen.pn(person.maiden),
        "PatientBirthDate": pen.say(born["da"]),
        "PatientBirthTime": "043000",
        "PatientSex": person.sex,
        "PatientAge": person.age_on(visit.day),
        "PatientSize": "1.62",
        "PatientWeight": "58.5",
        "PatientAddress": pen.say(person.address, person.address_en),
        "PatientTelephoneNumbers": pen.say(person.phone),
        "MedicalRecordLocator": pen.say(person.insurance),
        "EthnicGroup": "",
        "Occupation": pen.say(f"{visit.site.name} 事務", f"CLERK, {visit.site.name_en}"),
        "AdditionalPatientHistory": pen.say(
            f"{''.join(person.name.kanji)}様。{born['wareki']}生。旧姓{person.maiden.kanji[0]}。",
            f"{person.name.romaji[1]} {person.name.romaji[0]}, born {born['english']}",
        ),
        "PatientComments": pen.say(
            f"連絡先 {person.phone} {person.address}",
            f"call {person.phone}, {person.address_en}",
        ),
    }
    header.put_all(texts)


def _people(header: Header, visit: Visit, pen: Pen) -> None:
    site = visit.site
    header.put_all(
        {
            "InstitutionName": pen.say(site.name, site.name_en),
            "InstitutionAddress": pen.say(f"{site.address} {site.phone}", site.phone),
            "InstitutionalDepartmentName": pen.say(site.department, site.department_en),
            "StationName": pen.say(site.station),
            "DeviceSerialNumber": pen.say(site.device_serial),
            "ReferringPhysicianName": pen.pn(site.referring),
            "ReferringPhysicianTelephoneNumbers": pen.say(site.phone),
            "PerformingPhysicianName": pen.pn(site.radiologist),
            "NameOfPhysiciansReadingStudy": pen.pn(site.verifier),
            "OperatorsName": pen.pn(site.operator),
            "RequestingPhysician": pen.pn(site.referring),
            "RequestingService": pen.say(site.department, site.department_en),
        }
    )


def _order(header: Header, visit: Visit, pen: Pen) -> None:
    person, day = visit.persona, spelling.dates(visit.day)
    who = pen.name(person.name)
    header.put_all(
        {
            "AccessionNumber": pen.say(visit.accession),
            "StudyID": pen.say(visit.order),
            "StudyInstanceUID": pen.say(visit.study_instance_uid),
            "SeriesInstanceUID": pen.say(visit.series_instance_uid),
            "FrameOfReferenceUID": pen.say(visit.frame_of_reference_uid),
            "PlacerOrderNumberImagingServiceRequest": pen.say(visit.order),
            "StudyDescription": pen.say(f"胸腹部造影CT {who}", f"CHEST CE {who}"),
            "SeriesDescription": pen.say(f"縦隔 {person.patient_id}", f"MEDIASTINUM {person.patient_id}"),
            "ProtocolName": pen.say(f"胸部 {day['wareki short']} {who}", f"CHEST {day['iso']} {who}"),
            "ImageComments": pen.say(
                f"{day['kanji']} {who} {visit.site.operator.kanji[0]}撮影", f"{day['slashes']} {who}"
            ),
            "RequestedProcedureDescription": pen.say(f"{who}様 CT", f"CT OF {who}"),
            "ReasonForStudy": pen.say(f"{who}の経過観察 {day['wareki']}", f"follow up of {who} {day['day first']}"),
            "DerivationDescription": pen.say(f"made from {person.patient_id}"),
        }
    )


def _nested(header: Header, visit: Visit, pen: Pen) -> None:
    """Depth 2 and 4, in sequences of the Standard."""
    person = visit.persona
    protocol = Header()
    protocol.put_all({"CodeValue": "CT-1", "CodingSchemeDesignator": "99KNT", "CodeMeaning": pen.name(person.name)})
    request = Header()
    request.put("RequestedProcedureID", pen.say(visit.order))
    request.put("ScheduledProcedureStepDescription", pen.say(f"CT {person.patient_id}"))
    request.put_items("ScheduledProtocolCodeSequence", protocol)
    header.put_items("RequestAttributesSequence", request)

    original = Header()
    original.put_all({"PatientName": pen.pn(person.maiden), "PatientID": pen.say(person.other_id)})
    change = Header()
    change.put("SourceOfPreviousValues", pen.say(visit.site.name, visit.site.name_en))
    change.put_items("ModifiedAttributesSequence", original)
    header.put_items("OriginalAttributesSequence", change)

    deepest = Header()
    deepest.put_all(
        {
            "StudyDate": visit.day_da,
            "PatientName": pen.pn(person.name),
            "PatientID": pen.say(person.patient_id),
            "CodeMeaning": pen.say(f"see {person.patient_id}"),
        }
    )
    source, derivation, group = Header(), Header(), Header()
    source.put("ReferencedSOPInstanceUID", pen.say(visit.series_instance_uid))
    source.put_items("PurposeOfReferenceCodeSequence", deepest)
    derivation.put_items("SourceImageSequence", source)
    derivation.put("DerivationDescription", pen.say(f"from {visit.accession}"))
    group.put_items("DerivationImageSequence", derivation)
    header.put_items("SharedFunctionalGroupsSequence", group)


def _private(header: Header, visit: Visit, pen: Pen) -> None:
    """A vendor's block: bytes, text and a nested sequence; and a private element that nobody reserved."""
    person = visit.persona
    name = pen.say("".join(person.name.kanji), "".join(person.name.romaji))
    encoding = "utf-8" if pen.charset.codec in ("utf-8", "ascii", "jisx0201") else pen.charset.codec
    blob = b"\x01\x00KNTHDR" + name.encode(encoding) + b"\0" + pen.say(person.patient_id).encode("utf-16-le")
    inner = Header()
    inner.put(0x00290010, PRIVATE_CREATOR, "LO")
    inner.put(0x00291031, pen.say(f"scan of {person.patient_id}"), "LT")
    inner.put("PatientName", pen.pn(person.name))
    header.put(0x00290010, PRIVATE_CREATOR, "LO")
    header.put(0x00291010, blob, "OB")
    header.put(0x00291020, pen.say(f"{name} {visit.day_da}"), "LO")
    header.put_items(0x00291030, inner)
    header.put(0x00311005, pen.say(f"{visit.site.name_en} {person.patient_id}"), "LO")


def _odd_places(header: Header, visit: Visit, pen: Pen) -> None:
    """VR of UN, numbers that the Standard does not know, overlays, a graphic's words, padding."""
    person = visit.persona
    inside = Header()
    inside.put("TextValue", pen.say(f"{pen.name(person.name)} {spelling.dates(visit.day)['iso']}"))
    inside.put("PersonName", pen.pn(visit.site.radiologist))
    body = inside.encode(pen.charset, implicit=True)
    header.put("ContentSequence", struct.pack("<HHI", 0xFFFE, 0xE000, len(body)) + body, "UN")
    header.put("MilitaryRank", pen.say(f"SGT {person.name.romaji[0]}").encode(), "UN")
    header.put(0x00100F01, pen.say(f"ward {person.patient_id}"), "LO")
    header.put(0x00280F02, pen.say(f"{person.insurance}").encode("utf-16-be"), "UN")
    overlay: dict[int, tuple[str, Value]] = {
        0x0010: ("US", 8),
        0x0011: ("US", 16),
        0x0022: ("LO", pen.say(f"mark of {pen.name(person.name)}")),
        0x0040: ("CS", "G"),
        0x0050: ("SS", (1, 1)),
        0x0100: ("US", 1),
        0x0102: ("US", 0),
        0x1500: ("LO", pen.say(f"label {person.patient_id}")),
        0x3000: ("OW", pen.say(person.other_id).encode().ljust(16)[:16]),
        0x4000: ("LT", pen.say(f"drawn by {'^'.join(visit.site.operator.romaji)}")),
    }
    for element, (vr, value) in overlay.items():
        header.put(0x60000000 | element, value, vr)
    header.put("DataSetTrailingPadding", b"\0\0" + pen.say(person.phone).encode() + b"\0\0", "OB")
