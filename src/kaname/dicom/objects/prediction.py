"""What a model says of images, as a measurement report (PS3.16 TID 1500) in a Comprehensive SR (PS3.3 section A.35.3).

One group per judged image or frame: a reference to it, the model (TID 4019), the label as a coded finding, and the
probability as a number. Everything in the report comes from its arguments, its UIDs too: the same prediction is the
same bytes, so that storing it again changes nothing. Its dates are those of the study: the day on which a model ran
would tell by how many days the dates of the subject were shifted. When it ran stands in the ledger.
"""

from __future__ import annotations

import logging
import struct
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING, Any

from kaname.dicom.part10 import EXPLICIT_LITTLE, IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, read_meta
from kaname.errors import Refused
from kaname.ledger.canonical import Json, canonical

if TYPE_CHECKING:
    from highdicom.sr import MeasurementReport, MeasurementsAndQualitativeEvaluations
    from pydicom.dataset import Dataset

logging.getLogger("highdicom").setLevel(logging.CRITICAL + 1)  # it quotes values: no log may

SCHEME = "99KANAME"
"""Designator of our own coding scheme: labels of a registry file, and the name of the probability."""
PROBABILITY = "PROBABILITY"
_INHERITED = (
    "00080020",  # Study Date
    "00080030",  # Study Time
    "00080050",  # Accession Number
    "00100010",  # Patient's Name
    "00100020",  # Patient ID
    "00100030",  # Patient's Birth Date
    "00100040",  # Patient's Sex
    "00101010",  # Patient's Age
    "00120062",  # Patient Identity Removed
    "00120063",  # De-identification Method
    "00120064",  # De-identification Method Code Sequence
    "0020000D",  # Study Instance UID
    "00200010",  # Study ID
)
_NEEDED = ("AccessionNumber", "PatientBirthDate", "PatientID", "PatientName", "PatientSex", "StudyID", "StudyDate")
_NO_DATE, _NO_TIME = "19700101", "000000"
"""Where the study tells none: a report must have them."""
_SERIES_NUMBER = 9001
_DIGITS = 6
"""Decimals of a probability: beyond them an answer hangs on the machine that computed it."""
_DIGEST, _TARGET, _THRESHOLD = "sha256=", "target=", "threshold="
_LONGEST_CODE = 16
"""Code Value is an SH (PS3.5 section 6.2)."""


@dataclass(frozen=True, slots=True)
class PredictingModel:
    """Which model speaks."""

    name: str
    version: str
    digest: str
    """SHA-256 of the model version, 64 hex digits."""
    target: str
    """Value of the label whose probability the score is."""
    threshold: float
    """From this probability on, the model answers ``target``."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the model says of one image."""

    image: Mapping[str, Any]
    """DICOM JSON of the instance (``Member.metadata``)."""
    label: str
    """Value of the label that is answered, at most 16 characters."""
    score: float
    """Probability of the model's ``target``, 0 to 1."""
    frame: int | None = None
    """Frame from 1; ``None`` for the whole instance."""

    @property
    def sop_instance_uid(self) -> str:
        """UID of the image."""
        return _text(self.image, "00080018")


