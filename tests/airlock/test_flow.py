"""From an ended run to a release: automatic checks, a second person, and nothing before both."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kaname.airlock import flow, rows
from kaname.airlock.flow import (
    cancel,
    draft,
    find,
    log_of,
    look,
    released,
    released_waiting,
    requests,
    requests_waiting,
    review,
    take_run,
)
from kaname.airlock.model import MOVES, Request
from kaname.airlock.release import key_of
from kaname.archive.flow import shelve
from kaname.compute import rows as run_rows
from kaname.compute.flow import keep_code, submit
from kaname.compute.model import Ended, Output, RunSpec
from kaname.compute.outputs import key_of as kept_key
from kaname.database import writing
from kaname.datasets.flow import freeze
from kaname.errors import Forbidden, NotYet, Refused
from kaname.intake.flow import accept
from kaname.node import Node, open_node
from kaname.settings import Settings
from kaname.store import digest_bytes
from kaname.testing.deliveries import Facility, make_hub, series

FIGURES = b'{"loss": [0.5]}'
Leave = Callable[..., str]


def now(step: Callable[..., Any], *arguments: Any) -> Any:
    """Does a step at once."""
    return step(*arguments)


@pytest.fixture(scope="session")
def frozen_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a hub with one frozen dataset; tests work on copies of it."""
    folder = tmp_path_factory.mktemp("frozen")
    node = make_hub(folder / "home")
    facility = Facility(folder / "facility", 1, "j-mid").admitted_to(node)
    shelve(node, accept(node, facility.parcel(series(slices=(1,)))).digest)
    freeze(node, "lungs", "j-mid")
    node.index.dispose()
    return folder / "home"


@pytest.fixture
def hub(frozen_home: Path, tmp_path: Path) -> Iterator[Node]:
    """A hub that holds the dataset ``lungs``."""
    node = open_node(Settings(shutil.copytree(frozen_home, tmp_path / "home"), "hub", "society"))
    yield node
    node.index.dispose()


@pytest.fixture
def leave(hub: Node) -> Leave:
    """Ends a run with these outputs and this log, as compute does; returns its id."""

    def end(outputs: dict[str, bytes], log: bytes = b"done\n", *, seed: int = 0, finished: bool = True) -> str:
        code = keep_code(hub, b"pass")
        spec = RunSpec("try", ("python", "/code/job.py"), "lungs", 1, ("train",), code, seed)
        run_id = submit(hub, spec, "researcher")
        for data in (*outputs.values(), log):
            hub.store.put(kept_key(run_id, digest_bytes(data)), data)
        kept = tuple(Output(name, digest_bytes(data), len(data)) for name, data in outputs.items())
        reason = "" if finished else "job-failed"
        ended = Ended("finished" if finished else "failed", reason, outputs=kept, log=digest_bytes(log) if log else "")
        with writing(hub.index) as connection:
            run_rows.end(connection, run_id, ended, hub.clock.stamp())
        return run_id

    return end


def taken(hub: Node, run_id: str) -> Request:
    """The request of a run, after the automatic checks."""
    take_run(hub, now, run_id)
    (found,) = [request for request in requests(hub, ["j-mid"]) if request.run == run_id]
    return found


def test_a_run_is_checked_reviewed_and_released(hub: Node, leave: Leave) -> None:
    """From draft to approved, each step in the ledger; the objects are released by digest, and not before."""
    run_id = leave({"model.json": FIGURES})
    assert requests_waiting(hub) == (run_id,)
    assert take_run(hub, now, run_id) == "in-review"
    assert requests_waiting(hub) == ()
    (request,) = requests(hub, ["j-mid"], "in-review")
    assert (request.kind, request.requester, request.findings) == ("model", "researcher", ())
    with pytest.raises(NotYet, match="release-pending"):
        released(hub, request.id)
    with pytest.raises(NotYet, match="release-pending"):
        log_of(hub, run_id)
    assert hub.store.size(key_of(digest_bytes(FIGURES))) is None
    approved = review(hub, request.id, approve=True, actor="checker", reason="Figures only.")
    assert (approved.state, approved.checker, approved.reason) == ("approved", "checker", "Figures only.")
    (item,) = released(hub, request.id)
    assert hub.store.get(key_of(item.digest)) == FIGURES
    assert log_of(hub, run_id) == b"done\n"
    actions = [(event.action, event.actor) for event in hub.ledger.events(about=request.id)]
    assert actions == [
        ("release-draft", "researcher"),
        ("release-in-review", "society"),
        ("release-approved", "checker"),
    ]
    assert requests(hub, ["basic"]) == ()


