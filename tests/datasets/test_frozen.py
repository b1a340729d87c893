from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from kaname.annotation.model import Mark, Marked
from kaname.datasets.frozen import key_of, read_list, write_list
from kaname.datasets.model import SPLITS, Assigned, Frozen, Hole, Labelled, Member, Question, Recorded
from kaname.errors import Refused
from kaname.store import Store, digest_bytes

MEMBER = Member("AAAAAAAAAAAAAAAA", "2.25.1", "2.25.2", "a" * 64, 3)
HOLE = Hole(1, "2026-11-21T12:00:00Z", 2, ("b" * 64, "c" * 64))
MARKS = (Marked(1, Mark("image", "present")), Marked(2, Mark("interval", "present", frames=(2, 5))))
LABEL = Labelled(MEMBER.subject, "2.25.3", 1, "present", "agreed", MARKS)
PAIR = Labelled(MEMBER.subject, "2.25.3", 1, "left", "agreed", (), "2.25.4", 2)
RECORD = Recorded(MEMBER.subject, "2.25.1", "B" * 16, (("lesion", "cyst"), ("lesion_size", 12.5)))
SPLIT = Assigned(MEMBER.subject, "test")
FROZEN = Frozen("lungs", Question("j-mid", "CT", "nodules"), (MEMBER,), (HOLE,), (LABEL, PAIR), (SPLIT,), (RECORD,))
FIRST_FORMAT = (
    '{"format":1,"name":"lungs","question":{"modality":"CT","registry":"j-mid"}}\n'
    f'{{"instances":3,"pack":"{"a" * 64}","series":"2.25.2","study":"2.25.1","subject":"AAAAAAAAAAAAAAAA"}}\n'
    f'{{"hole":1,"instances":2,"packs":["{"b" * 64}","{"c" * 64}"],"withdrawn_at":"2026-11-21T12:00:00Z"}}\n'
)
"""A list as it was written before there were labels and splits."""
SECOND_FORMAT = (
    '{"format":2,"name":"lungs","question":{"modality":"CT","registry":"j-mid","task":"nodules"}}\n'
    f'{{"instances":3,"pack":"{"a" * 64}","series":"2.25.2","study":"2.25.1","subject":"AAAAAAAAAAAAAAAA"}}\n'
    '{"split":"test","subject":"AAAAAAAAAAAAAAAA"}\n'
    '{"frame":1,"instance":"2.25.3","label":"present","settled":"agreed","subject":"AAAAAAAAAAAAAAAA"}\n'
)
"""A list as it was written before there were marks, pairs and clinical items."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """An empty folder store."""
    return Store.open(str(tmp_path_factory.mktemp("objects")))


def test_a_list_is_canonical_lines_under_their_own_digest(store: Store) -> None:
    """The stored list is the documented lines, and its name is their SHA-256."""
    digest = write_list(store, FROZEN)
    plain = zstandard.decompress(store.get(key_of(digest)), max_output_size=1 << 20)
    assert plain.decode().splitlines() == [
        '{"format":3,"name":"lungs","question":{"modality":"CT","registry":"j-mid","task":"nodules"}}',
        f'{{"instances":3,"pack":"{"a" * 64}","series":"2.25.2","study":"2.25.1","subject":"AAAAAAAAAAAAAAAA"}}',
        '{"split":"test","subject":"AAAAAAAAAAAAAAAA"}',
        (
            '{"frame":1,"instance":"2.25.3","label":"present","marks":[{"geometry":"image","label":"present","points":[],'
            '"reader":1},{"frames":[2,5],"geometry":"interval","label":"present","points":[],"reader":2}],'
            '"settled":"agreed","subject":"AAAAAAAAAAAAAAAA"}'
        ),
        (
            '{"frame":1,"instance":"2.25.3","label":"left","marks":[],"other":{"frame":2,"instance":"2.25.4"},'
            '"settled":"agreed","subject":"AAAAAAAAAAAAAAAA"}'
        ),
        (
            '{"accession":"BBBBBBBBBBBBBBBB","items":{"lesion":"cyst","lesion_size":12.5},"study":"2.25.1",'
            '"subject":"AAAAAAAAAAAAAAAA"}'
        ),
        f'{{"hole":1,"instances":2,"packs":["{"b" * 64}","{"c" * 64}"],"withdrawn_at":"2026-11-21T12:00:00Z"}}',
    ]
    assert digest == digest_bytes(plain)


def test_a_list_of_the_first_format_is_still_read(store: Store) -> None:
    """It has neither labels nor splits, and keeps its digest."""
    plain = FIRST_FORMAT.encode()
    store.put(key_of(digest_bytes(plain)), zstandard.compress(plain))
    found = read_list(store, digest_bytes(plain))
    assert found == Frozen("lungs", Question("j-mid", "CT"), (MEMBER,), (HOLE,))


def test_a_list_of_the_second_format_is_still_read(store: Store) -> None:
    """It has neither marks nor items, and keeps its digest."""
    plain = SECOND_FORMAT.encode()
    store.put(key_of(digest_bytes(plain)), zstandard.compress(plain))
    label = Labelled(MEMBER.subject, "2.25.3", 1, "present", "agreed")
    question = Question("j-mid", "CT", "nodules")
    assert read_list(store, digest_bytes(plain)) == Frozen("lungs", question, (MEMBER,), (), (label,), (SPLIT,))


UIDS = st.from_regex(r"2\.25\.[1-9][0-9]{0,30}", fullmatch=True)
DIGESTS = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
MEMBERS = st.builds(Member, st.from_regex(r"[A-Z2-7]{16}", fullmatch=True), UIDS, UIDS, DIGESTS, st.integers(1, 9999))
HOLES = st.builds(Hole, st.integers(1, 9), st.just(HOLE.withdrawn_at), st.integers(0, 99), st.tuples(DIGESTS))
SUBJECTS = st.from_regex(r"[A-Z2-7]{16}", fullmatch=True)
SPANS = st.tuples(st.integers(1, 9), st.integers(1, 9))
MARKED = st.builds(
    Marked,
    st.integers(1, 3),
    st.builds(lambda label: Mark("image", label), st.sampled_from(["present", "無"]))
    | st.builds(lambda span: Mark("interval", "a", frames=span), SPANS)
    | st.builds(lambda value: Mark("form", "a", values=(("item", value),)), st.sampled_from([3, 2.5]))
    | st.builds(
        lambda points: Mark("polygon", "a", tuple(points)), st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9)))
    ),
)
PLACES = st.tuples(UIDS, st.integers(1, 9)) | st.just(("", 0))
LABELS = st.builds(
    lambda subject, uid, frame, label, marks, other: Labelled(subject, uid, frame, label, "agreed", marks, *other),
    SUBJECTS,
    UIDS,
    st.integers(0, 9),
    st.sampled_from(["present", "無"]),
    st.lists(MARKED, max_size=3).map(tuple),
    PLACES,
)
RECORDS = st.builds(Recorded, SUBJECTS, UIDS, SUBJECTS, st.sampled_from([(), (("a", "x"), ("b", 1.5)), (("c", 3),)]))
ASSIGNED = st.builds(Assigned, SUBJECTS, st.sampled_from(SPLITS))
LISTS = st.builds(
    Frozen,
    st.sampled_from(["a", "lungs"]),
    st.builds(Question, st.sampled_from(["j-mid", "basic"]), st.sampled_from(["", "CT"]), st.sampled_from(["", "t"])),
    st.lists(MEMBERS, max_size=3).map(tuple),
    st.lists(HOLES, max_size=2).map(tuple),
    st.lists(LABELS, max_size=2).map(tuple),
    st.lists(ASSIGNED, max_size=2).map(tuple),
    st.lists(RECORDS, max_size=2).map(tuple),
)


@settings(max_examples=25, deadline=None)
@given(LISTS, LISTS)
def test_a_list_is_read_back_as_it_was_written(store: Store, one: Frozen, other: Frozen) -> None:
    """Reading undoes writing, and two lists share a digest only when they are the same."""
    assert read_list(store, write_list(store, one)) == one
    assert (write_list(store, one) == write_list(store, other)) is (one == other)


@pytest.mark.parametrize(
    "bad",
    [
        b"no zstd at all",
        zstandard.compress(b'{"format":1}\n'),
        zstandard.compress(b"x" * 1000)[:-4],
    ],
)
def test_other_bytes_in_the_place_of_a_list_are_refused(tmp_path: Path, bad: bytes) -> None:
    """What does not have the digest is not the list, whatever it says."""
    store = Store.open(str(tmp_path))
    store.put(key_of("d" * 64), bad)
    with pytest.raises(Refused, match="dataset-damaged"):
        read_list(store, "d" * 64)


def test_a_format_of_the_future_is_refused(store: Store) -> None:
    """A list in a newer format is not half understood."""
    plain = b'{"format":4}\n'
    store.put(key_of(digest_bytes(plain)), zstandard.compress(plain))
    with pytest.raises(Refused, match="dataset-format"):
        read_list(store, digest_bytes(plain))


def test_a_missing_list_is_refused(store: Store) -> None:
    """There is nothing to read under a digest that was never frozen."""
    with pytest.raises(Refused, match="object-missing"):
        read_list(store, "e" * 64)
