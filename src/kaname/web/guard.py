"""What stands in front of every route of a door: a bound on what comes in, and headers on what goes out."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kaname.errors import Refused
from kaname.web.answer import reason_json, status_of

SECURITY_HEADERS = {
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Nothing here is a page: no answer may be framed, sniffed, kept by a shared cache or run. A client may keep one, but
asks again by its ETag before it uses it, so that a withdrawal or a revoked token takes hold at once."""


class Guard:
    """ASGI middleware of a door: bodies up to ``body_limit_bytes`` come in, :data:`SECURITY_HEADERS` go out.

    ``larger`` names paths below which bodies may be larger, each with its limit.
    """

    def __init__(self, app: ASGIApp, body_limit_bytes: int, larger: Mapping[str, int] | None = None) -> None:
        self.app = app
        self._limit = body_limit_bytes
        self._larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        declared = Headers(scope=scope).get("content-length", "0")
        limit = self._limit_of(scope)
        if not declared.isdecimal() or int(declared) > limit:
            error = Refused("too-large", limit_bytes=limit)
            await reason_json(error.reason, status_of(error), error.facts)(scope, receive, answer)
            return
        if "\0" in scope.get("path", "") or b"%00" in scope.get("query_string", b""):  # no name here, and no database's
            unknown = Refused("query-invalid")
            await reason_json(unknown.reason, status_of(unknown), unknown.facts)(scope, receive, answer)
            return
        await self.app(scope, _counted(receive, limit), answer)

    def _limit_of(self, scope: Scope) -> int:
        path = scope.get("path", "")
        return next((limit for start, limit in self._larger.items() if path.startswith(start)), self._limit)


def _counted(receive: Receive, limit: int) -> Receive:
    """The same body, refused where it grows beyond the limit (a chunked one declares no length)."""
    taken = 0

    async def next_message() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise Refused("too-large", limit_bytes=limit)
        return message

    return next_message
