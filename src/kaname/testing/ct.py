"""The technical header of a CT slice as a scanner writes it: what it is, how it was made, where it lies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from kaname.testing.write import CT_IMAGE_STORAGE, Header, Value

MAKER, MODEL, SOFTWARE = "KANATEC", "Ogi 320", "V7.2SP1"
KERNELS = ("FC13", "FC52", "B30f")
KEPT = (
    "SOPClassUID", "Modality", "ImageType", "Manufacturer", "ManufacturerModelName", "SoftwareVersions",
    "PatientSex", "PatientAge", "PatientSize", "PatientWeight", "BodyPartExamined", "ScanOptions", "SliceThickness",
    "KVP", "DataCollectionDiameter", "ReconstructionDiameter", "DistanceSourceToDetector",
    "DistanceSourceToPatient", "GantryDetectorTilt", "TableHeight", "RotationDirection", "ExposureTime",
    "XRayTubeCurrent", "Exposure", "FilterType", "GeneratorPower", "FocalSpots", "ConvolutionKernel",
    "PatientPosition", "SpiralPitchFactor", "CTDIvol", "SingleCollimationWidth", "TotalCollimationWidth",
    "TableFeedPerRotation", "SeriesNumber", "AcquisitionNumber", "InstanceNumber", "ImagePositionPatient",
    "ImageOrientationPatient", "SliceLocation", "SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns",
    "PixelSpacing", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "WindowCenter", "WindowWidth",
    "RescaleIntercept", "RescaleSlope", "RescaleType",
)  # fmt: skip
"""Attributes that research needs and that name nobody."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What one series has in common."""

    day: date
    time: str
    """TM, e.g. ``101530.250``."""
    size: int
    """Rows and columns."""
    spacing_mm: float
    thickness_mm: float
    kvp: int
    current_ma: int
    kernel: str
    body_part: str
    series: int
    """Series Number."""


def technical(scan: Scan, number: int, count: int) -> Header:
    """The header of slice ``number`` (from 1) of ``count``, without identity, UIDs and pixels."""
    header = Header()
    header.put_all(_what(scan, number, count))
    header.put_all(_how(scan, number))
    header.put_all(_where(scan, number))
    header.put_all(_pixels(scan))
    header.put_items("CTDIPhantomTypeCodeSequence", _code("113691", "DCM", "IEC Body Dosimetry Phantom"))
    header.put_items("ProcedureCodeSequence", _code("418891003", "SCT", "CT of chest and abdomen"))
    header.put_items("AnatomicRegionSequence", _code("51185008", "SCT", "Chest"))
    exposure = Header()
    exposure.put_all({"KVP": scan.kvp, "XRayTubeCurrentInmA": float(scan.current_ma), "ExposureTimeInms": 500.0})
    header.put_items("CTExposureSequence", exposure)
    return header


def _what(scan: Scan, number: int, count: int) -> dict[str, Value]:
    day = f"{scan.day:%Y%m%d}"
    return {
        "ImageType": "ORIGINAL\\PRIMARY\\AXIAL",
        "InstanceCreationDate": day,
        "InstanceCreationTime": scan.time,
        "SOPClassUID": CT_IMAGE_STORAGE,
        "StudyDate": day,
        "SeriesDate": day,
        "AcquisitionDate": day,
        "ContentDate": day,
        "AcquisitionDateTime": f"{day}{scan.time}+0900",
        "StudyTime": scan.time,
        "SeriesTime": scan.time,
        "AcquisitionTime": scan.time,
        "ContentTime": scan.time,
        "Modality": "CT",
        "Manufacturer": MAKER,
        "TimezoneOffsetFromUTC": "+0900",
        "ManufacturerModelName": MODEL,
        "VolumetricProperties": "VOLUME",
        "PatientIdentityRemoved": "NO",
        "BodyPartExamined": scan.body_part,
        "SoftwareVersions": SOFTWARE,
        "SeriesNumber": scan.series,
        "AcquisitionNumber": scan.series,
        "InstanceNumber": number,
        "ImagesInAcquisition": count,
        "NumberOfSeriesRelatedInstances": count,
        "StudyStatusID": "COMPLETED",
        "PerformedProcedureStepStartDate": day,
        "PerformedProcedureStepStartTime": scan.time,
        "PatientOrientation": "L\\P",
        "Laterality": "",
        "QualityControlImage": "NO",
        "BurnedInAnnotation": "NO",
        "LossyImageCompression": "00",
        "PresentationLUTShape": "IDENTITY",
    }


