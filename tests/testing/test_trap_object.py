from __future__ import annotations

from io import BytesIO

import pydicom
import pytest

from kaname.testing.answer import kept_values
from kaname.testing.bytesearch import search_bytes
from kaname.testing.trap import trap_object


@pytest.mark.parametrize("implicit", [False, True])
def test_each_of_the_57_places_holds_a_sentinel_of_its_own(implicit: bool) -> None:  # noqa: FBT001
    """There are 57 places, no sentinel is part of another, and each stands in the bytes exactly once."""
    trap = trap_object(implicit=implicit)
    sentinels = list(trap.sentinels.values())
    assert len(sentinels) == 57
    assert all(sum(one in other for other in sentinels) == 1 for one in sentinels)
    assert {hit.form_index for hit in search_bytes(trap.data, sentinels)} == set(range(57))
    for place, sentinel in trap.sentinels.items():
        times = 2 if place == "SOPInstanceUID" else 1  # it stands in the file meta information too
        assert trap.data.count(sentinel.encode()) == times, place


def test_the_trap_is_a_ct_that_any_reader_opens() -> None:
    """A foreign reader finds a CT with its pixels, and the values that are to be kept."""
    trap = trap_object()
    ds = pydicom.dcmread(BytesIO(trap.data))
    assert (ds.Modality, ds.SOPClassUID.name, len(ds.PixelData)) == ("CT", "CT Image Storage", 64 * 64 * 2)
    assert kept_values(BytesIO(trap.data), trap.keep) == trap.keep
    assert len(trap.keep) > 50


def test_the_trap_is_always_the_same() -> None:
    """Two traps are one."""
    assert trap_object() == trap_object()
