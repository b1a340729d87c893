from __future__ import annotations

import pytest

from kaname.errors import Refused
from kaname.evaluation.checks.sizes import share_of_each
from kaname.evaluation.flow import evaluate, examine
from kaname.evaluation.model import NOT_RESOLVABLE, CountTable, Declared, Evaluation, Flag, Split, Stated, TwoByTwo
from kaname.evaluation.printed import read_figure

MATRIX = b"x,A,B,C\nA,50,3,2\nB,4,60,1\nC,1,2,70\n"
TABLE = CountTable.of("ABC", "ABC", ((50, 3, 2), (4, 60, 1), (1, 2, 70)))
N = 193


def flags(evaluation: Evaluation) -> list[Flag]:
    """Flags without the warnings of small numbers."""
    return [flag for flag in evaluation.flags if flag.check != "interval-width"]


def doctor(declared: str, matrix: bytes | None = MATRIX) -> list[Flag]:
    """Flags of the table with these facts."""
    return flags(evaluate(matrix, declared.encode()))


def test_a_clean_table_has_no_flags() -> None:
    """Everything that is declared here is true."""
    declared = """
n = 193
cases = 193
images = 400
class_counts = { A = 55, B = 65, C = 73 }
class_images = { A = 100, B = 100, C = 200 }
totals = { rows = { A = 55, B = 65, C = 73 }, columns = { A = 55, B = 65, C = 73 }, all = "１９３" }
binary = { tp = 50, fp = 5, fn = 5, tn = 133 }
[[stated]]
metric = "正診率"
value = "93.3%"
[[stated]]
metric = "κ"
value = ".898"
[[stated]]
metric = "感度"
value = 0.909
[[stated]]
metric = "適合率"
class = "B"
value = "92.3"
[[stated]]
metric = "LR+"
value = "25.1"
"""
    assert not doctor(declared)


def test_one_wrong_count_explains_every_flag() -> None:
    """Totals, class counts, the collapse and accuracy all point at one cell."""
    declared = Declared(
        n=N,
        class_counts=(("A", 55), ("B", 65), ("C", 73)),
        binary=TwoByTwo(50, 5, 5, 133),
    )
    found = flags(examine(TABLE.with_count(1, 1, 66), declared))
    assert [flag.check for flag in found] == ["declared-n", "class-counts", "collapse"]
    assert {flag.repair for flag in found} == {"件数/count B × B: 66 → 60"}


def test_two_independent_misprints_have_two_repairs() -> None:
    """A wrong total and a wrong figure are each named."""
    declared = 'n = 193\ntotals = { rows = { A = 56 }, all = 193 }\n[[stated]]\nmetric = "accuracy"\nvalue = ".943"\n'
    total, stated = doctor(declared)
    assert (total.check, total.repair) == ("row-total", "合計/total 行 A/row A: 56 → 55")
    assert (stated.check, stated.repair) == ("stated-metric", "正診率/accuracy: .943 → 0.933")


def test_a_total_alone_does_not_tell_which_number_is_wrong() -> None:
    """Without other totals the row's counts may be wrong as well."""
    (flag,) = doctor("totals = { rows = { A = 56 } }")
    assert (flag.check, flag.expected, flag.found, flag.repair) == ("row-total", 56, 55, NOT_RESOLVABLE)


@pytest.mark.parametrize(
    ("declared", "check", "repair"),
    [
        ("totals = { all = 193, columns = { A = 54, B = 65, C = 73 } }", "column-total", "列 A/column A: 54 → 55"),
        ("n = 193\ntotals = { all = 194 }", "grand-total", "総計/grand: 194 → 193"),
        ("n = 193\nclass_counts = { A = 54, B = 65, C = 73 }", "class-counts", "class count A: 54 → 55"),
        ("n = 194\ntotals = { all = 193 }", "declared-n", "declared n: 194 → 193"),
        ("n = 193\nbinary = { tp = 50, fp = 5, fn = 5, tn = 134 }", "collapse", "TN: 134 → 133"),
        ("n = 193\n[[stated]]\nmetric = 'kappa'\nvalue = '.998'", "stated-metric", ".998 → 0.898"),
    ],
)
def test_the_declared_number_that_is_wrong_is_named(declared: str, check: str, repair: str) -> None:
    """The counts agree with everything else."""
    found = doctor(declared)
    (flag,) = [flag for flag in found if flag.check == check]
    assert flag.repair.endswith(repair)
    assert {one.repair for one in found} == {flag.repair}


