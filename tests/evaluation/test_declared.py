from __future__ import annotations

import pytest

from kaname.errors import Refused
from kaname.evaluation.flow import evaluate, examine
from kaname.evaluation.model import Declared, Flag

MATRIX = b"x,A,B,C\nA,50,3,2\nB,4,60,1\nC,1,2,70\n"


def doctor(declared: str, matrix: bytes | None) -> list[Flag]:
    """Flags of the table with these facts."""
    return [flag for flag in evaluate(matrix, declared.encode()).flags if flag.check != "interval-width"]


@pytest.mark.parametrize(
    ("declared", "code", "entry"),
    [
        ("n = ", None, None),
        ("\udcff", None, None),
        ("[" * 100_000, None, None),
        ('{"n": ' * 100_000, None, None),
        ("#" * 2**21, None, None),
        ("{}x", None, None),
        ("n = -1", None, "n"),
        ("n = true", None, "n"),
        ("n = 1.5", None, "n"),
        ("n = 0x" + "f" * 5000, None, "n"),
        ("cases = 'many'", None, "cases"),
        ("m = 3", None, ""),
        ("binary = 3", None, "binary"),
        ("binary = { tp = 1 }", None, "binary"),
        ("class_counts = { A = -1 }", None, "class_counts.1"),
        ("class_counts = { Z = 1 }", "unknown-class", "class_counts.1"),
        ("stated = 3", None, "stated"),
        ("stated = [3]", None, "stated.1"),
        ("[[stated]]\nmetric = 'beauty'\nvalue = 1", None, "stated.1.metric"),
        ("[[stated]]\nmetric = 3\nvalue = 1", None, "stated.1.metric"),
        ("[[stated]]\nmetric = 'mcc'", None, "stated.1.value"),
        ("[[stated]]\nmetric = 'mcc'\nvalue = nan", None, "stated.1.value"),
        ("[[stated]]\nmetric = 'mcc'\nvalue = true", None, "stated.1.value"),
        ("[[stated]]\nmetric = 'mcc'\nvalue = 1\nof = 'them'", None, "stated.1.of"),
        ("[[stated]]\nmetric = 'ppv'\nvalue = 1\nof = 'table'", None, "stated.1.of"),
        ("[[stated]]\nmetric = 'macro f1'\nvalue = 1\nclass = 'A'", None, "stated.1.of"),
        ("[[stated]]\nmetric = '感度'\nvalue = '90%'", None, "stated.1.metric"),
        ("[[stated]]\nmetric = 'f1'\nvalue = '90%'\nclass = 'Z'", "unknown-class", "stated.1.class"),
        ("split = { ratio = [8, 1, 1], parts = [8, 1] }", None, "split.ratio"),
        ("split = { ratio = [0, 0], parts = [8, 1] }", None, "split.ratio"),
        ("stages = [{ name = 'x', recall = 1 }]", None, "stages.1"),
        ("tables = [{ rows = [] }]", None, "tables.1.rows"),
        ("tables = [{ rows = [3] }]", None, "tables.1.rows.1"),
        ("tables = [{ rows = [[1, 2], [3]] }]", None, "tables.1.rows"),
        ("tables = [{ rows = [[1, 2]], totals = [1] }]", None, "tables.1.totals"),
        ("tables = [{ rows = [[1, 2]], ratio = [0, 0] }]", None, "tables.1.ratio"),
        ("scores = [{ rows = ['a'], columns = ['b'], values = [[1, 2]] }]", None, "scores.1.values"),
        (
            "scores = [{ rows = ['a'], columns = ['b'], values = [[1]], best = ['c'] }]",
            "declared-invalid",
            "scores.1.best",
        ),
    ],
)
def test_a_declared_fact_that_cannot_be_understood_is_refused(
    declared: str, code: str | None, entry: str | None
) -> None:
    """The refusal names the entry by our own words and numbers, never by its content."""
    with pytest.raises(Refused) as refused:
        evaluate(MATRIX, declared.encode(errors="surrogateescape"))
    assert refused.value.code == (code or "declared-invalid")
    assert refused.value.facts.get("entry") == entry


def test_what_needs_a_table_is_refused_without_one() -> None:
    """Nobody can check a figure without its counts."""
    with pytest.raises(Refused):
        evaluate(None, b"n = 3")
    assert not examine(None, Declared(images=3)).flags


def test_declared_facts_may_be_json() -> None:
    """The same keys, and decimals keep their last place."""
    declared = '{"n": 193, "stated": [{"metric": "accuracy", "value": 0.930}]}'
    (flag,) = doctor(declared, MATRIX)
    assert (flag.expected, flag.repair) == ("accuracy 0.930", "正診率/accuracy: 0.930 → 0.933")


def test_tables_of_scores_and_counts_come_from_the_file() -> None:
    """A file alone is examined too."""
    declared = """
[[stages]]
name = "detector"
recall = ".932"
precision = ".745"
f1 = ".828"
[[tables]]
name = "data"
rows = [[8, 1, 1], [80, 10, 11]]
row_names = ["a", "b"]
column_names = ["train", "validate", "test"]
totals = [88, 11, 12]
row_totals = [10, 101]
total = 111
ratio = [8, 1, 1]
[[scores]]
name = "AUCs"
metric = "AUC"
rows = ["m1", "m2"]
columns = ["x"]
values = [[".9"], [".9"]]
best = ["m2"]
mean = ".9"
min = ".9"
max = ".9"
"""
    assert not doctor(declared, None)
    assert not doctor("tables = [{ rows = [[1, 2]] }]", None)
    (flag,) = doctor(declared.replace("total = 111", "total = 112"), None)
    assert flag.repair == "合計/total 総計/grand: 112 → 111"
