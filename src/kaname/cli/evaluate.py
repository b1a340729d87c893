"""``kaname evaluate``: figures from a confusion table, and what is wrong with the table."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import click

from kaname.cli.options import json_option
from kaname.evaluation.flow import evaluate as evaluate_table
from kaname.evaluation.report import as_json as report_as_json
from kaname.evaluation.report import as_text

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command
@click.option("--matrix", type=_FILE, help="CSV: rows = prediction, columns = truth, names in first row and column.")
@click.option("--positive", metavar="A,B", help="Classes that count as positive: adds the two-by-two figures.")
@click.option("--declared", type=_FILE, help="TOML or JSON: what is said about the table, to be checked against it.")
@json_option
def evaluate(matrix: Path | None, positive: str | None, declared: Path | None, as_json: bool) -> None:
    """Compute the figures of a confusion table with their intervals, and examine the table itself.

    What cannot be true is flagged with its likely repair; flags do not change the exit code.
    """
    if matrix is None and declared is None:
        raise click.UsageError("Give --matrix, --declared or both.")
    if matrix is None and positive is not None:
        raise click.UsageError("--positive needs --matrix.")
    names = _names(positive) if positive is not None else ()
    evaluation = evaluate_table(
        matrix.read_bytes() if matrix else None, declared.read_bytes() if declared else None, names
    )
    if as_json:
        click.echo(json.dumps(report_as_json(evaluation), ensure_ascii=False, allow_nan=False, indent=1))
    else:
        click.echo(as_text(evaluation))


def _names(positive: str) -> tuple[str, ...]:
    """Names between commas; a name that holds a comma stands in double quotes."""
    names = tuple(name.strip() for row in csv.reader([positive]) for name in row)
    if not names or not all(names):
        raise click.UsageError("--positive needs names of classes, separated by commas.")
    return names
