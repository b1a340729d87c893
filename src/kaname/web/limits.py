"""How often somebody may ask, counted in front of the routes of a door.

Whoever a token or session has been found good for is counted by name, generously; everybody else by address, and at the
few doors where secrets are tried, tightly. So whoever fills one door keeps nobody out who is in, though they share an
address. What one person takes of pixels as a researcher alone is counted by the hour.

Counts are this process's own and are gone with it: they protect its threads, while the lock on a name
(:mod:`kaname.access.accounts`) stands in the index. An address is that of the connection. Behind a proxy every one of
them is the proxy's: uvicorn then has to be told whom to believe (``proxy_headers``, ``forwarded_allow_ips``); nothing
here reads a header that anybody could write.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from fastapi import Request, Response
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kaname.access.model import Grant
from kaname.errors import KanameError, NotYet
from kaname.web.answer import reason_json, status_of
from kaname.web.pages import HTML, reason_page
from kaname.web.permit import permits_of

if TYPE_CHECKING:
    from limits import RateLimitItem

IPV6_PREFIX = 64
"""Bits of an IPv6 address that are one household or ward: the rest anybody chooses."""
KNOWN_MOST = 10_000
"""Tokens and sessions whose owner is remembered; beyond, all are forgotten and found good anew."""
UNAUTHORIZED = 401
MINUTE_SECONDS = 60
SHOWN_FRAMES = "shown_frames"
"""Where a route that answers with whole instances leaves how many frames they hold."""


@dataclass(frozen=True, slots=True)
class Rates:
    """How often, per minute where nothing else is said."""

    known: int = 60_000
    """Requests of one person or program: a thousand frames a second."""
    strangers: int = 6_000
    """Requests of one address by whom nobody has been found behind yet: pages and scripts before signing in."""
    secrets: int = 60
    """Tries of one address, or of who is in, where secrets are shown. A ward of sixty signs in within a minute."""
    bad_tokens: int = 60
    """Tokens of one address that were not good; beyond, new ones of it are not looked at."""
    secrets_at_once: int = 8
    """Tries of strangers under way in this process: the others leave its threads to who is in."""
    researcher_frames_hour: int = 20_000
    """Frames within an hour, see :class:`kaname.settings.Settings`."""


TIGHT = (
    ("POST", "/signin"),
    ("POST", "/second"),
    ("POST", "/proof"),
    ("POST", "/account/password"),
    ("GET", "/elsewhere"),
    ("POST", "/enrolment"),
)
"""Where secrets are shown, or other nodes are asked on behalf of whoever comes: these paths and those below them."""


class Limits:
    """ASGI middleware of an app: answers ``too-many-requests`` in place of its routes."""

    def __init__(self, app: ASGIApp, rates: Rates) -> None:
        from limits.storage import MemoryStorage
        from limits.strategies import SlidingWindowCounterRateLimiter

        self._app = app
        self._rates = rates
        self._count = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._names: dict[bytes, str] = {}
        self._trying = 0
        self._asked: dict[str, tuple[float, int]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})  # shared with every copy of the scope: the routes write there who asks
        headers, address = Headers(scope=scope), _address(scope)
        shown = _digest(headers)
        tight, name = _is_tight(scope), self._names.get(shown, "")
        waits = self._waits(address, name, tight=tight, token="authorization" in headers)
        if waits:
            await _answer(scope, receive, waits)(scope, receive, send)
            return
        trying = tight and not name
        if trying:  # what is still on its way is no try yet: eight slow senders would keep everybody else out
            try:
                receive = await _whole(receive)
            except KanameError as error:  # larger than the door takes
                await _told(scope, receive, error)(scope, receive, send)
                return
            if self._trying >= self._rates.secrets_at_once:
                await _answer(scope, receive, 1)(scope, receive, send)
                return
        self._trying += trying
        try:
            await self._app(scope, receive, self._watched(scope, receive, send, (address, shown)))
        finally:
            self._trying -= trying

    def _waits(self, address: str, name: str, *, tight: bool, token: bool) -> int:
        """Seconds that a request has to wait; 0 when it may go on."""
        if tight and name:  # who is in shows a second factor, or who they are once more
            return self._over(_minute(self._rates.secrets), "own secrets", name)
        if tight:
            return self._over(_minute(self._rates.secrets), "secrets", address)
        if name:
            return self._busy(name)
        bad = _minute(self._rates.bad_tokens)
        if token and not self._count.test(bad, "bad", address):
            return self._pause(bad, "bad", address)
        return self._over(_minute(self._rates.strangers), "strangers", address)

    def _busy(self, name: str) -> int:
        """Counts a request of somebody known, by a minute of their own: the library would start a thread for each."""
        now = time.monotonic()
        begun, asked = self._asked.get(name, (now, 0))
        if now - begun >= MINUTE_SECONDS:
            begun, asked = now, 0
        if len(self._asked) >= KNOWN_MOST:
            self._asked.clear()
        self._asked[name] = begun, asked + 1
        return math.ceil(begun + MINUTE_SECONDS - now) if asked >= self._rates.known else 0

    def _watched(self, scope: Scope, receive: Receive, send: Send, who: tuple[str, bytes]) -> Send:
        """Sends what the routes answer, once it is known whom they found behind the request."""
        address, shown = who
        instead: list[Response] = []

        async def answer(message: Message) -> None:
            if instead:
                return
            if message["type"] == "http.response.start":
                grant = scope["state"].get("grant")
                if isinstance(grant, Grant):
                    self._remember(shown, grant.name)
                    waits = self._looked(scope, grant)
                    if waits:
                        instead.append(_answer(scope, receive, waits))
                        await instead[0](scope, receive, send)
                        return
                elif message["status"] == UNAUTHORIZED and "authorization" in Headers(scope=scope):
                    self._names.pop(shown, None)
                    self._count.hit(_minute(self._rates.bad_tokens), "bad", address)
            await send(message)

        return answer

    def _looked(self, scope: Scope, grant: Grant) -> int:
        """Counts frames that a researcher is about to see; seconds to wait when they were too many."""
        if not any(part.role == "researcher" for part in grant.parts) or not _shows_pixels(scope):
            return 0
        otherwise = replace(grant, parts=tuple(part for part in grant.parts if part.role != "researcher"))
        if otherwise.may("pixels"):
            return 0
        frames = scope["state"].get(SHOWN_FRAMES) or 1 + scope["path"].rpartition("/frames/")[2].count(",")
        return self._over(_hour(self._rates.researcher_frames_hour), "frames", grant.name, cost=frames)

    def _remember(self, shown: bytes, name: str) -> None:
        if len(self._names) >= KNOWN_MOST:
            self._names.clear()
        self._names[shown] = name

    def _over(self, rate: RateLimitItem, *key: str, cost: int = 1) -> int:
        return 0 if self._count.hit(rate, *key, cost=cost) else self._pause(rate, *key)

    def _pause(self, rate: RateLimitItem, *key: str) -> int:
        return max(1, math.ceil(self._count.get_window_stats(rate, *key).reset_time - time.time()))


async def _whole(receive: Receive) -> Receive:
    """The same body, once all of it is here. How large it may be was said before."""
    taken: list[Message] = []
    while not taken or taken[-1].get("more_body", False):
        taken.append(await receive())
    left = iter(taken)

    async def next_message() -> Message:
        kept = next(left, None)
        return await receive() if kept is None else kept

    return next_message


def _answer(scope: Scope, receive: Receive, seconds: int) -> Response:
    """A page for who reads pages, and for everybody how long to wait."""
    answer = _told(scope, receive, NotYet("too-many-requests", seconds=seconds))
    answer.headers["Retry-After"] = str(seconds)
    return answer


def _told(scope: Scope, receive: Receive, error: KanameError) -> Response:
    if HTML in Headers(scope=scope).get("accept", ""):
        return reason_page(Request(scope, receive), error)
    return reason_json(error.reason, status_of(error), error.facts)


def _is_tight(scope: Scope) -> bool:
    path = scope["path"]
    return any(scope["method"] == method and (path == one or path.startswith(f"{one}/")) for method, one in TIGHT)


def _shows_pixels(scope: Scope) -> bool:
    """Whether the route that answered asks for the duty of looking at pixels."""
    route = scope.get("route")
    return any("pixels" in permit.duties for permit in permits_of(getattr(route, "dependencies", ())))


def _digest(headers: Headers) -> bytes:
    """Of what the request shows to say who asks: remembered in place of the secret itself."""
    return sha256(f"{headers.get('authorization', '')}\n{headers.get('cookie', '')}".encode()).digest()


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return _household(client[0]) if client else ""


@lru_cache(maxsize=1024)
def _household(address: str) -> str:
    if ":" not in address:
        return address
    return str(ipaddress.ip_network((address.partition("%")[0], IPV6_PREFIX), strict=False))


def _rate(seconds: int) -> Callable[[int], RateLimitItem]:
    @lru_cache
    def of(amount: int) -> RateLimitItem:
        from limits import RateLimitItemPerSecond

        return RateLimitItemPerSecond(amount, seconds)

    return of


_minute, _hour = _rate(60), _rate(3600)
