"""People who sign in at the identity provider of their organisation (OpenID Connect, authorization code with PKCE).

``HOME/oidc.toml`` says which provider, and which of its groups play which roles here. Who is in none of those groups
gets in nowhere. Their parts are set to what the groups say at every sign-in, so whoever left a group loses its roles at
the next one; who does not come back within ``days`` days is out by then, and their tokens with them.

One random secret stays in the browser, in a cookie. State, nonce and PKCE verifier are made from it, so an answer that
another browser asked for fits nothing; of the state a digest is kept, once and for :data:`MINUTES`.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, cast
from urllib.parse import urlencode

from sqlalchemy import Engine, delete, insert, select, update

from kaname.access.accounts import NAME_MOST, account_of_subject, add_account, sign_in_by
from kaname.access.elsewhere import Elsewhere
from kaname.access.idtoken import Asked, claims_of
from kaname.access.index import ACCOUNT, CHALLENGE, ORGANISATION
from kaname.access.keyfile import read_secret
from kaname.access.model import parts_json
from kaname.access.provider import Provider
from kaname.access.remembered import changing
from kaname.access.sessions import FRESH_MINUTES, STAMP, Factor, Session
from kaname.clock import Clock
from kaname.database import reading, writing
from kaname.errors import Forbidden
from kaname.store import digest_bytes

PURPOSE = "oidc"
MINUTES = 10
"""That a browser may take to come back."""
SECRET_BYTES = 32
CODE_MOST = 4096
"""Letters of a code."""
DIGEST_LETTERS = 12
"""Of a made-up name, for whom the provider gives none."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that a browser was sent away for."""

    secret: str
    """What the browser keeps, and shows when it comes back."""
    address: str
    """Where it goes now."""

    def __repr__(self) -> str:
        return "Begun()"


