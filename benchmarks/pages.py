"""How long the console's pages take on a node's own data, in this process: median and 95th percentile.

    python benchmarks/pages.py HOME [--rounds 20]

HOME is that of a hub or cloud, e.g. of a demonstration that was kept; a session for its registries is opened in it and
ended again. Each page is asked for as a browser does, without network; its images are not.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import time
from dataclasses import replace
from pathlib import Path

import httpx

from kaname.access.model import PEOPLE, Grant
from kaname.access.sessions import end_session, make_signin, open_session
from kaname.compute.flow import runs
from kaname.datasets.flow import names
from kaname.models.flow import versions
from kaname.node import Node, open_node
from kaname.settings import load
from kaname.web.app import make_app
from kaname.web.signin import COOKIE, cookie_name

PAGES = (
    *("/", "/queues", "/tasks", "/collection", "/studies", "/studies?modality=CT", "/studies?text=a", "/held"),
    *("/research", "/withdrawals", "/ledger", "/airlock"),
)


def main() -> None:
    """Prints one line a page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    node = open_node(replace(load(given.home), home=given.home))
    grant = Grant.of_person("pages", node.settings.registries, PEOPLE)
    secret = make_signin(node.index, grant, place="console", clock=node.clock)
    session = open_session(node.index, secret, place="console", clock=node.clock)
    try:
        asyncio.run(measure(node, session.secret, given.rounds))
    finally:
        end_session(node.index, session.secret)


async def measure(node: Node, secret: str, rounds: int) -> None:
    """Asks for every page ``rounds`` times."""
    cookies = {cookie_name(COOKIE, node): secret}
    transport = httpx.ASGITransport(make_app(node))
    async with httpx.AsyncClient(transport=transport, base_url="http://door", cookies=cookies) as client:
        for path in [*PAGES, *await found(node, client)]:
            taken: list[float] = []
            for _ in range(rounds):
                start = time.perf_counter()
                answer = await client.get(path)
                taken.append((time.perf_counter() - start) * 1000)
                assert answer.status_code == 200, path
            taken.sort()
            p95 = taken[min(round(0.95 * rounds), rounds - 1)]
            print(f"{path[:48]:48}  median {taken[rounds // 2]:6.1f} ms   p95 {p95:6.1f} ms")


async def found(node: Node, client: httpx.AsyncClient) -> list[str]:
    """The first studies, and every dataset, run and model."""
    registries = node.settings.registries
    listed = (await client.get("/studies")).text
    return [
        *re.findall(r'href="(/studies/[0-9.]+)"', listed)[:4],
        *(f"/datasets/{one.name}/{one.version}" for one in names(node, registries)),
        *(f"/jobs/{one.id}" for one in runs(node, registries, 2)),
        *(f"/models/{one.card.name}/{one.card.version}" for one in versions(node, registries)),
    ]


if __name__ == "__main__":
    main()
