"""One study with everything that belongs to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kaname.archive.flow import shelve
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.testing.deliveries import Facility, make_hub, series
from kaname.testing.gallery import TASKS, make_gallery
from kaname.upkeep.examination import items_of, series_of
from kaname.upkeep.studies import StudySearch, find_studies, one_study


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Node]:
    """A hub with one study of two series."""
    node = make_hub(tmp_path / "home")
    facility = Facility(tmp_path / "mid", 1, "j-mid").admitted_to(node)
    both = [*series(number=2, slices=(1, 2, 3)), *series(number=1, slices=(4,), SeriesDescription="thin")]
    shelve(node, accept(node, facility.parcel(both)).digest)
    yield node
    node.index.dispose()


def test_series_stand_by_number_with_the_middle_of_each_stack(hub: Node) -> None:
    """Nothing of another registry."""
    (found,), total = find_studies(hub, StudySearch(("j-mid",)), 0, 10)
    assert total == 1
    first, second = series_of(hub, ("j-mid",), found.uid)
    assert [(one.number, one.instances, one.look, one.derived) for one in (first, second)] == [
        (1, 1, "stack", False),
        (2, 3, "stack", False),
    ]
    assert [picture.number for picture in second.pictures] == [2]
    assert series_of(hub, ("basic",), found.uid) == ()
    assert items_of(hub, "j-mid", found.subject, found.uid) == ()
    assert one_study(hub, ("basic",), found.uid) is None


def test_each_kind_of_image_is_looked_at_in_its_way(tmp_path: Path) -> None:
    """Films as films, slides as slides, photographs one by one."""
    node = make_gallery(tmp_path / "home", tmp_path / "files")
    registries = tuple(sorted({*TASKS.values()}))
    studies, _ = find_studies(node, StudySearch(registries), 0, 100)
    looks = {one.look for study in studies for one in series_of(node, registries, study.uid)}
    assert {"film", "slide", "pictures"} <= looks
    node.index.dispose()
