"""A day of each department at the crossing: what must pass passes without a name, what must be held is held."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread

from kaname.deid.engine import Engine
from kaname.deid.identified import Identified
from kaname.deid.keys import MasterKey
from kaname.dicomize.flow import dicomize
from kaname.errors import NotYet
from kaname.gateway.claims import read_department
from kaname.gateway.crossing import cross_checked
from kaname.registries import load
from kaname.testing.bytesearch import search_bytes
from kaname.testing.department import TABLE
from kaname.testing.dermatology import make_dermatology
from kaname.testing.endoscopy import make_endoscopy
from kaname.testing.export import ExportKey
from kaname.testing.eye import make_eye
from kaname.testing.surgery import make_surgery

DAYS: dict[str, Callable[[Path], ExportKey]] = {
    "jed": lambda folder: make_endoscopy(folder, patients=2, stills=1),
    "joi": lambda folder: make_eye(folder, patients=1),
    "nsdd": lambda folder: make_dermatology(folder, patients=1),
    "s-access": lambda folder: make_surgery(folder, patients=2),
}


@pytest.mark.parametrize("registry", DAYS)
def test_a_day_crosses(tmp_path: Path, registry: str) -> None:
    """Each file of the day becomes objects; they cross without a planted string, with age and sex, or are held."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("the program ffmpeg is not there: videos are held")
    key, known = DAYS[registry](tmp_path / "in"), load(registry)
    engine = Engine(known, MasterKey(b"0123456789abcdef0123456789abcdef").for_registry(registry), "gw-1")
    department = read_department(tmp_path / "in" / TABLE, engine)
    for file in key.files:
        path = tmp_path / "in" / file.path
        row, *others = department.claims(Path(file.path))
        assert not others
        items, problem = row.items()
        assert not problem
        for number, data in enumerate(dicomize(path.read_bytes(), row.examination(known), known, items, 1)):
            held_as = ""
            try:
                crossed = cross_checked(Identified(data), engine, tmp_path / f"{path.stem}{number}")
                assert search_bytes(crossed.path.read_bytes(), key.planted) == []
                ds = dcmread(crossed.path, stop_before_pixels=True)
                assert re.fullmatch(r"0\d\dY", ds.PatientAge)
                assert ds.PatientSex in ("M", "F")
            except NotYet as held:
                held_as = held.code
            assert held_as == file.held_as
