"""One-time codes of an app (RFC 6238): six digits of SHA-1 over 30 seconds, which every app knows how to make.

A secret has 160 bits (RFC 4226 section 4) and lies sealed in the index (:mod:`kaname.access.sealing`). A code counts in
its own half minute and in those beside it, for clocks that differ; no step counts twice. After
:data:`WRONG_MOST_IN_A_ROW` wrong codes in a row an app is asked no more (NIST SP 800-63B section 5.2.2 allows 100).
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from sqlalchemy import Engine, Row, select, update

from kaname.access.accounts import forget_tries, note_try
from kaname.access.factors import New, keep_factor, tries_of, typed
from kaname.access.index import FACTOR
from kaname.access.remembered import changing
from kaname.access.sealing import Sealer
from kaname.clock import Clock
from kaname.database import writing
from kaname.errors import Forbidden

STEP_SECONDS = 30
BESIDE = 1
"""Steps before and after the present one of which a code counts."""
WRONG_MOST_IN_A_ROW = 100


@dataclass(frozen=True, slots=True)
class App:
    """An app that is to make codes for somebody."""

    name: str
    """Of the account."""
    secret: str = field(repr=False)
    label: str
    """What its owner calls it."""
    first: bool = False
    """Whether it may only be the first factor, see :class:`kaname.access.factors.New`."""


def new_secret() -> str:
    """160 random bits in base32: what an app is told."""
    import pyotp

    return pyotp.random_base32(length=32)


def app_address(secret: str, name: str, issuer: str) -> str:
    """The ``otpauth://`` address that an app reads from a QR code."""
    about = urlencode({"secret": secret, "issuer": issuer}, quote_via=quote)
    return f"otpauth://totp/{quote(issuer, safe='')}:{quote(name, safe='')}?{about}"


def add_totp(index: Engine, sealer: Sealer, app: App, code: str, clock: Clock) -> None:
    """Keeps the secret of an app, once the app has shown that it makes the right codes.

    Raises:
        Forbidden: ``code-wrong``, ``second-factor-missing``.
        Refused: ``not-found``, ``factors-many``, ``factor-label``.
    """
    step = _matching(app.secret, code, clock, -1)
    if step is None:
        raise Forbidden("code-wrong")
    id = clock.new_id()  # noqa: A001 -- the word for what is ours
    data = {"sealed": sealer.seal(app.secret.encode(), f"{app.name}\0{id}"), "step": step, "wrong": 0}
    with changing(index) as connection:
        keep_factor(connection, New(app.name, "totp", id, app.label, data, app.first), clock)


def check_totp(index: Engine, sealer: Sealer, name: str, code: str, clock: Clock) -> None:
    """Returns when ``code`` is one that an app of that person shows now and was not shown here before.

    Raises:
        Forbidden: ``code-wrong``, ``signin-locked``, ``app-locked``.
        Refused: ``key-invalid`` when the secret cannot be opened.
    """
    note_try(index, tries_of(name), clock)
    own = select(FACTOR).where(FACTOR.c.name == name, FACTOR.c.kind == "totp").order_by(FACTOR.c.id)
    with writing(index) as connection:  # on PostgreSQL the rows are locked; on SQLite everything is
        rows = connection.execute(own.with_for_update()).all()
        asked = [row for row in rows if row.data["wrong"] < WRONG_MOST_IN_A_ROW]
        steps = {row.id: _matching(_secret(sealer, row), code, clock, row.data["step"]) for row in asked}
        right = next((row for row in asked if steps[row.id] is not None), None)
        for row in [right] if right is not None else asked:
            now: dict[str, Any] = {"data": _after(row.data, steps[row.id])}
            if right is not None:
                now["used_at"] = clock.stamp()
            connection.execute(update(FACTOR).where(FACTOR.c.id == row.id).values(now))
    if right is None:
        raise Forbidden("app-locked" if rows and not asked else "code-wrong")
    forget_tries(index, tries_of(name))


def _after(data: Mapping[str, Any], step: int | None) -> dict[str, Any]:
    """What is known of an app after one more code."""
    return {**data, "wrong": data["wrong"] + 1} if step is None else {**data, "wrong": 0, "step": step}


def _secret(sealer: Sealer, row: Row[tuple[object, ...]]) -> str:
    return sealer.open(row.data["sealed"], f"{row.name}\0{row.id}").decode()


def _matching(secret: str, code: str, clock: Clock, after: int) -> int | None:
    """The step later than ``after`` whose code this is."""
    from pyotp.totp import TOTP

    app, shown = TOTP(secret), typed(code).encode()
    present = int(clock.now().timestamp()) // STEP_SECONDS
    steps = range(max(present - BESIDE, after + 1, 0), present + BESIDE + 1)
    found = [step for step in steps if hmac.compare_digest(app.generate_otp(step).encode(), shown)]
    return found[0] if found else None
