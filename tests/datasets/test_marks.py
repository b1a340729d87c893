"""Marks, pairs and whole instances in frozen lists, and how they are read again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kaname.annotation import flow
from kaname.annotation.model import Given, Mark, Marked, Sought
from kaname.archive.flow import shelve
from kaname.datasets.flow import content, diff, freeze, hole, sealed_test
from kaname.datasets.listing import Listing, listing
from kaname.datasets.loader import Loader
from kaname.datasets.model import Labelled
from kaname.datasets.mount import mount
from kaname.datasets.verify import verify
from kaname.dicom.part10 import read_meta
from kaname.errors import Refused
from kaname.intake.flow import accept
from kaname.models.train import spec_of
from kaname.node import Node
from kaname.registries import load
from kaname.registries.model import Geometry, Unit
from kaname.testing.deliveries import Facility, series

BOX = Mark("box", "present", ((0.5, 1.0), (3.0, 4.0)))
Asked = Callable[..., None]


@pytest.fixture
def asks(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Has the registry ask something else from now on."""

    def change(unit: Unit, *geometries: Geometry) -> None:
        asked = load("j-mid").annotation
        assert asked
        changed = replace(load("j-mid"), annotation=replace(asked, unit=unit, geometries=geometries))
        monkeypatch.setattr(flow, "load", lambda _: changed)

    return change


def read_all(hub: Node, task: str, *marks: Mark, readers: str = "ab") -> None:
    """Readers who agree on every case of a new task."""
    flow.make(hub, task, "j-mid")
    for reader in readers:
        answers = [Given(case.id, marks) for case in flow.cases(hub, task, Sought("open", reader))]
        flow.take(hub, task, reader, "reading", answers)


def test_the_marks_that_decided_are_frozen(read_hub: Node) -> None:
    """Of both who agreed, and of the adjudicator alone; nobody's name is in the list."""
    answer = Mark("image", "present")
    flow.make(read_hub, "boxes", "j-mid")
    agreed, disputed, *_ = flow.cases(read_hub, "boxes", Sought("open"))
    for reader, place in (("reader-a", BOX), ("reader-b", replace(BOX, points=((1.0, 1.0), (3.0, 5.0))))):
        flow.take(read_hub, "boxes", reader, "reading", [Given(agreed.id, (answer, place))])
    for reader, label in (("reader-a", "present"), ("reader-b", "absent")):
        flow.take(read_hub, "boxes", reader, "reading", [Given(disputed.id, (Mark("image", label),))])
    flow.take(read_hub, "boxes", "chief", "adjudication", [Given(disputed.id, (answer, BOX))])
    made = freeze(read_hub, "places", "j-mid", task="boxes")
    frozen = content(read_hub, made)
    by_instance = {label.sop_instance_uid: label for label in frozen.labels}
    one, other = by_instance[agreed.sop_instance_uid], by_instance[disputed.sop_instance_uid]
    assert [marked.reader for marked in one.marks] == [1, 1, 2, 2]
    assert {marked.mark.points for marked in one.marks} == {(), BOX.points, ((1.0, 1.0), (3.0, 5.0))}
    assert (other.settled, other.marks) == ("adjudicated", (Marked(1, answer), Marked(1, BOX)))
    assert (made.labels, made.marks) == (2, 6)
    assert "reader-" not in repr(frozen)
    assert "chief" not in repr(frozen)
    assert verify(read_hub, "places").dataset == made
    samples = {sample.sop_instance_uid: sample for sample in Loader.of(read_hub, made)}
    assert samples[disputed.sop_instance_uid].marks == other.marks


def test_who_withdraws_takes_the_marks_along(read_hub: Node) -> None:
    """The version with the hole has the marks of the others."""
    read_all(read_hub, "boxes", Mark("image", "present"), BOX)
    first = freeze(read_hub, "places", "j-mid", task="boxes")
    subject = content(read_hub, first).labels[0].subject
    made = hole(read_hub, "j-mid", subject, "2026-11-21T12:00:00Z")[-1]
    assert (first.marks, made.marks, made.labels) == (80, 72, 18)
    assert subject not in repr(content(read_hub, made))


