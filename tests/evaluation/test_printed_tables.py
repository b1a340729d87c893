"""The tables of the registries' own reports, reproduced to the decimals they were printed with."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kaname.evaluation.checks.scores import best_of_columns, extremes, mean
from kaname.evaluation.checks.splits import split_counts
from kaname.evaluation.checks.stages import f_bounds, f_value
from kaname.evaluation.checks.stated import same_columns
from kaname.evaluation.flow import evaluate, examine
from kaname.evaluation.matrix import read_matrix
from kaname.evaluation.metrics import collapse
from kaname.evaluation.model import (
    CountTable,
    Declared,
    Evaluation,
    Facts,
    NamedTable,
    Scores,
    Split,
    Stage,
    Stated,
    TwoByTwo,
)
from kaname.evaluation.printed import Printed, read_figure
from kaname.evaluation.subsets import matching

CLASSES = ("乳癌", "線維腺腫", "単純性嚢胞", "濃縮嚢胞", "その他の乳腺症", "その他")
BREAST = CountTable.of(
    CLASSES,
    CLASSES,
    (
        (651, 44, 5, 3, 10, 22),
        (27, 253, 9, 3, 5, 5),
        (6, 10, 169, 6, 1, 2),
        (0, 0, 1, 3, 0, 0),
        (0, 3, 1, 0, 1, 0),
        (2, 0, 0, 0, 3, 6),
    ),
)
BINARY = TwoByTwo(651, 84, 35, 481)
CASES = tuple(zip(CLASSES, (1371, 617, 367, 30, 39, 67), strict=True))
IMAGES = tuple(zip(CLASSES, (3948, 1470, 765, 66, 99, 204), strict=True))
SJS = CountTable.of("SO", "SO", ((12, 2), (2, 11)))
PROSE = {"accuracy": "90.5", "sensitivity": "94.1", "specificity": "85.1"}


def printed(text: str) -> Printed:
    """A printed figure that is one."""
    figure = read_figure(text)
    assert figure is not None
    return figure


def said(metric: str, text: str, *, binary: bool = True) -> Stated:
    """A stated figure of positive against negative."""
    return Stated(metric, metric, printed(text), binary=binary)


def places(values: Sequence[float | None], decimals: int = 4) -> list[str]:
    """Figures as the tables print them."""
    return ["" if value is None else f"{value:.{decimals}f}".removeprefix("0") for value in values]


def checks(evaluation: Evaluation) -> list[str]:
    """The questions that were not answered well, without the warnings of small numbers."""
    return [flag.check for flag in evaluation.flags if flag.check != "interval-width"]


def test_breast_six_classes_as_a_whole() -> None:
    """11.1: accuracy with its interval, κ, R_K and the means over classes."""
    figures = examine(BREAST, Declared()).figures
    assert figures is not None
    assert figures.n == 1251
    assert places([figures.accuracy, *(figures.accuracy_ci95 or ())]) == [".8657", ".8457", ".8835"]
    assert places([figures.macro_recall, figures.macro_precision, figures.macro_f1, figures.weighted_f1]) == [
        ".5167",
        ".6817",
        ".5486",
        ".8516",
    ]
    assert places([figures.kappa, figures.mcc]) == [".7742", ".7761"]


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        ("recall", ".9490 .8161 .9135 .2000 .0500 .1714"),
        ("precision", ".8857 .8377 .8711 .7500 .2000 .5455"),
        ("f1", ".9163 .8268 .8918 .3158 .0800 .2609"),
        ("specificity", ".8513 .9479 .9765 .9992 .9968 .9959"),
    ],
)
def test_breast_six_classes_one_by_one(figure: str, expected: str) -> None:
    """11.1: every figure of every class."""
    figures = examine(BREAST, Declared()).figures
    assert figures is not None
    assert places([getattr(one, figure) for one in figures.per_class]) == expected.split()
    assert [one.n for one in figures.per_class] == [686, 310, 185, 15, 20, 35]


def test_half_of_the_declared_breast_cases_were_evaluated() -> None:
    """11.1: 1,251 of 2,491, half of each class; the numbers of cases and images agree among themselves."""
    evaluation = examine(BREAST, Declared(n=2491, images=6552, class_counts=CASES, class_images=IMAGES))
    assert checks(evaluation) == ["declared-n", "class-counts"]
    flag = evaluation.flags[0]
    assert (flag.expected, flag.found, flag.repair) == (2491, 1251, "not resolvable")
    assert "half of each class, within one case" in flag.message_en
    assert "半分" in flag.message_ja


def test_breast_recall_was_printed_under_the_name_of_seido() -> None:
    """11.1: six figures called 精度 are told to be recall, the only metric that gives all of them."""
    values = zip(CLASSES, ["94.9", "81.6", "91.4", "20.0", "5.0", "17.1"], strict=True)
    stated = tuple(Stated("精度", "", printed(text + "%"), name) for name, text in values)
    evaluation = examine(BREAST, Declared(stated=stated))
    assert checks(evaluation) == ["metric-name"]
    assert evaluation.flags[0].repair == "感度/再現率/recall"


def test_breast_benign_and_malignant() -> None:
    """11.2: the collapse with 乳癌 as the only malignant class, and its figures."""
    assert collapse(BREAST, (0,)) == BINARY
    binary = examine(BREAST, Declared(binary=BINARY), ["乳癌"]).binary
    assert binary is not None
    assert (binary.tp, binary.fp, binary.fn, binary.tn) == (651, 84, 35, 481)
    assert places([binary.accuracy, binary.sensitivity, binary.specificity, binary.ppv, binary.npv, binary.f1]) == [
        ".9049",
        ".9490",
        ".8513",
        ".8857",
        ".9322",
        ".9163",
    ]
    assert places(binary.sensitivity_ci95 or ()) == [".9299", ".9631"]
    assert places(binary.specificity_ci95 or ()) == [".8196", ".8783"]
    assert places([binary.kappa, binary.mcc, binary.lr_minus]) == [".8065", ".8090", ".0599"]
    assert places([binary.lr_plus], 3) == ["6.383"]


def test_only_one_choice_of_classes_is_the_binary_table() -> None:
    """11.2: of all 62 choices, malignant = 乳癌 alone collapses to the printed table."""
    assert list(matching(BREAST, BINARY)) == [(0,)]
    assert checks(examine(BREAST, Declared(binary=BINARY))) == []


@pytest.mark.parametrize("table", [BREAST, CountTable.of("+-", "+-", ((651, 84), (35, 481)))])
def test_the_prose_states_a_sensitivity_that_the_table_does_not_give(table: CountTable) -> None:
    """11.2: 94.1 % cannot be derived, the other two figures can; only 94.9 % follows."""
    stated = tuple(said(metric, text) for metric, text in PROSE.items())
    evaluation = examine(table, Declared(binary=BINARY, stated=stated), [table.columns[0]])
    (flag,) = [flag for flag in evaluation.flags if flag.check == "stated-metric"]
    assert flag.expected == "sensitivity 94.1"
    assert "94.9" in str(flag.found)
    assert "94.9" in flag.message_ja
    assert flag.repair.endswith("94.1 → 94.9%")


@pytest.mark.parametrize(
    ("name", "recall", "precision", "f1", "value", "bounds"),
    [
        ("YOLO v3", ".932", ".745", ".828", ".8281", [".8276", ".8286"]),
        ("YOLO v3 + VGG16", ".912", ".774", ".837", ".8374", [".8368", ".8379"]),
    ],
)
def test_f_follows_from_recall_and_precision(
    name: str, recall: str, precision: str, f1: str, value: str, bounds: list[str]
) -> None:
    """11.3: F within what the rounding of recall and precision allows."""
    stage = Stage(name, printed(recall), printed(precision), printed(f1))
    assert places([float(f_value(stage))]) == [value]
    assert places([float(bound) for bound in f_bounds(stage)]) == bounds
    assert not examine(None, Declared(stages=(stage,))).flags


def test_a_filter_never_raises_recall() -> None:
    """11.3: the printed stages pass, their exchange is flagged, and so is an F that does not follow."""
    yolo = Stage("YOLO v3", printed(".932"), printed(".745"), printed(".828"))
    vgg = Stage("YOLO v3 + VGG16", printed(".912"), printed(".774"), printed(".837"))
    assert not examine(None, Declared(stages=(yolo, vgg))).flags
    assert checks(examine(None, Declared(stages=(vgg, yolo)))) == ["filter-recall"]
    wrong = Stage("YOLO v3", printed(".932"), printed(".745"), printed(".830"))
    (flag,) = examine(None, Declared(stages=(wrong,))).flags
    assert (flag.check, flag.expected, flag.found) == ("f-value", ".830", "0.828")


def test_cleansing_and_split_of_the_video_images() -> None:
    """11.3: 20,643 → 19,912 drops 731 (3.54 %), and 8:1:1 is 15,930 / 1,991 / 1,991."""
    assert split_counts(19_912, (8, 1, 1)) == (15_930, 1_991, 1_991)
    split = Split((8, 1, 1), (15_930, 1_991, 1_991), 20_643, 19_912, 731, printed("3.54%"))
    assert not examine(None, Declared(split=split)).flags


def test_the_count_table_has_three_wrong_totals_and_no_such_split() -> None:
    """11.3: each printed total is wrong, one count or the total could be meant, and the columns are no 8:1:1."""
    counts = (
        (4210, 3948, 3139),
        (2552, 2409, 1928),
        (5595, 5418, 4333),
        (6945, 6812, 5400),
        (3373, 1267, 1082),
    )
    table = CountTable(tuple("12345"), tuple("abc"), counts, (None,) * 5, (25_573, 19_752, 15_532))
    flags = examine(None, Declared(tables=(NamedTable("counts", table, (8, 1, 1)),))).flags
    assert [(flag.check, flag.expected, flag.found) for flag in flags] == [
        ("column-total", 25_573, 22_675),
        ("column-total", 19_752, 19_854),
        ("column-total", 15_532, 15_882),
        ("split-ratio", "46,729 / 5,841 / 5,841", "22,675 / 19,854 / 15,882"),
    ]
    assert {flag.repair for flag in flags} == {"not resolvable"}


def test_sjs_ten() -> None:
    """11.4: the figures of the printed matrix."""
    evaluation = examine(SJS, Declared(), ["S"])
    assert evaluation.figures is not None
    assert evaluation.binary is not None
    assert evaluation.figures.n == 27
    assert places([evaluation.figures.accuracy, *(evaluation.figures.accuracy_ci95 or ())]) == [
        ".8519",
        ".6752",
        ".9408",
    ]
    assert places([evaluation.binary.sensitivity, evaluation.binary.specificity, evaluation.binary.mcc]) == [
        ".8571",
        ".8462",
        ".7033",
    ]


@pytest.mark.parametrize("n", [None, 27])
@pytest.mark.parametrize(("name", "metric"), [("正診率", "accuracy"), ("精度", "")])
def test_sjs_ten_states_25_of_27(name: str, metric: str, n: int | None) -> None:
    """11.4: 92.6 % is 25/27; three matrices with the same columns would fit, so nothing is repaired."""
    stated = (Stated(name, metric, printed("92.6%")),)
    evaluation = examine(SJS, Declared(n=n, stated=stated))
    (flag,) = [flag for flag in evaluation.flags if flag.check == "stated-metric"]
    assert flag.repair == "not resolvable"
    assert "85.2%" in str(flag.found)
    assert "25/27" in flag.message_en
    tables = same_columns(Facts(SJS, stated=(said("accuracy", "92.6%", binary=False),)))
    order = [(t.counts[0][0], t.counts[1][0], t.counts[0][1], t.counts[1][1]) for t in tables]
    assert order == [(12, 2, 0, 13), (13, 1, 1, 12), (14, 0, 2, 11)]


def test_glaucoma_best_model_of_each_pairing() -> None:
    """11.5: the best row of each column; the metric that the source does not name is asked for."""
    rows = (".9999 .8920 .9775", ".9905 .9048 .9713", ".9994 .8821 .9776")
    values = tuple(tuple(map(printed, row.split())) for row in rows)
    models, pairings = ("VGG19", "ResNet152", "DenseNet201"), ("vs normal", "vs mild", "mild vs normal")
    scores = Scores("glaucoma", "", models, pairings, values, best=models)
    assert best_of_columns(scores) == models
    assert checks(examine(None, Declared(scores=(scores,)))) == ["metric-name"]
    wrong = Scores("glaucoma", "AUC", models, pairings, values, best=("VGG19", "ResNet152", "VGG19"))
    (flag,) = examine(None, Declared(scores=(wrong,))).flags
    assert (flag.expected, flag.found) == ("best mild vs normal VGG19", "best mild vs normal DenseNet201")


def test_twelve_fundus_conditions() -> None:
    """11.6: mean .8767, least .78, greatest .93; other statements are flagged."""
    values = [".85", ".90", ".93", ".92", ".92", ".88", ".90", ".92", ".85", ".84", ".83", ".78"]
    cells = tuple((printed(value),) for value in values)
    names = tuple(map(str, range(12)))
    said_of = Scores("fundus", "AUC", names, ("AUC",), cells, (), printed(".8767"), printed(".78"), printed(".93"))
    assert places([float(mean(said_of)), *map(float, extremes(said_of))]) == [".8767", ".7800", ".9300"]
    assert not examine(None, Declared(scores=(said_of,))).flags
    wrong = Scores("fundus", "精度", names, ("AUC",), cells, (), printed(".89"), printed(".77"), printed(".94"))
    assert checks(examine(None, Declared(scores=(wrong,)))) == ["scores", "scores", "scores", "metric-name"]


def test_liver_benign_and_malignant() -> None:
    """11.7: {肝嚢胞, 血管腫} against {肝細胞癌, 転移性肝癌}: the negative classes are all the others."""
    names = ("肝嚢胞", "血管腫", "肝細胞癌", "転移性肝癌")
    counts = ((90, 3, 1, 0), (6, 80, 9, 4), (1, 7, 70, 11), (3, 2, 8, 60))
    table = CountTable.of(names, names, counts)
    binary = examine(table, Declared(), ["肝細胞癌", "転移性肝癌"]).binary
    assert binary is not None
    assert (binary.tp, binary.fp, binary.fn, binary.tn) == (149, 13, 14, 179)
    assert list(matching(table, TwoByTwo(149, 13, 14, 179))) == [(2, 3)]


def test_the_same_from_files() -> None:
    """A CSV in CP932 and a TOML file say the same as the tables above."""
    lines = [
        ",".join(["推定\\正解", *CLASSES]),
        *(",".join([n, *map(str, r)]) for n, r in zip(CLASSES, BREAST.counts, strict=True)),
    ]
    data = "\r\n".join(lines).encode("cp932")
    assert read_matrix(data) == BREAST
    declared = b'n = 2491\n[[stated]]\nmetric = "\xe6\x84\x9f\xe5\xba\xa6"\nvalue = "94.1%"\n'
    assert checks(evaluate(data, declared, ["乳癌"])) == ["declared-n", "stated-metric"]
