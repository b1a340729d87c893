"""What a hub says that it holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kaname.archive import retrieve
from kaname.archive.derived import store
from kaname.archive.flow import shelve
from kaname.dicom.objects.prediction import Judged, PredictingModel, prediction_report
from kaname.governance.withdraw import obey
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.store import digest_bytes
from kaname.testing.busy import busy_hub
from kaname.testing.deliveries import Facility, series
from kaname.upkeep.holdings import arrivals, held_back, holdings


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Node]:
    """A hub with something in every room."""
    node = busy_hub(tmp_path / "home", tmp_path)
    yield node
    node.index.dispose()


def test_a_withdrawn_subject_is_counted_as_a_person_and_no_longer_as_images(hub: Node, tmp_path: Path) -> None:
    """Three slices go, one person more has withdrawn, and the other registry does not move."""
    mid, basic = holdings(hub, ("j-mid", "basic"))
    assert (mid.received, mid.usable, mid.derived, mid.waiting, mid.refused, mid.withdrawn) == (9, 5, 0, 2, 2, 0)
    obey(hub, Facility(tmp_path / "mid", 1, "j-mid").withdrawal("00012345"))
    after, other = holdings(hub, ("j-mid", "basic"))
    assert (after.received, after.usable, after.subjects, after.withdrawn) == (6, 2, 1, 1)
    assert other == basic


def test_what_was_made_from_images_is_counted_apart(hub: Node, tmp_path: Path) -> None:
    """A model's report is no image that came."""
    study = retrieve_first(hub)
    model = PredictingModel("nodules", "1", digest_bytes(b"model"), "present", 0.5)
    (tmp_path / "report.dcm").write_bytes(prediction_report([Judged(study, "present", 0.9)], model))
    store(hub, [tmp_path / "report.dcm"], registry="j-mid", actor="nodules 1")
    (mid,) = holdings(hub, ("j-mid",))
    assert (mid.usable, mid.derived) == (5, 1)


def retrieve_first(hub: Node) -> dict[str, object]:
    """The data set of one image of j-mid."""
    facility = Facility(hub.settings.home, 1, "j-mid")
    (first, *_) = retrieve.instances(hub, ("j-mid",), facility.identity.uid("1.2.1"))
    return dict(first.member.metadata)


def test_held_and_refused_are_told_by_their_reason(hub: Node, tmp_path: Path) -> None:
    """The same UID with other bytes is held, a parcel that may identify is refused; the newest arrival comes first."""
    again = series(slices=(1,), WindowWidth="7")
    shelve(hub, accept(hub, Facility(tmp_path / "mid", 1, "j-mid").parcel(again, 9)).digest)
    told = {(row.outcome, row.reason): row.count for row in held_back(hub, ("j-mid", "basic"))}
    assert told == {("held", "same-uid-other-bytes"): 1, ("refused", "inspection-failed"): 1}
    assert held_back(hub, ("basic",)) == ()
    assert [row.sequence for row in arrivals(hub, ("j-mid",), 2)] == [9, 4]
