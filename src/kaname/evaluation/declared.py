"""What is declared about a table, read from TOML or JSON (``docs/reference/evaluate.md`` names every key)."""

from __future__ import annotations

import json
import tomllib
from decimal import Decimal

from kaname.errors import Refused
from kaname.evaluation.entries import Section
from kaname.evaluation.model import (
    CountTable,
    Declared,
    NamedTable,
    Scores,
    Split,
    Stage,
    Stated,
    Totals,
    TwoByTwo,
)
from kaname.evaluation.names import BINARY_METRICS, TABLE_METRICS, metric_of

LARGEST_BYTES = 2**20


def read_declared(data: bytes) -> Declared:
    """The declared facts. A file that begins with ``{`` is JSON, any other is TOML.

    Raises:
        Refused: ``declared-invalid``; the fact ``entry`` is the place of the entry (``stated.2.metric``).
    """
    root = Section(_parsed(data))
    declared = Declared(
        n=root.count("n"),
        cases=root.count("cases"),
        images=root.count("images"),
        class_counts=root.named_counts("class_counts"),
        class_images=root.named_counts("class_images"),
        totals=_totals(root.section("totals")),
        binary=_binary(root.section("binary")),
        stated=tuple(_stated(section) for section in root.sections("stated")),
        split=_split(root.section("split")),
        stages=tuple(_stage(section) for section in root.sections("stages")),
        tables=tuple(_table(section) for section in root.sections("tables")),
        scores=tuple(_scores(section) for section in root.sections("scores")),
    )
    root.close()
    return declared


def _parsed(data: bytes) -> object:
    if len(data) > LARGEST_BYTES:
        raise Refused("declared-invalid", bytes=len(data), largest=LARGEST_BYTES)
    try:
        text = data.decode("utf-8-sig")
        if text.lstrip().startswith("{"):
            return json.loads(text, parse_float=Decimal)
        return tomllib.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError, JSONDecodeError, TOMLDecodeError
        raise Refused("declared-invalid") from error


def _totals(section: Section | None) -> Totals:
    if section is None:
        return Totals()
    totals = Totals(section.named_counts("rows"), section.named_counts("columns"), section.count("all"))
    section.close()
    return totals


def _binary(section: Section | None) -> TwoByTwo | None:
    if section is None:
        return None
    tp, fp, fn, tn = (section.count(key) for key in ("tp", "fp", "fn", "tn"))
    section.close()
    if tp is None or fp is None or fn is None or tn is None:
        raise section.invalid()
    return TwoByTwo(tp, fp, fn, tn)


def _stated(section: Section) -> Stated:
    name = section.text("metric")
    metric = metric_of(name)
    if metric is None:
        raise section.invalid("metric")
    value = section.figure("value", share=not metric.startswith("lr_"))
    of, class_name = section.text("of"), section.text("class")
    section.close()
    if value is None:
        raise section.invalid("value")
    if of not in {"", "table", "binary"} or (class_name and of):
        raise section.invalid("of")
    said_of_pairs = of == "binary" or (not class_name and of != "table" and metric not in {"", *TABLE_METRICS})
    if metric and metric not in (BINARY_METRICS if said_of_pairs or class_name else TABLE_METRICS):
        raise section.invalid("of")
    return Stated(name, metric, value, class_name, said_of_pairs)


def _split(section: Section | None) -> Split | None:
    if section is None:
        return None
    split = Split(
        ratio=section.counts("ratio"),
        parts=section.counts("parts"),
        before=section.count("before"),
        after=section.count("after"),
        dropped=section.count("dropped"),
        dropped_share=section.figure("dropped_share"),
    )
    section.close()
    if (split.ratio and split.parts and len(split.ratio) != len(split.parts)) or (split.ratio and not sum(split.ratio)):
        raise section.invalid("ratio")
    return split


def _stage(section: Section) -> Stage:
    name, recall, precision = section.text("name"), section.figure("recall"), section.figure("precision")
    f1 = section.figure("f1")
    section.close()
    if not name or recall is None or precision is None:
        raise section.invalid()
    return Stage(name, recall, precision, f1)


def _table(section: Section) -> NamedTable:
    name, counts, totals = section.text("name"), section.table("rows"), section.counts("totals")
    width = len(counts[0]) if counts else 0
    rows, columns = section.texts("row_names"), section.texts("column_names")
    row_totals, grand, ratio = section.counts("row_totals"), section.count("total"), section.counts("ratio")
    section.close()
    rows = rows or tuple(f"row {number}" for number in range(1, len(counts) + 1))
    columns = columns or tuple(f"column {number}" for number in range(1, width + 1))
    if not width or any(len(row) != width for row in counts) or len(rows) != len(counts) or len(columns) != width:
        raise section.invalid("rows")
    if len(totals) not in {0, width} or len(row_totals) not in {0, len(counts)} or len(ratio) not in {0, width}:
        raise section.invalid("totals")
    if ratio and not sum(ratio):
        raise section.invalid("ratio")
    table = CountTable(rows, columns, counts, row_totals or (None,) * len(rows), totals or (None,) * width, grand)
    return NamedTable(name, table, ratio)


def _scores(section: Section) -> Scores:
    scores = Scores(
        name=section.text("name"),
        metric=section.text("metric"),
        rows=section.texts("rows"),
        columns=section.texts("columns"),
        values=section.figures("values"),
        best=section.texts("best"),
        mean=section.figure("mean"),
        low=section.figure("min"),
        high=section.figure("max"),
    )
    section.close()
    width = len(scores.columns)
    if not width or len(scores.values) != len(scores.rows) or any(len(row) != width for row in scores.values):
        raise section.invalid("values")
    if scores.best and (len(scores.best) != width or not set(scores.best) <= set(scores.rows)):
        raise section.invalid("best")
    return scores
