"""``kaname evaluate PREDICTIONS.csv``: reading, refusing, and the pictures."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kaname.cli.evaluate import evaluate
from kaname.errors import Refused
from kaname.evaluation.classify import assess
from kaname.evaluation.pictures import Language, Picture, calibration_picture, confusion_picture, roc_picture
from kaname.evaluation.predictions import Predictions, read_predictions

HEAD = "id,subject,truth,score\n"
GOOD = HEAD + "a,S1,1,0.9\nb,S1,0,0.2\nc,S2,1,0.4\nd,S3,0,0.6\n"
SVG = "{http://www.w3.org/2000/svg}"


def run(tmp_path: Path, text: str, *options: str) -> Result:
    """The command in this process."""
    file = tmp_path / "predictions.csv"
    file.write_text(text, encoding="utf-8")
    return CliRunner().invoke(evaluate, [str(file), *options])


def test_a_file_of_predictions_is_read() -> None:
    """Truth, score and subject of each case, in the order of the file."""
    assert read_predictions(GOOD.encode()) == Predictions(
        (True, False, True, False), (0.9, 0.2, 0.4, 0.6), ("S1", "S1", "S2", "S3")
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_encodings_and_delimiters_make_no_difference(encoding: str, delimiter: str) -> None:
    """Files as spreadsheets export them; columns in any order, others left alone; full-width digits are digits."""
    text = "メモ,Score,TRUTH,ID\nよ,０．９,陽性,a\n\n,0.1,陰性,b\n".replace(",", delimiter)
    assert read_predictions(text.encode(encoding)) == Predictions((True, False), (0.9, 0.1), ("a", "b"))


def test_classes_are_positive_by_name() -> None:
    """``--positive`` names the values of truth that count as positive."""
    text = "id,truth,score\na,悪性,0.9\nb,良性,0.1\nc,境界,0.5\n"
    assert read_predictions(text.encode(), ["悪性", "境界"]).truth == (True, False, True)
    with pytest.raises(Refused, match="unknown-class"):
        read_predictions(text.encode(), ["正常"])


@pytest.mark.parametrize(
    ("text", "code", "facts"),
    [
        ("", "table-unreadable", {"row": 0}),
        ("id,truth\na,1\n", "predictions-columns", {"columns": 2}),
        ("id,id,truth,score\n", "predictions-columns", {"columns": 4}),
        (HEAD + "a,S1,1\n", "table-unreadable", {"row": 2}),
        (HEAD + 'a,S1,1,"0.5\n', "table-unreadable", {"row": 2}),
        (HEAD + "a,S1,2,0.5\n", "predictions-cell", {"row": 2, "column": 3}),
        (HEAD + "a,S1,1,high\n", "predictions-cell", {"row": 2, "column": 4}),
        (HEAD + "a,S1,1,nan\n", "predictions-cell", {"row": 2, "column": 4}),
        (HEAD + "a,S1,1,1_0\n", "predictions-cell", {"row": 2, "column": 4}),
        (HEAD + "a,,1,0.5\n", "predictions-cell", {"row": 2, "column": 2}),
        (HEAD + "a,S1,1,0.5\na,S1,0,0.5\n", "predictions-cell", {"row": 3, "column": 1}),
        (HEAD + ",S1,1,0.5\n", "predictions-cell", {"row": 2, "column": 1}),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_place(text: str, code: str, facts: dict[str, int]) -> None:
    """Line of the file and column, never the content."""
    with pytest.raises(Refused, match=code) as caught:
        read_predictions(text.encode())
    assert caught.value.facts == facts


def test_the_command_prints_figures(tmp_path: Path) -> None:
    """JSON for programs, a table in two languages for people."""
    found = json.loads(run(tmp_path, GOOD, "--json").stdout)
    assert (found["n"], found["positives"], found["groups"], found["auc"]) == (4, 2, 3, 0.75)
    assert (found["binary"]["tp"], found["binary"]["fp"]) == (1, 1)
    assert found["roc"][0]["threshold"] is None
    assert "特異度 / specificity" in run(tmp_path, GOOD).stdout
    assert json.loads(run(tmp_path, GOOD, "--json", "--threshold", "0.3").stdout)["binary"]["tp"] == 2


def test_the_command_writes_pictures(tmp_path: Path) -> None:
    """Two files of SVG."""
    done = run(tmp_path, GOOD, "--pictures", str(tmp_path / "out"))
    assert done.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["confusion.svg", "roc.svg"]


@pytest.mark.parametrize("options", [["--matrix", "x.csv"], ["--declared", "x.toml"]])
def test_predictions_and_tables_are_two_questions(tmp_path: Path, options: list[str]) -> None:
    """One call answers one of them."""
    (tmp_path / "x").write_text("")
    options = [options[0], str(tmp_path / "x")]
    assert run(tmp_path, GOOD, *options).exit_code == 2


def test_options_of_predictions_need_predictions(tmp_path: Path) -> None:
    """Pictures are made of scores, not of a table."""
    table = tmp_path / "table.csv"
    table.write_text(",a,b\na,1,2\nb,3,4\n")
    done = CliRunner().invoke(evaluate, ["--matrix", str(table), "--pictures", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert CliRunner().invoke(evaluate, []).exit_code == 2


def pictures(language: Language = "both") -> list[Picture]:
    """Every picture of a small assessment."""
    found = assess([True, False, True, False], [0.9, 0.2, 0.4, 0.6], list("abcd"), threshold=0.5)
    assert found.calibration is not None
    return [
        roc_picture(found, language=language),
        confusion_picture(found, language=language),
        calibration_picture(found.calibration, language=language),
    ]


@pytest.mark.parametrize("picture", pictures())
def test_a_picture_can_be_heard(picture: Picture) -> None:
    """An image by role, with a title and a description in Japanese and English that it points to."""
    root = ET.fromstring(picture.svg)  # noqa: S314 -- our own
    assert root.get("role") == "img"
    title, told = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert told is not None
    assert root.get("aria-labelledby") == f"{title.get('id')} {told.get('id')}"
    for text in (title.text, told.text):
        assert text is not None
        assert " / " in text


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_picture_may_speak_one_language(language: Language) -> None:
    """No word of the other one is in it, nor in its table."""
    for picture in pictures(language):
        said = picture.svg + "".join(picture.headings) + "".join(map("".join, picture.rows))
        assert " / " not in said.replace("Sans JP", "")
        assert bool(re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", said)) == (language == "ja")


@pytest.mark.parametrize("picture", pictures())
def test_a_picture_needs_no_permission(picture: Picture) -> None:
    """No style attribute, no script, no reference: a strict content security policy shows it."""
    for element in ET.fromstring(picture.svg).iter():  # noqa: S314 -- our own
        assert not {"style", "class", "href", "onload"} & set(element.attrib)
        assert element.tag.removeprefix(SVG) in {"svg", "title", "desc", "path", "rect", "circle", "text"}


@pytest.mark.parametrize("picture", pictures())
def test_a_picture_has_its_figures_as_a_table(picture: Picture) -> None:
    """Each row as wide as the headings."""
    assert {len(row) for row in picture.rows} == {len(picture.headings)}


def test_two_pictures_of_one_page_have_their_own_ids() -> None:
    """Names begin ids, and cannot break out of them."""
    found = assess([True, False], [0.9, 0.2], ["a", "b"], threshold=0.5)
    assert 'id="first-title"' in roc_picture(found, "first").svg
    assert "<b>" not in roc_picture(found, '"><b>').svg
