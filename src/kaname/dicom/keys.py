"""The identity of an instance in the DICOM information model (PS3.3 section 7, PS3.5 section 9)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kaname.errors import Refused

_UID = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))+")
UID_MAX_LENGTH = 64


def is_uid(text: str) -> bool:
    """Whether ``text`` is a valid UID (PS3.5 section 9.1): dotted numbers, no leading zeros, at most 64 characters."""
    return len(text) <= UID_MAX_LENGTH and _UID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class InstanceKey:
    """Study, Series and SOP Instance UID with the SOP Class UID: all four present and valid, or ``Refused``."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str

    def __post_init__(self) -> None:
        for uid in (self.study_instance_uid, self.series_instance_uid, self.sop_instance_uid, self.sop_class_uid):
            if not uid:
                raise Refused("missing-uid")
            if not is_uid(uid):
                raise Refused("invalid-uid")
