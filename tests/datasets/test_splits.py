from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.datasets.model import SPLITS, Split
from kaname.datasets.splits import SHARES, assign, shares

SUBJECTS = st.sets(st.from_regex(r"[A-Z2-7]{16}", fullmatch=True), max_size=60)
EVERYBODY = [f"{n:016}" for n in range(100)]


@pytest.mark.parametrize(
    ("subjects", "expected"),
    [
        (0, (0, 0, 0)),
        (1, (1, 0, 0)),
        (3, (3, 0, 0)),
        (5, (4, 1, 0)),
        (10, (8, 1, 1)),
        (80, (64, 8, 8)),
        (97, (77, 10, 10)),
    ],
)
def test_eight_to_one_to_one(subjects: int, expected: tuple[int, ...]) -> None:
    """Whole subjects, the largest remainder first."""
    assert tuple(shares(subjects).values()) == expected


@given(st.integers(0, 100_000))
def test_shares_are_within_one_of_what_they_ought_to_be(subjects: int) -> None:
    """Everybody is in one split, and no split is a whole subject away from its share."""
    found = shares(subjects)
    assert sum(found.values()) == subjects
    assert all(abs(found[split] - subjects * SHARES[split] / 10) < 1 for split in SPLITS)


def test_the_order_is_keyed_by_the_name() -> None:
    """Another dataset draws another test set of the same people; the same one draws the same again."""
    one, other = assign("lungs", EVERYBODY, {}), assign("brains", EVERYBODY, {})
    assert one == assign("lungs", EVERYBODY[::-1], {})
    assert one != other
    assert Counter(one.values()) == Counter(other.values()) == {"train": 80, "validation": 10, "test": 10}


@given(SUBJECTS, SUBJECTS)
def test_nobody_changes_sides(first: set[str], second: set[str]) -> None:
    """Whoever has been in a split is in it in every later version, whoever joins or leaves."""
    earlier = assign("lungs", sorted(first), {})
    later = assign("lungs", sorted(first | second), earlier)
    assert {subject: later[subject] for subject in first} == earlier
    assert later.keys() == first | second


@given(SUBJECTS, SUBJECTS)
def test_a_test_set_never_grows(first: set[str], second: set[str]) -> None:
    """Once somebody has been in test, nobody new comes in, not even when all of test have withdrawn."""
    earlier = assign("lungs", sorted(first), {})
    testers = {subject for subject, split in earlier.items() if split == "test"}
    later = assign("lungs", sorted(second), earlier)
    assert not testers or {subject for subject, split in later.items() if split == "test"} <= testers


def test_newcomers_fill_what_is_short() -> None:
    """Ten who join eighty: eight train and one validates, as 8 : 1 : 1 has it; the tenth, who cannot test, trains."""
    earlier = assign("lungs", EVERYBODY[:80], {})
    later = assign("lungs", EVERYBODY[:90], earlier)
    assert Counter(later.values()) == {"train": 73, "validation": 9, "test": 8}


def test_a_dataset_too_small_for_a_test_gets_one_when_it_grows() -> None:
    """As long as nobody has been in test, test is filled like the others."""
    earlier: dict[str, Split] = assign("lungs", EVERYBODY[:3], {})
    assert set(earlier.values()) == {"train"}
    later = assign("lungs", EVERYBODY[:20], earlier)
    assert Counter(later.values()) == {"train": 16, "validation": 2, "test": 2}
