"""The statement of an identity provider about who somebody is: an ID token (OpenID Connect Core 1.0 section 3.1.3.7).

Signed by a public key of that provider, with one of :data:`KINDS`: nothing unsigned, and no signature that whoever
knows the public key could make. Every claim that the text calls required is asked for.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256, sha512
from typing import Any, NoReturn, cast

from kaname.access.provider import Provider
from kaname.errors import Forbidden

KINDS = {
    "RS256": ("RSA", ""),
    "PS256": ("RSA", ""),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}
"""Signature algorithms that are taken (RFC 7518, 8037; new names of RFC 9864), with kind and curve of keys."""
MODULUS_BYTES = 256
"""Of an RSA key, at least (RFC 7518 section 3.3)."""
SKEW_SECONDS = 60
"""By which two clocks may differ."""
AGE_SECONDS = 600
"""A token that was made longer ago answers nothing that was asked here."""
LONGEST = 64 << 10
"""Letters of a token."""
SUBJECT_MOST = 255


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for, and has to come back in the token."""

    nonce: str
    proved_within_seconds: int
    """How long ago the person may have shown the provider who they are; 0 when the provider does not say when."""


def claims_of(token: str, access_token: str, provider: Provider, asked: Asked, now: datetime) -> Mapping[str, Any]:
    """The claims of a token that is what it should be.

    Args:
        token: As the provider gave it.
        access_token: What it gave beside it; only compared with ``at_hash``.
        provider: Whose token it has to be.
        asked: What was asked for.
        now: UTC, aware.

    Raises:
        Forbidden: ``elsewhere-refused``, with the part that is wrong.
        NotYet: ``elsewhere-unreachable`` when the provider's keys cannot be fetched.
    """
    claims, algorithm = _signed(token, provider)
    client = provider.client
    _need(claims.get("iss") == client.issuer, "issuer")
    audience = claims.get("aud")
    named = cast("list[object]", audience) if isinstance(audience, list) else [audience]
    _need(client.client_id in named, "audience")
    _need(claims.get("azp", client.client_id) == client.client_id, "party")
    _need(len(named) == 1 or "azp" in claims, "party")
    at = now.timestamp()
    _need(_time(claims, "exp") + SKEW_SECONDS > at, "expired")
    _need(-SKEW_SECONDS <= at - _time(claims, "iat") <= AGE_SECONDS + SKEW_SECONDS, "made")
    _need("nbf" not in claims or _time(claims, "nbf") - SKEW_SECONDS <= at, "early")
    nonce = claims.get("nonce")
    _need(isinstance(nonce, str) and hmac.compare_digest(nonce.encode(), asked.nonce.encode()), "nonce")
    if asked.proved_within_seconds:
        _need(at - _time(claims, "auth_time") <= asked.proved_within_seconds + SKEW_SECONDS, "proof")
    if "at_hash" in claims:
        _need(claims["at_hash"] == half_digest(access_token, algorithm), "access")
    subject = claims.get("sub")
    _need(isinstance(subject, str) and 0 < len(subject) <= SUBJECT_MOST and subject.isprintable(), "subject")
    return claims


def half_digest(access_token: str, algorithm: str) -> str:
    """``at_hash``: the left half of the digest that goes with the algorithm, in base64url (section 3.1.3.6)."""
    digest = (sha512 if KINDS[algorithm][0] == "OKP" else sha256)(access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def _signed(token: str, provider: Provider) -> tuple[Mapping[str, Any], str]:
    """The claims, once the signature was found right, and its algorithm."""
    from joserfc import jws, jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import JWKRegistry

    _need(token.isascii() and len(token) <= LONGEST, "form")
    try:
        header = cast("Mapping[str, object]", jws.extract_compact(token.encode()).headers())
    except (JoseError, ValueError) as error:
        raise _refused("form") from error
    algorithm, name = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in KINDS or not isinstance(name, str | None):
        _refuse("algorithm")
    fitting = _fitting(provider.keys(), algorithm, name)
    if not fitting:
        fitting = _fitting(provider.keys(unknown=name or ""), algorithm, name)
    _need(len(fitting) == 1, "key")
    try:
        key = JWKRegistry.import_key(cast("Any", dict(fitting[0])))
        return cast("Mapping[str, Any]", jwt.decode(token, key, algorithms=[algorithm]).claims), algorithm
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise _refused("signature") from error


def _fitting(keys: Sequence[Mapping[str, Any]], algorithm: str, name: str | None) -> list[Mapping[str, Any]]:
    """Keys that such a signature may have been made with: without a name, one that is the only one of its kind."""
    kind, curve = KINDS[algorithm]
    return [
        key
        for key in keys
        if key.get("kty") == kind
        and key.get("crv", "") == curve
        and (name is None or key.get("kid") == name)
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (kind != "RSA" or _long_enough(key.get("n")))
    ]


def _long_enough(modulus: object) -> bool:
    """Whether a base64url modulus has :data:`MODULUS_BYTES`."""
    return isinstance(modulus, str) and len(modulus.rstrip("=")) * 3 // 4 >= MODULUS_BYTES


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(name)
    return value


def _need(right: bool, part: str) -> None:  # noqa: FBT001 -- reads as the sentence it is
    if not right:
        _refuse(part)


def _refuse(part: str) -> NoReturn:
    raise _refused(part)


def _refused(part: str) -> Forbidden:
    return Forbidden("elsewhere-refused", part=part)
