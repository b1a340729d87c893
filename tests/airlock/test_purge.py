"""A subject withdraws: what learned from it and is not out yet never gets out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kaname.airlock import purge
from kaname.airlock.flow import draft, find, look, requests_waiting, review, take_run
from kaname.airlock.model import Request
from kaname.airlock.release import key_of
from kaname.archive.flow import shelve
from kaname.archive.purge import forget as forget_series
from kaname.compute import flow
from kaname.compute import rows as run_rows
from kaname.compute.flow import carry_out, keep_code, submit
from kaname.compute.flow import find as find_run
from kaname.compute.model import Ended, Output, Run, RunSpec
from kaname.compute.outputs import key_of as kept_key
from kaname.database import writing
from kaname.datasets.flow import content, freeze, show
from kaname.errors import Refused
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.pack import pack_key
from kaname.store import digest_bytes
from kaname.testing.deliveries import Facility, make_hub, series

FIGURES = b'{"loss": [0.5]}'
PATIENCE_SECONDS = 60
WAITING = "import time\nopen('/out/begun.json', 'w').write('1')\nprint('here')\ntime.sleep(600)"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Node]:
    """A hub with two subjects, each in a dataset of its own."""
    node = make_hub(tmp_path / "home")
    facility = Facility(tmp_path / "facility", 1, "j-mid").admitted_to(node)
    for number, patient in enumerate(("1", "2"), 1):
        slices = series(patient=patient, study=number, slices=(1,))
        shelve(node, accept(node, facility.parcel(slices, sequence=number)).digest)
        freeze(node, f"set-{number}", "j-mid")
    yield node
    node.index.dispose()


def subject(hub: Node) -> str:
    """Who is in the first dataset."""
    return content(hub, show(hub, "set-1")).members[0].subject


def run_on(hub: Node, dataset: str, code: bytes = b"pass") -> str:
    """A run that was submitted."""
    spec = RunSpec("try", ("python", "/code/job.py"), dataset, 1, ("train",), keep_code(hub, code), seconds=300)
    return submit(hub, spec, "researcher")


def ended(hub: Node, dataset: str) -> str:
    """A run that left figures and no log."""
    run_id = run_on(hub, dataset)
    digest = digest_bytes(FIGURES)
    hub.store.put(kept_key(run_id, digest), FIGURES)
    outputs = (Output("model.json", digest, len(FIGURES)),)
    with writing(hub.index) as connection:
        run_rows.end(connection, run_id, Ended("finished", outputs=outputs), hub.clock.stamp())
    return run_id


def request_of(hub: Node, run_id: str) -> Request:
    """Its request, after the automatic checks."""
    take_run(hub, lambda step, *arguments: step(*arguments), run_id)
    return find(hub, draft(hub, run_id))


def withdraw(hub: Node) -> int:
    """What happens to the subject of the first dataset, in its order."""
    gone = content(hub, show(hub, "set-1")).members
    withdrawn = gone[0].subject
    forget_series(hub, "j-mid", withdrawn)
    for member in gone:
        hub.store.delete(pack_key(member.pack))
    return purge.forget(hub, "j-mid", withdrawn)


def test_undecided_requests_are_blocked_and_their_outputs_deleted(hub: Node) -> None:
    """Nobody can approve or read them any more; a run on other data keeps the very same bytes."""
    run_id, other = ended(hub, "set-1"), ended(hub, "set-2")
    request, untouched = request_of(hub, run_id), request_of(hub, other)
    third = content(hub, show(hub, "set-2")).members
    assert len({member.subject for member in third}) == 2, "the second dataset names both subjects"
    assert withdraw(hub) == 2
    for one in (request, untouched):
        blocked = find(hub, one.id)
        assert (blocked.state, [finding.code for finding in blocked.findings]) == ("blocked", ["run-data-withdrawn"])
        assert hub.store.size(kept_key(one.run, digest_bytes(FIGURES))) is None
        with pytest.raises(Refused, match="request-state"):
            review(hub, one.id, approve=True, actor="checker", reason="Fine.")
        with pytest.raises(Refused, match="request-state"):
            look(hub, one.id, "model.json")
    assert [event.action for event in hub.ledger.events(about=request.id)][-1] == "release-blocked"


def test_what_was_released_before_stays_and_can_be_named(hub: Node) -> None:
    """The certificate names such models: they are not taken back here."""
    request = request_of(hub, ended(hub, "set-1"))
    review(hub, request.id, approve=True, actor="checker", reason="Fine.")
    assert withdraw(hub) == 1
    assert find(hub, request.id).state == "approved"
    assert hub.store.get(key_of(digest_bytes(FIGURES))) == FIGURES


def test_a_run_that_the_airlock_had_not_taken_is_not_taken_any_more(hub: Node) -> None:
    """It waits no longer; a request that was just being made is blocked."""
    run_id = ended(hub, "set-1")
    withdraw(hub)
    assert requests_waiting(hub) == ()
    assert request_of(hub, run_id).state == "blocked"


def test_a_withdrawal_again_changes_nothing(hub: Node) -> None:
    """The same subject again: no second event."""
    request = request_of(hub, ended(hub, "set-1"))
    withdraw(hub)
    events = list(hub.ledger.events(about=request.id))
    assert purge.forget(hub, "j-mid", subject(hub)) == 1
    assert list(hub.ledger.events(about=request.id)) == events
    assert purge.forget(hub, "j-mid", "Z" * 16) == 0


def test_a_job_that_ends_during_the_withdrawal_leaves_nothing(hub: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its outputs were being kept while its data went: they go too, and the airlock is never asked."""
    run_id, digest = run_on(hub, "set-1"), digest_bytes(FIGURES)

    def attempt(node: Node, run: Run) -> Ended:
        node.store.put(kept_key(run.id, digest), FIGURES)
        withdraw(node)
        return Ended("finished", outputs=(Output("model.json", digest, len(FIGURES)),))

    monkeypatch.setattr(flow, "attempt_run", attempt)
    assert carry_out(hub, run_id) == {"run": run_id, "state": "refused", "reason": "run-data-withdrawn"}
    assert hub.store.size(kept_key(run_id, digest)) is None
    assert requests_waiting(hub) == ()
    assert len(list(hub.ledger.events(action="run-ended", about=run_id))) == 1


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed: make system")
def test_a_job_under_way_loses_its_data_and_ends(hub: Node) -> None:
    """It is stopped, not waited for; outputs and log are not kept, and nothing of the subject is left on the disk."""
    run_id = run_on(hub, "set-1", WAITING.encode())
    folder = hub.settings.home / "runs" / run_id
    with ThreadPoolExecutor(1) as worker:
        going = worker.submit(carry_out, hub, run_id)
        while not list(folder.glob("*/out/begun.json")):
            assert not going.done()
        assert list(folder.glob("*/data/packs/*.tar"))
        withdraw(hub)
        assert not list(folder.glob("*/data/packs/*.tar"))
        going.result(PATIENCE_SECONDS)
    run = find_run(hub, run_id)
    assert (run.state, run.reason, run.outputs, run.log) == ("refused", "run-data-withdrawn", (), "")
    assert not folder.exists()
