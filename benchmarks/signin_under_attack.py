"""What people who are signed in notice while others try passwords: milliseconds for pages and frames.

    python benchmarks/signin_under_attack.py [--seconds 10] [--attackers 20]

A hub with something in every room is served over a real socket by a process of its own; another one tries passwords
with so many threads, each for a name of its own. One reader looks at pages and frames meanwhile, by session and by
token. Every attacker here has the same address as the reader: the worst case, a whole hospital behind one.
"""

from __future__ import annotations

import argparse
import multiprocessing
import socket
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.synchronize import Event
from pathlib import Path

import httpx
import uvicorn

from kaname.access.model import Grant
from kaname.access.sessions import make_signin, open_session
from kaname.node import Node, open_node
from kaname.settings import load, write
from kaname.testing.busy import busy_hub
from kaname.testing.tokens import make_token
from kaname.web.app import make_app
from kaname.web.signin import COOKIE, cookie_name

FRAME = {"Accept": 'multipart/related; type="application/octet-stream"; transfer-syntax=*'}
PATIENCE_SECONDS = 60


def serve(home: Path, port: int) -> None:
    """The hub, until the process is ended."""
    node = open_node(load(home))
    config = uvicorn.Config(make_app(node), port=port, http="h11", ws="none", lifespan="off", log_config=None)
    uvicorn.Server(config).run()


def attack(door: str, threads: int, stop: Event, told: multiprocessing.Queue[Counter[int]]) -> None:
    """Tries passwords until it is stopped; tells what the answers were."""
    counts: Counter[int] = Counter()

    def one(number: int) -> None:
        with httpx.Client(base_url=door, trust_env=False, timeout=PATIENCE_SECONDS) as client:
            while not stop.is_set():
                form = {"name": f"nobody-{number}", "password": "a wrong pass phrase"}
                counts[client.post("/signin", data=form, headers={"Origin": door}).status_code] += 1

    running = [threading.Thread(target=one, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    told.put(counts)


@contextmanager
def served(home: Path) -> Iterator[str]:
    """The hub in a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(home, port), daemon=True)
    process.start()
    door, start = f"http://127.0.0.1:{port}", time.monotonic()
    while True:
        try:
            httpx.get(f"{door}/healthz", trust_env=False)
            break
        except httpx.TransportError:
            assert time.monotonic() - start < PATIENCE_SECONDS, "the hub does not answer"
            time.sleep(0.1)
    yield door
    process.terminate()
    process.join()


def frame_of(node: Node, door: str, token: str) -> str:
    """Path of a frame."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/dicom+json"}
    found = httpx.get(f"{door}/dicomweb/instances", headers=headers, trust_env=False).json()
    study, series, instance = (found[0][tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018"))
    assert node.settings.role == "hub"
    return f"/dicomweb/studies/{study}/series/{series}/instances/{instance}/frames/1"


def measure(door: str, asked: dict[str, dict[str, dict[str, str]]], seconds: float) -> None:
    """Asks in turn for every path, and prints the figures of each."""
    taken: dict[str, list[float]] = {path: [] for path in asked}
    with httpx.Client(base_url=door, trust_env=False, timeout=PATIENCE_SECONDS) as client:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for path, how in asked.items():
                start = time.perf_counter()
                answer = client.get(path, headers=how.get("headers"), cookies=how.get("cookies"))
                taken[path].append((time.perf_counter() - start) * 1000)
                assert answer.status_code == 200, (path, answer.status_code)
    for path, times in taken.items():
        times.sort()
        p50, p95 = times[len(times) // 2], times[int(0.95 * (len(times) - 1))]
        name = "frame" if "/frames/" in path else path
        print(f"  {name:10} {len(times):5} answers   p50 {p50:7.1f} ms   p95 {p95:7.1f} ms   worst {times[-1]:7.1f} ms")


def main() -> None:
    """Prints the figures without and with the attack."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--attackers", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        node = busy_hub(home, Path(folder))
        write(replace(node.settings, second_factor=()))
        grant = Grant.of_person("reader", node.settings.registries, ("reader", "doctor"))
        secret = make_signin(node.index, grant, place="console", clock=node.clock)
        session = open_session(node.index, secret, place="console", clock=node.clock)
        token = make_token(
            node.index,
            name="reader",
            registries=node.settings.registries,
            days=1,
            clock=node.clock,
            duties=("browse", "pixels"),
        )
        cookies = {cookie_name(COOKIE, node): session.secret}
        with served(home) as door:
            frame = frame_of(node, door, token)
            asked = {"/": {"cookies": cookies}, "/tasks": {"cookies": cookies}, "/signin": {}}
            asked[frame] = {"headers": FRAME | {"Authorization": f"Bearer {token}"}}
            print("without an attack")
            measure(door, asked, given.seconds)
            context = multiprocessing.get_context("spawn")
            stop, told = context.Event(), context.Queue()
            attacking = context.Process(target=attack, args=(door, given.attackers, stop, told), daemon=True)
            attacking.start()
            time.sleep(1)
            print(f"while {given.attackers} threads try passwords")
            measure(door, asked, given.seconds)
            stop.set()
            answers = ", ".join(f"{count} × {status}" for status, count in sorted(told.get().items()))
            print(f"  the tries were answered {answers}")
        node.index.dispose()


if __name__ == "__main__":
    main()
