"""The modules of visible light and ophthalmic images (PS3.3 C.8.12, C.8.17), as far as a foreign file tells.

What a class demands and no file tells is said in the words that the Standard has for it, or left empty where it may be.
Of writing in the pixels nothing is known here: where a class demands a word it is NO, which counts for nothing; the
crossing looks at the pixels themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kaname.dicomize.header import Examination, acquired, laterality, uid
from kaname.errors import NotYet

if TYPE_CHECKING:
    from pydicom import Dataset

_MIDNIGHT = "000000"
_UNKNOWN = "UNKNOWN"
_BITS = 8


def image_pixel(made: Dataset, rows: int, columns: int, photometric: str, bits: int = _BITS) -> None:
    """Image Pixel Module (C.7.6.3), unsigned; colours pixel by pixel."""
    grey = photometric == "MONOCHROME2"
    made.SamplesPerPixel = 1 if grey else 3
    made.PhotometricInterpretation = photometric
    if not grey:
        made.PlanarConfiguration = 0
    made.Rows, made.Columns = rows, columns
    made.BitsAllocated = made.BitsStored = bits
    made.HighBit = bits - 1
    made.PixelRepresentation = 0


def lossy(made: Dataset, method: str = "", ratio: float = 0.0) -> None:
    """Whether the pixels were ever degraded, how and how much (C.7.6.1.1.5)."""
    made.LossyImageCompression = "01" if method else "00"
    if method:
        made.LossyImageCompressionRatio = f"{ratio:.2f}"
        made.LossyImageCompressionMethod = method


def visible_light(made: Dataset) -> None:
    """VL Image and Acquisition Context Module."""
    made.ImageType = ["ORIGINAL", "PRIMARY"]
    made.AcquisitionContextSequence = []
    made.PatientOrientation = ""


def dermoscopic(made: Dataset) -> None:
    """Dermoscopic Image Module and Enhanced General Equipment. A dermoscope shows a patch of skin, no face."""
    visible_light(made)
    _equipment(made)
    made.LightSourcePolarization = ""
    made.EmitterColorTemperature = None
    made.ContactMethod = ""
    made.OpticalMagnificationFactor = None
    made.RecognizableVisualFeatures = "NO"


def ophthalmic_photograph(made: Dataset, examination: Examination) -> None:
    """Ophthalmic Photography Image, Ocular Region Imaged, Acquisition and Photographic Parameters, Synchronization.

    Raises:
        NotYet: ``examination-invalid`` where the table does not say which eye, or when.
    """
    _eye(made, examination)
    made.PatientOrientation = ""
    made.NumberOfFrames = 1
    made.FrameIncrementPointer = 0x00181063
    made.FrameTime = "0"
    made.PatientEyeMovementCommanded = ""
    made.EmmetropicMagnification = None
    made.IntraOcularPressure = None
    made.HorizontalFieldOfView = None
    made.PupilDilated = ""
    made.RefractiveStateSequence = []
    made.DetectorType = ""
    made.AcquisitionDeviceTypeCodeSequence = [_code("49062001", "Device")]
    made.IlluminationTypeCodeSequence = []
    made.LightPathFilterTypeStackCodeSequence = []
    made.ImagePathFilterTypeStackCodeSequence = []
    made.LensesCodeSequence = []
    made.SynchronizationTrigger = "NO TRIGGER"
    made.AcquisitionTimeSynchronized = "N"
    made.SynchronizationFrameOfReferenceUID = uid("synchronization", examination.study_instance_uid)


def ophthalmic_sections(made: Dataset, examination: Examination, frames: int) -> None:
    """Ophthalmic Tomography Image with its parameters and functional groups: sections in the order of the file.

    No distances are known: a file's dots per inch are its printer's.

    Raises:
        NotYet: ``examination-invalid`` where the table does not say which eye, or when.
    """
    from pydicom import Dataset

    _eye(made, examination)
    _equipment(made)
    made.AcquisitionContextSequence = []
    made.AcquisitionNumber = made.InConcatenationNumber = made.InConcatenationTotalNumber = 1
    made.ConcatenationFrameOffsetNumber = 0
    made.OphthalmicVolumetricPropertiesFlag = "NO"
    made.PresentationLUTShape = "IDENTITY"
    made.EmmetropicMagnification = None
    made.IntraOcularPressure = None
    made.HorizontalFieldOfView = None
    made.PupilDilated = ""
    made.RefractiveStateSequence = []
    made.AxialLengthOfTheEye = None
    made.DetectorType = _UNKNOWN
    made.AcquisitionDeviceTypeCodeSequence = [_code("392012008", "Optical Coherence Tomography Scanner")]
    made.LightPathFilterTypeStackCodeSequence = []
    made.NumberOfFrames = frames
    organization = Dataset()
    organization.DimensionOrganizationUID = uid("dimension", str(made.SOPInstanceUID))
    made.DimensionOrganizationSequence = [organization]
    index = Dataset()
    index.DimensionOrganizationUID = organization.DimensionOrganizationUID
    index.DimensionIndexPointer, index.FunctionalGroupPointer = 0x00209057, 0x00209111
    made.DimensionIndexSequence = [index]
    anatomy = Dataset()
    anatomy.FrameLaterality = made.ImageLaterality
    anatomy.AnatomicRegionSequence = [_code("81745001", "Eye")]
    shared = Dataset()
    shared.FrameAnatomySequence = [anatomy]
    made.SharedFunctionalGroupsSequence = [shared]
    made.PerFrameFunctionalGroupsSequence = [_section(number) for number in range(1, frames + 1)]


def _section(number: int) -> Dataset:
    from pydicom import Dataset

    content = Dataset()
    content.StackID = "1"
    content.InStackPositionNumber = number
    content.DimensionIndexValues = [number]
    groups = Dataset()
    groups.FrameContentSequence = [content]
    return groups


def _eye(made: Dataset, examination: Examination) -> None:
    side, when = laterality(examination), acquired(examination)
    for field, value in (("laterality", side), ("study_date", when)):
        if not value:
            raise NotYet("examination-invalid", item=field)
    made.ImageType = ["ORIGINAL", "PRIMARY"]
    made.AcquisitionDateTime = when
    made.ContentDate, made.ContentTime = made.StudyDate, made.StudyTime or _MIDNIGHT
    made.ImageLaterality = side
    made.AnatomicRegionSequence = [_code("81745001", "Eye")]
    made.BurnedInAnnotation = "NO"


def _equipment(made: Dataset) -> None:
    """Enhanced General Equipment: the device is somewhere, and nobody told which."""
    for keyword in ("Manufacturer", "ManufacturerModelName", "DeviceSerialNumber", "SoftwareVersions"):
        if not made.get(keyword):
            setattr(made, keyword, _UNKNOWN)


def _code(value: str, meaning: str) -> Dataset:
    from pydicom import Dataset

    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "SCT", meaning
    return code
