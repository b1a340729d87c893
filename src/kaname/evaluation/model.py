"""What an evaluation is made of. Nothing here can be changed once it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kaname.evaluation.printed import Printed

NOT_RESOLVABLE = "not resolvable"
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class CountTable:
    """Counts with names on both sides, and the totals that were printed beside them (``None`` where there are none)."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    """``counts[row][column]``, each at least 0."""
    row_totals: tuple[int | None, ...]
    column_totals: tuple[int | None, ...]
    grand_total: int | None = None

    @classmethod
    def of(cls, rows: Sequence[str], columns: Sequence[str], counts: Sequence[Sequence[int]]) -> CountTable:
        """A table without printed totals."""
        cells = tuple(tuple(row) for row in counts)
        return cls(tuple(rows), tuple(columns), cells, (None,) * len(rows), (None,) * len(columns))

    @property
    def n(self) -> int:
        """Sum of all counts."""
        return sum(map(sum, self.counts))

    @property
    def row_sums(self) -> tuple[int, ...]:
        """One sum a row: how often each class was predicted."""
        return tuple(map(sum, self.counts))

    @property
    def column_sums(self) -> tuple[int, ...]:
        """One sum a column: how often each class was true."""
        return tuple(map(sum, zip(*self.counts, strict=True)))

    def with_count(self, row: int, column: int, count: int) -> CountTable:
        """The same table with one other count."""
        changed = list(self.counts)
        changed[row] = (*changed[row][:column], count, *changed[row][column + 1 :])
        return replace(self, counts=tuple(changed))


@dataclass(frozen=True, slots=True)
class TwoByTwo:
    """Positive against negative: true and false positives, false and true negatives."""

    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def n(self) -> int:
        """Sum of the four."""
        return self.tp + self.fp + self.fn + self.tn


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """One class against all others. ``None`` = 0/0."""

    name: str
    n: int
    """How often the class was true."""
    recall: float | None
    precision: float | None
    f1: float | None
    specificity: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of a whole confusion table. ``None`` = 0/0; a mean over classes is ``None`` when one of them is."""

    n: int
    accuracy: float | None
    accuracy_ci95: Interval | None
    kappa: float | None
    mcc: float | None
    macro_recall: float | None
    """Also known as balanced accuracy."""
    macro_precision: float | None
    macro_f1: float | None
    weighted_f1: float | None
    """Weighted by how often each class was true; a class that never was weighs nothing."""
    per_class: tuple[ClassFigures, ...]


@dataclass(frozen=True, slots=True)
class BinaryFigures:
    """Figures of positive against negative. ``None`` = division by zero."""

    tp: int
    fp: int
    fn: int
    tn: int
    sensitivity: float | None
    specificity: float | None
    ppv: float | None
    npv: float | None
    accuracy: float | None
    f1: float | None
    kappa: float | None
    mcc: float | None
    lr_plus: float | None
    lr_minus: float | None
    sensitivity_ci95: Interval | None
    specificity_ci95: Interval | None
    ppv_ci95: Interval | None
    npv_ci95: Interval | None
    accuracy_ci95: Interval | None


@dataclass(frozen=True, slots=True)
class Stated:
    """One figure as somebody printed it."""

    name: str
    """The metric's name as printed."""
    metric: str
    """Our name of it, as in ``names.py``; empty when the printed name is ambiguous."""
    value: Printed
    class_name: str = ""
    """The class against all others; empty: the whole table, or positive against negative."""
    binary: bool = False
    """Whether it is said of the two-by-two table."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One table and everything that is declared about its numbers: what one misprint can make untrue."""

    table: CountTable
    positive: tuple[int, ...] = ()
    """Columns that count as positive; empty when nobody said."""
    n: int | None = None
    class_counts: tuple[int | None, ...] = ()
    """Declared count of each column; empty when nothing is declared."""
    binary: TwoByTwo | None = None
    stated: tuple[Stated, ...] = ()


@dataclass(frozen=True, slots=True)
class Split:
    """A data set before and after cleansing, and the parts it was cut into. ``None`` or empty = not declared."""

    ratio: tuple[int, ...] = ()
    parts: tuple[int, ...] = ()
    before: int | None = None
    after: int | None = None
    dropped: int | None = None
    dropped_share: Printed | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """Recall, precision and F of one stage of a pipeline, each stage filtering what the one before it proposed."""

    name: str
    recall: Printed
    precision: Printed
    f1: Printed | None = None


@dataclass(frozen=True, slots=True)
class Scores:
    """A table of printed scores (models down, conditions across) and what is said about it."""

    name: str
    metric: str
    """Name of the score; empty when the source names none."""
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[Printed, ...], ...]
    best: tuple[str, ...] = ()
    """Stated best row of each column."""
    mean: Printed | None = None
    low: Printed | None = None
    high: Printed | None = None


@dataclass(frozen=True, slots=True)
class NamedTable:
    """A table of counts that is no confusion table; ``ratio`` when its columns are said to be parts of one split."""

    name: str
    table: CountTable
    ratio: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals declared beside a table, by name of row and column."""

    rows: tuple[tuple[str, int], ...] = ()
    columns: tuple[tuple[str, int], ...] = ()
    grand: int | None = None


@dataclass(frozen=True, slots=True)
class Declared:
    """What a paper, a slide or a registry says. Everything may be absent."""

    n: int | None = None
    cases: int | None = None
    images: int | None = None
    class_counts: tuple[tuple[str, int], ...] = ()
    class_images: tuple[tuple[str, int], ...] = ()
    totals: Totals = Totals()
    binary: TwoByTwo | None = None
    stated: tuple[Stated, ...] = ()
    split: Split | None = None
    stages: tuple[Stage, ...] = ()
    tables: tuple[NamedTable, ...] = ()
    scores: tuple[Scores, ...] = ()

    @property
    def needs_a_table(self) -> bool:
        """Whether something is declared that only a confusion table can confirm."""
        return bool(self.n is not None or self.totals != Totals() or self.binary or self.stated)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that cannot be true, or cannot be told."""

    check: str
    where: str
    """Tells two findings of one check apart."""
    expected: str | int
    """What is printed or declared, or what the check asks for."""
    found: str | int
    """What the counts give."""
    ja: str
    en: str

    @property
    def key(self) -> tuple[str, str]:
        """The same before and after a repair was tried."""
        return self.check, self.where


@dataclass(frozen=True, slots=True)
class Flag:
    """A finding with its likely repair."""

    check: str
    expected: str | int
    found: str | int
    message_ja: str
    message_en: str
    repair: str = NOT_RESOLVABLE


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The answer: figures where there was a table, and flags."""

    figures: Figures | None
    binary: BinaryFigures | None
    flags: tuple[Flag, ...]
