"""``kaname partner``: a hub admits gateways and enrols with a cloud, which admits hubs."""

from __future__ import annotations

from pathlib import Path

import click

from kaname.access import partners
from kaname.access.introductions import introduced
from kaname.access.invitations import HOURS, HOURS_MOST
from kaname.cli.options import home_of, home_option, json_option, line_of, registries, show
from kaname.database import reading
from kaname.errors import Refused
from kaname.intake.admission import Guest
from kaname.intake.admission import admit as admit_request
from kaname.intake.admission import invite as make_invitation
from kaname.ledger.canonical import Json
from kaname.node import Node, open_node
from kaname.parcel.enrolment import accept_answer, make_request, read_request, signing_key
from kaname.parcel.joining import join
from kaname.settings import load
from kaname.upkeep import renewal


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
    admission = admit_request(node, data, url or _door(node))
    answer.write_bytes(admission.answer)
    fingerprints: dict[str, Json] = {
        "fingerprint": asked.key.fingerprint,
        "hub_fingerprint": signing_key(settings.keys).public.fingerprint,
    }
    told: dict[str, Json] = {"admitted": admission.name, "role": admission.role, **fingerprints}
    show({**told, "answer": str(answer)}, as_json=as_json)


@partner.command
@click.option("--name", required=True, help="Name of the node that is to join, as in its own settings.")
@click.option("--role", type=click.Choice(["gateway", "hub"]), default="gateway", show_default=True, help="What it is.")
@click.option("--registry", "names", multiple=True, help="It may deliver to this registry; default: all of this node.")
@click.option(
    "--hours", type=click.IntRange(1, HOURS_MOST), default=HOURS, show_default=True, help="How long the code is good."
)
@click.option(
    "--url", help="https://host:port at which partners reach this node's peer door; default from the settings."
)
@home_option
@json_option
def invite(
    name: str, role: str, names: tuple[str, ...], hours: int, url: str | None, home: Path | None, as_json: bool
) -> None:
    """Invite one node: prints the line that it enrols with, once. Hand it over as you would a password.

    While the invitation is open the peer door takes enrolment requests; this node has to be serving.
    """
    node = _society(home)
    settings = node.settings
    taken = registries(names or settings.registries)
    line = make_invitation(node, url or _door(node), Guest(name, role, taken), hours=hours)
    show({"code": line.text, "name": name, "role": role, "hours": hours}, as_json=as_json)


@partner.command
@click.option(
    "--request", "request_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the request here."
)
@click.option(
    "--answer", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Take in the next tier's answer."
)
@click.option("--fingerprint", default="", help="The next tier's fingerprint as heard by telephone.")
@click.option("--code", help="The line that the next tier's invitation printed; '-' reads it from standard input.")
@click.option("--registry", "names", multiple=True, help="Pass on only these registries; default: all of this hub.")
@home_option
@json_option
def enrol(
    request_file: Path | None,
    answer: Path | None,
    fingerprint: str,
    code: str | None,
    names: tuple[str, ...],
    home: Path | None,
    as_json: bool,
) -> None:
    """Enrol this hub with a cloud: by the --code of its invitation, or by two files, first --request, then --answer.

    With files, compare the fingerprints by telephone. From then on everything of these registries that this hub has
    accepted is passed on.
    """
    if sum(way is not None for way in (request_file, answer, code)) != 1:
        raise click.UsageError("give --code, or --request, or --answer")
    node = _society(home)
    settings = node.settings
    if settings.role != "hub":
        raise Refused("wrong-role")
    taken = registries(names or settings.registries)
    if request_file is None:
        record = (
            join(settings.keys, line_of(code), settings.name, taken, node.clock, role="hub")
            if code is not None
            else accept_answer(settings.keys, answer.read_bytes() if answer else b"", fingerprint)
        )
        cloud = partners.Partner(record.name, "cloud", record.key, record.registries)
        partners.admit(node.index, cloud, clock=node.clock)
        _note(node, "enrolled", cloud)
        told: dict[str, Json] = {"cloud": record.name, "url": record.url, "fingerprint": record.key.fingerprint}
        show({**told, "again": _try_again(node)}, as_json=as_json)
    else:
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
@click.option("--key", default="", help="Only this one of its keys (see list), e.g. the old one after a renewal.")
@home_option
def revoke(name: str, key: str, home: Path | None) -> None:
    """Revoke a partner: what it signs from now on is a stranger's, and so is whom it vouched for.

    Its certificate opens nothing from the next request on. With --key the partner stays, and that key is a stranger's.
    """
    node = _society(home)
    partners.revoke(node.index, name, clock=node.clock, key_id=key)
    facts: dict[str, Json] = {"key": key} if key else {}
    node.ledger.append("partner-revoked", name, actor="operator", facts=facts)


@partner.command
@click.option("--server", is_flag=True, help="Renew what this node shows at its own peer door, instead.")
@home_option
@json_option
def renew(server: bool, home: Path | None, as_json: bool) -> None:
    """Renew the certificate that this hub shows at the cloud.

    A serving node does so by itself, 30 days before it ends.
    """
    node = _society(home)
    if server:
        renewal.renew_own_server(node)
    else:
        renewal.renew_client(node)
    show({"until": renewal.ends(node, renewal.SERVER if server else renewal.CLIENT)}, as_json=as_json)


def _door(node: Node) -> str:
    return f"https://{node.settings.host}:{node.settings.peer_port}"


def _note(node: Node, action: str, other: partners.Partner) -> None:
    facts: dict[str, Json] = {"key": other.public_key.id, "registries": list(other.registries), "role": other.role}
    node.ledger.append(action, other.name, actor="operator", facts=facts)


def _try_again(node: Node) -> int:
    from kaname.intake.forward import try_again

    return try_again(node)
