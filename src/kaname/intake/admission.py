"""Who may deliver here: admitted by a file and a telephone call, or by a code; renewed; asked for on every request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from kaname.access import invitations, partners
from kaname.access.certificates import key_fingerprint, read_certificate, tls_files
from kaname.access.keyfile import read_secret
from kaname.access.partners import Partner
from kaname.database import writing
from kaname.errors import Refused
from kaname.intake.flow import find
from kaname.ledger import Json
from kaname.node import Node
from kaname.parcel.enrolment import Admission, signing_key
from kaname.parcel.enrolment import admit as answer_request
from kaname.parcel.fields import NAME, URL
from kaname.parcel.joining import Joining, Line, read_joining
from kaname.parcel.renewal import read_renewal

DELIVERS_TO = {"gateway": "hub", "hub": "cloud"}
"""Which role takes a node of that role in."""


@dataclass(frozen=True, slots=True)
class Guest:
    """Whom an invitation is for."""

    name: str
    role: str
    """``gateway`` or ``hub``."""
    registries: tuple[str, ...]


def invite(node: Node, url: str, guest: Guest, *, hours: int) -> Line:
    """Makes an invitation; its code stands nowhere but in the line.

    Args:
        node: A node of the de-identified side.
        url: Where the guest reaches this one's door for partners.
        guest: Whom it is for.
        hours: How long it is good.

    Raises:
        Refused: ``wrong-role`` when such a node does not deliver here; ``parcel-registry`` when this node has not all
            those registries; ``enrolment-invalid`` when name or address are none; ``key-…``.
        NotYet: ``index-busy``.
    """
    settings = node.settings
    if settings.role != DELIVERS_TO.get(guest.role):
        raise Refused("wrong-role")
    if not set(guest.registries) <= set(settings.registries):
        raise Refused("parcel-registry")
    for part, value, form in (("name", guest.name, NAME), ("url", url, URL)):
        if not form.fullmatch(value):
            raise Refused("enrolment-invalid", part=part)
    signing = signing_key(settings.keys).public.fingerprint
    tls = key_fingerprint(read_certificate(read_secret(tls_files(settings.keys).certificate)))
    with writing(node.index) as connection:
        invited, code = invitations.invite(
            connection, guest.name, guest.role, guest.registries, hours=hours, clock=node.clock
        )
        facts: dict[str, Json] = {
            "hours": hours,
            "invitation": invited.id,
            "registries": list(guest.registries),
            "role": guest.role,
        }
        node.ledger.append("partner-invited", guest.name, actor="operator", facts=facts, connection=connection)
    return Line(url, signing, tls, invited.id, code)


def admit(node: Node, request: bytes, url: str, registries: Sequence[str] | None = None) -> Admission:
    """Admits a node by its request, for all registries that it asks for or for ``registries``.

    Whether it is who it says it is has been found out before.

    Args:
        node: A node of the de-identified side.
        request: An enrolment request.
        url: Where the node reaches this one's door for partners.
        registries: For which it is admitted, if not for all.

    Raises:
        Refused: ``enrolment-invalid``; ``parcel-registry`` when this node has not all those registries; ``key-…``.
    """
    with writing(node.index) as connection:
        return _admit(node, connection, request, url, registries)


def join(node: Node, data: bytes) -> bytes:
    """Admits a node that has a code; returns the signed answer.

    The same node may ask again for ten minutes: an answer that was lost is given once more. A wrong code,
    a used one, an expired one, and one that was made for somebody else are told apart by nobody but the ledger.

    Raises:
        Refused: ``invitation-invalid``; ``enrolment-invalid`` for what is no such request, and as :func:`admit`.
        NotYet: ``index-busy``.
    """
    asked = read_joining(data)
    with writing(node.index) as connection:
        invited = invitations.invitation(connection, asked.invitation, clock=node.clock)
        if invited is not None and _may_join(node, connection, invited, asked):
            granted = sorted(set(asked.request.registries) & set(invited.registries))
            return _admit(node, connection, asked.statement, asked.url, granted, invited.id).answer
        if invited is not None:
            invitations.count_try(connection, invited)
            facts: dict[str, Json] = {"invitation": invited.id}
            node.ledger.append(
                "invitation-refused", invited.name, actor=node.settings.name, facts=facts, connection=connection
            )
    raise Refused("invitation-invalid")


def renew(node: Node, partner: Partner, shown: str, data: bytes) -> bytes:
    """Gives a partner a new certificate, and takes its new key if it has one; returns the signed answer.

    Args:
        node: A node of the de-identified side.
        partner: Who asks, by its certificate.
        shown: SHA-256 of that certificate: it counts until the new one is shown.
        data: A renewal, signed with a key of the partner's.

    Raises:
        Refused: ``enrolment-invalid``; ``key-…``.
        NotYet: ``index-busy``.
    """
    valid = [one for one in partners.list_partners(node.index) if one.name == partner.name]
    asked = read_renewal(data, {one.public_key.id: one.public_key for one in valid})
    if (asked.request.name, asked.request.role) != (partner.name, partner.role):
        raise Refused("enrolment-invalid", part="name")
    own = signing_key(node.settings.keys)
    name, clock = node.settings.name, node.clock
    admission = answer_request(
        asked.statement, node.settings.keys, own, name, asked.url, clock, registries=partner.registries
    )
    with writing(node.index) as connection:
        partners.renew(connection, _partner_of(admission), shown=shown, clock=clock)
        _note(node, connection, "partner-renewed", admission, partner.name)
    return admission.answer


def may_know(node: Node, partner: Partner, digest: str) -> None:
    """Lets a partner ask about a parcel of its own, or of a gateway that it vouches for.

    Raises:
        Refused: ``not-found`` for every other parcel, as if it had never come.
    """
    if not partners.brings(node.index, partner, find(node, digest).gateway):
        raise Refused("not-found")


def _may_join(node: Node, connection: Connection, invited: invitations.Invited, asked: Joining) -> bool:
    """Whether code and request are those of the invitation; uses it up, unless this very node did."""
    wanted = asked.request
    fits = (wanted.name, wanted.role) == (invited.name, invited.role) and set(wanted.registries) & set(
        invited.registries
    )
    if not invitations.matches(invited, asked.code_key) or not fits:
        return False
    if invitations.use(connection, invited, clock=node.clock):
        return True
    return partners.is_valid(connection, wanted.name, wanted.key)


def _admit(
    node: Node,
    connection: Connection,
    request: bytes,
    url: str,
    registries: Sequence[str] | None,
    invitation: str = "",
) -> Admission:
    settings = node.settings
    own = signing_key(settings.keys)
    admission = answer_request(request, settings.keys, own, settings.name, url, node.clock, registries=registries)
    if settings.role != DELIVERS_TO[admission.role]:
        raise Refused("enrolment-invalid", part="role")
    if not set(admission.registries) <= set(settings.registries):
        raise Refused("parcel-registry")
    partners.write_down(connection, _partner_of(admission), clock=node.clock)
    _note(node, connection, "partner-admitted", admission, settings.name if invitation else "operator", invitation)
    return admission


def _partner_of(admission: Admission) -> Partner:
    return Partner(admission.name, admission.role, admission.key, admission.registries, admission.certificate)


def _note(
    node: Node, connection: Connection, action: str, admission: Admission, actor: str, invitation: str = ""
) -> None:
    facts: dict[str, Json] = {
        "key": admission.key.id,
        "registries": list(admission.registries),
        "role": admission.role,
    }
    if invitation:
        facts["invitation"] = invitation
    node.ledger.append(action, admission.name, actor=actor, facts=facts, connection=connection)