def _how(scan: Scan, number: int) -> dict[str, Value]:
    return {
        "ContrastBolusAgent": "IOHEXOL 300",
        "ContrastBolusRoute": "IV",
        "ContrastBolusVolume": "90",
        "ContrastFlowRate": "2.5",
        "ContrastFlowDuration": "36",
        "ContrastBolusIngredient": "IODINE",
        "ContrastBolusIngredientConcentration": "300",
        "ScanOptions": "HELICAL",
        "SliceThickness": scan.thickness_mm,
        "KVP": scan.kvp,
        "DataCollectionDiameter": 500,
        "ReconstructionDiameter": round(scan.size * scan.spacing_mm),
        "DistanceSourceToDetector": 1072,
        "DistanceSourceToPatient": 600,
        "GantryDetectorTilt": "0.0",
        "TableHeight": "112.50",
        "RotationDirection": "CW",
        "ExposureTime": 500,
        "XRayTubeCurrent": scan.current_ma,
        "Exposure": scan.current_ma // 2,
        "ExposureInuAs": scan.current_ma * 500,
        "FilterType": "LARGE",
        "GeneratorPower": scan.kvp * scan.current_ma // 1000,
        "FocalSpots": "0.9\\0.8",
        "ConvolutionKernel": scan.kernel,
        "PatientPosition": "FFS",
        "AcquisitionType": "SPIRAL",
        "RevolutionTime": 0.5,
        "SingleCollimationWidth": 0.5,
        "TotalCollimationWidth": 40.0,
        "TableSpeed": 65.0,
        "TableFeedPerRotation": 32.5,
        "SpiralPitchFactor": 0.8125,
        "DataCollectionCenterPatient": (0.0, 0.0, -10.0 * number),
        "ReconstructionTargetCenterPatient": (0.0, 0.0, -10.0 * number),
        "ExposureModulationType": "XYZ_EC",
        "EstimatedDoseSaving": 22.5,
        "CTDIvol": 9.75,
        "CalciumScoringMassFactorPatient": 0.75,
        "WaterEquivalentDiameter": 284.5,
        "MultienergyCTAcquisition": "NO",
        "ReconstructionAlgorithm": "ITERATIVE",
        "TypeOfFilters": "WEDGE",
        "IsocenterPosition": "0\\0\\0",
    }


def _where(scan: Scan, number: int) -> dict[str, Value]:
    edge = -scan.size * scan.spacing_mm / 2
    depth = -number * scan.thickness_mm
    return {
        "ImagePositionPatient": f"{edge:.4f}\\{edge:.4f}\\{depth:.2f}",
        "ImageOrientationPatient": "1\\0\\0\\0\\1\\0",
        "PositionReferenceIndicator": "XY",
        "SliceLocation": f"{depth:.2f}",
        "SpacingBetweenSlices": scan.thickness_mm,
        "TablePosition": depth,
    }


def _pixels(scan: Scan) -> dict[str, Value]:
    return {
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": scan.size,
        "Columns": scan.size,
        "PixelSpacing": f"{scan.spacing_mm}\\{scan.spacing_mm}",
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "PixelPaddingValue": (0,),
        "WindowCenter": "40\\-600",
        "WindowWidth": "400\\1500",
        "RescaleIntercept": "-1024",
        "RescaleSlope": "1",
        "RescaleType": "HU",
        "WindowCenterWidthExplanation": "MEDIASTINUM\\LUNG",
    }


def _code(value: str, scheme: str, meaning: str) -> Header:
    item = Header()
    item.put_all({"CodeValue": value, "CodingSchemeDesignator": scheme, "CodeMeaning": meaning})
    return item
