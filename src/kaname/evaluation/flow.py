"""A table and what is declared about it become an :class:`Evaluation`: the verbs of this room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from kaname.errors import Refused
from kaname.evaluation.declared import read_declared
from kaname.evaluation.doctor import examine_declared, examine_figures, examine_table
from kaname.evaluation.matrix import read_matrix
from kaname.evaluation.metrics import binary_figures, collapse, figures
from kaname.evaluation.model import CountTable, Declared, Evaluation, Facts, Totals
from kaname.evaluation.printed import plain
from kaname.evaluation.subsets import matching


def evaluate(matrix: bytes | None, declared: bytes | None, positive: Sequence[str] = ()) -> Evaluation:
    """Figures and flags of one table.

    Args:
        matrix: The bytes of a CSV file; without it nothing but the declared facts is examined.
        declared: The bytes of a TOML or JSON file of declared facts.
        positive: Names of the classes that count as positive.

    Raises:
        Refused: ``table-unreadable``, ``table-not-square``, ``table-cell``, ``unknown-class``, ``declared-invalid``.
    """
    facts = read_declared(declared) if declared is not None else Declared()
    return examine(read_matrix(matrix) if matrix is not None else None, facts, positive)


def examine(table: CountTable | None, declared: Declared, positive: Sequence[str] = ()) -> Evaluation:
    """The same for a table and facts that were read already."""
    if table is None:
        if declared.needs_a_table:
            raise Refused("declared-invalid", entry="n, totals, binary, stated", matrix="missing")
        return Evaluation(None, None, examine_declared(declared))
    facts = _facts(table, declared, positive)
    computed = figures(facts.table)
    binary = binary_figures(collapse(facts.table, facts.positive)) if positive else None
    flags = (*examine_table(facts), *examine_declared(declared), *examine_figures(computed, binary))
    return Evaluation(computed, binary, flags)


def _facts(table: CountTable, declared: Declared, positive: Sequence[str]) -> Facts:
    """What one misprint can make untrue, names turned into columns.

    A declared two-by-two table that only one choice of classes explains tells which classes are positive.
    """
    table = _with_totals(table, declared.totals)
    chosen = _positions(table, positive)
    if not chosen and declared.binary:
        found = list(islice(matching(table, declared.binary), 2))
        chosen = found[0] if len(found) == 1 else ()
    for number, stated in enumerate(declared.stated, 1):
        if stated.class_name and stated.class_name not in table.columns:
            raise Refused("unknown-class", entry=f"stated.{number}.class")
        if stated.binary and not chosen and not declared.binary:
            raise Refused("declared-invalid", entry=f"stated.{number}.metric", positive="missing")
    counts = _by_column(table.columns, declared.class_counts, "class_counts")
    return Facts(table, chosen, declared.n, counts, declared.binary, declared.stated)


def _positions(table: CountTable, names: Sequence[str]) -> tuple[int, ...]:
    wanted = [plain(name) for name in names]
    for number, name in enumerate(wanted, 1):
        if name not in table.columns:
            raise Refused("unknown-class", positive=number)
    return tuple(index for index, name in enumerate(table.columns) if name in wanted)


def _by_column(columns: Sequence[str], named: Sequence[tuple[str, int]], entry: str) -> tuple[int | None, ...]:
    """Declared numbers in the order of the columns; empty when none is declared."""
    for number, (name, _) in enumerate(named, 1):
        if name not in columns:
            raise Refused("unknown-class", entry=f"{entry}.{number}")
    return tuple(dict(named).get(name) for name in columns) if named else ()


def _with_totals(table: CountTable, totals: Totals) -> CountTable:
    """The table with the totals that are declared beside it; those printed in it may not be declared differently."""
    rows = _by_column(table.rows, totals.rows, "totals.rows") or table.row_totals
    columns = _by_column(table.columns, totals.columns, "totals.columns") or table.column_totals
    grand = table.grand_total if totals.grand is None else totals.grand
    declared = (*rows, *columns, grand)
    printed = (*table.row_totals, *table.column_totals, table.grand_total)
    merged = tuple(one if other is None else other for one, other in zip(printed, declared, strict=True))
    if any(one not in {None, other} for one, other in zip(printed, merged, strict=True)):
        raise Refused("declared-invalid", entry="totals", twice="different")
    width = len(table.rows)
    return replace(table, row_totals=merged[:width], column_totals=merged[width:-1], grand_total=merged[-1])
