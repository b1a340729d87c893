"""Pictures that are image all over: looked through for writing, blackened where a still has it, else held."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.sequence import Sequence as Items

from kaname.deid import blank as blank_module
from kaname.deid import writing as writing_module
from kaname.inference import Box
from kaname.testing.objects import to_bytes

from .pictures import (
    COLUMNS,
    ENDOSCOPIC,
    GROUND,
    J2K,
    JPEG,
    PHOTO,
    ROWS,
    SECTIONS,
    cross,
    encoded,
    held,
    jpeg,
    picture,
    with_writing,
)  # fmt: skip


@pytest.fixture(autouse=True)
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Shapes of what the text detector was shown; every pixel of 77 is a stretch of writing of three by three."""
    shown: list[tuple[int, ...]] = []

    def look(image: Any, _: object = None) -> tuple[Box, ...]:
        shown.append(image.shape)
        flat = image if image.ndim == 2 else image.min(axis=2)
        return tuple(Box(x, y, x + 3, y + 3, 0.9) for y, x in zip(*np.nonzero(flat == 77), strict=True))

    monkeypatch.setattr(writing_module, "find_text", look)
    return shown


@pytest.mark.parametrize("implicit", [False, True])
def test_nothing_found(tmp_path: Path, seen: list[tuple[int, ...]], implicit: bool) -> None:  # noqa: FBT001
    """A still without writing leaves byte for byte, and the header says that it was looked through."""
    made, ds = cross(tmp_path, to_bytes(picture(BurnedInAnnotation="NO"), implicit=implicit))
    assert ds.PixelData == GROUND.tobytes()
    assert ds.BurnedInAnnotation == "NO"
    assert "113101" in [c.CodeValue for c in ds.DeidentificationMethodCodeSequence]
    assert ds.file_meta.TransferSyntaxUID.is_implicit_VR is implicit
    assert (made.actions["blanked_frames"], made.actions["detector_frames"]) == (0, 1)
    assert seen == [(ROWS, COLUMNS, 3)]


def test_a_jpeg_leaves_as_it_came(tmp_path: Path) -> None:
    """The stream of a JPEG without writing is not decoded and encoded anew."""
    stream = jpeg(GROUND)
    made, ds = cross(tmp_path, encoded([stream]))
    assert next(generate_frames(ds.PixelData, number_of_frames=1)).rstrip(b"\0") == stream.rstrip(b"\0")
    assert (ds.file_meta.TransferSyntaxUID, ds.PhotometricInterpretation) == (JPEG, "YBR_FULL_422")
    assert made.actions["detector_frames"] == 1


def test_writing_becomes_black(tmp_path: Path) -> None:
    """What is found goes with a margin, nothing else is changed, and the picture is looked at again."""
    made, ds = cross(tmp_path, to_bytes(picture(with_writing(GROUND, (10, 20)), BurnedInAnnotation="YES")))
    black = np.zeros((ROWS, COLUMNS), bool)
    black[8:15, 18:25] = True
    assert not ds.pixel_array[black].any()
    assert np.array_equal(ds.pixel_array[~black], GROUND[~black])
    assert ds.BurnedInAnnotation == "NO"
    assert (made.actions["blanked_frames"], made.actions["detector_frames"]) == (1, 2)


def test_a_jpeg_with_writing_leaves_native(tmp_path: Path) -> None:
    """A JPEG that has to be blackened leaves as native RGB and still says that it was lossy."""
    dark = np.zeros((64, 96, 3), np.uint8)
    dark[8:16, 16:24] = 77
    size = {"Rows": 64, "Columns": 96}
    made, ds = cross(tmp_path, encoded([jpeg(dark, quality=95, subsampling=0)], LossyImageCompression="00", **size))
    assert ds.PhotometricInterpretation == "RGB"
    assert not ds.file_meta.TransferSyntaxUID.is_compressed
    assert (ds.LossyImageCompression, ds.LossyImageCompressionMethod) == ("01", "ISO_10918_1")
    assert not ds.pixel_array[8:16, 16:24].any()
    assert made.actions["blanked_frames"] == 1


def test_other_encodings_leave_native(tmp_path: Path) -> None:
    """Encodings that the second look does not read leave native though nothing was found in them."""
    out = BytesIO()
    Image.fromarray(GROUND).save(out, "JPEG2000", no_jp2=True, mct=1)
    data = encoded([out.getvalue()], J2K, PhotometricInterpretation="YBR_RCT", LossyImageCompression=None)
    _, ds = cross(tmp_path, data)
    assert np.array_equal(ds.pixel_array, GROUND)
    assert not ds.file_meta.TransferSyntaxUID.is_compressed
    flat = np.full((ROWS, COLUMNS, 3), 128, np.uint8)
    _, ds = cross(tmp_path, to_bytes(picture(flat, PhotometricInterpretation="YBR_FULL", SOPInstanceUID="1.2.9")))
    assert ds.PhotometricInterpretation == "RGB"


def test_sections(tmp_path: Path, seen: list[tuple[int, ...]]) -> None:
    """Of sections each distinct one is looked at; what is found on one goes from all."""
    frames = np.full((4, ROWS, COLUMNS, 1), 50, np.uint8)
    frames[2] = 60
    frames[2, 5, 5] = 77
    data = to_bytes(picture(frames, SECTIONS, Modality="OPT"))
    made, ds = cross(tmp_path, data, "joi")
    assert (ds.pixel_array == 0).sum() == 4 * 7 * 7
    assert len(seen) == 4
    assert (made.actions["blanked_frames"], made.actions["detector_frames"]) == (4, 4)
    again, _ = cross(tmp_path, data, "joi")
    assert again.digest == made.digest


