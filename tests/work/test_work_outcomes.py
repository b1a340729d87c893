"""What becomes of a flow, by what its steps do."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kaname.errors import Forbidden, NotYet, Refused
from kaname.ledger import Json
from kaname.store import Store
from kaname.work import Do, Flow, Outcome, Work, attempt
from kaname.work import again as again_module
from kaname.work.again import Again
from kaname.work.serializer import JsonSerializer, WorkError

SECRET = "Yamada^Tarou"


def never() -> Json:
    """A step that must not run."""
    raise AssertionError


def refuse() -> Json:
    """A step that refuses."""
    raise Refused("not-dicom", bytes=12)


def forbid() -> Json:
    """A step that forbids."""
    raise Forbidden("not-permitted")


def hold() -> Json:
    """A step that waits for a person."""
    raise NotYet("pixels-may-identify")


def break_down() -> Json:
    """A step with a bug, whose message quotes a record."""
    raise KeyError(SECRET)


def return_no_json() -> object:
    """A step whose result cannot be written down."""
    return object()


def plus(number: int, other: int) -> int:
    """A step that works."""
    return number + other


ENDINGS: dict[str, tuple[Callable[[], Json], Outcome]] = {
    "refuse": (refuse, Outcome("refused", reason="not-dicom", facts={"bytes": 12})),
    "forbid": (forbid, Outcome("refused", reason="not-permitted")),
    "hold": (hold, Outcome("held", reason="pixels-may-identify")),
}


@pytest.fixture
def work(tmp_path: Path) -> Generator[Work]:
    """A list in a folder, with short pauses; stopped afterwards."""
    work = Work(f"sqlite:///{tmp_path / 'work.sqlite'}", "node", retry_seconds=0.02)
    yield work
    work.stop()


def run(work: Work, flow: Flow, payload: Json = None) -> Outcome:
    """Runs one flow to its end."""
    work.flow("flow", flow)
    work.enqueue("flow", "id", payload)
    work.start()
    return work.wait("flow", ["id"], timeout_seconds=20)["id"]


def test_done(work: Work) -> None:
    """A flow's result is what it returns, and a step may be a partial of a function."""
    assert run(work, lambda do, n: [do(plus, n, 1), do(partial(plus, 10), n)], 5) == Outcome("done", [6, 15])


def test_tuples(work: Work) -> None:
    """A flow sees a step's result as it will be read back after a crash: a tuple is a list the first time already."""

    def pair() -> object:
        return (1, 2)

    assert run(work, lambda do, _: do(pair) == [1, 2]) == Outcome("done", result=True)


@pytest.mark.parametrize("ending", ENDINGS)
def test_ends(work: Work, ending: str) -> None:
    """What a step refuses or holds ends the flow there, with reason and facts."""
    step, outcome = ENDINGS[ending]
    assert run(work, lambda do, _: [do(step), do(never)]) == outcome


@pytest.mark.parametrize("ending", ENDINGS)
def test_ends_between_steps(work: Work, ending: str) -> None:
    """What the flow itself raises ends it in the same way."""
    step, outcome = ENDINGS[ending]
    assert run(work, lambda _do, _: step()) == outcome


@pytest.mark.parametrize("inside", [True, False])
def test_bug(work: Work, tmp_path: Path, capfd: pytest.CaptureFixture[str], *, inside: bool) -> None:
    """A bug ends the flow as failed; its message, which may quote a record, is neither written down nor printed."""
    outcome = run(work, lambda do, _: do(break_down) if inside else break_down())
    work.stop()
    assert (outcome.state, outcome.reason, outcome.facts["type"]) == ("failed", "bug", "KeyError")
    assert all(SECRET.encode() not in file.read_bytes() for file in tmp_path.iterdir())
    assert SECRET not in "".join(capfd.readouterr())


def test_bug_in_our_code(work: Work) -> None:
    """Of a bug in Kaname's own code the outcome tells file and line."""
    outcome = run(work, lambda do, _: do(partial(Store.put, "no store", "a", b"")))
    assert str(outcome.facts["where"]).startswith("store/store.py:")


def test_no_json(work: Work) -> None:
    """A step that returns something else than JSON is a bug, found at once."""
    assert run(work, lambda do, _: do(return_no_json)).facts["type"] == "TypeError"


def test_waits_for_time(work: Work) -> None:
    """A step that says not yet is tried again until it passes; finished steps are not."""
    tries: list[str] = []

    def before() -> None:
        tries.append("before")

    def busy() -> int:
        tries.append("busy")
        if tries.count("busy") < 5:
            raise NotYet("receiver-busy")
        return len(tries)

    assert run(work, lambda do, _: [do(before), do(busy)]) == Outcome("done", [None, 6])


