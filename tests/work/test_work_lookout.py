from pathlib import Path

import pytest

from kaname.errors import NotYet
from kaname.work import Do, Work
from kaname.work.lookout import Lookout

WAIT_SECONDS = 20.0


def test_what_waits_is_done(tmp_path: Path) -> None:
    """What a room says is waiting is done once, also what begins to wait later."""
    waiting, done = ["a"], list[str]()

    def flow(do: Do, name: str) -> None:
        do(finish, name)

    def finish(name: str) -> None:
        waiting.remove(name)
        done.append(name)
        if name == "a":
            waiting.append("b")

    work = Work(f"sqlite:///{tmp_path / 'work.sqlite'}", "node")
    work.flow("flow", flow, waiting=lambda: tuple(waiting))
    work.start()
    try:
        assert set(work.wait("flow", ["a", "b"], timeout_seconds=WAIT_SECONDS)) == {"a", "b"}
    finally:
        work.stop()
    assert done == ["a", "b"]


def test_put_once() -> None:
    """What still waits at the next look is not put on the list again; what went and came back is."""
    waiting, put = ["a"], list[tuple[str, str]]()
    lookout = Lookout({"flow": lambda: waiting}, lambda flow, name: put.append((flow, name)))
    lookout.look()
    lookout.look()
    assert put == [("flow", "a")]
    waiting.clear()
    lookout.look()
    waiting.append("a")
    lookout.look()
    assert put == [("flow", "a"), ("flow", "a")]


@pytest.mark.parametrize("trouble", [NotYet("index-busy"), KeyError("bug")])
def test_one_room_in_trouble(trouble: Exception) -> None:
    """A room that cannot say what waits keeps no other room from being looked into, and is asked again."""
    answers, put = [trouble], list[str]()

    def troubled() -> list[str]:
        if answers:
            raise answers.pop()
        return ["late"]

    lookout = Lookout({"first": troubled, "second": lambda: ["other"]}, lambda _, name: put.append(name))
    lookout.look()
    assert put == ["other"]
    lookout.look()
    assert put == ["other", "late"]
