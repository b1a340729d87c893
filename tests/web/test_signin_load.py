"""Whoever tries passwords learns nothing by the clock, and keeps nobody out."""

from __future__ import annotations

import socket
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from kaname.access import accounts as module
from kaname.access.accounts import add_account, forget_tries, sign_in
from kaname.access.model import Grant, Part
from kaname.access.sessions import make_signin, open_session
from kaname.clock import SYSTEM
from kaname.database import connect, migrate
from kaname.errors import Forbidden
from kaname.node import Node
from kaname.web.app import make_app
from kaname.web.limits import Rates
from kaname.web.signin import COOKIE, cookie_name

ATTACKERS, TRIES_EACH = 20, 8
ROUNDS = 60
PASSWORD = "a pass phrase for tests"


@contextmanager
def served(app: Any) -> Iterator[str]:
    """An app behind a real socket."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, http="h11", ws="none", lifespan="off", log_config=None))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


def in_threads(count: int, run: Callable[[int], None]) -> list[threading.Thread]:
    """So many threads, running."""
    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_twenty_attackers_keep_nobody_out(busy: Node) -> None:
    """They get "no" and "wait" alone; who is in gets every page meanwhile, from the same address as they."""
    grant = Grant.of_person("doctor", ("j-mid",), ("doctor", "reader"))
    secret = make_signin(busy.index, grant, place="console", clock=busy.clock)
    session = open_session(busy.index, secret, place="console", clock=busy.clock)
    cookies = {cookie_name(COOKIE, busy): session.secret}
    tries: Counter[int] = Counter()
    with served(make_app(busy, Rates(secrets=12))) as door:

        def attack(number: int) -> None:
            with httpx.Client(base_url=door, trust_env=False, timeout=60) as client:
                for _ in range(TRIES_EACH):
                    form = {"name": f"nobody-{number}", "password": PASSWORD}
                    tries[client.post("/signin", data=form, headers={"Origin": door}).status_code] += 1

        with httpx.Client(base_url=door, trust_env=False, timeout=60, cookies=cookies) as client:
            assert client.get("/").status_code == 200
            attackers = in_threads(ATTACKERS, attack)
            seen = []
            while any(thread.is_alive() for thread in attackers):
                seen += [client.get(path).status_code for path in ("/", "/tasks", "/signin")]
    assert set(seen) == {200}
    assert set(tries) == {403, 429}
    assert tries.total() == ATTACKERS * TRIES_EACH
    assert tries[403] <= 2 * 12  # a minute may end in the middle


def test_a_name_is_locked_however_many_try_it_at_once(busy: Node) -> None:
    """Twenty threads on one name look at five passwords at most; the right one among the others opens nothing."""
    add_account(busy.index, "dr-target", (Part("reader", "j-mid"),), PASSWORD, busy.clock)
    said: Counter[str] = Counter()

    def attack(_number: int) -> None:
        for _ in range(2):
            with pytest.raises(Forbidden) as caught:
                sign_in(busy.index, "dr-target", "a wrong pass phrase", busy.clock)
            said[caught.value.code] += 1

    for thread in in_threads(20, attack):
        thread.join()
    assert said == {"password-wrong": 5, "signin-locked": 35}
    with pytest.raises(Forbidden, match="signin-locked"):
        sign_in(busy.index, "dr-target", PASSWORD, busy.clock)


def test_an_unknown_name_takes_as_long_as_a_wrong_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Medians of sixty tries each, by turns; a name without a password takes as long, too.

    With a hash that costs an eighth of the real one: what else differs would show the more.
    """
    monkeypatch.setattr(module, "MEMORY_KIB", 8 << 10)
    module._hasher.cache_clear()
    module._nobody.cache_clear()
    index = connect(f"sqlite:///{tmp_path / 'index.sqlite'}")
    migrate(index, ["ground"])
    add_account(index, "somebody", (Part("reader", "j-mid"),), PASSWORD, SYSTEM)
    add_account(index, "elsewhere", (Part("reader", "j-mid"),), None, SYSTEM)
    taken: dict[str, list[float]] = {"somebody": [], "elsewhere": [], "nobody": []}
    for number in range(ROUNDS + 1):
        for name, times in taken.items():
            start = time.perf_counter()
            with pytest.raises(Forbidden, match="password-wrong"):
                sign_in(index, name, "a wrong pass phrase", SYSTEM)
            if number:  # the first ones load what all need
                times.append(time.perf_counter() - start)
            forget_tries(index, name)
    medians = [statistics.median(times) for times in taken.values()]
    index.dispose()
    module._hasher.cache_clear()
    module._nobody.cache_clear()
    assert max(medians) / min(medians) <= 1.25, medians