def test_a_figure_that_is_no_share_fits_no_number_of_cases() -> None:
    """F is no part of a number of cases; a coarse figure fits several."""
    found = doctor(
        "[[stated]]\nmetric = 'F値'\nclass = 'A'\nvalue = '50%'\n[[stated]]\nmetric = 'accuracy'\nvalue = '1%'"
    )
    assert [flag.check for flag in found] == ["stated-metric", "stated-metric"]
    assert not any("would be" in flag.message_en for flag in found)


def test_two_ambiguous_names_are_two_flags() -> None:
    """Each name is asked for once, also when positives are known and the figure is said of them."""
    declared = """
[[stated]]
metric = "精度"
value = "93.3%"
[[stated]]
metric = "判別精度"
of = "binary"
value = "90.9%"
[[stated]]
metric = "accuracy"
value = "93.3%"
"""
    found = flags(evaluate(MATRIX, declared.encode(), ["A"]))
    assert [(flag.check, flag.found) for flag in found] == [("metric-name", "精度"), ("metric-name", "判別精度")]


def test_kappa_alone_leaves_the_counts_open() -> None:
    """Nothing confirms the number of cases, so a count may be wrong as well as κ."""
    (flag,) = doctor("[[stated]]\nmetric = 'kappa'\nvalue = '.998'")
    assert flag.repair == NOT_RESOLVABLE


def test_other_positive_classes_are_proposed() -> None:
    """The two-by-two table is the collapse, of classes that were not named."""
    evaluation = examine(TABLE, Declared(binary=TwoByTwo(117, 6, 3, 67)), ["A"])
    assert [flag.check for flag in flags(evaluation)] == ["collapse"]
    negative = examine(TABLE, Declared(binary=TwoByTwo(133, 5, 5, 50)), ["A"])
    (flag,) = flags(negative)
    assert flag.repair == "陽性/positive: B+C"


def test_no_choice_of_classes_gives_the_two_by_two_table() -> None:
    """The nearest choice is shown."""
    (flag,) = doctor("binary = { tp = 51, fp = 5, fn = 4, tn = 133 }")
    assert flag.check == "collapse"
    assert "A: TP 50 / FP 5 / FN 5 / TN 133" in flag.message_en
    assert flag.repair == NOT_RESOLVABLE


def test_many_classes_have_to_be_named() -> None:
    """Beyond sixteen classes no choice is searched, and the flag says so."""
    names = [f"c{index}" for index in range(17)]
    table = CountTable.of(names, names, [[100 if r == c else 0 for c in range(17)] for r in range(17)])
    declared = Declared(binary=TwoByTwo(100, 0, 0, 1600), n=1699)
    collapsed, n = sorted(flags(examine(table, declared)), key=lambda flag: flag.check)
    assert "--positive" in collapsed.message_en
    assert n.repair == NOT_RESOLVABLE
    assert "collapse" not in [flag.check for flag in examine(table, declared, ["c3"]).flags]


def test_class_counts_that_contradict_the_total() -> None:
    """Declared numbers are held against each other too."""
    table = TABLE.with_count(0, 0, 50)
    found = flags(examine(table, Declared(n=194, class_counts=(("A", 55), ("B", 65), ("C", 73)))))
    assert [flag.check for flag in found] == ["declared-n", "class-counts-sum"]
    assert {flag.repair for flag in found} == {"総数/declared n: 194 → 193"}


