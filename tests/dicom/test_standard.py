from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
import tomllib
from collections import Counter
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest

from kaname.dicom.standard import (
    EDITION,
    Attribute,
    RangeRule,
    confidentiality,
    confidentiality_ranges,
    dictionary,
    keyword,
    sop_classes,
    transfer_syntaxes,
)
from kaname.settings import test_data_from_environment as data_folder

HERE = files("kaname.dicom.standard")
TOLD = tomllib.loads(HERE.joinpath("EDITION.toml").read_text(encoding="utf-8"))
ROOT = Path(__file__).parents[2]


def generator() -> ModuleType:
    """The script that writes the tables, as a module."""
    spec = importlib.util.spec_from_file_location("make_standard", ROOT / "tools" / "make_standard.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_standard"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", list(TOLD["file"]))
def test_digests(name: str) -> None:
    """Every table is, byte for byte, the one that EDITION.toml names."""
    content = HERE.joinpath(name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == TOLD["file"][name]["sha256"]
    assert content.count(b"\n") - 1 == TOLD["file"][name]["rows"]


def test_every_table_is_named() -> None:
    """EDITION.toml names every table that lies there, and its edition is the one that the code tells."""
    assert {f.name for f in HERE.iterdir() if f.name.endswith(".tsv")} == set(TOLD["file"])
    assert TOLD["edition"] == EDITION == "2026c"


def test_655_tags() -> None:
    """Table E.1-1 of 2026c is here whole: 652 single attributes and 3 ranges, with the known counts by action."""
    ranges = [rule for rule in confidentiality_ranges() if rule.name != "Private Attributes"]
    counts = Counter(rule.basic for rule in [*confidentiality().values(), *ranges])
    expected = {"X": 415, "D": 93, "U": 55, "Z": 42, "X/D": 23, "X/Z": 11, "X/Z/D": 8, "Z/D": 6, "X/Z/U*": 2}
    assert counts == expected == TOLD["actions"]
    assert len(confidentiality()) + len(ranges) == sum(expected.values()) == 655


def test_option_columns() -> None:
    """Option columns come from 2024b, and exactly the 35 tags that EDITION.toml lists have none."""
    without = {f"{rule.tag:08X}" for rule in confidentiality().values() if not rule.options_edition}
    assert without == set(TOLD["without_option_columns"])
    assert len(without) == 35
    assert not any(confidentiality()[int(tag, 16)].options for tag in without)
    study_date = confidentiality()[0x00080020]
    assert (study_date.basic, study_date.options_edition) == ("Z", "2024b")
    assert study_date.options == {"full_dates": "K", "modified_dates": "C"}
    used = Counter(option for rule in confidentiality().values() for option in rule.options)
    assert used["full_dates"] == used["modified_dates"] == 165
    assert (used["descriptors"], used["uids"], used["device_identity"]) == (125, 59, 57)
    assert (used["patient_characteristics"], used["institution_identity"]) == (13, 10)
    assert {value for rule in confidentiality().values() for value in rule.options.values()} == {"K", "C"}


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        (0x50000005, "Curve Data"),
        (0x501E3000, "Curve Data"),
        (0x60003000, "Overlay Data"),
        (0x601E4000, "Overlay Comments"),
        (0x00091001, "Private Attributes"),
    ],
)
def test_ranges(tag: int, name: str) -> None:
    """Curves, overlay data, overlay comments and private groups are covered, each by one row."""
    assert [rule.name for rule in confidentiality_ranges() if rule.covers(tag)] == [name]


def test_outside_ranges() -> None:
    """Overlay geometry and ordinary attributes are in no range."""
    assert not [r for r in confidentiality_ranges() if r.covers(0x60000010) or r.covers(0x00100010)]
    assert [r for r in confidentiality_ranges() if r.mask == 0xFF00FFFF] == [
        RangeRule(0xFF00FFFF, 0x60003000, "Overlay Data", "X", {"graphics": "C"}),
        RangeRule(0xFF00FFFF, 0x60004000, "Overlay Comments", "X", {"graphics": "C"}),
    ]


def test_dictionary() -> None:
    """Attributes carry VR, VM, keyword, name and whether they are retired."""
    name = dictionary()[0x00100010]
    assert (name.vr, name.vm, name.keyword, name.name, name.retired) == (
        "PN",
        "1",
        "PatientName",
        "Patient's Name",
        False,
    )
    assert dictionary()[0x00280106].vr == "US or SS"
    assert dictionary()[0x00080001].retired


