"""``kaname partner``: the hub admits gateways."""

from __future__ import annotations

from pathlib import Path

import click

from kaname.access import partners
from kaname.cli.options import home_of, home_option, json_option, show
from kaname.errors import Refused
from kaname.ledger.canonical import Json
from kaname.node import Node, open_node
from kaname.parcel.enrolment import admit as admit_request
from kaname.parcel.enrolment import read_request, signing_key
from kaname.settings import load


@click.group
def partner() -> None:
    """The society: admit a gateway, list, revoke."""


def _hub(home: Path | None) -> Node:
    settings = load(home_of(home))
    if settings.role == "gateway":
        raise Refused("wrong-role")
    return open_node(settings)


@partner.command
@click.argument("request", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-o", "--answer", required=True, type=click.Path(dir_okay=False, path_type=Path), help="File to send back."
)
@click.option(
    "--url", help="https://host:port at which gateways reach this hub's peer door; default from the settings."
)
@click.option(
    "--fingerprint", default="", help="The gateway's fingerprint as heard by telephone; any other is refused."
)
@home_option
@json_option
def admit(request: Path, answer: Path, url: str | None, fingerprint: str, home: Path | None, as_json: bool) -> None:
    """Admit a gateway by its request file. The hospital reads you its fingerprint by telephone; read it yours."""
    node = _hub(home)
    settings = node.settings
    data = request.read_bytes()
    asked = read_request(data)
    if fingerprint and fingerprint != asked.key.fingerprint:
        raise Refused("enrolment-invalid", part="fingerprint")
    if not set(asked.registries) <= set(settings.registries):
        raise Refused("parcel-registry")
    door = url or f"https://{settings.host}:{settings.peer_port}"
    own = signing_key(settings.keys)
    admission = admit_request(data, settings.keys, own, settings.name, door, node.clock)
    gateway = partners.Partner(admission.name, "gateway", admission.key, admission.registries, admission.certificate)
    partners.admit(node.index, gateway, clock=node.clock)
    facts: dict[str, Json] = {"key": admission.key.id, "registries": list(admission.registries)}
    node.ledger.append("partner-admitted", admission.name, actor="operator", facts=facts)
    answer.write_bytes(admission.answer)
    fingerprints: dict[str, Json] = {
        "fingerprint": asked.key.fingerprint,
        "hub_fingerprint": own.public.fingerprint,
    }
    show({"admitted": admission.name, **fingerprints, "answer": str(answer)}, as_json=as_json)


@partner.command("list")
@home_option
@json_option
def list_(home: Path | None, as_json: bool) -> None:
    """List partners."""
    rows = partners.list_partners(_hub(home).index, revoked=True)
    show(
        [
            {"name": p.name, "key": p.public_key.id, "admitted_at": p.admitted_at, "revoked_at": p.revoked_at}
            for p in rows
        ],
        as_json=as_json,
    )


@partner.command
@click.argument("name")
@home_option
def revoke(name: str, home: Path | None) -> None:
    """Revoke a partner: what it signs from now on is a stranger's."""
    node = _hub(home)
    partners.revoke(node.index, name, clock=node.clock)
    node.ledger.append("partner-revoked", name, actor="operator")
