"""What a case is: a frame, a whole instance, or two images that follow each other."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from kaname.annotation import flow, gather
from kaname.annotation.flow import cases, labels, make, take
from kaname.annotation.model import Case, Given, Mark, Marked, Sought
from kaname.archive.flow import shelve
from kaname.archive.shelf import load_index
from kaname.datasets.flow import content, freeze
from kaname.errors import Refused
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.pack import Member, SeriesIndex
from kaname.registries import Registry, load
from kaname.registries.model import Geometry, Unit
from kaname.store import Store
from kaname.testing.deliveries import Facility, series

OPEN = Sought("open")
Asked = Callable[[Unit, Geometry], None]


@pytest.fixture
def asks(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Has the registry ask something else from now on."""

    def change(unit: Unit, geometry: Geometry) -> None:
        def changed(registry: str) -> Registry:
            found = load(registry)
            assert found.annotation
            return replace(found, annotation=replace(found.annotation, unit=unit, geometries=(geometry,)))

        monkeypatch.setattr(flow, "load", changed)

    return change


def by_number(facility: Facility, found: tuple[Case, ...]) -> list[tuple[str, str]]:
    """Left and right of each pair, as the hospital called them."""
    known = {facility.identity.uid(f"1.2.{s}.1.{n}"): f"{s}.{n}" for s in range(1, 4) for n in range(1, 6)}
    return sorted((known[case.sop_instance_uid], known[case.other_sop_instance_uid]) for case in found)


def test_images_that_follow_each_other_are_a_pair(hub: Node, facility: Facility, asks: Asked) -> None:
    """By Instance Number, within one series and so of one subject; what comes later is paired with what was there."""
    asks("pair", "pair")
    assert make(hub, "pairs", "j-mid").cases == 2
    assert by_number(facility, cases(hub, "pairs", OPEN)) == [("1.1", "1.2"), ("2.1", "2.2")]
    shelve(hub, accept(hub, facility.parcel(series(slices=(5, 3)), 3)).digest)
    assert (make(hub, "pairs", "j-mid").added, make(hub, "pairs", "j-mid").added) == (2, 0)
    found = cases(hub, "pairs", OPEN)
    assert by_number(facility, found) == [("1.1", "1.2"), ("1.2", "1.3"), ("1.3", "1.5"), ("2.1", "2.2")]
    assert {case.unit for case in found} == {"pair"}
    assert {(case.frame, case.other_frame) for case in found} == {(1, 1)}
    across = [case for case in found if case.pack != case.other_pack]
    assert by_number(facility, tuple(across)) == [("1.2", "1.3")]


def test_a_pair_across_packs_is_frozen_with_both(hub: Node, facility: Facility, asks: Asked) -> None:
    """The label names both images, and both packs are members."""
    asks("pair", "pair")
    shelve(hub, accept(hub, facility.parcel(series(slices=(3,)), 3)).digest)
    make(hub, "pairs", "j-mid")
    (across,) = [case for case in cases(hub, "pairs", OPEN) if case.pack != case.other_pack]
    for reader in "ab":
        take(hub, "pairs", reader, "reading", [Given(across.id, (Mark("pair", "present"),))])
    (label,) = labels(hub, "pairs")
    assert (label.pack, label.other_pack, label.label) == (across.pack, across.other_pack, "present")
    frozen = content(hub, freeze(hub, "couples", "j-mid", task="pairs"))
    assert {member.pack for member in frozen.members} == {across.pack, across.other_pack}
    (row,) = frozen.labels
    assert row.place == (across.sop_instance_uid, 1, across.other_sop_instance_uid, 1)
    assert row.marks == (Marked(1, Mark("pair", "present")), Marked(2, Mark("pair", "present")))


def test_a_whole_clip_is_one_case(hub: Node, facility: Facility, asks: Asked) -> None:
    """With the number of its frames, over which phases are laid; they are frozen with its label."""
    asks("instance", "interval")
    clip = series("888", study=3, slices=(1,), NumberOfFrames="2", Rows=4)
    shelve(hub, accept(hub, facility.parcel(clip, 3)).digest)
    made = make(hub, "phases", "j-mid")
    assert (made.cases, made.without_frames, make(hub, "phases", "j-mid").added) == (5, 0, 0)
    (case,) = [case for case in cases(hub, "phases", OPEN) if case.frames > 1]
    assert (case.unit, case.frame, case.frames, case.rows, case.columns) == ("instance", 0, 2, 4, 8)
    marks = (Mark("interval", "present", frames=(1, 1)), Mark("interval", "absent", frames=(2, 2)))
    for reader in "ab":
        take(hub, "phases", reader, "reading", [Given(case.id, marks)])
    (label,) = content(hub, freeze(hub, "clips", "j-mid", task="phases")).labels
    assert (label.sop_instance_uid, label.frame, label.label) == (case.sop_instance_uid, 0, "absent+present")
    assert [one.mark for one in label.marks] == [*marks, *marks]
    with pytest.raises(Refused, match="reading-invalid"):
        take(hub, "phases", "c", "reading", [Given(case.id, (Mark("interval", "present", frames=(1, 3)),))])


def changed_index(monkeypatch: pytest.MonkeyPatch, change: Callable[[int, Member], dict[str, Any]]) -> None:
    """Has every member of a series say other things of itself."""

    def load_changed(store: Store, pack: str) -> SeriesIndex:
        index = load_index(store, pack)
        members = tuple(replace(member, **change(place, member)) for place, member in enumerate(index.members))
        return replace(index, members=members)

    monkeypatch.setattr(gather, "load_index", load_changed)


def test_of_a_slide_the_largest_level_is_the_case(hub: Node, asks: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """In pixels of its Total Pixel Matrix, whatever the number of tiles."""

    def level(place: int, member: Member) -> dict[str, Any]:
        size = {"vr": "UL", "Value": [1000 * (place + 1)]}
        more = {"00480006": size, "00480007": {"vr": "UL", "Value": [300]}}
        return {"metadata": member.metadata | more, "frames": member.frames * (place + 7)}

    asks("instance", "polygon")
    changed_index(monkeypatch, level)
    made = make(hub, "regions", "j-mid")
    assert (made.cases, made.without_frames) == (2, 0)
    found = cases(hub, "regions", OPEN)
    assert {(case.unit, case.frames, case.rows, case.columns) for case in found} == {("instance", 1, 300, 2000)}
    corners = ((0.0, 0.0), (2000.0, 0.0), (2000.0, 300.0))
    assert take(hub, "regions", "a", "reading", [Given(found[0].id, (Mark("polygon", "present", corners),))])[0].new


def test_a_video_whose_frames_cannot_be_told_apart_is_a_case(
    hub: Node, asks: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says itself how many frames it has; one that says no size is counted."""

    def film(place: int, member: Member) -> dict[str, Any]:
        more = {"00280008": {"vr": "IS", "Value": [250]}}
        said = {tag: value for tag, value in member.metadata.items() if place or tag != "00280010"}
        return {"metadata": said | more, "frames": ()}

    asks("instance", "interval")
    changed_index(monkeypatch, film)
    made = make(hub, "phases", "j-mid")
    assert (made.cases, made.without_frames) == (2, 2)
    assert {(case.frame, case.frames) for case in cases(hub, "phases", OPEN)} == {(0, 250)}