@dataclass(frozen=True, slots=True)
class ReadJudgement:
    """One judgement as a report tells it."""

    sop_class_uid: str
    sop_instance_uid: str
    frame: int | None
    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What :func:`read_prediction` found in a report."""

    sop_instance_uid: str
    """Of the report."""
    series_instance_uid: str
    study_instance_uid: str
    subject: str
    model: PredictingModel
    judged: tuple[ReadJudgement, ...]


def prediction_report(judged: Sequence[Judged], model: PredictingModel) -> bytes:
    """The report of one model on one study, a Part 10 file in Explicit VR Little Endian.

    Args:
        judged: One or more judgements of images of one study.
        model: Who judged.

    Raises:
        ValueError: when the images are of several studies or subjects, or none, a label is too long for a code, or a
            score is no probability (a bug of the caller).
    """
    _check(judged)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they quote values
        return _written(judged, model)


def _written(judged: Sequence[Judged], model: PredictingModel) -> bytes:
    from highdicom.sr import ComprehensiveSR
    from pydicom.uid import UID

    evidence = [_evidence(one.image) for one in _distinct(judged)]
    study = _text(judged[0].image, "0020000D")
    ds = ComprehensiveSR(
        evidence=evidence,
        content=_content(judged, model),
        series_instance_uid=_uid({"model": model.digest, "study": study}),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=_uid(_everything(judged, model)),
        instance_number=1,
        manufacturer="Kaname",
        is_complete=True,
        is_final=False,
        is_verified=False,
        transfer_syntax_uid=EXPLICIT_LITTLE,
        series_description="AI prediction",
        manufacturer_model_name="Kaname",
        software_versions=model.version,
        specific_character_set="ISO_IR 192",
        content_date=evidence[0].StudyDate or _NO_DATE,
        content_time=evidence[0].StudyTime or _NO_TIME,
    )
    del ds.InstanceCreationDate, ds.InstanceCreationTime
    for equipment in ds.ContributingEquipmentSequence:
        del equipment.ContributionDateTime
    ds.file_meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    ds.file_meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    out = BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


def read_prediction(data: bytes) -> Prediction:
    """Reads a report that :func:`prediction_report` wrote.

    Raises:
        Refused: ``malformed-dicom`` when it is something else; what :func:`kaname.dicom.part10.read_meta` raises.
    """
    read_meta(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they quote values
            return _read(data)
    except (AttributeError, EOFError, LookupError, OSError, struct.error, TypeError, ValueError) as error:
        raise Refused("malformed-dicom") from error


def _check(judged: Sequence[Judged]) -> None:
    for what, values in (
        ("study", {_text(one.image, "0020000D") for one in judged}),
        ("subject", {_text(one.image, "00100020") for one in judged}),
    ):
        if len(values) != 1:
            raise ValueError(f"a report is on one {what}, not on {len(values)}")
    for one in judged:
        if not 0 <= one.score <= 1:
            raise ValueError("a score is a probability")
        if not 0 < len(one.label) <= _LONGEST_CODE:
            raise ValueError("a label has 1 to 16 characters")


def _everything(judged: Sequence[Judged], model: PredictingModel) -> Json:
    """All that a report says, in one order: what its UIDs are made from."""
    return {
        "model": asdict(model),
        "judged": [
            [one.sop_instance_uid, one.frame or 0, one.label, f"{one.score:.{_DIGITS}f}"] for one in _ordered(judged)
        ],
    }


def _ordered(judged: Sequence[Judged]) -> list[Judged]:
    return sorted(judged, key=lambda one: (one.sop_instance_uid, one.frame or 0))


def _distinct(judged: Sequence[Judged]) -> list[Judged]:
    """One judgement per instance, by UID."""
    by_uid = {one.sop_instance_uid: one for one in reversed(_ordered(judged))}
    return [by_uid[uid] for uid in sorted(by_uid)]


def _evidence(image: Mapping[str, Any]) -> Dataset:
    """The part of an image's data set that a report inherits or refers to."""
    from pydicom.dataset import Dataset

    ds = Dataset.from_json({tag: image[tag] for tag in _INHERITED if tag in image})
    for tag, keyword in (
        ("00080016", "SOPClassUID"),
        ("00080018", "SOPInstanceUID"),
        ("0020000E", "SeriesInstanceUID"),
    ):
        setattr(ds, keyword, _text(image, tag))
    for keyword in (*_NEEDED, "StudyTime"):
        if keyword not in ds:
            setattr(ds, keyword, "")
    return ds


def _content(judged: Sequence[Judged], model: PredictingModel) -> MeasurementReport:
    from highdicom.sr import (
        CodedConcept,
        DeviceObserverIdentifyingAttributes,
        MeasurementReport,
        ObservationContext,
        ObserverContext,
    )
    from pydicom.sr.coding import Code

    device = DeviceObserverIdentifyingAttributes(_uid({"model": model.digest}), name=model.name)
    observer = ObserverContext(CodedConcept("121007", "DCM", "Device"), device)
    groups = [_group(number, one, model) for number, one in enumerate(_ordered(judged), 1)]
    return MeasurementReport(
        observation_context=ObservationContext(observer_device_context=observer),
        procedure_reported=Code("363679005", "SCT", "Imaging procedure"),
        imaging_measurements=groups,
    )


