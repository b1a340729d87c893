"""The table doctor: every question is asked, and each contradiction gets its likely repair."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from kaname.evaluation.checks import cells, certainty, images, labels, scores, splits, stages, stated
from kaname.evaluation.model import BinaryFigures, Declared, Facts, Figures, Flag
from kaname.evaluation.repair import diagnose, flag


def examine_table(facts: Facts) -> tuple[Flag, ...]:
    """Flags about one table and what is declared about its numbers."""
    flags = diagnose(facts, cells.findings, cells.changes)
    if any(one.check == "stated-metric" for one in flags):
        ja, en = stated.other_tables(facts)
        flags = tuple(
            replace(one, message_ja=one.message_ja + ja, message_en=one.message_en + en)
            if one.check == "stated-metric"
            else one
            for one in flags
        )
    return (*flags, *labels.ambiguous(facts), *map(flag, labels.duplicates(facts.table)))


def examine_figures(figures: Figures, binary: BinaryFigures | None) -> tuple[Flag, ...]:
    """Flags about figures that the table is too small for."""
    found = [*certainty.wide(figures, binary), *certainty.undefined(figures)]
    for number, one in enumerate(figures.per_class):
        found.extend(certainty.undefined(one, str(number)))
    if binary:
        found.extend(certainty.undefined(binary, "binary"))
    return tuple(map(flag, found))


def examine_declared(declared: Declared) -> tuple[Flag, ...]:
    """Flags about everything that needs no confusion table."""
    return tuple(_declared(declared))


def _declared(declared: Declared) -> Iterator[Flag]:
    yield from map(flag, images.findings(declared))
    if declared.split:
        yield from diagnose(declared.split, splits.findings, splits.changes)
    yield from map(flag, stages.findings(declared.stages))
    for named in declared.tables:
        yield from diagnose(Facts(named.table), cells.findings, cells.changes)
        yield from map(flag, splits.column_findings(named.table, named.ratio))
    for table in declared.scores:
        yield from map(flag, scores.findings(table))
    yield from map(flag, labels.unnamed(declared.scores))