def test_a_sample_of_a_pair_has_both_images(read_hub: Node, facility: Facility, asks: Asked, tmp_path: Path) -> None:
    """In the order in which they were shown, also where they came in two packs; the same from a mounted folder."""
    late = series("P-00", study=1, slices=(3,), RescaleSlope="2", RescaleIntercept="-1000")
    shelve(read_hub, accept(read_hub, facility.parcel(late, 90)).digest)
    asks("pair", "pair")
    read_all(read_hub, "pairs", Mark("pair", "present"))
    made = freeze(read_hub, "couples", "j-mid", task="pairs")
    samples = list(Loader.of(read_hub, made))
    assert (made.labels, len(samples)) == (11, 11)
    mounted = mount(read_hub, made, tmp_path / "data")
    assert [(s.sop_instance_uid, s.label, s.marks) for s in Loader.open(mounted.folder)] == [
        (s.sop_instance_uid, s.label, s.marks) for s in samples
    ]
    first, second, third = (facility.identity.uid(f"1.2.1.1.{number}") for number in (1, 2, 3))
    by_left = {sample.sop_instance_uid: sample for sample in samples}
    assert third not in by_left
    for left, numbers in ((first, (1, 2)), (second, (2, 3))):
        sample = by_left[left]
        assert sample.other_pixels is not None
        shown = [int(np.median(pixels)) for pixels in (sample.pixels, sample.other_pixels)]
        assert shown == [number * 2 - 1000 for number in numbers]
    with pytest.raises(Refused, match="recipe-unfit"):
        spec_of(read_hub, "classify", "couples", None, 1)


def test_a_pair_whose_right_image_is_missing_is_told(read_hub: Node, asks: Asked) -> None:
    """A list that names an image that no pack has is not read over."""
    asks("pair", "pair")
    read_all(read_hub, "pairs", Mark("pair", "present"))
    loader = Loader.of(read_hub, freeze(read_hub, "couples", "j-mid", task="pairs"))
    lost = tuple(replace(label, other_sop_instance_uid="2.25.1") for label in loader.listing.labels)
    with pytest.raises(Refused, match="object-missing"):
        list(Loader(replace(loader.listing, labels=lost), loader.packs))


def test_whole_instances_are_read_whole(read_hub: Node, asks: Asked, tmp_path: Path) -> None:
    """Their frames are nobody's label; the file, its metadata and its marks are there, by one ranged read."""
    asks("instance", "interval")
    phase = Mark("interval", "present", frames=(1, 1))
    read_all(read_hub, "phases", phase)
    made = freeze(read_hub, "clips", "j-mid", task="phases")
    loader = Loader.open(mount(read_hub, made, tmp_path / "data").folder)
    found = list(loader.wholes())
    assert [whole.member.sop_instance_uid for whole in found] == [
        whole.member.sop_instance_uid for whole in Loader.of(read_hub, made).wholes()
    ]
    assert len(found) == 20
    for whole in found[:3]:
        assert (whole.label, [one.mark for one in whole.marks]) == ("present", [phase, phase])
        assert read_meta(loader.file_of(whole)).sop_instance_uid == whole.member.sop_instance_uid
        assert whole.member.metadata["00280010"]["Value"] == [8]
    with pytest.raises(Refused, match="dataset-whole"):
        list(loader)
    assert list(Loader.of(read_hub, freeze(read_hub, "lungs", "j-mid", task="nodules")).wholes()) == []
    with pytest.raises(Refused, match="recipe-unfit"):
        spec_of(read_hub, "classify", "clips", None, 1)


def test_pairs_are_told_apart_by_both_images(read_hub: Node, asks: Asked) -> None:
    """In what changed between versions, and in the seal of the test."""
    asks("pair", "pair")
    read_all(read_hub, "pairs", Mark("pair", "present"))
    first = freeze(read_hub, "couples", "j-mid", task="pairs")
    test = listing(first, content(read_hub, first), ("test",)).labels[0]
    (case,) = flow.cases(read_hub, "pairs", Sought("settled", instance=test.sop_instance_uid))
    flow.take(read_hub, "pairs", "chief", "correction", [Given(case.id, (Mark("pair", "absent"),))])
    second = freeze(read_hub, "couples", "j-mid", task="pairs")
    (changed,) = diff(read_hub, "couples", 1, 2).labels
    assert (changed.other_sop_instance_uid, changed.other_frame) == (case.other_sop_instance_uid, 1)
    assert (changed.earlier, changed.later) == ("present", "absent")
    assert sealed_test(read_hub, first) != sealed_test(read_hub, second)


def test_a_listing_with_changed_marks_is_refused(read_hub: Node) -> None:
    """What is no mark was never frozen."""
    made = freeze(read_hub, "lungs", "j-mid", task="nodules")
    data = listing(made, content(read_hub, made)).to_bytes()
    assert isinstance(Listing.from_bytes(data).labels[0], Labelled)
    for old, new in ((b'"geometry":"image"', b'"geometry":"cloud"'), (b'"reader":1', b'"reader":"a"')):
        with pytest.raises(Refused, match="object-damaged"):
            Listing.from_bytes(data.replace(old, new))
