"""``kaname evaluate``: figures from predictions or from a confusion table, and what is wrong with the table."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import click

from kaname.cli.options import json_option
from kaname.evaluation.flow import evaluate as evaluate_table
from kaname.evaluation.report import as_json as report_as_json
from kaname.evaluation.report import as_text
from kaname.ledger.canonical import Json

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command
@click.argument("predictions", type=_FILE, required=False)
@click.option("--matrix", type=_FILE, help="CSV: rows = prediction, columns = truth, names in first row and column.")
@click.option("--positive", metavar="A,B", help="Classes that count as positive; of --matrix: adds the 2 × 2 figures.")
@click.option("--declared", type=_FILE, help="TOML or JSON: what is said about the table, to be checked against it.")
@click.option("--threshold", type=float, default=0.5, show_default=True, help="Scores from here on are positive.")
@click.option("--pictures", type=_FOLDER, help="Folder to write roc.svg and confusion.svg of PREDICTIONS to.")
@json_option
def evaluate(
    predictions: Path | None,
    matrix: Path | None,
    positive: str | None,
    declared: Path | None,
    threshold: float,
    pictures: Path | None,
    as_json: bool,
) -> None:
    """Compute figures with their intervals from PREDICTIONS or a confusion table; examine the table itself.

    PREDICTIONS is a CSV file with the columns id, truth, score and, where cases share one, subject. Of a table, what
    cannot be true is flagged with its likely repair; flags do not change the exit code.
    """
    names = _names(positive) if positive is not None else ()
    if predictions is not None:
        if matrix is not None or declared is not None:
            raise click.UsageError("Give PREDICTIONS, or --matrix and --declared.")
        answer, text = _assessed(predictions.read_bytes(), names, threshold, pictures)
    else:
        if matrix is None and declared is None:
            raise click.UsageError("Give PREDICTIONS, --matrix, --declared or the latter two.")
        if matrix is None and positive is not None:
            raise click.UsageError("--positive needs --matrix or PREDICTIONS.")
        if pictures is not None:
            raise click.UsageError("--pictures needs PREDICTIONS.")
        evaluation = evaluate_table(
            matrix.read_bytes() if matrix else None, declared.read_bytes() if declared else None, names
        )
        answer, text = report_as_json(evaluation), as_text(evaluation)
    click.echo(json.dumps(answer, ensure_ascii=False, allow_nan=False, indent=1) if as_json else text)


def _assessed(
    data: bytes, positive: tuple[str, ...], threshold: float, pictures: Path | None
) -> tuple[dict[str, Json], str]:
    from kaname.evaluation.assessed import assessment_json, assessment_text
    from kaname.evaluation.classify import assess
    from kaname.evaluation.pictures import confusion_picture, roc_picture
    from kaname.evaluation.predictions import read_predictions

    read = read_predictions(data, positive)
    found = assess(read.truth, read.scores, read.groups, threshold=threshold)
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        for name, picture in (("roc", roc_picture(found)), ("confusion", confusion_picture(found))):
            (pictures / f"{name}.svg").write_text(picture.svg + "\n", encoding="utf-8")
    return assessment_json(found), assessment_text(found)


def _names(positive: str) -> tuple[str, ...]:
    """Names between commas; a name that holds a comma stands in double quotes."""
    names = tuple(name.strip() for row in csv.reader([positive]) for name in row)
    if not names or not all(names):
        raise click.UsageError("--positive needs names of classes, separated by commas.")
    return names
