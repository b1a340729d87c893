"""Do the printed totals equal the sums of the counts?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from kaname.evaluation.model import CountTable, Facts, Finding
from kaname.evaluation.repair import Change
from kaname.evaluation.solve import Span, point

Key = tuple[str, str]


def findings(facts: Facts) -> Iterator[Finding]:
    """A finding for each row, column or whole whose printed total is not the sum."""
    table = facts.table
    yield from _lines("row-total", "行", table.rows, table.row_totals, table.row_sums)
    yield from _lines("column-total", "列", table.columns, table.column_totals, table.column_sums)
    if table.grand_total is not None and table.grand_total != table.n:
        yield Finding(
            "grand-total",
            "",
            table.grand_total,
            table.n,
            f"総計は {table.grand_total:,} と印刷されていますが、件数の合計は {table.n:,} です。",
            f"The grand total is printed as {table.grand_total:,}; the counts sum to {table.n:,}.",
        )


def changes(facts: Facts) -> Iterator[Change[Facts]]:
    """Each wrong total as its sum."""
    table = facts.table
    for index, (name, printed, found) in enumerate(_printed(table.rows, table.row_totals, table.row_sums)):
        if printed is not None and printed != found:
            totals = _put(table.row_totals, index, found)
            yield _change(facts, replace(table, row_totals=totals), f"行 {name}", f"row {name}", (printed, found))
    for index, (name, printed, found) in enumerate(_printed(table.columns, table.column_totals, table.column_sums)):
        if printed is not None and printed != found:
            totals = _put(table.column_totals, index, found)
            yield _change(facts, replace(table, column_totals=totals), f"列 {name}", f"column {name}", (printed, found))
    if table.grand_total is not None and table.grand_total != table.n:
        printed, grand = table.grand_total, replace(table, grand_total=table.n)
        yield _change(facts, grand, "総計", "grand", (printed, table.n))


def spans(facts: Facts, row: int, column: int) -> Iterator[tuple[Key, Span]]:
    """What the totals of its row, its column and the whole ask of one count."""
    table, count = facts.table, facts.table.counts[row][column]
    row_total, column_total = table.row_totals[row], table.column_totals[column]
    if row_total is not None:
        yield ("row-total", str(row)), point(count + row_total - table.row_sums[row])
    if column_total is not None:
        yield ("column-total", str(column)), point(count + column_total - table.column_sums[column])
    if table.grand_total is not None:
        yield ("grand-total", ""), point(count + table.grand_total - table.n)


def _lines(
    check: str, kind: str, names: Sequence[str], totals: Sequence[int | None], sums: Sequence[int]
) -> Iterator[Finding]:
    for index, (name, printed, found) in enumerate(_printed(names, totals, sums)):
        if printed is not None and printed != found:
            yield Finding(
                check,
                str(index),
                printed,
                found,
                f"{kind}「{name}」の合計は {printed:,} と印刷されていますが、件数の合計は {found:,} です。",
                f"The total of {check.removesuffix('-total')} “{name}” is printed as {printed:,}; "
                f"the counts sum to {found:,}.",
            )


def _printed(
    names: Sequence[str], totals: Sequence[int | None], sums: Sequence[int]
) -> Iterator[tuple[str, int | None, int]]:
    return zip(names, totals, sums, strict=True)


def _put(totals: tuple[int | None, ...], index: int, value: int) -> tuple[int | None, ...]:
    return (*totals[:index], value, *totals[index + 1 :])


def _change(facts: Facts, table: CountTable, ja: str, en: str, numbers: tuple[int, int]) -> Change[Facts]:
    was, becomes = numbers
    return Change(f"合計/total {ja}/{en}: {was} → {becomes}", replace(facts, table=table))
