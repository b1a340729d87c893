"""Which subjects train, validate and test: 8 : 1 : 1, by subject, and for good.

The order is that of HMAC-SHA-256 with the dataset's name as the key and the subject as the message: it hangs on
nothing that an image, a label or a day of arrival could be read from, and anybody can draw it again.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping

from kaname.datasets.model import SPLITS, Split

SHARES: Mapping[Split, int] = {"train": 8, "validation": 1, "test": 1}
"""Of ten subjects."""


def assign(name: str, subjects: Collection[str], earlier: Mapping[str, Split]) -> dict[str, Split]:
    """The split of each of ``subjects``.

    A subject that had a split keeps it. The others fill up what is short of 8 : 1 : 1, in the keyed order. Once the
    dataset has had a test subject, nobody new becomes one: a test that was set once stays the same test.

    Args:
        name: Of the dataset.
        subjects: Whom the version names.
        earlier: Splits of every subject that any version of the dataset ever named.
    """
    chosen: dict[str, Split] = {subject: earlier[subject] for subject in subjects if subject in earlier}
    fresh = sorted(
        {subject for subject in subjects if subject not in earlier}, key=lambda subject: _place(name, subject)
    )
    wanted = shares(len(chosen) + len(fresh))
    room: dict[Split, int] = {split: max(0, wanted[split] - list(chosen.values()).count(split)) for split in SPLITS}
    if "test" in earlier.values():
        room["test"] = 0
    for subject in fresh:
        chosen[subject] = split = _with_room(room)
        room[split] = max(0, room[split] - 1)
    return chosen


def shares(subjects: int) -> dict[Split, int]:
    """How many of so many subjects each split gets: 8 : 1 : 1 by the largest remainder, the earlier split on a tie."""
    total = sum(SHARES.values())
    whole: dict[Split, int] = {split: subjects * share // total for split, share in SHARES.items()}
    by_remainder = sorted(SPLITS, key=lambda split: -(subjects * SHARES[split] % total))
    for split in by_remainder[: subjects - sum(whole.values())]:
        whole[split] += 1
    return whole


def _with_room(room: Mapping[Split, int]) -> Split:
    for split in SPLITS:
        if room[split]:
            return split
    return "train"


def _place(name: str, subject: str) -> bytes:
    return hmac.digest(name.encode(), subject.encode(), "sha256")
