"""When studies are complete enough to cross, and what the worker is told to take."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kaname.clock import Clock
from kaname.gateway.batches import crossings_waiting, form_batches, withdrawals_waiting
from kaname.gateway.deidentify import deidentify
from kaname.gateway.flow import register
from kaname.gateway.hospital import Hospital
from kaname.gateway.withdraw import request
from kaname.work import Work

from .hospitals import REGISTRY, make_gateway, slice_file, states, take

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def hospital(tmp_path: Path) -> Hospital:
    """A gateway whose studies are left alone for 30 s after their last object."""
    return make_gateway(tmp_path, quiet_seconds=30.0)


def at(hospital: Hospital, seconds: float) -> Hospital:
    """The same gateway so many seconds after noon."""
    clock = Clock(now=lambda: NOON + timedelta(seconds=seconds))
    return replace(hospital, node=replace(hospital.node, clock=clock))


def test_a_study_that_grows_is_left_to_grow(hospital: Hospital, tmp_path: Path) -> None:
    """A study crosses when nothing was added to it for the quiet time; a complete one beside it does not wait."""
    take(
        at(hospital, 0),
        slice_file(tmp_path / "in", "1"),
        slice_file(tmp_path / "in", "2", accession="B-1", patient="2"),
    )
    assert crossings_waiting(at(hospital, 29)) == ()
    take(at(hospital, 29), slice_file(tmp_path / "in", "3"))
    (first,) = crossings_waiting(at(hospital, 30))
    assert crossings_waiting(at(hospital, 58)) == (first,)
    assert len(crossings_waiting(at(hospital, 59))) == 2
    assert crossings_waiting(at(hospital, 60)) == tuple(form_batches(hospital))


def test_without_a_quiet_time(hospital: Hospital, tmp_path: Path) -> None:
    """A night's run takes everything across that came, and what comes later in a batch of its own."""
    take(at(hospital, 0), slice_file(tmp_path / "in", "1"))
    (first,) = form_batches(at(hospital, 0))
    take(at(hospital, 1), slice_file(tmp_path / "in", "2"))
    assert len(form_batches(at(hospital, 1))) == 2
    deidentify(hospital, first)
    assert set(form_batches(at(hospital, 1))) >= {first}
    assert sorted(states(hospital)) == [("cleaned", ""), ("received", "")]


def test_what_ended_does_not_wait(hospital: Hospital, tmp_path: Path) -> None:
    """A batch of which everything is held waits for no worker."""
    take(hospital, slice_file(tmp_path / "in", "1", ConversionType="WSD"))
    (batch,) = form_batches(hospital)
    assert deidentify(hospital, batch) == {"held": 1}
    assert form_batches(hospital) == []


def test_what_was_held_meanwhile_stays_held(hospital: Hospital, tmp_path: Path) -> None:
    """An image found ambiguous while it crosses is not taken further by the crossing."""
    take(hospital, slice_file(tmp_path / "in", "1", patient="P1"))
    (batch,) = form_batches(hospital)
    deidentify(hospital, batch)
    take(hospital, slice_file(tmp_path / "in", "2", patient="P2"))
    assert states(hospital) == [("held", "accession-ambiguous")] * 2
    assert deidentify(hospital, batch) == {}
    assert form_batches(hospital) == []


def test_withdrawals_wait_for_their_certificate(hospital: Hospital, tmp_path: Path) -> None:
    """A withdrawal that was asked for waits for the worker, in the order of asking."""
    take(hospital, *(slice_file(tmp_path / p, "1", patient=p, accession=p) for p in ("P1", "P2")))
    asked = [request(hospital, patient, None, [REGISTRY])[0] for patient in ("P2", "P1")]
    assert list(withdrawals_waiting(hospital)) == asked


def test_the_worker_looks_for_itself(hospital: Hospital, tmp_path: Path) -> None:
    """A serving gateway forms a batch and takes it across on its own, as far as it can without a hub."""
    take(at(hospital, -600), slice_file(tmp_path / "in", "1"))
    work = Work(f"sqlite:///{tmp_path / 'work.sqlite'}", "facility-1")
    register(work, hospital)
    work.start()
    try:
        (batch,) = crossings_waiting(hospital)
        outcome = work.wait("cross", [batch], timeout_seconds=60)[batch]
    finally:
        work.stop()
    assert (outcome.state, outcome.reason) == ("held", "not-enrolled")
    assert states(hospital) == [("cleaned", "")]
