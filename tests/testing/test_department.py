from __future__ import annotations

import tomllib
from pathlib import Path

from kaname.gateway.tables import read_table
from kaname.registries import load
from kaname.testing.department import ALONE, MAPPING, TABLE, make_department
from kaname.testing.pacs import dicom_files


def test_the_same_export_again(tmp_path: Path) -> None:
    """The same arguments give the same bytes and the same key."""
    first, second = (make_department(tmp_path / name, patients=2) for name in ("1", "2"))
    assert first.rows == second.rows
    for name in (TABLE, MAPPING):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_the_key_says_what_is_there(tmp_path: Path) -> None:
    """Every row of the key stands in the table, one more has no image, and one patient's images have no row."""
    key = make_department(tmp_path, patients=3, unlisted=1)
    table = read_table(tmp_path / TABLE)
    accessions = [row["受付番号"] for row in table.rows()]
    assert accessions == [*(row.accession for row in key.rows), ALONE]
    imaged = {image.made.visit.accession for image in key.images}
    assert imaged == {*accessions, *key.unlisted} - {ALONE}
    assert len(dicom_files(tmp_path)) == len(key.images)
    assert table.headings[0] not in repr(table)


def test_everything_that_may_travel_is_known_to_the_registry(tmp_path: Path) -> None:
    """The mapping speaks of items of the registry, and each row's items are its codes and numbers."""
    key = make_department(tmp_path, patients=2)
    items = load("jsum").items
    assert tomllib.loads((tmp_path / MAPPING).read_text(encoding="utf-8"))["items"].keys() <= items.keys()
    for row in key.rows:
        for name, value in row.items.items():
            assert value in items[name].values if items[name].type == "code" else isinstance(value, float)


def test_what_is_planted_stands_in_the_table(tmp_path: Path) -> None:
    """Every identifying string of the key is really written, in CP932."""
    key = make_department(tmp_path, patients=2)
    text = (tmp_path / TABLE).read_text(encoding="cp932")
    assert key.planted
    assert all(planted in text for planted in key.planted)
