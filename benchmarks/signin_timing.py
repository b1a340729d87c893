"""Whether the clock tells who has an account: milliseconds of a wrong password and of a name that nobody has.

    python benchmarks/signin_timing.py [--rounds 100]

Whole requests, in this process, without network and without limits, by turns. Prints median and quartiles of each, and
how sure one could be from a single try: the share of tries of one kind that took longer than the median of the other
(50 % is a coin).
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import httpx

from kaname.access.accounts import add_account, forget_tries
from kaname.access.model import Part
from kaname.node import Node, open_node
from kaname.settings import Settings
from kaname.web.app import make_app
from kaname.web.limits import Rates

NAMES = ("somebody", "nobody")


async def measure(node: Node, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each try, by name."""
    taken: dict[str, list[float]] = {name: [] for name in NAMES}
    transport = httpx.ASGITransport(make_app(node, Rates(secrets=1_000_000)))
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
        for number in range(rounds + 1):
            for name, times in taken.items():
                form = {"name": name, "password": "a wrong pass phrase"}
                start = time.perf_counter()
                answer = await client.post("/signin", data=form, headers={"Origin": "http://door"})
                if number:  # the first ones load what all need
                    times.append((time.perf_counter() - start) * 1000)
                assert answer.status_code == 403
                forget_tries(node.index, name)
    return taken


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        node = open_node(Settings(Path(folder), "hub", "timing"))
        add_account(node.index, "somebody", (Part("reader", "j-mid"),), "the right pass phrase", node.clock)
        taken = asyncio.run(measure(node, given.rounds))
        node.index.dispose()
    for name, times in taken.items():
        low, middle, high = statistics.quantiles(times, n=4)
        print(f"{name:9} median {middle:6.1f} ms   quartiles {low:6.1f} to {high:6.1f} ms   {len(times)} tries")
    known, unknown = (taken[name] for name in NAMES)
    middle = statistics.median(unknown)
    longer = sum(one > middle for one in known) / len(known)
    print(f"medians differ by a factor of {statistics.median(known) / middle:.3f}; {longer:.0%} longer")


if __name__ == "__main__":
    main()
