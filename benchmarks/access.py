"""What access checks cost: a decision of the policies, and frames served with and without asking who wants them.

    python benchmarks/access.py [--frames 2000] [--rounds 5]

A hub with CT slices is made in a temporary folder. Both doors run in this process, without a network between, so that
what is compared is our own work: the door as it is, with limits, token and policy before each frame, and the same
answers behind a bare router that asks nothing. Rounds alternate; medians are printed, and the statements that reached
the database about people or tokens meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import httpx
from fastapi import Depends, FastAPI, Request
from fastapi.routing import APIRoute
from sqlalchemy import event
from starlette.types import ASGIApp

from kaname.access.model import DUTIES, PEOPLE, Grant, Part
from kaname.access.policy import Asker, decide
from kaname.archive.flow import shelve
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.testing.deliveries import REGISTRY, Facility, make_hub, series
from kaname.testing.tokens import make_token
from kaname.web.app import BODY_LIMIT_BYTES, make_app
from kaname.web.dicomweb import dicomweb_routes
from kaname.web.guard import Guard
from kaname.web.limits import Rates

SLICES = 20
MANY = Rates(known=10**9, strangers=10**9, secrets=10**9, bad_tokens=10**9)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    _decisions()
    with tempfile.TemporaryDirectory() as folder:
        node = make_hub(Path(folder) / "home")
        facility = Facility(Path(folder) / "facility", 1, REGISTRY).admitted_to(node)
        shelve(node, accept(node, facility.parcel(series(slices=tuple(range(1, SLICES + 1))))).digest)
        _frames(node, chosen.frames, chosen.rounds)
        node.index.dispose()


def _decisions() -> None:
    """One decision of Cedar's, never remembered, for everybody in every role; and one that is remembered."""
    played = tuple((role, registry) for role in PEOPLE for registry in ("j-mid", "jed", "joi"))
    times: list[float] = []
    for number in range(20):
        for duty in DUTIES:
            asker = Asker(played, in_scope=True, channel="console", fresh=True, weak=False)
            start = time.perf_counter()
            decide.__wrapped__(asker, duty, ("j-mid", "jed")[number % 2], ("colon",), "open")
            times.append(time.perf_counter() - start)
    grant = Grant("everybody", tuple(Part(role, registry) for role in PEOPLE for registry in ("j-mid", "jed", "joi")))
    grant.may("browse", "j-mid")
    start = time.perf_counter()
    for _ in range(1000):
        grant.may("browse", "j-mid")
    again = (time.perf_counter() - start) / 1000
    first = statistics.median(times)
    print(f"policy decision: median {first * 1e3:.3f} ms of {len(times)}; {again * 1e3:.4f} ms remembered")


def _frames(node: Node, count: int, rounds: int) -> None:
    token = make_token(node.index, name="viewer", registries=(REGISTRY,), days=1, clock=node.clock)
    headers = {"Authorization": f"Bearer {token}", "Accept": "multipart/related; type=application/octet-stream"}
    checked, bare = make_app(node, MANY), _bare(node)
    places = asyncio.run(_places(checked, headers))
    asked: list[str] = []
    event.listen(node.index, "before_cursor_execute", lambda _c, _k, text, *_: asked.append(text))
    rates: dict[str, list[float]] = {"checked": [], "bare": []}
    about_people = 0
    for _ in range(rounds):
        for name, app in (("checked", checked), ("bare", bare)):
            asked.clear()
            rates[name].append(count / asyncio.run(_served(app, places, headers, count)))
            if name == "checked":
                about_people += sum("access_" in text for text in asked)
    middle = {name: statistics.median(values) for name, values in rates.items()}
    print(f"frames/s: {middle['checked']:.0f} with access checks, {middle['bare']:.0f} without")
    ratio = middle["checked"] / middle["bare"]
    print(f"ratio {ratio:.2f}; in {rounds * count} requests {about_people} statements about access")


def _bare(node: Node) -> ASGIApp:
    """The same answers for whoever comes."""
    app = FastAPI(openapi_url=None)

    def everything(request: Request) -> None:
        request.state.permitted = (REGISTRY,)

    for route in dicomweb_routes(node).routes:
        if isinstance(route, APIRoute):
            app.add_api_route(route.path, route.endpoint, methods=["GET"], dependencies=[Depends(everything)])
    return Guard(app, BODY_LIMIT_BYTES)


async def _places(app: ASGIApp, headers: dict[str, str]) -> list[str]:
    async with _client(app, headers) as client:
        found = (await client.get("/dicomweb/instances", headers={"Accept": "application/dicom+json"})).json()
    names = ("0020000D", "0020000E", "00080018")
    uids = [[one[name]["Value"][0] for name in names] for one in found]
    return [f"/dicomweb/studies/{a}/series/{b}/instances/{c}/frames/1" for a, b, c in uids]


async def _served(app: ASGIApp, places: list[str], headers: dict[str, str], count: int) -> float:
    """Seconds for so many frames, one after the other."""
    async with _client(app, headers) as client:
        start = time.perf_counter()
        for number in range(count):
            answer = await client.get(places[number % len(places)])
            assert answer.status_code == httpx.codes.OK, answer.text
        return time.perf_counter() - start


def _client(app: ASGIApp, headers: dict[str, str]) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door", headers=headers)


if __name__ == "__main__":
    main()
