"""The crossing of one picture with both looks: what leaves the gateway passes the inspection that waits for it."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from kaname.deid.engine import Engine
from kaname.deid.identified import Identified
from kaname.deid.keys import MasterKey
from kaname.dicomize.header import Examination
from kaname.dicomize.photo import photo
from kaname.errors import NotYet
from kaname.gateway.crossing import cross_checked
from kaname.registries import load
from kaname.residual import inspect_file
from kaname.testing.bytesearch import search_bytes
from kaname.testing.photo import written_on
from kaname.testing.scenery import mucosa

ENDOSCOPIC, PHOTO = "1.2.840.10008.5.1.4.1.1.77.1.1", "1.2.840.10008.5.1.4.1.1.77.1.4"
KEY = MasterKey(b"0123456789abcdef0123456789abcdef")
SCENE = mucosa(11, 160, 240)


def still(picture: np.ndarray, sop_class: str = ENDOSCOPIC, body_part: str = "STOMACH") -> Identified:
    """A JPEG of a department as an object of a patient."""
    out = BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=92)
    who = Examination("00123456", patient_name="山田 太郎", accession="A-77", body_part=body_part)
    return Identified(photo(out.getvalue(), who, sop_class, 1))


def engine(registry: str) -> Engine:
    """An engine of that registry."""
    return Engine(load(registry), KEY.for_registry(registry), "gw-1")


@pytest.mark.parametrize("lines", [[], ["山田 太郎", "ID 00123456"]])
def test_what_leaves_passes_intake(tmp_path: Path, lines: list[str]) -> None:
    """A still leaves without its writing, or as it came where it has none, and the second look finds nothing."""
    rules = load("jed").pixels
    crossed = cross_checked(still(written_on(SCENE, lines, (10, 60), 16)), engine("jed"), tmp_path)
    data = crossed.path.read_bytes()
    assert inspect_file(data, rules.regions.keys(), rules.writing.keys()) == ()
    assert search_bytes(data, ["山田", "太郎", "00123456", "A-77"]) == []
    assert crossed.actions["blanked_frames"] == bool(lines)
    assert pydicom.dcmread(BytesIO(data)).file_meta.TransferSyntaxUID.is_compressed is not bool(lines)


def test_a_face_stays(tmp_path: Path) -> None:
    """A photograph of a face does not leave, and nothing of it stands in the folder."""
    with pytest.raises(NotYet, match="face-may-identify"):
        cross_checked(still(SCENE, PHOTO, "FACE"), engine("nsdd"), tmp_path)
    assert not list(tmp_path.rglob("*.dcm"))
