"""``kaname demo``: the whole journey on this machine."""

from __future__ import annotations

import contextlib
import json
import signal
import tempfile
from collections.abc import Generator
from pathlib import Path

import click

from kaname.cli.options import json_option


@click.command
@click.option("--data", multiple=True, type=click.Path(exists=True, path_type=Path), help="Files of your own, too.")
@click.option(
    "--keep", type=click.Path(file_okay=False, path_type=Path), help="Keep both sites here; run again at will."
)
@click.option("--no-serve", is_flag=True, help="End when the journey has ended.")
@json_option
def demo(data: tuple[Path, ...], keep: Path | None, no_serve: bool, as_json: bool) -> None:
    """Take real and synthetic studies from a hospital to a frozen dataset and back out by withdrawal."""
    from kaname.testing.demo import Journey, make_sites, table, travel
    from kaname.testing.sites import serving

    with _place(keep) as root:
        journey = Journey(tell=lambda line: click.echo(line, err=True))
        with journey.step("two sites made and enrolled", "二つの拠点を作成・登録"):
            sites = make_sites(root)
        with serving(sites.hub) as door:
            travel(root, door, sites, [p.absolute() for p in data], journey)
            if as_json:
                click.echo(json.dumps({**journey.facts, "seconds": journey.seconds}, ensure_ascii=False, indent=1))
            else:
                click.echo(table(journey))
            if not no_serve:
                token = sites.at_hub("user", "token", "--name", "demo", "--registry", "j-mid", "--days", "1")["token"]
                click.echo(f"\nDICOMweb {door}/dicomweb\nAuthorization: Bearer {token}\nCtrl-C ends it.")
                with contextlib.suppress(KeyboardInterrupt):
                    signal.pause()


@contextlib.contextmanager
def _place(keep: Path | None) -> Generator[Path]:
    """Where the two sites live: the folder named, or one that goes afterwards."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="kaname-demo-") as place:
        yield Path(place)
