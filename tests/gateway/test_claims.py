"""Which row a file without a header belongs to, and what that row says of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from kaname.errors import Refused
from kaname.gateway.claims import Department, body_part, claims_on, read_department
from kaname.gateway.hospital import Hospital
from kaname.registries import load
from kaname.testing.department import MAPPING

from .hospitals import make_gateway, table_file

HEADINGS = ("accession", "patient_id", "file")


@pytest.fixture
def hospital(tmp_path: Path) -> Hospital:
    """A gateway that is enrolled with nobody."""
    return make_gateway(tmp_path)


def departments(hospital: Hospital, *tables: Path) -> dict[Path, list[Department]]:
    """The tables, read for the registry of skin pictures."""
    return {table.parent: [read_department(table, hospital.engine("nsdd"))] for table in tables}


def accessions(place: Path, read: dict[Path, list[Department]]) -> Sequence[str]:
    """Accession numbers of the rows to which a file belongs."""
    return [row.accession for row in claims_on(place, read)]


def test_by_name_by_folder_and_by_number(hospital: Hospital, tmp_path: Path) -> None:
    """A row names files and folders, with either slash and in either composition; a folder may bear the number."""
    rows = (
        ("A-1", "P1", "one.jpg; sub\\two.jpg ;か\u3099ぞう.png"),
        ("A-2", "P2", "folder"),
        ("A-3", "P3", ""),
        ("A-4", "P4", "folder/four.jpg;../out.jpg"),
    )
    read = departments(hospital, table_file(tmp_path / "in", *rows, headings=HEADINGS))
    place = tmp_path / "in"
    found = {
        name: accessions(place / name, read)
        for name in ("one.jpg", "sub/two.jpg", "がぞう.png", "folder/deep/x.jpg", "folder/four.jpg", "A-3/any/y.mp4",
                     "two.jpg", "A-5/z.jpg", "../out.jpg")
    }  # fmt: skip
    assert found == {
        "one.jpg": ["A-1"], "sub/two.jpg": ["A-1"], "がぞう.png": ["A-1"], "folder/deep/x.jpg": ["A-2"],
        "folder/four.jpg": ["A-4"], "A-3/any/y.mp4": ["A-3"], "two.jpg": [], "A-5/z.jpg": [], "../out.jpg": [],
    }  # fmt: skip


def test_the_nearest_table_speaks_first(hospital: Hospital, tmp_path: Path) -> None:
    """Of two tables that know a file the one beside it counts; two rows of one table both claim it."""
    near = table_file(tmp_path / "in" / "A-1", ("A-2", "P2", "x.jpg"), headings=HEADINGS)
    far = table_file(tmp_path / "in", ("A-1", "P1", "y.jpg"), ("A-3", "P3", "y.jpg"), headings=HEADINGS)
    read = departments(hospital, far, near)
    assert accessions(tmp_path / "in" / "A-1" / "x.jpg", read) == ["A-2"]
    assert accessions(tmp_path / "in" / "A-1" / "z.jpg", read) == ["A-1"]
    assert accessions(tmp_path / "in" / "y.jpg", read) == ["A-1", "A-3"]


def test_what_a_row_says_of_its_files(hospital: Hospital, tmp_path: Path) -> None:
    """Name, birth, sex, day, part and side go into the header; a mapping may say what a department's words mean."""
    headings = ("受付番号", "患者番号", "氏名", "生年月日", "性別", "撮影日", "撮影部位", "眼", "capture")
    row = ("A-1", "P1", "山田 太郎", "1960/1/2", "オトコ", "2026-11-21", "ほっぺた", "右", "dermoscopy")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / MAPPING).write_text('[words.body_part]\n"ほっぺた" = "CHEEK"\n[words.sex]\n"オトコ" = "M"\n')
    ((read,),) = departments(hospital, table_file(tmp_path / "in", row, headings=headings)).values()
    (only,) = read.rows
    said = only.examination(load("nsdd"))
    assert (said.patient_id, said.patient_name, said.birth_date, said.sex) == ("P1", "山田 太郎", "1960/1/2", "M")
    assert (said.accession, said.study_date, said.body_part, said.laterality) == ("A-1", "2026-11-21", "CHEEK", "右")
    assert only.items() == ({"capture": "dermoscopy"}, "")
    assert "山田" not in repr(only) + repr(read) + repr(said)


@pytest.mark.parametrize(
    ("said", "part"),
    [("FACE", "FACE"), ("face", "FACE"), ("upper_arm", "UPPERARM"), ("顔面", "FACE"), ("ＨＡＮＤ", "HAND"),
     (" 手背 ", "HAND"), ("", ""), ("somewhere", ""), ("KAO", ""), ("顔のあたり", ""), ("WHOLEBODY", "WHOLEBODY")],
)  # fmt: skip
def test_body_parts(said: str, part: str) -> None:
    """A word that is not known says nothing, so that nothing passes by it."""
    assert body_part(said, load("nsdd")) == part


def test_a_mapping_with_unknown_words(hospital: Hospital, tmp_path: Path) -> None:
    """Words are told of three columns; a table for another one is a mistake of the mapping."""
    table = table_file(tmp_path / "in", ("A-1", "P1", ""), headings=HEADINGS)
    (tmp_path / "in" / MAPPING).write_text("[words.accession]\na = 'b'\n")
    with pytest.raises(Refused, match="mapping-invalid"):
        departments(hospital, table)