def test_waits_between_steps(work: Work) -> None:
    """A flow that itself says not yet is tried again too."""
    tries: list[int] = []

    def flow(do: Do, _: Json) -> Json:
        tries.append(do(plus, 1, 1))
        if len(tries) < 3:
            raise NotYet("receiver-unreachable")
        return len(tries)

    assert run(work, flow) == Outcome("done", 3)


def test_waiting_blocks_nobody(work: Work) -> None:
    """While one flow waits for its partner, the next one of the same name is done."""
    open_ = threading.Event()

    def busy(number: int) -> int:
        if number == 0 and not open_.is_set():
            raise NotYet("receiver-busy")
        return number

    work.flow("flow", lambda do, n: do(busy, n))
    for number in range(3):
        work.enqueue("flow", str(number), number)
    work.start()
    assert work.wait("flow", ["1", "2"], timeout_seconds=20).keys() == {"1", "2"}
    assert work.outcome("flow", "0") is None
    open_.set()
    assert work.wait("flow", ["0"], timeout_seconds=20) == {"0": Outcome("done", 0)}


def test_pauses() -> None:
    """Pauses double up to 300 seconds, and begin anew once a step has succeeded."""
    again = Again(lambda _: None, list, first_pause_seconds=100)
    pauses: list[float] = []
    for _ in range(4):
        again.put_off("flow")
        pauses.append(again._due["flow"] - time.monotonic())
    again.went_on("flow")
    again.put_off("flow")
    pauses.append(again._due["flow"] - time.monotonic())
    assert pauses == pytest.approx([100, 200, 300, 300, 100], abs=1)


def test_enqueue_twice(work: Work) -> None:
    """The same flow and id is done once, however often it is put on the list, before and after."""
    runs: list[Json] = []
    work.flow("flow", lambda do, n: do(partial(_noted, runs), n))
    work.enqueue("flow", "id", 1)
    work.enqueue("flow", "id", 1)
    work.start()
    assert work.wait("flow", ["id", "id"], timeout_seconds=20) == {"id": Outcome("done", 1)}
    work.enqueue("flow", "id", 1)
    assert work.wait("flow", ["id"], timeout_seconds=20) == {"id": Outcome("done", 1)}
    assert runs == [1]


def _noted(runs: list[Json], value: Json) -> Json:
    runs.append(value)
    return value


def test_unknown(work: Work) -> None:
    """Nothing is known of an id that was never put on the list, and waiting for it ends in time."""
    assert work.outcome("flow", "id") is None
    assert work.wait("flow", ["id"], timeout_seconds=0.1) == {}


def test_many(work: Work) -> None:
    """More ids than one query takes can be asked for at once."""
    assert work.wait("flow", [str(n) for n in range(1200)], timeout_seconds=0) == {}


def test_payload_must_be_json(work: Work) -> None:
    """A payload that is no JSON is refused before it is on the list."""
    no_json: Any = object()
    with pytest.raises(TypeError):
        work.enqueue("flow", "id", no_json)


def test_no_pickle(work: Work, tmp_path: Path) -> None:
    """Everything in the database is JSON: no value is a pickle, in base64 or bare."""
    run(work, lambda do, n: do(plus, n, 1), 1)
    work.stop()
    with sqlite3.connect(tmp_path / "work.sqlite") as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        values = [value for table in tables for row in database.execute(f"SELECT * FROM {table}") for value in row]  # noqa: S608
    assert '{"value":2}' in values
    assert "kaname_json" in values
    assert "py_pickle" not in values
    assert not [value for value in values if isinstance(value, bytes) or str(value).startswith("gA")]  # \x80 in base64


def test_stops_between_steps(work: Work) -> None:
    """Stopping waits for the step that runs and begins no other; the next start goes on behind it."""
    ran: list[str] = []
    inside, leave = threading.Event(), threading.Event()

    def slow() -> str:
        ran.append("slow")
        inside.set()
        leave.wait(20)
        return "slow"

    def last() -> str:
        ran.append("last")
        return "last"

    def flow(do: Do, _: Json) -> Json:
        return [do(slow), do(last)]

    work.flow("flow", flow)
    work.enqueue("flow", "id", None)
    work.start()
    inside.wait(20)
    stopper = threading.Thread(target=work.stop)
    stopper.start()
    time.sleep(0.1)
    leave.set()
    stopper.join()
    assert ran == ["slow"]
    work.start()
    assert work.wait("flow", ["id"], timeout_seconds=20) == {"id": Outcome("done", ["slow", "last"])}
    assert ran == ["slow", "last"]