@pytest.mark.parametrize(
    ("sums", "counts", "share"),
    [
        ((686, 310, 185), (1371, 617, 367), (1, 2)),
        ((20, 41), (100, 201), (1, 5)),
        ((67, 34), (100, 50), (2, 3)),
        ((50, 10), (100, 100), None),
        ((1, 2), (2, 4), None),
    ],
)
def test_a_part_of_every_class_is_recognised(
    sums: tuple[int, ...], counts: tuple[int, ...], share: tuple[int, int] | None
) -> None:
    """Half, a third, a fifth of each class, within one case."""
    assert share_of_each(sums, counts) == share


def test_classes_that_are_not_declared_are_not_checked() -> None:
    """A class count is asked for where there is one."""
    assert not doctor("n = 193\nclass_counts = { A = 55 }")
    assert [flag.check for flag in doctor("class_counts = { A = 110, B = 1 }")] == ["class-counts"]


def test_fewer_images_than_cases_are_flagged() -> None:
    """In all, class by class, and when the parts do not sum."""
    found = doctor("cases = 200\nimages = 150\nclass_counts = { A = 55 }\nclass_images = { A = 54, B = 90 }")
    assert [flag.check for flag in found] == ["images-cases", "images-cases", "class-images-sum"]


def test_class_names_that_repeat_are_flagged() -> None:
    """Also when only the case of letters differs."""
    found = flags(evaluate(b"x,2a,2A,B\n2a,40,0,0\n2A,0,40,0\nB,0,0,40\n", None))
    assert [(flag.check, flag.expected, flag.found) for flag in found] == [("duplicate-labels", 1, 2)]


def test_divisions_by_zero_are_flagged_and_never_0() -> None:
    """A class that never was true has no recall, one that was never predicted no precision, and means follow them."""
    evaluation = evaluate(b"x,A,B,C\nA,50,0,3\nB,4,0,2\nC,0,0,0\n", None, ["B"])
    figures, binary = evaluation.figures, evaluation.binary
    assert figures is not None
    assert binary is not None
    _, b, c = figures.per_class
    assert (b.recall, b.precision, b.f1) == (None, 0.0, 0.0)
    assert (c.recall, c.precision, c.f1) == (0.0, None, 0.0)
    assert (figures.macro_recall, figures.macro_precision) == (None, None)
    assert figures.macro_f1 is not None
    assert (binary.sensitivity, binary.lr_plus, binary.lr_minus, binary.sensitivity_ci95) == (None, None, None, None)
    found = [flag for flag in evaluation.flags if flag.check == "undefined-ratio"]
    assert len(found) == 8
    assert all(flag.repair == NOT_RESOLVABLE for flag in found)


def test_an_empty_table_has_no_figures() -> None:
    """All counts 0: everything is undefined, nothing fails."""
    evaluation = evaluate(b"x,A,B\nA,0,0\nB,0,0\n", None, ["A"])
    figures = evaluation.figures
    assert figures is not None
    assert figures.n == 0
    assert {figures.accuracy, figures.accuracy_ci95, figures.kappa, figures.mcc, figures.weighted_f1} == {None}


def test_a_stated_figure_that_is_a_division_by_zero() -> None:
    """Nothing follows from 0/0, and nothing is proposed."""
    found = doctor("[[stated]]\nmetric = 'recall'\nclass = 'B'\nvalue = '50%'", b"x,A,B\nA,40,0\nB,1,0\n")
    stated = [flag for flag in found if flag.check == "stated-metric"]
    assert [(flag.found, flag.repair) for flag in stated] == [("B 感度/recall a/0", NOT_RESOLVABLE)]


def test_small_numbers_are_warned_of() -> None:
    """Accuracy, recall per class, sensitivity and specificity, where the interval is wider than 0.20."""
    evaluation = evaluate(b"x,A,B,C\nA,5,0,1\nB,0,200,0\nC,1,0,6\n", None, ["A", "C"])
    wide = [str(flag.found).partition(" 0.")[0] for flag in evaluation.flags if flag.check == "interval-width"]
    assert wide == ["A recall", "C recall", "sensitivity"]


