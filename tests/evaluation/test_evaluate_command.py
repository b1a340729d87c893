from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kaname.cli import kaname
from kaname.cli.evaluate import evaluate

MATRIX = "推定＼正解,悪性,良性\n悪性,１２,2\n良性,2,11\n"
KEYS = [
    "n",
    "accuracy",
    "accuracy_ci95",
    "kappa",
    "mcc",
    "macro_recall",
    "macro_precision",
    "macro_f1",
    "weighted_f1",
    "per_class",
    "flags",
]
BINARY_KEYS = [
    *("tp", "fp", "fn", "tn", "sensitivity", "specificity", "ppv", "npv", "accuracy", "f1", "kappa", "mcc"),
    *("lr_plus", "lr_minus"),
    *("sensitivity_ci95", "specificity_ci95", "ppv_ci95", "npv_ci95", "accuracy_ci95"),
]


@pytest.fixture
def matrix(tmp_path: Path) -> str:
    """The SJS/TEN table as a file."""
    path = tmp_path / "table.csv"
    path.write_text(MATRIX, encoding="cp932")
    return str(path)


@pytest.fixture
def declared(tmp_path: Path) -> str:
    """What its text states."""
    path = tmp_path / "declared.toml"
    path.write_text('[[stated]]\nmetric = "精度"\nvalue = "92.6%"\n', encoding="utf-8")
    return str(path)


def run(*arguments: str) -> Result:
    """The command in this process."""
    return CliRunner().invoke(evaluate, arguments)


def answer(*arguments: str) -> dict[str, Any]:
    """The command's JSON."""
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_json_has_exactly_these_keys(matrix: str) -> None:
    """The keys are a contract, and so is their order."""
    found = answer("--matrix", matrix, "--positive", "悪性")
    assert list(found) == [*KEYS[:-1], "binary", "flags"]
    assert list(found["binary"]) == BINARY_KEYS
    assert [list(one) for one in found["per_class"]] == [["name", "n", "recall", "precision", "f1", "specificity"]] * 2
    assert list(answer("--matrix", matrix)) == KEYS
    assert found["accuracy_ci95"] == [pytest.approx(0.6752, abs=5e-5), pytest.approx(0.9408, abs=5e-5)]


def test_flags_do_not_change_the_exit_code(matrix: str, declared: str) -> None:
    """A flag is an answer: what was asked, what was found, both languages, a repair."""
    flags = answer("--matrix", matrix, "--declared", declared)["flags"]
    assert [list(flag) for flag in flags] == [
        ["check", "expected", "found", "message_ja", "message_en", "repair"]
    ] * len(flags)
    assert {"stated-metric", "metric-name", "interval-width"} == {flag["check"] for flag in flags}


def test_undefined_ratios_are_null(tmp_path: Path) -> None:
    """0/0 is null, not 0 and not NaN."""
    path = tmp_path / "table.csv"
    path.write_text("x,A,B\nA,3,0\nB,0,0\n", encoding="utf-8")
    found = answer("--matrix", str(path), "--positive", "A")
    assert found["per_class"][1]["recall"] is None
    assert found["kappa"] is None
    assert found["binary"]["lr_plus"] is None
    assert "— (a/0)" in run("--matrix", str(path)).output
    assert "undefined-ratio" in {flag["check"] for flag in found["flags"]}


def test_people_read_japanese_first_and_never_seido_alone(matrix: str) -> None:
    """The table names accuracy 正診率, recall 感度/再現率, precision 適合率(陽性的中率)."""
    done = run("--matrix", matrix, "--positive", "悪性")
    assert done.exit_code == 0
    for words in ("正診率 / accuracy", "感度 / sensitivity", "特異度 / specificity", "陽性尤度比 / LR+", "感度/再現率"):
        assert words in done.output
    assert "0.8519  (95%CI 0.6752–0.9408)" in done.output
    assert "精度" not in done.output
    assert "— (a/0)" not in done.output


def test_declared_facts_alone(tmp_path: Path) -> None:
    """A split needs no confusion table."""
    path = tmp_path / "declared.json"
    path.write_text('{"split": {"ratio": [8, 1, 1], "parts": [80, 10, 20]}, "images": 3, "cases": 4}', encoding="utf-8")
    assert [flag["check"] for flag in answer("--declared", str(path))["flags"]] == ["images-cases", "split-ratio"]
    assert run("--declared", str(path)).output.startswith("指摘 / flags: 2")


def test_names_with_commas_are_quoted(tmp_path: Path) -> None:
    """``--positive`` is read like a line of CSV."""
    path = tmp_path / "table.csv"
    path.write_text('x,"A,1",B,C\n"A,1",30,0,1\nB,0,30,1\nC,2,2,30\n', encoding="utf-8")
    assert answer("--matrix", str(path), "--positive", '"A,1", B')["binary"]["tp"] == 60


@pytest.mark.parametrize(
    "arguments", [(), ("--positive", "A"), ("--matrix", "absent.csv"), ("--matrix", ".", "--json"), ("x.csv",)]
)
def test_wrong_usage_is_2(arguments: tuple[str, ...]) -> None:
    """Nothing to evaluate, or no such file."""
    assert run(*arguments).exit_code == 2


def test_positive_needs_a_table(declared: str) -> None:
    """Classes are named for a table, not for what is said about one."""
    assert run("--declared", declared, "--positive", "A").exit_code == 2


@pytest.mark.parametrize("positive", ["", "A,,B", '"'])
def test_positive_without_a_name_is_wrong_usage(matrix: str, positive: str) -> None:
    """An empty name names no class."""
    assert run("--matrix", matrix, "--positive", positive).exit_code == 2


def test_an_unknown_class_is_refused(matrix: str) -> None:
    """``unknown-class`` is an outcome with its sentences."""
    done = CliRunner().invoke(kaname, ["evaluate", "--matrix", matrix, "--positive", "良性,不明"])
    assert done.exit_code == 1
    assert getattr(done.exception, "code", "") == "unknown-class"


def test_the_installed_command(matrix: str, tmp_path: Path) -> None:
    """As a process: 0 with JSON on the output, 1 with both sentences on the error stream."""
    program = Path(sys.executable).parent / "kaname"
    arguments = [program, "evaluate", "--matrix", matrix, "--positive", "悪性", "--json"]
    done = subprocess.run(arguments, capture_output=True, encoding="utf-8", check=True)
    assert json.loads(done.stdout)["binary"]["tp"] == 12
    broken = tmp_path / "broken.csv"
    broken.write_text("x,A,B\nA,1,2\nB,3,many\n", encoding="utf-8")
    refused = subprocess.run(
        [program, "evaluate", "--matrix", broken], capture_output=True, encoding="utf-8", check=False
    )
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("table-cell [row=3] [column=3]")
    assert "many" not in refused.stderr
