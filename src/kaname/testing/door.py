"""A partner's door that answers what a test tells it to, over real mutual TLS on the loopback."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from kaname.access.certificates import server_context


@dataclass
class ScriptedDoor:
    """What the door will answer, and what came."""

    url: str = ""
    status: int = 200
    answer: bytes = b""
    answers: list[bytes] = field(default_factory=list[bytes])
    """Taken first, one for each request."""
    hang_up: bool = False
    came: list[tuple[str, str, dict[str, str], bytes]] = field(
        default_factory=list[tuple[str, str, dict[str, str], bytes]]
    )
    """Method, path, headers (lower case) and body."""


@contextmanager
def scripted_door(keys: Path) -> Generator[ScriptedDoor]:
    """A running HTTPS server of that keys folder, which demands a client certificate of its authority."""
    door = ScriptedDoor()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"] or 0)
            body = self.rfile.read(length)
            door.came.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            if door.hang_up or len(body) < length:
                return
            answer = door.answers.pop(0) if door.answers else door.answer
            self.send_response(door.status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as above
            """Says nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    server.socket = server_context(keys).wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    door.url = f"https://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield door
    server.shutdown()
    thread.join()
    server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing: a refused handshake is looked at from the other end."""
