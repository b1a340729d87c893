from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file

from kaname.deid import rules
from kaname.deid.engine import Engine
from kaname.deid.identified import Identified
from kaname.deid.keys import MasterKey
from kaname.dicom.standard import confidentiality, dictionary
from kaname.registries import DeidRules, Registry, load
from kaname.testing.objects import ct_slice, to_bytes

KEYS = MasterKey(b"0123456789abcdef0123456789abcdef").for_registry("bare")


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry that takes no option and keeps nothing by allow-list."""
    registry = replace(load("basic"), id="bare", deid=DeidRules({}, {}, ""))
    monkeypatch.setattr(rules, "load", {"bare": registry}.__getitem__)
    rules.step_for.cache_clear()
    return registry


def test_without_options(bare: Registry, tmp_path: Path) -> None:
    """Without options the Basic Profile alone applies: no age, dummy dates and times, no claim of an option."""
    slice_ = ct_slice(StudyVerifiedDate="20240501", InterventionDrugStopTime="1015")
    made = Engine(bare, KEYS, "gw-1").cross(Identified(to_bytes(slice_)), tmp_path)
    ds = pydicom.dcmread(made.path)
    assert "PatientAge" not in ds
    assert "Manufacturer" not in ds
    assert ds.StudyDate in ("", "19000101")
    assert ds.StudyTime in ("", "000000")
    assert [c.CodeValue for c in ds.DeidentificationMethodCodeSequence] == ["113100"]
    assert "LongitudinalTemporalInformationModified" not in ds


def test_unlisted_dates_without_options(bare: Registry) -> None:
    """Dates and times that no table lists go when no option keeps them."""
    unlisted = [a for tag, a in dictionary().items() if a.vr in ("DA", "DT", "TM") and tag not in confidentiality()]
    assert unlisted
    for attribute in unlisted:
        assert rules.step_for(bare.id, attribute.tag, attribute.vr.encode()).action is rules.Action.REMOVE


def test_dates_without_times(bare: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry that shifts dates and keeps no times gets dummies for the times."""
    shifting = replace(bare, deid=DeidRules({"modified_dates": "because"}, {}, ""))
    monkeypatch.setattr(rules, "load", {"bare": shifting}.__getitem__)
    rules.step_for.cache_clear()
    assert rules.step_for("bare", 0x00080031, b"TM").action is rules.Action.DUMMY
    assert rules.step_for("bare", 0x00080021, b"DA").action is rules.Action.SHIFT


@pytest.mark.parametrize("name", ["MR_small_bigendian.dcm", "image_dfl.dcm"])
def test_rare_encodings(name: str, tmp_path: Path) -> None:
    """Big-endian and deflated files leave in explicit little endian with the same pixel values, or are held."""
    path = get_testdata_file(name)
    assert isinstance(path, str)
    data = Path(path).read_bytes()
    before = pydicom.dcmread(path)
    if before.Modality != "MR":
        before.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        before.ConversionType = ""
        from io import BytesIO

        out = BytesIO()
        before.save_as(out)
        data = out.getvalue()
    registry = load("basic")
    made = Engine(registry, KEYS, "gw-1").cross(Identified(data), tmp_path)
    after = pydicom.dcmread(made.path)
    assert after.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert (after.pixel_array == before.pixel_array).all()
