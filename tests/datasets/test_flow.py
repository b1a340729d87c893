from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, update

from kaname.archive.index import PACKS, SERIES
from kaname.clock import Clock
from kaname.database import writing
from kaname.datasets.flow import content, diff, freeze, hole, names, show, versions
from kaname.datasets.frozen import key_of
from kaname.datasets.index import VERSIONS
from kaname.datasets.model import DatasetVersion
from kaname.datasets.verify import verify
from kaname.errors import Refused
from kaname.node import Node, open_node
from kaname.pack import pack_key
from kaname.settings import Settings
from kaname.store import digest_bytes
from kaname.testing.postgres import find_programs, postgres_server

ALICE, BOB, CAROL = "AAAAAAAAAAAAAAAA", "BBBBBBBBBBBBBBBB", "CCCCCCCCCCCCCCCC"
AT = "2026-11-21T12:00:00Z"
Shelve = Callable[..., str]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """An empty hub at a standing clock."""
    clock = Clock(now=lambda: datetime(2026, 11, 21, 12, tzinfo=UTC))
    opened = open_node(Settings(home=tmp_path, role="hub", name="hub-1"), clock)
    yield opened
    opened.index.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Node]:
    """The same hub on both databases."""
    settings = Settings(home=tmp_path, role="hub", name="hub-1")
    with ExitStack() as opened:
        if request.param == "postgres":
            programs = find_programs()
            if programs is None:
                pytest.skip("PostgreSQL is not installed: make system")
            settings = replace(settings, database=opened.enter_context(postgres_server(programs)))
        hub = open_node(settings)
        opened.callback(hub.index.dispose)
        yield hub


def shelve(
    node: Node, subject: str, series: str, *, number: int = 1, registry: str = "j-mid", modality: str = "CT"
) -> str:
    """Puts a pack on the archive's shelves as its rows and bytes; returns its digest."""
    data = f"{subject}{series}{number}".encode() * 100
    digest = digest_bytes(data)
    node.store.put(pack_key(digest), data)
    with writing(node.index) as connection:
        if number == 1:
            connection.execute(
                insert(SERIES).values(
                    series_instance_uid=series,
                    study_instance_uid=f"1.{series}",
                    registry=registry,
                    subject=subject,
                    modality=modality,
                    series_number=1,
                    series_description="",
                    body_part_examined="",
                    instances=2,
                    document="{}",
                )
            )
        connection.execute(
            insert(PACKS).values(
                digest=digest,
                series_instance_uid=series,
                number=number,
                registry=registry,
                subject=subject,
                size_bytes=len(data),
                members=2,
                instances=2,
                index_digest="0" * 64,
                parcel="0" * 64,
                shelved_at=AT,
            )
        )
    return digest


def purge(node: Node, subject: str) -> None:
    """What the archive does when a subject withdraws: rows and bytes go."""
    with writing(node.index) as connection:
        gone = connection.scalars(delete(PACKS).where(PACKS.c.subject == subject).returning(PACKS.c.digest)).all()
        connection.execute(delete(SERIES).where(SERIES.c.subject == subject))
    for digest in gone:
        node.store.delete(pack_key(digest))


def withdraw(node: Node, subject: str) -> tuple[DatasetVersion, ...]:
    """The two things that happen to a subject here, in their order."""
    purge(node, subject)
    return hole(node, "j-mid", subject, AT)


def subjects(node: Node, dataset: DatasetVersion) -> list[str]:
    """Whom a version names."""
    return [member.subject for member in content(node, dataset).members]


def test_a_question_becomes_a_frozen_list(node: Node) -> None:
    """Freezing lists every pack of the series asked for, sorted, and nothing of another registry or modality."""
    second = shelve(node, BOB, "2.25.9")
    first = shelve(node, ALICE, "2.25.10")
    shelve(node, ALICE, "2.25.11", modality="MR")
    shelve(node, CAROL, "2.25.12", registry="basic")
    made = freeze(node, "lungs", "j-mid", "CT", actor="operator")
    assert [member.pack for member in content(node, made).members] == [first, second]
    assert (made.version, made.parent, made.subjects, made.series, made.instances) == (1, "", 2, 2, 4)
    assert freeze(node, "all", "j-mid").series == 3


def test_the_same_content_again_is_the_same_version(node: Node) -> None:
    """Nothing new in the archive means no new version, however often it is frozen."""
    shelve(node, ALICE, "2.25.1")
    made = freeze(node, "lungs", "j-mid")
    assert freeze(node, "lungs", "j-mid") == made
    assert versions(node, "lungs") == (made,)


def test_a_version_links_to_the_one_before(node: Node) -> None:
    """What is frozen later names its parent, and the parent stays as it was."""
    shelve(node, ALICE, "2.25.1")
    first = freeze(node, "lungs", "j-mid")
    shelve(node, BOB, "2.25.2")
    second = freeze(node, "lungs", "j-mid")
    assert (second.version, second.parent) == (2, first.digest)
    assert subjects(node, first) == [ALICE]
    assert show(node, "lungs") == second
    assert show(node, "lungs", 1) == first
    assert names(node, ("j-mid",)) == (second,)
    assert names(node, ("basic",)) == ()


