"""The command line: names are a contract, thinking happens in the rooms.

Exit codes: 0 done, 1 something refused or held, 2 usage, 3 not yet. Every command is imported when it is called.
"""

from __future__ import annotations

import sys
import traceback
from importlib import import_module
from types import TracebackType

import click

from kaname.errors import KanameError, NotYet, Refused, reasons

DONE, REFUSED, USAGE, NOT_YET = 0, 1, 2, 3

COMMANDS = {
    "demo": ("kaname.cli.demo", "The whole journey on real and synthetic data, on this machine."),
    "init": ("kaname.cli.init", "Make a home: settings, keys, database, first administrator."),
    "serve": ("kaname.cli.serve", "Open this node's doors and start its worker."),
    "gateway": ("kaname.cli.gateway", "The hospital: enrol, ingest, status, held, withdraw."),
    "partner": ("kaname.cli.partner", "The de-identified side: admit who delivers, enrol with the next tier."),
    "user": ("kaname.cli.user", "People: add, password, list, signin, revoke; access tokens."),
    "project": ("kaname.cli.project", "Projects: onboard a team, list, show, state, member."),
    "deid": ("kaname.cli.deid", "De-identify folders and archives, without a server."),
    "registry": ("kaname.cli.registry", "Registries: list, show."),
    "archive": ("kaname.cli.archive", "The archive: verify, rebuild."),
    "annotation": ("kaname.cli.annotation", "Readers' tasks: make, show, agreement, export, resend."),
    "dataset": ("kaname.cli.dataset", "Frozen datasets: freeze, show, diff, verify."),
    "job": ("kaname.cli.job", "Jobs on frozen datasets, in a sandbox: submit, list, show, logs."),
    "train": ("kaname.cli.train", "Train a recipe of Kaname's own on a frozen dataset, in the sandbox."),
    "airlock": ("kaname.cli.airlock", "What may leave a run: list, look, review, cancel."),
    "evaluate": ("kaname.cli.evaluate", "Figures from predictions or a confusion table, and what is wrong with it."),
    "model": ("kaname.cli.model", "Models: list, show, compare, export, deploy, predict."),
    "audit": ("kaname.cli.audit", "The ledger: verify, show, export, heads, keys; why somebody may do something."),
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the journey."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        command: object = getattr(import_module(COMMANDS[cmd_name][0]), cmd_name)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in ``--help``, from the table: nothing is imported."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kaname")
def kaname() -> None:
    """Kaname (要): medical images from hospitals to research and back."""


def main() -> None:
    """Runs the command line; an outcome that is no success becomes one sentence and an exit code."""
    sys.excepthook = say_bug
    try:
        kaname(standalone_mode=True)
    except KanameError as error:
        sys.exit(report(error))


def say_bug(kind: type[BaseException], _error: BaseException, trace: TracebackType | None) -> None:
    """Says where a bug is, never what its message quotes: that may come out of a record."""
    places = [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(trace)]
    click.echo(
        "\n".join(["bug", f"  {reasons()['bug'].ja}", f"  {reasons()['bug'].en}", kind.__name__, *places]), err=True
    )


def report(error: KanameError) -> int:
    """Prints an outcome in both languages on the error stream; returns the exit code."""
    facts = "".join(f" [{name}={value}]" for name, value in error.facts.items())
    click.echo(f"{error.code}{facts}\n  {error.reason.ja}\n  {error.reason.en}", err=True)
    if isinstance(error, NotYet):
        return NOT_YET
    usage = ("key-missing", "key-short", "key-permissions", "home-missing", "unknown-registry", "wrong-role")
    return USAGE if isinstance(error, Refused) and error.code in usage else REFUSED
