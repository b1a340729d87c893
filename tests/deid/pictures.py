"""Small photographs, sections, slides and videos as a hospital's devices make them."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from kaname.deid.engine import Engine
from kaname.deid.identified import Identified
from kaname.deid.keys import MasterKey
from kaname.deid.model import Deidentified
from kaname.errors import KanameError, NotYet, Refused
from kaname.registries import load
from kaname.testing.objects import ct_slice, to_bytes

ENDOSCOPIC, VIDEO, SECTIONS, SLIDE, PHOTO = (
    f"1.2.840.10008.5.1.4.1.1.77.1.{tail}" for tail in ("1", "1.1", "5.4", "6", "4")
)
JPEG, J2K, MPEG2, MP4, HEVC = (f"1.2.840.10008.1.2.4.{n}" for n in (50, 90, 100, 102, 107))
KEY = MasterKey(b"0123456789abcdef0123456789abcdef")
ROWS, COLUMNS = 24, 40
GROUND = np.random.default_rng(5).integers(100, 200, (ROWS, COLUMNS, 3), dtype="u1")


def with_writing(picture: Any, *places: tuple[int, int]) -> Any:
    """The picture with a pixel of writing at each row and column."""
    out = picture.copy()
    for row, column in places:
        out[..., row, column, :] = 77
    return out


def picture(pixels: Any = GROUND, sop_class: str = ENDOSCOPIC, **changes: Any) -> Dataset:
    """A native object of 8 bits; pixels are (frames, rows, columns, samples), less where there is one frame."""
    native = isinstance(pixels, np.ndarray)
    shape: tuple[int, ...] = pixels.shape if native else (ROWS, COLUMNS, 3)
    grey = shape[-1] == 1
    values: dict[str, Any] = {
        "SOPClassUID": sop_class, "Modality": "ES", "KVP": None, "ImageType": ["ORIGINAL", "PRIMARY"],
        "Rows": shape[-3], "Columns": shape[-2], "SamplesPerPixel": shape[-1], "BitsAllocated": 8, "BitsStored": 8,
        "HighBit": 7, "PhotometricInterpretation": "MONOCHROME2" if grey else "RGB", "BodyPartExamined": "STOMACH",
        "PlanarConfiguration": None if grey else 0, "NumberOfFrames": shape[0] if len(shape) > 3 else None,
        "PixelData": pixels.tobytes() if native else pixels,
    }  # fmt: skip
    return ct_slice(**{**values, **changes})


def jpeg(pixels: Any, **ways: Any) -> bytes:
    """One picture as a JPEG stream."""
    out = BytesIO()
    Image.fromarray(np.squeeze(pixels)).save(out, "JPEG", **ways)
    return out.getvalue()


def encoded(frames: list[bytes], syntax: str = JPEG, sop_class: str = ENDOSCOPIC, **changes: Any) -> bytes:
    """A file of encapsulated frames."""
    values = {"PhotometricInterpretation": "YBR_FULL_422", "LossyImageCompression": "01", **changes}
    ds = picture(encapsulate(frames), sop_class, **values)
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    return to_bytes(ds, transfer_syntax_uid=syntax)


def cross(folder: Path, data: bytes, registry: str = "jed") -> tuple[Deidentified, Dataset]:
    """What came out, as object and as data set."""
    made = Engine(load(registry), KEY.for_registry(registry), "gw-1").cross(Identified(data), folder)
    return made, pydicom.dcmread(made.path)


def held(folder: Path, data: bytes, registry: str = "jed") -> KanameError:
    """Why it was held or refused; nothing stays in the folder."""
    with pytest.raises((Refused, NotYet)) as caught:
        cross(folder, data, registry)
    assert not [p for p in folder.rglob("*") if p.is_file()]
    return caught.value