def test_one_worker_per_list(work: Work, tmp_path: Path) -> None:
    """Who finds the node's work being done by another process is told so, and may still put work on the list."""
    import fcntl

    with (tmp_path / "work.sqlite.node.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(NotYet, match="work-elsewhere"):
            work.start()
        work.enqueue("flow", "id", None)
    work.start()


def test_one_list_per_process(work: Work, tmp_path: Path) -> None:
    """A second list cannot be worked off in the same process, and the first one goes on."""
    work.flow("flow", lambda do, n: do(plus, n, 1))
    work.start()
    other = Work(f"sqlite:///{tmp_path / 'other.sqlite'}", "other")
    with pytest.raises(RuntimeError):
        other.start()
    other.stop()
    work.enqueue("flow", "id", 1)
    assert work.wait("flow", ["id"], timeout_seconds=20) == {"id": Outcome("done", 2)}


def test_result_that_could_not_be_written(work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a step's result cannot be written down, the flow is found later and goes on by itself."""
    monkeypatch.setattr(again_module, "SWEEP_SECONDS", 0.1)
    ran: list[int] = []

    def disturb() -> int:
        ran.append(1)
        if len(ran) == 1:
            _rename(tmp_path, "operation_outputs", "away")
        return len(ran)

    work.flow("flow", lambda do, _: do(disturb))
    work.enqueue("flow", "id", None)
    work.start()
    while not ran:
        time.sleep(0.01)
    assert work.wait("flow", ["id"], timeout_seconds=0.5) == {}
    _rename(tmp_path, "away", "operation_outputs")
    assert work.wait("flow", ["id"], timeout_seconds=20) == {"id": Outcome("done", 2)}


def test_sweep_while_the_database_is_away(work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither looking for lost work nor bringing it back dies of a database that cannot be used for a while."""
    monkeypatch.setattr(again_module, "SWEEP_SECONDS", 0.05)
    ran: list[int] = []

    def busy() -> int:
        ran.append(1)
        if len(ran) == 1:
            _rename(tmp_path, "workflow_status", "away")
            raise NotYet("storage-full")
        return len(ran)

    work.flow("flow", lambda do, _: do(busy))
    work.enqueue("flow", "id", None)
    work.start()
    time.sleep(1)
    _rename(tmp_path, "away", "workflow_status")
    assert work.wait("flow", ["id"], timeout_seconds=20) == {"id": Outcome("done", 2)}


def _rename(folder: Path, old: str, new: str) -> None:
    with sqlite3.connect(folder / "work.sqlite") as database:
        database.execute("PRAGMA legacy_alter_table = ON")
        database.execute(f"ALTER TABLE {old} RENAME TO {new}")


def test_cancelled(work: Work, tmp_path: Path) -> None:
    """Work that somebody ended from outside, in the database, has failed and is not waited for."""
    work.enqueue("flow", "id", None)
    with sqlite3.connect(tmp_path / "work.sqlite") as database:
        database.execute("UPDATE workflow_status SET status = 'CANCELLED'")
    assert work.outcome("flow", "id") == Outcome("failed", reason="bug", facts={"type": "CANCELLED"})


def test_errors_are_written_by_type() -> None:
    """Of an error that DBOS itself writes down, the type alone comes back."""
    serializer = JsonSerializer()
    written = serializer.serialize(KeyError(SECRET))
    assert SECRET not in written
    read = serializer.deserialize(written)
    assert (type(read), str(read)) == (WorkError, "KeyError")
    assert serializer.deserialize(serializer.serialize({"error": 1, "other": [2]})) == {"error": 1, "other": [2]}


def test_attempt() -> None:
    """One object's bad end is a value; waiting for time is not an end; what works is what it returns."""
    assert attempt(plus, 1, 2) == 3
    assert attempt(refuse) == Outcome("refused", reason="not-dicom", facts={"bytes": 12})
    assert attempt(forbid) == Outcome("refused", reason="not-permitted")
    assert attempt(hold) == Outcome("held", reason="pixels-may-identify")
    with pytest.raises(NotYet):
        attempt(_busy)


def _busy() -> None:
    raise NotYet("receiver-busy")


def test_outcome_as_json() -> None:
    """An outcome survives being written down."""
    for outcome in (Outcome("done", {"a": [1]}), Outcome("refused", reason="not-dicom", facts={"n": 1})):
        assert Outcome.from_json(outcome.to_json()) == outcome