def test_a_series_that_grew_has_a_member_per_pack(node: Node) -> None:
    """Late instances come in a pack of their own: later versions name both, in the order in which they came."""
    early = shelve(node, ALICE, "2.25.1")
    freeze(node, "lungs", "j-mid")
    late = shelve(node, ALICE, "2.25.1", number=2)
    made = freeze(node, "lungs", "j-mid")
    assert [member.pack for member in content(node, made).members] == [early, late]
    assert (made.series, made.instances) == (1, 4)
    assert diff(node, "lungs", 1, 2).changed == ("2.25.1",)


def test_a_withdrawal_leaves_a_named_hole(node: Node) -> None:
    """The new version says how much is missing and since when, and not whose it was."""
    pack = shelve(node, ALICE, "2.25.1")
    shelve(node, BOB, "2.25.2")
    first = freeze(node, "lungs", "j-mid")
    (made,) = withdraw(node, ALICE)
    frozen = content(node, made)
    (missing,) = frozen.holes
    assert (made.version, made.parent, made.holes) == (2, first.digest, 1)
    assert subjects(node, made) == [BOB]
    assert (missing.hole, missing.withdrawn_at, missing.instances, missing.packs) == (1, AT, 2, (pack,))
    assert ALICE not in repr(frozen)
    assert [version.superseded_by for version in versions(node, "lungs")] == [2, 0]
    assert subjects(node, first) == [ALICE, BOB], "the frozen list stays what it was"
    assert diff(node, "lungs", 1, 2).holes == (missing,)


def test_only_datasets_that_held_the_subject_are_touched(node: Node) -> None:
    """A dataset that never named the subject keeps its versions; one whose newest no longer does gets its hole."""
    shelve(node, ALICE, "2.25.1")
    shelve(node, BOB, "2.25.2", modality="MR")
    freeze(node, "changed", "j-mid", "CT")
    freeze(node, "changed", "j-mid", "MR")
    untouched = freeze(node, "other", "j-mid", "MR")
    (made,) = withdraw(node, ALICE)
    assert (made.name, made.version, made.subjects, made.holes) == ("changed", 3, 1, 1)
    assert [version.superseded_by for version in versions(node, "changed")] == [3, 0, 0]
    assert versions(node, "other") == (untouched,)


def test_a_withdrawal_again_changes_nothing(node: Node) -> None:
    """The same withdrawal, replayed after a crash, names the same versions."""
    shelve(node, ALICE, "2.25.1")
    shelve(node, BOB, "2.25.2")
    freeze(node, "a", "j-mid")
    freeze(node, "b", "j-mid")
    made = withdraw(node, ALICE)
    withdraw(node, BOB)
    assert [version.name for version in made] == ["a", "b"]
    before = versions(node, "a")
    again = hole(node, "j-mid", ALICE, "2027-01-01T00:00:00Z")
    assert [(v.name, v.version, v.digest) for v in again] == [(v.name, v.version, v.digest) for v in made]
    assert versions(node, "a") == before


def test_holes_are_numbered_and_stay(node: Node) -> None:
    """Every withdrawal adds one hole, and freezing again forgets none."""
    for place, subject in enumerate((ALICE, BOB, CAROL)):
        shelve(node, subject, f"2.25.{place + 1}")
    freeze(node, "lungs", "j-mid")
    withdraw(node, ALICE)
    (second,) = withdraw(node, BOB)
    assert [missing.hole for missing in content(node, second).holes] == [1, 2]
    assert freeze(node, "lungs", "j-mid") == second
    shelve(node, CAROL, "2.25.4")
    assert [missing.hole for missing in content(node, freeze(node, "lungs", "j-mid")).holes] == [1, 2]


def test_the_last_subject_may_go(node: Node) -> None:
    """A dataset of which nobody is left is a list of holes."""
    shelve(node, ALICE, "2.25.1")
    freeze(node, "lungs", "j-mid")
    (made,) = withdraw(node, ALICE)
    assert (made.series, made.holes) == (0, 1)
    assert verify(node, "lungs").gone == 1


@pytest.mark.parametrize("name", ["", "-a", "a/b", "a b", "x" * 64, "肺"])
def test_a_name_that_cannot_be_one_is_refused(node: Node, name: str) -> None:
    """A dataset's name is plain text that fits a path, a URL and a certificate."""
    with pytest.raises(Refused, match="dataset-name"):
        freeze(node, name, "j-mid")


def test_a_name_stays_with_its_registry(node: Node) -> None:
    """Two registries never meet in one dataset."""
    shelve(node, ALICE, "2.25.1")
    shelve(node, BOB, "2.25.2", registry="basic")
    freeze(node, "lungs", "j-mid")
    with pytest.raises(Refused, match="dataset-registry"):
        freeze(node, "lungs", "basic")


def test_an_empty_answer_is_no_dataset(node: Node) -> None:
    """A question that nothing matches makes no version."""
    with pytest.raises(Refused, match="dataset-empty"):
        freeze(node, "lungs", "j-mid", "US")


