"""``kaname partner``: a hub admits gateways and enrols with a cloud, which admits hubs."""

from __future__ import annotations

from pathlib import Path

import click

from kaname.access import partners
from kaname.access.introductions import introduced
from kaname.cli.options import home_of, home_option, json_option, registries, show
from kaname.database import reading
from kaname.errors import Refused
from kaname.ledger.canonical import Json
from kaname.node import Node, open_node
from kaname.parcel.enrolment import accept_answer, make_request, read_request, signing_key
from kaname.parcel.enrolment import admit as admit_request
from kaname.settings import load

DELIVERS_TO = {"gateway": "hub", "hub": "cloud"}
"""Which role takes a node of that role in."""


@click.group
def partner() -> None:
    """The de-identified side: admit who delivers here, list, revoke; enrol with the next tier, try again."""


def _society(home: Path | None) -> Node:
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
    "--url", help="https://host:port at which partners reach this node's peer door; default from the settings."
)
@click.option(
    "--fingerprint", default="", help="The asking node's fingerprint as heard by telephone; any other is refused."
)
@home_option
@json_option
def admit(request: Path, answer: Path, url: str | None, fingerprint: str, home: Path | None, as_json: bool) -> None:
    """Admit a gateway (at a hub) or a hub (at a cloud) by its request file.

    The other side reads you its fingerprint by telephone; read it yours.
    """
    node = _society(home)
    settings = node.settings
    data = request.read_bytes()
    asked = read_request(data)
    if fingerprint and fingerprint != asked.key.fingerprint:
        raise Refused("enrolment-invalid", part="fingerprint")
    if settings.role != DELIVERS_TO[asked.role]:
        raise Refused("enrolment-invalid", part="role")
    if not set(asked.registries) <= set(settings.registries):
        raise Refused("parcel-registry")
    door = url or f"https://{settings.host}:{settings.peer_port}"
    own = signing_key(settings.keys)
    admission = admit_request(data, settings.keys, own, settings.name, door, node.clock)
    admitted = partners.Partner(
        admission.name, admission.role, admission.key, admission.registries, admission.certificate
    )
    partners.admit(node.index, admitted, clock=node.clock)
    _note(node, "partner-admitted", admitted)
    answer.write_bytes(admission.answer)
    fingerprints: dict[str, Json] = {
        "fingerprint": asked.key.fingerprint,
        "hub_fingerprint": own.public.fingerprint,
    }
    told: dict[str, Json] = {"admitted": admission.name, "role": admission.role, **fingerprints}
    show({**told, "answer": str(answer)}, as_json=as_json)


@partner.command
@click.option(
    "--request", "request_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the request here."
)
@click.option(
    "--answer", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Take in the next tier's answer."
)
@click.option("--fingerprint", default="", help="The next tier's fingerprint as heard by telephone.")
@click.option("--registry", "names", multiple=True, help="Pass on only these registries; default: all of this hub.")
@home_option
@json_option
def enrol(
    request_file: Path | None,
    answer: Path | None,
    fingerprint: str,
    names: tuple[str, ...],
    home: Path | None,
    as_json: bool,
) -> None:
    """Enrol this hub with a cloud by two files: first --request, then --answer. Compare the fingerprints by telephone.

    From then on everything of these registries that this hub has accepted is passed on.
    """
    if (request_file is None) == (answer is None):
        raise click.UsageError("give either --request or --answer")
    node = _society(home)
    settings = node.settings
    if settings.role != "hub":
        raise Refused("wrong-role")
    if answer is not None:
        record = accept_answer(settings.keys, answer.read_bytes(), fingerprint)
        cloud = partners.Partner(record.name, "cloud", record.key, record.registries)
        partners.admit(node.index, cloud, clock=node.clock)
        _note(node, "enrolled", cloud)
        told: dict[str, Json] = {"cloud": record.name, "url": record.url, "fingerprint": record.key.fingerprint}
        show({**told, "again": _try_again(node)}, as_json=as_json)
    elif request_file is not None:
        taken = registries(names or settings.registries)
        request_file.write_bytes(make_request(settings.keys, settings.name, taken, node.clock, role="hub"))
        own = signing_key(settings.keys).public.fingerprint
        show({"request": str(request_file), "fingerprint": own}, as_json=as_json)


@partner.command
@home_option
@json_option
def again(home: Path | None, as_json: bool) -> None:
    """Let leave once more what could not be passed on to the next tier, once the cause is mended."""
    show({"again": _try_again(_society(home))}, as_json=as_json)


@partner.command("list")
@home_option
@json_option
def list_(home: Path | None, as_json: bool) -> None:
    """List partners, and the gateways that hubs among them vouch for."""
    node = _society(home)
    with reading(node.index) as connection:
        vouched = introduced(connection)
    known = [(p, "") for p in partners.list_partners(node.index, revoked=True)]
    known += [
        (partners.Partner(g.name, "gateway", g.public_key, g.registries, admitted_at=g.introduced_at), g.hub)
        for g in vouched
    ]
    show([_row(*one) for one in known], as_json=as_json)


def _row(known: partners.Partner, introduced_by: str) -> Json:
    return {
        "name": known.name,
        "role": known.role,
        "key": known.public_key.id,
        "registries": list(known.registries),
        "introduced_by": introduced_by,
        "admitted_at": known.admitted_at,
        "revoked_at": known.revoked_at,
    }


@partner.command
@click.argument("name")
@home_option
def revoke(name: str, home: Path | None) -> None:
    """Revoke a partner: what it signs from now on is a stranger's, and so is whom it vouched for."""
    node = _society(home)
    partners.revoke(node.index, name, clock=node.clock)
    node.ledger.append("partner-revoked", name, actor="operator")


def _note(node: Node, action: str, other: partners.Partner) -> None:
    facts: dict[str, Json] = {"key": other.public_key.id, "registries": list(other.registries), "role": other.role}
    node.ledger.append(action, other.name, actor="operator", facts=facts)


def _try_again(node: Node) -> int:
    from kaname.intake.forward import try_again

    return try_again(node)
