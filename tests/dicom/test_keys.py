from __future__ import annotations

import pytest

from kaname.dicom.keys import InstanceKey, is_uid
from kaname.errors import Refused


@pytest.mark.parametrize("uid", ["1.2.3", "2.25.0", "0.1", "1." + "2" * 62])
def test_uids(uid: str) -> None:
    """Dotted numbers of at most 64 characters are UIDs."""
    assert is_uid(uid)


@pytest.mark.parametrize("uid", ["", "1", "1..2", "1.02", "a.b", "1.2.", "1." + "2" * 63, "1.２"])
def test_no_uids(uid: str) -> None:
    """Everything else is none."""
    assert not is_uid(uid)


def test_keys_are_whole() -> None:
    """A key has all four UIDs, each valid."""
    assert InstanceKey("1.2", "1.3", "1.4", "1.5").sop_instance_uid == "1.4"
    with pytest.raises(Refused, match="missing-uid"):
        InstanceKey("1.2", "", "1.4", "1.5")
    with pytest.raises(Refused, match="invalid-uid"):
        InstanceKey("1.2", "x", "1.4", "1.5")
