"""The search at the gateway: what is chance, and what only looks like it."""

from __future__ import annotations

import unicodedata

import pytest
from pydicom.dataset import Dataset

from kaname.residual import Finding, known_forms, search_bytes

from .clean_files import SUBJECT, clean_file
from .planted import kinds

INNOCENT: list[tuple[dict[str, list[str]], str, str]] = [
    ({"name": ["ABE^ITO"]}, "ImageComments", "CABEL MERITO labels"),
    ({"name": ["LI^YI"]}, "ImageComments", "LIPID YIELD liyield"),
    ({"name": ["A^B"]}, "ImageComments", "AB A B A^B"),
    ({"name": ["CQ500-CT-310"]}, "ImageComments", "CT 310"),
    ({"name": ["林^学"]}, "ImageComments", "森林学 科学 小林"),
    ({"name": ["アベ^モリ"]}, "ImageComments", "スアベット タモリン"),
    ({"id": ["4711"]}, "ImageComments", "14711 47110 0.4711 4711.5 1,4711"),
    ({"id": ["123"]}, "ImageComments", "123"),
    ({"id": ["0000"]}, "ImageComments", "0000"),
    ({"id": ["AB12"]}, "ImageComments", "CAB12 AB123"),
    ({"date": ["20240501"]}, "ImageComments", "120240501 202405010 2024/05/010 12024/5/1 xr6.5.1 R6.5.12 R6.5.1.2"),
    ({"date": ["not a date", "20240231"]}, "ImageComments", "20240231"),
    ({"name": ["Anonymous", "REMOVED^Patient"]}, "ImageComments", "REMOVED anonymous patient"),
    ({"institution": ["GE", "A"], "text": ["", "none"]}, "ImageComments", "GE A none"),
    ({"name": ["MIN^MAX"]}, "ImageType", "MIN IP"),
    ({"name": ["KANAME^KEY"]}, "DeidentificationMethod", "KANAME 1; KEY x"),
    ({"name": ["PERFUSION^HEAD"]}, "BodyPartExamined", "HEAD"),
    ({"id": ["113100"]}, "BodyPartExamined", "HEAD"),
    ({"name": ["HITACHI^Y"]}, "Manufacturer", "HITACHI"),
    ({"id": ["1024"]}, "ReconstructionDiameter", "1024"),
    ({"id": ["101530"]}, "StudyTime", "101530"),
    ({"id": ["12345"]}, "SeriesNumber", "12345"),
]


@pytest.mark.parametrize(("values", "keyword", "text"), INNOCENT)
def test_chance_is_not_a_finding(values: dict[str, list[str]], keyword: str, text: str) -> None:
    """Parts of longer words and numbers, words of the Standard, short numbers among measurements are innocent."""
    data = clean_file(change=lambda ds: setattr(ds, keyword, text))
    assert search_bytes(data, known_forms(values)) == ()


GUILTY: list[tuple[dict[str, list[str]], str, str]] = [
    ({"name": ["PERFUSION^HEAD"]}, "ImageComments", "HEAD"),
    ({"name": ["HITACHI^Y"]}, "ImageComments", "Hitachi"),
    ({"name": ["LI^YI"]}, "ImageComments", "Mr. LI"),
    ({"name": ["LI^YI"]}, "ImageComments", "LI YI"),
    ({"name": ["O'Brien^Anne-Marie"]}, "ImageComments", "OBRIEN"),
    ({"name": ["O'Brien^Anne-Marie"]}, "ImageComments", "marie"),
    ({"name": ["Müller^Jörg"]}, "ImageComments", ["MUELLER", "MÜLLER"][1]),
    ({"name": ["Müller^Jörg"]}, "ImageComments", "muller"),
    ({"name": ["アベ^モリ"]}, "ImageComments", "アベさん"),
    ({"name": ["イ^ア"]}, "ImageComments", "イさん"),
    ({"name": ["山田太郎"]}, "ImageComments", "山田 様"),
    ({"name": ["山田太郎^^"]}, "ImageComments", "太郎"),
    ({"name": ["김^철수"]}, "ImageComments", "철수"),
    ({"name": ["がうら^さとし"]}, "ImageComments", unicodedata.normalize("NFD", "がうら")),
    ({"name": ["さとう^けんぞう"]}, "ImageComments", "KENZO SATOH"),
    ({"name": ["SATO^JUN"]}, "ImageComments", "さとう"),
    ({"id": ["4711"]}, "ImageComments", "No.4711, x"),
    ({"name": ["CQ500-CT-310"]}, "ImageComments", "x CQ500CT310"),
    ({"name": ["Yamada-2"]}, "ImageComments", "YAMADA"),
    ({"id": ["4711"]}, "PatientID", "4711"),
    ({"id": ["1024"]}, "SoftwareVersions", "1024"),
    ({"id": ["1234567"]}, "ReconstructionDiameter", "1234567"),
    ({"text": ["+81 3 3341 8111"]}, "ImageComments", "81333418111"),
    ({"name": ["YAMADA^TARO"]}, "DeidentificationMethod", "by YAMADA"),
]


@pytest.mark.parametrize(("values", "keyword", "text"), GUILTY)
def test_short_forms_are_found_in_their_context(values: dict[str, list[str]], keyword: str, text: str) -> None:
    """Short names count beside a title, a label or their other half; words of the Standard count in free text."""
    data = clean_file(change=lambda ds: setattr(ds, keyword, text))
    found = search_bytes(data, known_forms(values))
    assert {(f.kind, f.attribute) for f in found} == {(next(iter(values)), keyword)}


def test_a_name_before_any_tag_is_a_whole_word() -> None:
    """A four-letter name stands alone even where the next tag begins with a letter's byte (0x0054 is T)."""

    def change(ds: Dataset) -> None:
        ds.add_new(0x00400254, "LO", "MORI")
        ds.add_new(0x00540081, "US", 1)

    assert kinds(clean_file(change=change), known_forms({"name": ["MORI^K"]})) == {"name"}


def test_four_bytes_in_a_table_are_chance() -> None:
    """Two kanji in UTF-16 are four bytes: in a table of numbers they are chance, in a private blob they are not."""
    forms = known_forms({"name": ["山田^x"]})
    wide = "山田".encode("utf-16-le")

    def table(ds: Dataset) -> None:
        ds.add_new(0x00281201, "OW", b"\0\0" + wide + b"\0\0")

    def blob(ds: Dataset) -> None:
        ds.add_new(0x00091001, "OB", b"\0\0" + wide + b"\0\0")

    assert search_bytes(clean_file(change=table), forms) == ()
    assert search_bytes(clean_file(change=blob), forms) == (Finding("name", "(0009,1001)", "utf-16-le"),)


def test_a_name_inside_a_pseudonym_is_chance() -> None:
    """Letters of a pseudonym between its digits are no word; the same word elsewhere is."""
    forms = known_forms({"name": ["ABE^KEN"]})

    def change(ds: Dataset) -> None:
        ds.PatientName = ds.PatientID = "2ABE3KEN4QQQQQQQ"

    assert search_bytes(clean_file(change=change), forms) == ()
    exact = known_forms({"id": [SUBJECT]})
    assert {f.attribute for f in search_bytes(clean_file(), exact)} == {"PatientID", "PatientName"}