def test_writing_beneath_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What shows only once bolder writing is black goes as well; where there is no end, the picture is held."""
    boxes = iter([(Box(0, 0, 9, 9, 0.9),), (Box(20, 10, 25, 13, 0.6),), ()])
    monkeypatch.setattr(writing_module, "find_text", lambda *_: next(boxes))
    made, ds = cross(tmp_path, to_bytes(picture()))
    assert not ds.pixel_array[:11, :11].any()
    assert not ds.pixel_array[10:13, 20:25].any()
    assert made.actions["detector_frames"] == 3
    monkeypatch.setattr(writing_module, "find_text", lambda *_: (Box(2, 2, 5, 5, 0.9),) * 2)
    error = held(tmp_path / "endless", to_bytes(picture()))
    assert (error.code, error.facts) == ("text-in-pixels", {"pictures": 5, "places": 2})


def test_large_pictures_are_looked_at_twice(
    tmp_path: Path, seen: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Letters that are large for the detector are found in the picture reduced, and go from the whole one."""
    monkeypatch.setattr(writing_module, "_LONGEST", COLUMNS // 2)
    block = np.full((ROWS, COLUMNS, 3), 120, np.uint8)
    block[8:10, 10:12] = [[76], [78]]
    made, ds = cross(tmp_path, to_bytes(picture(block)))
    assert seen == [(ROWS, COLUMNS, 3), (ROWS // 2, COLUMNS // 2, 3)] * 2
    assert not ds.pixel_array[6:16, 8:18].any()
    assert made.actions["detector_frames"] == 2


def test_too_much_writing(tmp_path: Path) -> None:
    """Where more than a fifth of the picture would be black, it is no picture any more: a person has to look."""
    everywhere = [(row, column) for row in range(2, ROWS - 4, 4) for column in range(2, COLUMNS // 2, 4)]
    error = held(tmp_path, to_bytes(picture(with_writing(GROUND, *everywhere))))
    assert (error.code, error.facts["pictures"]) == ("text-in-pixels", 2)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"BurnedInAnnotation": "YES"}, "pixels-may-identify"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "pixels-may-identify"),
        ({"BitsStored": 7, "HighBit": 6}, "pixels-may-identify"),
        ({"PixelData": None}, "pixels-may-identify"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "pixels-may-identify"),
        ({"ConversionType": "DI"}, "pixels-may-identify"),
        ({"RecognizableVisualFeatures": "YES"}, "face-may-identify"),
        ({"SamplesPerPixel": 1}, "pixels-undecodable"),
        ({"PixelData": b"\0" * 100}, "no-frames"),
        ({"NumberOfFrames": "0"}, "no-frames"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.2"}, "pixels-may-identify"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.104.1", "PixelData": None}, "document-may-identify"),
    ],
)
def test_doubts(tmp_path: Path, changes: dict[str, Any], code: str) -> None:
    """Each doubtful or broken picture has its reason, and nothing of it leaves."""
    assert held(tmp_path, to_bytes(picture(**changes))).code == code


def test_more_than_a_file_can_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that is longer than an element may be when it is unpacked is refused."""
    monkeypatch.setattr(blank_module, "_LONGEST", 100)
    assert held(tmp_path, to_bytes(picture())).code == "too-large"


def test_words_in_the_stream(tmp_path: Path) -> None:
    """A comment in a stream that would leave untouched holds it; where the picture is written anew it is gone."""
    error = held(tmp_path, encoded([jpeg(GROUND, comment="seen by Suzuki")]))
    assert (error.code, error.facts["sign"]) == ("pixels-may-identify", "comment in the compressed stream")
    dark = np.zeros((64, 96, 3), np.uint8)
    dark[8:16, 16:24] = 77
    size = {"Rows": 64, "Columns": 96}
    made, _ = cross(tmp_path, encoded([jpeg(dark, quality=95, subsampling=0, comment="seen by Suzuki")], **size))
    assert b"Suzuki" not in made.path.read_bytes()


def region(meaning: str) -> Items:
    """Anatomic Region Sequence of one code."""
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "89545001", "SCT", meaning
    return Items([code])


@pytest.mark.parametrize(
    ("values", "free"),
    [
        ({"BodyPartExamined": "HAND"}, True),
        ({"BodyPartExamined": "FACE"}, False),
        ({"BodyPartExamined": "face left"}, False),
        ({"BodyPartExamined": ""}, False),
        ({"BodyPartExamined": None}, False),
        ({"BodyPartExamined": None, "AnatomicRegionSequence": region("Hand")}, False),
        ({"BodyPartExamined": "SKIN", "AnatomicRegionSequence": region("Face")}, False),
        ({"BodyPartExamined": "SKIN", "AnatomicRegionSequence": region("Hand")}, True),
        ({"BodyPartExamined": "HAND", "RecognizableVisualFeatures": "YES"}, False),
        ({"BodyPartExamined": "HAND", "RecognizableVisualFeatures": "NO"}, True),
    ],
)
@pytest.mark.parametrize("implicit", [False, True])
def test_faces(tmp_path: Path, values: dict[str, Any], free: bool, implicit: bool) -> None:  # noqa: FBT001
    """A photograph of a face, or of nobody knows what, is held for a person; other registries show no faces."""
    data = to_bytes(picture(sop_class=PHOTO, Modality="XC", **values), implicit=implicit)
    if free:
        assert cross(tmp_path, data, "nsdd")[1].BodyPartExamined
    else:
        assert held(tmp_path, data, "nsdd").code == "face-may-identify"


def test_no_part_of_a_body(tmp_path: Path) -> None:
    """A registry that holds no body parts takes pictures that name none."""
    _, ds = cross(tmp_path, to_bytes(picture(BodyPartExamined=None)))
    assert ds.SOPClassUID == ENDOSCOPIC