@pytest.mark.parametrize(
    ("split", "checks", "repair"),
    [
        (Split((8, 1, 1), (15_930, 1_991, 1_991), after=19_912), [], ""),
        (Split((8, 1, 1), (15_930, 1_991, 1_990), after=19_912), ["split-sum", "split-ratio"], "part 3: 1990 → 1991"),
        (Split((), (80, 10, 11), after=100), ["split-sum"], NOT_RESOLVABLE),
        (Split((8, 1, 1), (15_390, 1_991, 1_991), after=19_912), ["split-sum", "split-ratio"], "part 1: 15390 → 15930"),
        (Split(before=20_643, after=19_912, dropped=713), ["cleansing"], NOT_RESOLVABLE),
        (Split(before=10, after=20), ["cleansing"], NOT_RESOLVABLE),
        (Split(before=10, after=20, dropped=3), ["cleansing"], NOT_RESOLVABLE),
    ],
)
def test_splits(split: Split, checks: list[str], repair: str) -> None:
    """Parts sum to the whole, follow the ratio within one, and what was dropped is the difference."""
    found = examine(None, Declared(split=split)).flags
    assert [flag.check for flag in found] == checks
    assert all(flag.repair.endswith(repair) for flag in found)


def test_parts_without_a_ratio_and_a_cleansing_to_nothing() -> None:
    """What is not declared is not asked for, and no repair is below 0."""
    assert not doctor("split = { parts = [3, 4] }", None)
    assert [flag.repair for flag in doctor("split = { parts = [1, 9], after = 3 }", None)] == [NOT_RESOLVABLE]
    (flag,) = doctor("split = { before = 3, after = 1, dropped = 9 }", None)
    assert flag.repair == NOT_RESOLVABLE


def test_a_dropped_share_is_checked() -> None:
    """3.45 % is not 731 of 20,643, and the other numbers agree."""
    declared = 'split = { before = 20643, after = 19912, dropped = 731, dropped_share = "3.45%" }'
    (flag,) = doctor(declared, None)
    assert (flag.check, flag.expected, flag.found) == ("cleansing", "3.45%", "3.54%")
    assert flag.repair == "除外割合/dropped share: 3.45% → 3.54%"


def test_totals_in_the_table_and_declared_must_agree() -> None:
    """A total that is printed twice with two values is a question for a person."""
    matrix = b"x,A,B,total\nA,12,2,14\nB,2,11,13\n"
    assert not doctor("totals = { rows = { A = 14 } }", matrix)
    with pytest.raises(Refused) as refused:
        doctor("totals = { rows = { A = 15 } }", matrix)
    assert refused.value.facts["entry"] == "totals"


def test_many_tables_with_the_same_columns_are_counted_not_listed() -> None:
    """A vague figure fits many tables: five are shown."""
    table = CountTable.of("AB", "AB", ((400, 50), (100, 450)))
    evaluation = examine(table, Declared(stated=read_stated("95%")))
    (flag,) = [flag for flag in evaluation.flags if flag.check == "stated-metric"]
    assert "5+ table(s)" in flag.message_en
    assert flag.repair == NOT_RESOLVABLE


def test_tables_that_another_figure_rules_out_are_not_shown() -> None:
    """Of three tables of 25/27, κ of .8516 leaves one: so two things may be meant and nothing is repaired."""
    declared = "[[stated]]\nmetric = 'accuracy'\nvalue = '92.6%'\n[[stated]]\nmetric = 'kappa'\nvalue = '.8516'"
    found = doctor(declared, b"x,A,B\nA,12,2\nB,2,11\n")
    assert {flag.check for flag in found} == {"stated-metric"}
    assert all("1 table(s) with the same column sums would fit: 13, 1 / 1, 12." in flag.message_en for flag in found)
    assert {flag.repair for flag in found} == {NOT_RESOLVABLE}


def read_stated(text: str) -> tuple[Stated, ...]:
    """A stated accuracy."""
    figure = read_figure(text)
    assert figure is not None
    return (Stated("accuracy", "accuracy", figure),)