def test_unknown_to_the_dictionary() -> None:
    """The 25 attributes that only Table E.1-1 knows stand there by number, as UN without a keyword."""
    unknown = [tag for tag in confidentiality() if not dictionary()[tag].keyword]
    assert len(unknown) == 25
    assert {dictionary()[tag].vr for tag in unknown} == {"UN"}
    assert 0x00100011 in unknown
    assert all(dictionary()[tag].name for tag in unknown)


def test_keyword() -> None:
    """An attribute is called by its keyword, and by its number where it has none."""
    assert keyword(0x00100020) == "PatientID"
    assert keyword(0x00100011) == "(0010,0011)"
    assert keyword(0x0009100A) == "(0009,100A)"


def test_uids() -> None:
    """Storage SOP Classes and transfer syntaxes are known, retired ones too; a DICOMDIR is no storage class."""
    assert sop_classes()["1.2.840.10008.5.1.4.1.1.2"] == "CT Image Storage"
    assert sop_classes()["1.2.840.10008.5.1.4.1.1.6"] == "Ultrasound Image Storage"
    assert len(sop_classes()) == 204
    for none in ("1.2.840.10008.1.3.10", "1.2.840.10008.1.20.1", "1.2.840.10008.1.1"):
        assert none not in sop_classes()
    assert transfer_syntaxes()["1.2.840.10008.1.2.1"] == "Explicit VR Little Endian"
    assert transfer_syntaxes()["1.2.840.10008.1.2.4.100"].startswith("MPEG2")
    assert len(transfer_syntaxes()) == 59


def test_tables_are_shared() -> None:
    """A table is read once and cannot be changed."""
    assert dictionary() is dictionary()
    with pytest.raises(TypeError):
        cast("dict[int, Attribute]", dictionary())[1] = dictionary()[0x00100010]


def test_regenerated() -> None:
    """The generator, given its sources, writes exactly the files that are committed."""
    source = data_folder() / "dicom-standard-tables" / "confidentiality_profile_attributes.json"
    if not source.is_file():
        pytest.skip("the 2024b JSON of PS3.15 is not here: set KANAME_TEST_DATA to the folder of public test data")
    pytest.importorskip("dicomanonymizer", reason="dicom-anonymizer, a source of the tables, is not installed")
    # In a process of its own: libraries that speak DICOM add to pydicom's dictionaries when they are imported.
    code = f"""
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
spec = spec_from_file_location("make_standard", {str(ROOT / "tools" / "make_standard.py")!r})
module = sys.modules["make_standard"] = module_from_spec(spec)
spec.loader.exec_module(module)
made = module.make(Path({str(source)!r}).read_bytes())
print([name for name, content in made.items() if Path({str(HERE)!r}, name).read_bytes() != content])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "line",
    [
        "    (0x0010, 0x0010, 0xF0F1, 0xFFFF),  # Half a mask",
        "    (0x10, 0x0010),  # Short",
        "import os",
        "    (0x0008, 0x0050),  # Accession Number\n    (0x0008, 0x0050),  # Accession Number",
    ],
)
def test_generator_stops(line: str) -> None:
    """The generator stops on a row of Table E.1-1 that it does not understand."""
    make_standard = generator()
    with pytest.raises(make_standard.NotUnderstoodError):
        make_standard.read_basic(f"X_TAGS = [\n{line}\n]\n")


@pytest.mark.parametrize(
    "rows",
    [
        '[{"id": "00100010", "name": "", "tag": "", "basicProfile": "Z", "newOpt": "K"}]',
        '[{"id": "00100010", "name": "", "tag": "", "basicProfile": "Z", "rtnUIDsOpt": "Q"}]',
    ],
)
def test_generator_stops_on_options(rows: str) -> None:
    """The generator stops on an option column or a value of one that it does not know."""
    make_standard = generator()
    with pytest.raises(make_standard.NotUnderstoodError):
        make_standard.read_options(rows)


def test_generator_stops_on_disagreement() -> None:
    """The generator stops when the two editions disagree on a row, or the newer lacks one of the older."""
    make_standard = generator()
    rows = [make_standard.Row("00100010", "Patient's Name", "Z")]
    odd = {make_standard.ODD_GROUPS: {"basic": "X"}}
    with pytest.raises(make_standard.NotUnderstoodError):
        make_standard.confidentiality(rows, {"00100010": {"basic": "X"}} | odd)
    with pytest.raises(make_standard.NotUnderstoodError):
        make_standard.confidentiality(rows, {"00100020": {"basic": "Z"}} | odd)
