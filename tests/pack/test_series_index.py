from __future__ import annotations

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from kaname.errors import Refused
from kaname.pack import FrameRef, Member, SeriesIndex, pack_key

PACK = "ab" * 32
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
NUMBER = st.integers(min_value=0, max_value=1 << 40)
MEMBERS = st.builds(
    Member,
    sop_instance_uid=st.integers(min_value=1).map(lambda n: f"1.2.{n}"),
    sop_class_uid=TEXT,
    offset=NUMBER,
    length=NUMBER,
    digest=TEXT,
    transfer_syntax_uid=TEXT,
    frames=st.lists(st.tuples(NUMBER, NUMBER, NUMBER), max_size=4).map(tuple),
    metadata=st.dictionaries(TEXT, JSON, max_size=3),
)
INDEXES = st.builds(
    SeriesIndex,
    pack=st.just(PACK),
    study_instance_uid=TEXT,
    series_instance_uid=TEXT,
    members=st.lists(MEMBERS, max_size=5, unique_by=lambda m: m.sop_instance_uid).map(
        lambda members: tuple(sorted(members, key=lambda m: m.sop_instance_uid))
    ),
)


@given(INDEXES)
def test_round_trip(index: SeriesIndex) -> None:
    """An index survives its bytes, and has one spelling."""
    data = index.to_bytes()
    assert SeriesIndex.from_bytes(data) == index
    assert SeriesIndex.from_bytes(data).to_bytes() == data


@given(INDEXES, st.integers(min_value=1))
def test_lookup(index: SeriesIndex, number: int) -> None:
    """Every instance is found by its UID, every frame by its number, and nothing else is."""
    uids = [member.sop_instance_uid for member in index.members]
    for member in index.members:
        assert index.member(member.sop_instance_uid) is member
        for n, (offset, length, fragments) in enumerate(member.frames, 1):
            assert index.frame(member.sop_instance_uid, n) == FrameRef(
                pack_key(PACK), member.offset + offset, length, fragments, member.transfer_syntax_uid
            )
    if f"1.2.{number}" not in uids:
        with pytest.raises(Refused) as refused:
            index.member(f"1.2.{number}")
        assert refused.value.code == "not-found"


MEMBER = Member("1.2.3", "1.2", 512, 1000, "cd", "1.2.840.10008.1.2.1", ((10, 20, 0), (30, 20, 0)), {})
INDEX = SeriesIndex(PACK, "1.2.1", "1.2.2", (MEMBER,))


@pytest.mark.parametrize("number", [0, -1, 3])
def test_frame_out_of_range(number: int) -> None:
    """Frames are counted from 1 to their number."""
    with pytest.raises(Refused) as refused:
        INDEX.frame("1.2.3", number)
    assert (refused.value.code, refused.value.facts["frames"]) == ("frame-out-of-range", 2)


def test_pack_key() -> None:
    """A pack rests under the first two digits of its digest."""
    assert pack_key(PACK) == f"packs/ab/{PACK}.tar"


DAMAGED = [
    b"",
    b"no zstd",
    INDEX.to_bytes()[:-4],
    *map(
        zstandard.compress,
        [b"", b"[]", b"{}", b'{"format":2}', b'{"format":1}', b'{"format":1,"members":[{}]}', b"\xff"],
    ),
]


@pytest.mark.parametrize("data", DAMAGED)
def test_damaged(data: bytes) -> None:
    """Bytes that are no index are told to be damaged."""
    with pytest.raises(Refused) as refused:
        SeriesIndex.from_bytes(data)
    assert refused.value.code == "object-damaged"
