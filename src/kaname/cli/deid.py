"""``kaname deid``: folder to folder."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import click

from kaname.cli import DONE, REFUSED
from kaname.deid.keys import MasterKey
from kaname.errors import Refused, reasons
from kaname.gateway.folder import Treated, deidentify
from kaname.gateway.identity import home_key
from kaname.settings import home_from_environment


@click.command
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("-o", "--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Output folder.")
@click.option("--registry", default="basic", show_default=True, help="Whose rules apply; see `kaname registry list`.")
@click.option(
    "--key-file", type=click.Path(path_type=Path), help="Any file of 32 bytes or more; default: the key of the home."
)
@click.option("--home", type=click.Path(path_type=Path), help="Home of a gateway (or KANAME_HOME).")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1, 256), help="Processes side by side.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="JSON report that names the sources: for the hospital.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def deid(
    paths: tuple[Path, ...],
    out: Path,
    registry: str,
    key_file: Path | None,
    home: Path | None,
    jobs: int,
    report: Path | None,
    as_json: bool,
) -> None:
    """De-identify every DICOM file below PATHS into OUT/<subject>/<study>/<series>/<instance>.dcm.

    What raises a doubt is held, what is broken is refused: neither leaves anything in OUT, and the rest goes on.
    """
    key = MasterKey.read(key_file) if key_file else _key_of_home(home)
    results = deidentify(paths, out, registry, key, jobs=jobs)
    counted = Counter[tuple[str, str]]()
    with click.progressbar(results, show_pos=True, file=sys.stderr, hidden=not sys.stderr.isatty()) as shown:
        results = _counted(shown, counted)
        if report:
            _write_report(report, registry, results)
        else:
            for _ in results:
                pass
    _summarise(counted, as_json=as_json)
    sys.exit(DONE if all(outcome == "cleaned" for outcome, _ in counted) else REFUSED)


def _key_of_home(home: Path | None) -> MasterKey:
    place = home or home_from_environment()
    if place is None:
        raise Refused("key-missing")
    return home_key(place)


def _counted(results: Iterable[Treated], counted: Counter[tuple[str, str]]) -> Iterator[Treated]:
    for result in results:
        counted[result.outcome, result.reason] += 1
        yield result


def _write_report(path: Path, registry: str, results: Iterable[Treated]) -> None:
    """One JSON object, written as the results come, readable by its owner alone."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(descriptor, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f'{{"registry": {json.dumps(registry)}, "inputs": [')
        for number, result in enumerate(results):
            file.write(("," if number else "") + "\n" + json.dumps(asdict(result), ensure_ascii=False))
        file.write("\n]}\n")


def _summarise(counted: Counter[tuple[str, str]], *, as_json: bool) -> None:
    if as_json:
        totals = {name: sum(n for (o, _), n in counted.items() if o == name) for name in ("cleaned", "held", "refused")}
        by_reason = {reason: n for (_, reason), n in sorted(counted.items()) if reason}
        click.echo(json.dumps({**totals, "reasons": by_reason}))
        return
    for (outcome, reason), n in sorted(counted.items()):
        click.echo(f"{outcome:8} {n:7}  {reason}")
        if reason:
            click.echo(f"{'':17} {reasons()[reason].ja}\n{'':17} {reasons()[reason].en}")
