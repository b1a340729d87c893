"""Who looked at which images and records, and who was turned away: events of the ledger, in front of a door's routes.

A viewer asks for thousands of frames, so a look is one event for a person, a study or series and an hour, and so is
being turned away from a route. The event stands before the first byte goes out; where it cannot be written, nothing
does. What a thing is called travels as a digest: nothing has to be taken out of the ledger when a subject withdraws.
"""

from __future__ import annotations

from hashlib import sha256
from threading import Lock

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kaname.access.model import Duty, Grant
from kaname.errors import NotYet
from kaname.node import Node
from kaname.web.answer import reason_json, status_of
from kaname.web.permit import permits_of

LOOKS: tuple[Duty, ...] = ("pixels", "browse")
NAMES = ("StudyInstanceUID", "series", "uid")
"""Parameters of routes that name what is looked at; the first that is there counts."""
KNOWN_MOST = 100_000
"""Looks of this hour that are remembered; beyond, all are forgotten and written down once more."""
OK, MULTIPLE, FORBIDDEN, NOT_MODIFIED = 200, 300, 403, 304
Trace = tuple[str, str, str, str]
"""Action, what it is about, who, and the duty."""


class Traces:
    """ASGI middleware of a door."""

    def __init__(self, app: ASGIApp, node: Node) -> None:
        self._app = app
        self._node = node
        self._hour = ""
        self._known: set[Trace] = set()
        self._lock = Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})  # shared with every copy of the scope: the routes write there who asks
        unwritten: list[NotYet] = []

        async def answer(message: Message) -> None:
            if unwritten:
                return
            if message["type"] == "http.response.start":
                trace = _trace(scope, message["status"])
                if trace is not None and self._is_new(trace):
                    try:
                        await run_in_threadpool(self._write, trace)
                    except NotYet as error:
                        unwritten.append(error)
                        await reason_json(error.reason, status_of(error), error.facts)(scope, receive, send)
                        return
            await send(message)

        await self._app(scope, receive, answer)

    def _is_new(self, trace: Trace) -> bool:
        """Whether it was not written down in this hour yet."""
        hour = self._node.clock.stamp()[:13]
        with self._lock:
            if hour != self._hour or len(self._known) >= KNOWN_MOST:
                self._hour = hour
                self._known.clear()
            return trace not in self._known

    def _write(self, trace: Trace) -> None:
        action, about, who, duty = trace
        self._node.ledger.append(action, about, actor=who, facts={"duty": duty})
        with self._lock:
            self._known.add(trace)


def _trace(scope: Scope, status: int) -> Trace | None:
    """What is to be written down of a request that was answered; ``None`` for nothing."""
    grant, route = scope["state"].get("grant"), scope.get("route")
    permits = permits_of(getattr(route, "dependencies", ()))
    duties = permits[0].duties if permits else ()
    if not isinstance(grant, Grant) or not duties:
        return None
    if status == FORBIDDEN:
        return "turned-away", str(getattr(route, "path", "")), grant.name, " / ".join(duties)
    looked = scope["method"] == "GET" and (OK <= status < MULTIPLE or status == NOT_MODIFIED)
    named = next((scope["path_params"][name] for name in NAMES if name in scope.get("path_params", {})), "")
    if not looked or not named or not set(duties) & set(LOOKS):
        return None
    return "looked-at", sha256(str(named).encode()).hexdigest(), grant.name, duties[0]
