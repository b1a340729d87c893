"""``kaname audit``: the ledger, the heads of others' ledgers, and why somebody may do something."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path
from typing import Literal

import click

from kaname.access.model import DUTIES, Duty
from kaname.cli.options import home_of, home_option, json_option, registries, show
from kaname.ledger.canonical import Json
from kaname.node import Node, open_node
from kaname.settings import load

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
TARGET = click.Path(dir_okay=False, path_type=Path)


@click.group
def audit() -> None:
    """The ledger: verify, show, export; heads and keys of partners; why somebody may do something."""


def _open(home: Path | None) -> Node:
    return open_node(load(home_of(home)))


@audit.command
@click.option("--export", "exported", type=FILE, help="Verify this file instead; no home is needed.")
@click.option("--keys", type=FILE, help="With --export: public keys, as `kaname audit keys` prints them.")
@click.option("--heads", type=FILE, help="With --export: signed heads that you hold (`kaname audit heads -o`).")
@home_option
@json_option
def verify(exported: Path | None, keys: Path | None, heads: Path | None, home: Path | None, as_json: bool) -> None:
    """Walk the whole chain of events; the first that does not fit is named.

    Without --export this node's own ledger is walked, and every head is met that the next tier says it holds.
    """
    if (exported is None) != (keys is None) or (heads is not None and exported is None):
        raise click.UsageError("--export and --keys belong together; --heads goes with both")
    if exported is not None and keys is not None:
        from kaname.access.ledger_file import read_signers, verify_file

        lines = heads.read_bytes().splitlines() if heads else []
        found = verify_file(exported, read_signers(keys.read_text(encoding="utf-8", errors="replace")), lines)
        told: dict[str, Json] = {"name": found.name, "events": found.head.sequence, "head": found.head.digest}
        told |= {"signed_at": found.at, "before": found.before, "heads_met": found.met, "heads_later": found.later}
        show(told, as_json=as_json)
        return
    from kaname.upkeep.heads import own_heads

    node = _open(home)
    known = own_heads(node)
    head = node.ledger.verify(known)
    show({"events": head.sequence, "head": head.digest, "heads_met": len(known)}, as_json=as_json)


@audit.command("show")
@click.option("--after", default=0, help="Number of the last event not wanted.")
@click.option("--action", help="Only events of this kind.")
@home_option
@json_option
def show_(after: int, action: str | None, home: Path | None, as_json: bool) -> None:
    """Show events in their order."""
    ledger = _open(home).ledger
    rows: list[Json] = [
        {"sequence": e.sequence, "at": e.at, "actor": e.actor, "action": e.action, "about": e.about, **e.facts}
        for e in ledger.events(after=after, action=action)
    ]
    show(rows, as_json=as_json)


@audit.command
@click.option("-o", "--output", "target", required=True, type=TARGET, help="File to write.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["ledger", "dicom"]),
    default="ledger",
    show_default=True,
    help="The ledger itself with a signed head, or DICOM audit messages (PS3.15 A.5), one a line.",
)
@click.option("--before", type=click.DateTime(["%Y-%m-%d"]), help="Only what happened before this day (UTC).")
@home_option
@json_option
def export(
    target: Path, form: Literal["ledger", "dicom"], before: datetime | None, home: Path | None, as_json: bool
) -> None:
    """Write the ledger to a file. That it was read is an event of its own."""
    from kaname.upkeep.audit import export_ledger

    day = before.strftime("%Y-%m-%d") if before else ""
    head = export_ledger(_open(home), target, form, day, actor="operator")
    show({"events": head.sequence, "head": head.digest, "file": str(target)}, as_json=as_json)


@audit.command
@click.option("-o", "--output", "target", type=TARGET, help="Write the signed statements of partners to this file.")
@home_option
@json_option
def heads(target: Path | None, home: Path | None, as_json: bool) -> None:
    """Show whose ledger heads are held here and since when, and which of this node's are held by the next tier."""
    from kaname.access.heads import Held, held_heads
    from kaname.parcel.enrolment import is_enrolled, read_partner

    node = _open(home)
    by_partner: defaultdict[str, list[Held]] = defaultdict(list)
    for one in held_heads(node):
        by_partner[one.partner].append(one)
    if target is not None:
        theirs = [one for partner, own in by_partner.items() if partner for one in own]
        target.write_bytes(b"".join(one.statement + b"\n" for one in theirs))
    upstream = read_partner(node.settings.keys).name if is_enrolled(node.settings.keys) else ""
    rows: list[Json] = [
        {
            "name": partner or node.settings.name,
            "held_by": node.settings.name if partner else upstream,
            "heads": len(own),
            "since": min(one.received_at for one in own),
            "sequence": own[-1].head.sequence,
            "head": own[-1].head.digest,
            "received_at": own[-1].received_at,
            "contradicted": [n for n, times in Counter(one.head.sequence for one in own).items() if times > 1],
        }
        for partner, own in by_partner.items()
    ]
    show(rows, as_json=as_json)


@audit.command
@home_option
def keys(home: Path | None) -> None:
    """Print the public keys of this node and of its partners, revoked ones too, for `kaname audit verify --keys`."""
    from kaname.upkeep.audit import signers

    for one in signers(_open(home)):
        click.echo(f"{one.name} {one.key.text}")


@audit.command
@click.argument("user")
@click.argument("action", type=click.Choice(DUTIES))
@click.argument("resource")
@click.option("--channel", type=click.Choice(["console", "viewer", "token"]), default="console", show_default=True)
@click.option("--stale", is_flag=True, help="They showed who they are too long ago.")
@click.option("--weak", is_flag=True, help="They did not show the second factor that is asked of them.")
@home_option
@json_option
def why(
    user: str,
    action: Duty,
    resource: str,
    channel: Literal["console", "viewer", "token"],
    stale: bool,
    weak: bool,
    home: Path | None,
    as_json: bool,
) -> None:
    """Say why USER may do ACTION in RESOURCE (a registry, or registry/project), or may not."""
    from kaname.access.why import Assumed
    from kaname.access.why import why as explain

    node = _open(home)
    name, _, project = resource.partition("/")
    (registry,) = registries([name])
    how = Assumed(channel, not stale, weak)
    found = explain(node.index, node.clock, user, action, registry, project=project, assumed=how)
    told: dict[str, Json] = {
        "decision": "allowed" if found.allowed else "denied",
        "policies": [one for one, _ in found.policies],
        "parts": [f"{part.role} in {part.scope}" for part in found.parts],
        "roles_that_may": list(found.roles),
        "assumed": {"channel": channel, "fresh": not stale, "weak": weak, "project_state": found.state},
        "courses_missing": list(found.untrained),
        "account_ended": found.ended,
    }
    if as_json:
        texts: dict[str, Json] = {**dict(found.policies)}
        told["texts"] = texts
        show(told, as_json=True)
        return
    show(told, as_json=False)
    for _, text in found.policies:
        click.echo(f"\n{text}")