def _group(number: int, one: Judged, model: PredictingModel) -> MeasurementsAndQualitativeEvaluations:
    from highdicom.sr import (
        AlgorithmIdentification,
        Measurement,
        MeasurementsAndQualitativeEvaluations,
        SourceImageForMeasurementGroup,
        TrackingIdentifier,
    )
    from pydicom.sr.coding import Code

    place: Json = {"frame": one.frame or 0, "image": one.sop_instance_uid, "model": model.digest}
    parameters = [f"{_DIGEST}{model.digest}", f"{_TARGET}{model.target}", f"{_THRESHOLD}{model.threshold:.{_DIGITS}f}"]
    probability = Measurement(
        name=Code(PROBABILITY, SCHEME, f"Probability of {model.target}"),
        value=round(one.score, _DIGITS),
        unit=Code("1", "UCUM", "no units"),
    )
    image = SourceImageForMeasurementGroup(
        _text(one.image, "00080016"), one.sop_instance_uid, None if one.frame is None else [one.frame]
    )
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(_uid(place), f"prediction {number}"),
        finding_type=Code(one.label, SCHEME, one.label),
        algorithm_id=AlgorithmIdentification(model.name, model.version, parameters),
        measurements=[probability],
        source_images=[image],
    )


def _read(data: bytes) -> Prediction:
    import pydicom
    from highdicom.sr import ComprehensiveSR

    ds = pydicom.dcmread(BytesIO(data))  # pyright: ignore[reportUnknownMemberType] - PathLike without its type
    report: Any = ComprehensiveSR.from_dataset(ds).content
    groups: list[Any] = report.get_image_measurement_groups()
    return Prediction(
        sop_instance_uid=str(ds.SOPInstanceUID),
        series_instance_uid=str(ds.SeriesInstanceUID),
        study_instance_uid=str(ds.StudyInstanceUID),
        subject=str(ds.PatientID),
        model=_read_model(groups[0]),
        judged=tuple(_read_group(group) for group in groups),
    )


def _read_model(group: Any) -> PredictingModel:  # noqa: ANN401 - templates of highdicom carry no types
    texts: dict[str, list[str]] = {}
    for item in group[0].ContentSequence:
        if item.ValueType == "TEXT":
            texts.setdefault(str(item.ConceptNameCodeSequence[0].CodeValue), []).append(str(item.TextValue))
    (name,), (version,), parameters = texts["111001"], texts["111003"], texts["111002"]
    digest, target, threshold = (
        next(text.removeprefix(prefix) for text in parameters if text.startswith(prefix))
        for prefix in (_DIGEST, _TARGET, _THRESHOLD)
    )
    return PredictingModel(name, version, digest, target, float(threshold))


def _read_group(group: Any) -> ReadJudgement:  # noqa: ANN401
    (image,) = group.source_images
    (number,) = (m for m in group.get_measurements() if m.name.value == PROBABILITY)
    frames: list[int] | None = image.referenced_frame_numbers
    return ReadJudgement(
        sop_class_uid=str(image.referenced_sop_class_uid),
        sop_instance_uid=str(image.referenced_sop_instance_uid),
        frame=frames[0] if frames else None,
        label=str(group.finding_type.value),
        score=float(number.value),
    )


def _text(image: Mapping[str, Any], tag: str) -> str:
    """The first value of an attribute that is no person name."""
    value: list[Any] = image.get(tag, {}).get("Value") or [""]
    return str(value[0])


def _uid(of: Json) -> str:
    """A UID that is always the same for the same content (PS3.5 section B.2, from 122 bits of a digest)."""
    return f"2.25.{int.from_bytes(sha256(canonical(of)).digest()[:16]) >> 6}"
