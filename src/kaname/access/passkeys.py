"""Passkeys (W3C Web Authentication level 3): keys in a phone, a computer or a stick, opened by its owner's PIN or face.

A passkey is something that one has, and it answers only once its owner was verified: it is a second factor, and it is
two by itself. Where it counts (:class:`Site`) is settled by this node's settings, never by what a request says. No
attestation is asked for: which maker's key somebody has is nobody's business here.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from sqlalchemy import Engine, Row, select, update

from kaname.access.challenges import ANSWER_MINUTES, Asked, ask, take
from kaname.access.factors import New, keep_factor
from kaname.access.index import FACTOR
from kaname.access.remembered import changing
from kaname.access.sealing import Sealer
from kaname.clock import Clock
from kaname.database import reading, writing
from kaname.errors import Forbidden
from kaname.settings import Settings
from kaname.store import digest_bytes

WAIT_MS = ANSWER_MINUTES * 60 * 1000
ANSWER_MOST = 1 << 15
"""Characters of an answer; one with a certificate that nobody asked for has a few thousand."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Site:
    """Where passkeys of a node count."""

    origin: str
    """Scheme, host and port, as a browser names them."""
    title: str
    """What the browser shows beside the key."""

    @property
    def host(self) -> str:
        """The relying party's id: the host, without scheme and port."""
        return urlsplit(self.origin).hostname or ""


def site_of(settings: Settings) -> Site | None:
    """Where passkeys of this node count; ``None`` where its address is a number, which browsers refuse."""
    site = Site(settings.public_origin or f"http://localhost:{settings.port}", settings.name)
    try:
        ip_address(site.host)
    except ValueError:
        return site
    return None


def registration(index: Engine, sealer: Sealer, site: Site, asked: Asked, clock: Clock) -> Mapping[str, Any]:
    """What a browser is told to make a passkey: options for ``navigator.credentials.create``, as JSON."""
    import webauthn
    from webauthn.helpers import structs

    own = [
        structs.PublicKeyCredentialDescriptor(id=_bytes(data["credential"]))
        for data in _own(index, asked.name)  # so that no authenticator is set up twice
    ]
    options = webauthn.generate_registration_options(
        rp_id=site.host,
        rp_name=site.title,
        user_name=asked.name,
        user_id=_bytes(_handle(sealer, asked.name)),
        challenge=_bytes(ask(index, asked, clock)),
        timeout=WAIT_MS,
        attestation=structs.AttestationConveyancePreference.NONE,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.PREFERRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=own,
    )
    return _options(webauthn.options_to_json(options))