def test_whoever_asked_cannot_decide(hub: Node, leave: Leave) -> None:
    """Nor can another spelling of the same name, nor nobody."""
    request = taken(hub, leave({"model.json": FIGURES}))
    for actor in ("researcher", "Researcher", " ｒesearcher ", "", " "):
        with pytest.raises(Forbidden, match="two-persons"):
            review(hub, request.id, approve=True, actor=actor, reason="Fine.")
    assert find(hub, request.id).state == "in-review"


def test_what_was_rejected_stays_inside(hub: Node, leave: Leave) -> None:
    """Neither object nor log, and the next room never hears of it."""
    run_id = leave({"model.json": FIGURES})
    request = taken(hub, run_id)
    review(hub, request.id, approve=False, actor="checker", reason="Too many figures.")
    for ask in (lambda: released(hub, request.id), lambda: log_of(hub, run_id)):
        with pytest.raises(Refused, match="release-denied"):
            ask()
    assert released_waiting(hub) == ()
    assert list(hub.store.keys("released")) == []


def test_what_the_checks_find_no_person_waves_through(hub: Node, leave: Leave) -> None:
    """Blocked, with what was found in which file."""
    request = taken(hub, leave({"model.json": b"[" + b"1," * 5000 + b"1]", "weights.pt": b"x"}))
    assert request.state == "blocked"
    assert [(f.item, f.code) for f in request.findings] == [
        ("model.json", "output-content"),
        ("weights.pt", "output-type"),
    ]
    with pytest.raises(Refused, match="request-state"):
        review(hub, request.id, approve=True, actor="checker", reason="Never mind.")
    with pytest.raises(Refused, match="request-state"):
        look(hub, request.id, "model.json")