class SignInElsewhere:
    """Signing in at one provider."""

    def __init__(self, about: Elsewhere, index: Engine, clock: Clock) -> None:
        self.about = about
        self._index = index
        self._clock = clock
        self._provider = Provider(about.client, clock)

    def begin(self) -> Begun:
        """Sends a browser away.

        Raises:
            NotYet: ``elsewhere-unreachable``.
        """
        published = self._provider.published()
        secret = secrets.token_urlsafe(SECRET_BYTES)
        state = _made(secret, "state")
        asked = {
            "response_type": "code",
            "client_id": self.about.client.client_id,
            "redirect_uri": self.about.client.address,
            "scope": " ".join(self.about.scopes),
            "state": state,
            "nonce": _made(secret, "nonce"),
            "code_challenge": _challenge(_made(secret, "verifier")),
            "code_challenge_method": "S256",
        }
        asked |= {"max_age": str(FRESH_MINUTES * 60)} if self.about.says_when else {"prompt": "login"}
        if self.about.strong_acr:
            asked["acr_values"] = " ".join(self.about.strong_acr)
        until = (self._clock.now() + timedelta(minutes=MINUTES)).strftime(STAMP)
        with writing(self._index) as connection:
            connection.execute(delete(CHALLENGE).where(CHALLENGE.c.expires_at <= self._clock.stamp()))
            row = {"digest": digest_bytes(state.encode()), "purpose": PURPOSE, "name": "", "expires_at": until}
            connection.execute(insert(CHALLENGE).values(data={}, **row))
        joint = "&" if "?" in published.authorization_endpoint else "?"
        return Begun(secret, f"{published.authorization_endpoint}{joint}{urlencode(asked)}")

    def finish(self, secret: str, answer: Mapping[str, str]) -> Session:
        """Opens a session for who comes back.

        Args:
            secret: What the browser kept.
            answer: The query that the provider sent the browser back with.

        Raises:
            Forbidden: ``elsewhere-refused`` with the part that is wrong; ``elsewhere-nobody`` for who has no role here;
                ``elsewhere-name`` when their name belongs to somebody else.
            NotYet: ``elsewhere-unreachable``.
            Refused: ``key-missing``, ``key-permissions`` when this node cannot read its own secret.
        """
        self._take(_made(secret, "state") if secret else "", answer.get("state", ""))
        published = self._provider.published()
        issuer = answer.get("iss", "" if published.names_itself else self.about.client.issuer)
        if issuer != self.about.client.issuer:
            raise Forbidden("elsewhere-refused", part="issuer")
        code = answer.get("code", "")
        if "error" in answer or not 0 < len(code) <= CODE_MOST:
            raise Forbidden("elsewhere-refused", part="denied")
        own = read_secret(self.about.secret_file).strip() if self.about.secret_file else b""
        given = self._provider.exchange(code, _made(secret, "verifier"), own)
        token, access_token = given.get("id_token"), given.get("access_token", "")
        if not isinstance(token, str) or not isinstance(access_token, str):
            raise Forbidden("elsewhere-refused", part="form")
        asked = Asked(_made(secret, "nonce"), FRESH_MINUTES * 60 if self.about.says_when else 0)
        claims = claims_of(token, access_token, self._provider, asked, self._clock.now())
        strong = vouched(claims, self.about)
        factor: Factor = "elsewhere" if strong else "password"
        return sign_in_by(self._index, self._admitted(claims), factor, self._clock, self._proved_at(claims))

    def _proved_at(self, claims: Mapping[str, object]) -> str:
        """When the provider says that they showed who they are; never later than now."""
        at = claims.get("auth_time") if self.about.says_when else None
        now = self._clock.now()
        return min(now, datetime.fromtimestamp(at, UTC)).strftime(STAMP) if isinstance(at, int | float) else ""

    def _take(self, expected: str, state: str) -> None:
        """Uses the state up: it comes from this browser, and comes back once."""
        mine = CHALLENGE.c.digest == digest_bytes(state.encode()), CHALLENGE.c.purpose == PURPOSE
        if not expected or not hmac.compare_digest(expected.encode(), state.encode()):
            raise Forbidden("elsewhere-refused", part="state")
        with writing(self._index) as connection:
            in_time = CHALLENGE.c.expires_at > self._clock.stamp()
            if not connection.execute(delete(CHALLENGE).where(*mine, in_time)).rowcount:
                raise Forbidden("elsewhere-refused", part="state")

    def _admitted(self, claims: Mapping[str, Any]) -> str:
        """Name of the account of who these claims are about, with the parts that their groups play now."""
        person = str(claims["sub"])
        subject = f"{self.about.client.issuer} {person}"
        shut = person in self.about.denied or self._ended()
        parts = () if shut else self.about.parts_of(claims.get(self.about.groups_claim))
        until = (self._clock.now() + timedelta(days=self.about.days)).strftime(STAMP)
        name = account_of_subject(self._index, subject)
        if name:
            self._renew(name, {"parts": parts_json(parts), "until": until})
        if not parts:
            raise Forbidden("elsewhere-nobody")
        if not name:
            name = name_of(claims, self.about)
            with reading(self._index) as connection:
                if connection.execute(select(ACCOUNT.c.name).where(ACCOUNT.c.name == name)).first() is not None:
                    raise Forbidden("elsewhere-name", name=name)
            own = {"organisation": self.about.organisation, "subject": subject, "until": until}
            add_account(self._index, name, parts, None, self._clock, **own)
        return name

    def _ended(self) -> bool:
        """Whether the organisation was ended here: its provider brings nobody back."""
        mine = select(ORGANISATION.c.id).where(ORGANISATION.c.id == self.about.organisation)
        with reading(self._index) as connection:
            return connection.execute(mine.where(ORGANISATION.c.ended_at != "")).first() is not None

    def _renew(self, name: str, values: Mapping[str, object]) -> None:
        with changing(self._index) as connection:
            connection.execute(update(ACCOUNT).where(ACCOUNT.c.name == name).values(values))


def vouched(claims: Mapping[str, Any], about: Elsewhere) -> bool:
    """Whether the provider says that two factors were shown, in words that the settings trust (RFC 8176)."""
    methods = claims.get("amr")
    named = cast("list[object]", methods) if isinstance(methods, list) else []
    return claims.get("acr") in about.strong_acr or any(one in about.strong_amr for one in named)


def name_of(claims: Mapping[str, Any], about: Elsewhere) -> str:
    """``name@organisation``: letters, digits, ``.``, ``_`` and ``-`` of what the provider calls them.

    What it calls them may change and be given to somebody else; who they are is their subject, which never is.
    """
    called = claims.get("preferred_username")
    plain = unicodedata.normalize("NFKC", called) if isinstance(called, str) else ""
    kept = re.sub(r"[^\w.-]+", "-", plain).strip(".-_")[: NAME_MOST - len(about.organisation) - 1]
    return f"{kept or sha256(str(claims['sub']).encode()).hexdigest()[:DIGEST_LETTERS]}@{about.organisation}"


def _made(secret: str, use: str) -> str:
    return hmac.digest(secret.encode(), f"kaname oidc {use}".encode(), sha256).hex()


def _challenge(verifier: str) -> str:
    """S256 of RFC 7636 section 4.2."""
    return base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