def add_passkey(  # noqa: PLR0913 -- who, where, what and when
    index: Engine, site: Site, asked: Asked, answer: str, label: str, clock: Clock, *, first: bool = False
) -> None:
    """Keeps the passkey that a browser has made.

    Args:
        index: The node's index.
        site: Where it counts.
        asked: Who was asked to make it.
        answer: What ``navigator.credentials.create`` gave, as JSON.
        label: What its owner calls it.
        clock: Says when.
        first: Whether it may only be the first factor, see :class:`kaname.access.factors.New`.

    Raises:
        Forbidden: ``answer-late``, ``passkey-refused``, ``second-factor-missing``.
        Refused: ``not-found``, ``factors-many``, ``factor-known``, ``factor-label``.
    """
    import webauthn

    given, challenge = _answer(answer)
    take(index, challenge, asked, clock)
    made = _checked(
        lambda: webauthn.verify_registration_response(
            credential=given,
            expected_challenge=_bytes(challenge),
            expected_rp_id=site.host,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    )
    data = {
        "credential": _text(made.credential_id),
        "key": _text(made.credential_public_key),
        "count": made.sign_count,
    }
    with changing(index) as connection:
        own = New(asked.name, "passkey", digest_bytes(made.credential_id), label, data, first)
        keep_factor(connection, own, clock)


def question(index: Engine, site: Site, asked: Asked, clock: Clock) -> Mapping[str, Any]:
    """What a browser is asked: options for ``navigator.credentials.get``, as JSON.

    Where nobody has said yet who they are, for anybody's passkey of this site.
    """
    import webauthn
    from webauthn.helpers import structs

    own = _own(index, asked.name) if asked.name else []
    options = webauthn.generate_authentication_options(
        rp_id=site.host,
        challenge=_bytes(ask(index, asked, clock)),
        timeout=WAIT_MS,
        allow_credentials=[structs.PublicKeyCredentialDescriptor(id=_bytes(data["credential"])) for data in own],
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )
    return _options(webauthn.options_to_json(options))


def check_passkey(index: Engine, sealer: Sealer, site: Site, asked: Asked, answer: str, clock: Clock) -> str:
    """Whose passkey has answered.

    Args:
        index: The node's index.
        sealer: Knows people by the handles that their passkeys keep.
        site: Where it counts.
        asked: Who was asked, and what for.
        answer: What ``navigator.credentials.get`` gave, as JSON.
        clock: Says when.

    Raises:
        Forbidden: ``answer-late``, ``passkey-refused``; ``passkey-copied`` when it counts its uses and has counted
            fewer than before: then somebody has a copy.
    """
    import webauthn

    given, challenge = _answer(answer)
    take(index, challenge, asked, clock)
    row = _known(index, given)
    if row is None or (asked.name and row.name != asked.name) or not _is_of(sealer, given, row.name):
        raise Forbidden("passkey-refused")
    kept = _bytes(row.data["key"])
    seen = _checked(
        lambda: webauthn.verify_authentication_response(
            credential=given,
            expected_challenge=_bytes(challenge),
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=kept,
            credential_current_sign_count=0,  # looked at below: the library would look before it knows whose it is
            require_user_verification=True,
        )
    )
    with writing(index) as connection:
        own = select(FACTOR).where(FACTOR.c.id == row.id, FACTOR.c.name == row.name)
        now = connection.execute(own.with_for_update()).one_or_none()
        if now is None:
            raise Forbidden("passkey-refused")
        before = now.data["count"]
        if (before or seen.new_sign_count) and seen.new_sign_count <= before:
            raise Forbidden("passkey-copied", name=row.name)
        used = {"data": {**now.data, "count": seen.new_sign_count}, "used_at": clock.stamp()}
        connection.execute(update(FACTOR).where(FACTOR.c.id == row.id).values(used))
    name: str = row.name
    return name


def _own(index: Engine, name: str) -> list[Mapping[str, Any]]:
    query = select(FACTOR.c.data).where(FACTOR.c.name == name, FACTOR.c.kind == "passkey").order_by(FACTOR.c.id)
    with reading(index) as connection:
        return list(connection.scalars(query))


def _known(index: Engine, given: Mapping[str, Any]) -> Row[tuple[object, ...]] | None:
    query = select(FACTOR).where(FACTOR.c.id == digest_bytes(_bytes(given["id"])), FACTOR.c.kind == "passkey")
    with reading(index) as connection:
        return connection.execute(query).one_or_none()


def _handle(sealer: Sealer, name: str) -> str:
    """What a passkey keeps of whose it is (64 letters): says nothing to anybody without the node's key."""
    return sealer.digest("passkey", name)


def _is_of(sealer: Sealer, given: Mapping[str, Any], name: str) -> bool:
    """Whether the handle that came with the answer, if any, is that of ``name`` (level 3, section 7.2 step 6)."""
    shown = given["response"].get("userHandle")
    return not shown or shown == _text(_bytes(_handle(sealer, name)))


def _answer(text: str) -> tuple[dict[str, Any], str]:
    """The answer, and the question that it says it answers.

    Raises:
        Forbidden: ``passkey-refused`` when it is no answer at all.
    """

    def read() -> tuple[dict[str, Any], str]:
        given = json.loads(text if len(text) <= ANSWER_MOST else "")
        said = json.loads(_bytes(given["response"]["clientDataJSON"]))
        if said.get("crossOrigin") is True:  # no page of ours stands in another's frame
            raise ValueError("crossOrigin")
        _bytes(given["id"])
        return cast("dict[str, Any]", given), str(said["challenge"])

    return _checked(read)


def _checked(read: Callable[[], T]) -> T:
    """What ``read`` finds in bytes of a stranger's making.

    Raises:
        Forbidden: ``passkey-refused`` for whatever is wrong with them.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        return read()
    except (WebAuthnException, InvalidSignature, UnsupportedAlgorithm, ArithmeticError, AssertionError) as error:
        raise Forbidden("passkey-refused") from error
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise Forbidden("passkey-refused") from error


def _options(text: str) -> Mapping[str, Any]:
    made: Mapping[str, Any] = json.loads(text)
    return made


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("base64url") from error
