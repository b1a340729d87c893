"""``kaname demo``: the whole loop on this machine."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import tempfile
from collections.abc import Generator
from dataclasses import asdict
from pathlib import Path

import click

from kaname.cli.options import json_option

INTERRUPTED = 130


@click.command
@click.option("--data", multiple=True, type=click.Path(exists=True, path_type=Path), help="Files of your own, too.")
@click.option(
    "--keep", type=click.Path(file_okay=False, path_type=Path), help="Keep all sites here; run again at will."
)
@click.option("--no-serve", is_flag=True, help="End when the journey has ended.")
@json_option
def demo(data: tuple[Path, ...], keep: Path | None, no_serve: bool, as_json: bool) -> None:
    """From a hospital's PACS to a model and back: three sites on this machine, real and synthetic studies.

    Ctrl-C stops everything in order; what was done stays done, and with --keep the next run goes on from there.
    """
    from kaname.testing.demo.collect import serve_chain
    from kaname.testing.demo.hospital import Size
    from kaname.testing.demo.journey import Journey
    from kaname.testing.demo.run import REPORT, invite, prepare, travel
    from kaname.testing.demo.told import table
    from kaname.testing.memory import PeakMemory

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _place(keep) as root, PeakMemory() as memory:
        journey = Journey(memory, tell=lambda line: click.echo(line, err=True))
        try:
            chain, inputs = prepare(root, Size(), journey)
            with serve_chain(chain) as sites:
                travel(sites, chain, inputs, journey, [path.absolute() for path in data])
                if as_json:
                    steps = [asdict(step) for step in journey.steps]
                    told = {"facts": journey.facts, "steps": steps, "peak_bytes": memory.peak_bytes}
                    click.echo(json.dumps(told, ensure_ascii=False, indent=1))
                else:
                    click.echo(table(journey))
                if not no_serve:
                    click.echo(f"\n{root / REPORT}\n{invite(chain, sites)}\nCtrl-C ends it.")
                    signal.pause()
        except KeyboardInterrupt:
            click.echo("stopped" if keep is None else f"stopped; the same command goes on in {root}", err=True)
            if not no_serve and "ledgers" in journey.facts:
                return
            sys.exit(INTERRUPTED)


@contextlib.contextmanager
def _place(keep: Path | None) -> Generator[Path]:
    """Where the sites live: the folder named, or one that goes afterwards."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="kaname-demo-") as place:
        yield Path(place)
