from __future__ import annotations

import zipfile
from pathlib import Path

import pydicom
import pytest

from kaname.errors import reasons
from kaname.testing.badinput import PASSES, BadInput, make_bad_inputs


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, BadInput]:
    """Every bad input, made once."""
    return make_bad_inputs(tmp_path_factory.mktemp("bad"))


def test_every_expected_reason_is_a_reason(made: dict[str, BadInput]) -> None:
    """Each expected code stands in the table of reasons."""
    codes = {code for bad in made.values() for code in bad.reasons} - {PASSES}
    assert codes <= set(reasons())
    assert len(codes) >= 14


def test_the_good_file_is_good(made: dict[str, BadInput]) -> None:
    """The file that the bad ones are made from is a CT that a foreign reader opens."""
    ds = pydicom.dcmread(made["good"].path)
    assert (ds.Modality, len(ds.PixelData)) == ("CT", ds.Rows * ds.Columns * 2)


def test_bad_files_are_bad_in_their_way(made: dict[str, BadInput]) -> None:
    """Each file has the fault that its name says."""
    assert made["empty"].path.stat().st_size == 0
    assert made["symlink"].path.is_symlink()
    assert made["preamble-mz"].path.read_bytes().startswith(b"MZ")
    assert made["preamble-elf"].path.read_bytes().startswith(b"\x7fELF")
    first, second = (pydicom.dcmread(made[name].path) for name in ("same-uid-first", "same-uid-second"))
    assert first.SOPInstanceUID == second.SOPInstanceUID
    assert first.KVP != second.KVP
    assert made["same-uid-first"].path.name < made["same-uid-second"].path.name
    lie = made["charset-lie"].path.read_bytes()
    assert "駄目田".encode("cp932") in lie
    assert b"ISO_IR 192" in lie
    for name in ("study", "series", "sop-instance", "sop-class"):
        ds = pydicom.dcmread(made[f"missing-{name}-uid"].path)
        keyword = {"study": "StudyInstanceUID", "series": "SeriesInstanceUID"}.get(name)
        keyword = keyword or {"sop-instance": "SOPInstanceUID", "sop-class": "SOPClassUID"}[name]
        assert keyword not in ds


def test_archives_are_hostile_in_their_way(made: dict[str, BadInput], tmp_path: Path) -> None:
    """One archive points outside, one expands a thousandfold, one is cut, one is encrypted."""
    with zipfile.ZipFile(made["zip-path-traversal"].path) as archive:
        assert any(name.startswith("../") for name in archive.namelist())
    with zipfile.ZipFile(made["zip-bomb"].path) as archive:
        info = archive.infolist()[0]
        assert info.file_size > 400 * info.compress_size
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(made["zip-broken"].path)
    with zipfile.ZipFile(made["zip-encrypted"].path) as archive, pytest.raises(RuntimeError):
        archive.extractall(tmp_path)


def test_bad_inputs_can_be_made_twice(tmp_path: Path) -> None:
    """Making them again in the same folder gives the same files."""
    first = make_bad_inputs(tmp_path)
    content = {name: bad.path.read_bytes() for name, bad in first.items() if bad.path.suffix == ".dcm"}
    assert make_bad_inputs(tmp_path) == first
    assert {name: first[name].path.read_bytes() for name in content} == content