def test_an_output_that_is_too_large_is_not_even_read(hub: Node, leave: Leave, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size alone blocks the request."""
    monkeypatch.setattr(flow, "LARGEST_BYTES", len(FIGURES) - 1)
    request = taken(hub, leave({"model.json": FIGURES}))
    assert [finding.code for finding in request.findings] == ["output-too-large"]


def test_a_log_that_is_no_plain_text_is_withheld(hub: Node, leave: Leave) -> None:
    """The model may still go; the log never does."""
    run_id = leave({"model.json": FIGURES}, b"\x00\x01")
    request = taken(hub, run_id)
    assert (request.state, request.log) == ("in-review", "")
    assert [(f.item, f.code) for f in request.findings] == [("log", "log-withheld")]
    review(hub, request.id, approve=True, actor="checker", reason="Fine.")
    with pytest.raises(Refused, match="release-denied"):
        log_of(hub, run_id)


def test_a_failed_run_asks_for_its_log_alone(hub: Node, leave: Leave) -> None:
    """Somebody has to see what went wrong; the next room gets nothing."""
    run_id = leave({}, b"ValueError\n", finished=False)
    request = taken(hub, run_id)
    assert (request.kind, request.state, request.items) == ("log", "in-review", ())
    assert look(hub, request.id, "log") == b"ValueError\n"
    review(hub, request.id, approve=True, actor="checker", reason="A traceback.")
    assert log_of(hub, run_id) == b"ValueError\n"
    assert released_waiting(hub) == ()
    binary = taken(hub, leave({}, b"\x00", seed=1, finished=False))
    assert binary.state == "blocked"


def test_the_next_room_takes_an_approved_model_once(hub: Node, leave: Leave) -> None:
    """It is listed until it is taken."""
    request = taken(hub, leave({"model.json": FIGURES}))
    assert released_waiting(hub) == ()
    review(hub, request.id, approve=True, actor="checker", reason="Fine.")
    assert released_waiting(hub) == (request.id,)
    with writing(hub.index) as connection:
        rows.hand_on(connection, request.id)
    assert released_waiting(hub) == ()


def test_everything_again_changes_nothing(hub: Node, leave: Leave) -> None:
    """Draft, check and the same decision may be repeated after a crash; another decision may not."""
    run_id = leave({"model.json": FIGURES})
    request = taken(hub, run_id)
    assert draft(hub, run_id) == request.id
    assert take_run(hub, now, run_id) == "in-review"
    first = review(hub, request.id, approve=True, actor="checker", reason="Fine.")
    assert review(hub, request.id, approve=True, actor="checker", reason="Fine.") == first
    for approve, actor in ((False, "checker"), (True, "other")):
        with pytest.raises(Refused, match="request-state"):
            review(hub, request.id, approve=approve, actor=actor, reason="Fine.")
    assert len(list(hub.ledger.events(about=request.id))) == 3


def test_a_crash_between_draft_and_check_is_taken_up_again(hub: Node, leave: Leave) -> None:
    """The run is still waiting until its request has been checked."""
    run_id = leave({"model.json": FIGURES})
    request_id = draft(hub, run_id)
    assert find(hub, request_id).state == "draft"
    assert requests_waiting(hub) == (run_id,)
    assert take_run(hub, now, run_id) == "in-review"


def test_only_the_requester_takes_a_request_back(hub: Node, leave: Leave) -> None:
    """Before it is decided; again, it changes nothing; a cancelled draft is never reviewed."""
    run_id = leave({"model.json": FIGURES})
    request_id = draft(hub, run_id)
    with pytest.raises(Forbidden, match="not-requester"):
        cancel(hub, request_id, "checker")
    assert cancel(hub, request_id, "researcher").state == "cancelled"
    assert cancel(hub, request_id, "researcher").state == "cancelled"
    assert take_run(hub, now, run_id) == "cancelled"
    assert requests_waiting(hub) == ()
    with pytest.raises(Refused, match="release-denied"):
        released(hub, request_id)
    decided = taken(hub, leave({"model.json": FIGURES}, seed=1))
    review(hub, decided.id, approve=False, actor="checker", reason="No.")
    with pytest.raises(Refused, match="request-state"):
        cancel(hub, decided.id, "researcher")


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "two\nlines"])
def test_a_decision_needs_a_reason(hub: Node, leave: Leave, reason: str) -> None:
    """One sentence."""
    request = taken(hub, leave({"model.json": FIGURES}))
    with pytest.raises(Refused, match="review-reason"):
        review(hub, request.id, approve=True, actor="checker", reason=reason)


def test_a_checker_reads_figures_and_log_but_no_weights(hub: Node, leave: Leave) -> None:
    """What a person can judge is shown; what nobody can read is not."""
    outputs = {"model.json": FIGURES, "model.safetensors": _safetensors()}
    request = taken(hub, leave(outputs))
    assert look(hub, request.id, "model.json") == FIGURES
    assert look(hub, request.id, "log") == b"done\n"
    for name in ("model.safetensors", "other.json"):
        with pytest.raises(Refused, match="not-found"):
            look(hub, request.id, name)


def test_a_damaged_object_is_not_released(hub: Node, leave: Leave) -> None:
    """What is approved is what was checked, byte by byte."""
    request = taken(hub, leave({"model.json": FIGURES}))
    digest = digest_bytes(FIGURES)
    hub.store.delete(kept_key(request.run, digest))
    hub.store.put(kept_key(request.run, digest), b"other")
    with pytest.raises(Refused, match="object-damaged"):
        review(hub, request.id, approve=True, actor="checker", reason="Fine.")
    assert find(hub, request.id).state == "in-review"


def test_what_does_not_exist_is_not_found(hub: Node, leave: Leave) -> None:
    """Neither request nor log."""
    for ask in (lambda: find(hub, "0"), lambda: released(hub, "0"), lambda: log_of(hub, "0")):
        with pytest.raises(Refused, match="not-found"):
            ask()
    silent = leave({"model.json": FIGURES}, b"")
    with pytest.raises(Refused, match="not-found"):
        log_of(hub, silent)
    with pytest.raises(NotYet, match="release-pending"):
        log_of(hub, leave({"model.json": FIGURES}, seed=1))


def test_nothing_leads_out_of_a_decided_request() -> None:
    """The states that end have no way on, and every state is reached from the draft."""
    assert [state for state, ways in MOVES.items() if not ways] == ["approved", "rejected", "blocked", "cancelled"]
    assert {way for ways in MOVES.values() for way in ways} | {"draft"} == set(MOVES)


def _safetensors() -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(4)
