"""A dataset version, counted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kaname.annotation.flow import cases, make, take
from kaname.annotation.model import Given, Mark, Sought
from kaname.archive.flow import shelve
from kaname.datasets.flow import freeze
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.testing.deliveries import Facility, make_hub, series
from kaname.upkeep.card import card_of


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Node]:
    """A hub with three subjects of two facilities."""
    node = make_hub(tmp_path / "home")
    first = Facility(tmp_path / "first", 1, "j-mid").admitted_to(node)
    second = Facility(tmp_path / "second", 2, "j-mid").admitted_to(node)
    device = {"Manufacturer": "ACME", "ManufacturerModelName": "CT 9000"}
    parcels = (
        first.parcel(series(patient="1", study=1, PatientSex="F", PatientAge="034Y", **device)),
        first.parcel(series(patient="2", study=2, PatientSex="M", PatientAge="008M"), 2),
        second.parcel(series(patient="3", study=3, PatientSex="", PatientAge="")),
    )
    for parcel in parcels:
        shelve(node, accept(node, parcel).digest)
    yield node
    node.index.dispose()


def test_a_version_is_counted_by_subject_and_by_series(hub: Node) -> None:
    """Sex, age by decade, device, modality and facility; what is not said stands last, under no name."""
    card = card_of(hub, freeze(hub, "all", "j-mid"))
    assert card.sex == (("F", 1), ("M", 1), ("", 1))
    assert dict(card.age) == {"0": 1, "30": 1, "": 1}
    assert [name for name, _ in card.age][-1] == ""
    assert sum(number for _, number in card.devices) == 3
    assert card.modalities == (("CT", 3),)
    assert card.facilities == (("facility-1", 2), ("facility-2", 1))
    assert sum(split.subjects for split in card.splits) == 3
    assert card.classes == ()


def test_labels_are_counted_as_classes(hub: Node) -> None:
    """Those that readers settled on."""
    make(hub, "nodules", "j-mid")
    seen = cases(hub, "nodules", Sought("open", limit=2))
    for reader in ("reader-1", "reader-2"):
        take(hub, "nodules", reader, "reading", [Given(case.id, (Mark("image", "present"),)) for case in seen])
    card = card_of(hub, freeze(hub, "labelled", "j-mid", task="nodules"))
    assert card.classes == (("present", 2),)
    assert card.marks == (("image", 4),)
    assert card.items == ()