def test_what_does_not_exist_is_not_found(node: Node) -> None:
    """A name or number that was never frozen is refused by every verb."""
    for ask in (show, versions, verify):
        with pytest.raises(Refused, match="not-found"):
            ask(node, "lungs")
    shelve(node, ALICE, "2.25.1")
    freeze(node, "lungs", "j-mid")
    with pytest.raises(Refused, match="not-found"):
        show(node, "lungs", 2)


def test_every_version_is_written_down(node: Node) -> None:
    """The ledger names each list by its digest, with who froze it and what it holds."""
    shelve(node, ALICE, "2.25.1")
    made = freeze(node, "lungs", "j-mid", "CT", actor="operator")
    withdraw(node, ALICE)
    events = list(node.ledger.events())
    assert [(event.action, event.actor) for event in events] == [
        ("dataset-frozen", "operator"),
        ("dataset-holed", "hub-1"),
    ]
    assert events[0].about == made.digest
    assert events[0].facts["question"] == {"registry": "j-mid", "modality": "CT", "task": ""}
    assert ALICE not in repr(events)


def test_a_sound_version_is_verified(node: Node) -> None:
    """Every pack is hashed; after a withdrawal, its absence is what is verified, in old versions too."""
    shelve(node, ALICE, "2.25.1")
    shelve(node, BOB, "2.25.2")
    freeze(node, "lungs", "j-mid")
    assert (verify(node, "lungs").packs, verify(node, "lungs").gone) == (2, 0)
    withdraw(node, ALICE)
    assert (verify(node, "lungs", 2).packs, verify(node, "lungs", 2).gone) == (1, 1)
    assert (verify(node, "lungs", 1).packs, verify(node, "lungs", 1).gone) == (1, 1)


def test_what_is_wrong_with_a_version_is_found(node: Node) -> None:
    """A pack that is missing, one with other bytes, and one that ought to be gone are each counted."""
    damaged = shelve(node, ALICE, "2.25.1")
    missing = shelve(node, BOB, "2.25.2")
    remaining = shelve(node, CAROL, "2.25.3")
    freeze(node, "lungs", "j-mid")
    withdraw(node, CAROL)
    node.store.delete(pack_key(damaged))
    node.store.put(pack_key(damaged), b"other bytes")
    node.store.delete(pack_key(missing))
    node.store.put(pack_key(remaining), b"never deleted")
    with pytest.raises(Refused, match="dataset-damaged") as refused:
        verify(node, "lungs")
    assert refused.value.facts == {"missing": 1, "damaged": 1, "remaining": 1, "first": missing}


def test_a_list_with_other_bytes_is_found(node: Node) -> None:
    """The list itself is hashed before anything in it is believed."""
    shelve(node, ALICE, "2.25.1")
    made = freeze(node, "lungs", "j-mid")
    node.store.delete(key_of(made.digest))
    node.store.put(key_of(made.digest), b"other bytes")
    with pytest.raises(Refused, match="dataset-damaged"):
        verify(node, "lungs")


def test_a_catalogue_that_says_something_else_is_found(node: Node) -> None:
    """A row that was changed, or a version that the ledger never saw, is not sound."""
    shelve(node, ALICE, "2.25.1")
    shelve(node, BOB, "2.25.2", modality="MR")
    one = freeze(node, "lungs", "j-mid", "CT")
    other = freeze(node, "brains", "j-mid", "MR")
    with writing(node.index) as connection:
        connection.execute(update(VERSIONS).where(VERSIONS.c.name == "lungs").values(instances=99))
        connection.execute(update(VERSIONS).where(VERSIONS.c.name == "brains").values(version=7))
    assert replace(one, instances=99) == show(node, "lungs")
    assert replace(other, version=7) == show(node, "brains")
    for name in ("lungs", "brains"):
        with pytest.raises(Refused, match="dataset-damaged"):
            verify(node, name)


def test_no_version_names_who_has_withdrawn(either: Node) -> None:
    """Freezing while subjects withdraw: each is in a superseded version or in none, and has a hole where it was."""
    everybody = [f"{'ABCDEFGH'[n]}" * 16 for n in range(8)]
    for n, subject in enumerate(everybody):
        shelve(either, subject, f"2.25.{n + 1}")
    shelve(either, "Z" * 16, "2.25.99")
    freeze(either, "lungs", "j-mid")
    with ThreadPoolExecutor(5) as pool:
        freezing = [pool.submit(freeze, either, name, "j-mid") for name in ("lungs", "brains") * 10]
        going = [pool.submit(withdraw, either, subject) for subject in everybody]
        for future in (*freezing, *going):
            future.result()
    standing = [v for name in ("lungs", "brains") for v in versions(either, name) if not v.superseded_by]
    assert {subject for version in standing for subject in subjects(either, version)} <= {"Z" * 16}
    holes = content(either, show(either, "lungs")).holes
    assert [missing.hole for missing in holes] == list(range(1, 9))
    assert [event.facts["version"] for event in either.ledger.events() if event.facts["name"] == "lungs"] == [
        version.version for version in versions(either, "lungs")
    ]
    for version in versions(either, "lungs"):
        verify(either, "lungs", version.version)
