from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from kaname.annotation import flow, gather
from kaname.annotation.flow import agreement, cases, labels, make, progress, readings, take, task_of, tasks
from kaname.annotation.index import CASES, READINGS
from kaname.annotation.model import Given, Kind, Mark, Progress, Sought, Verdict
from kaname.annotation.purge import forget
from kaname.archive import purge as archive
from kaname.archive.flow import shelve
from kaname.archive.index import SERIES
from kaname.archive.shelf import load_index
from kaname.database import reading
from kaname.errors import Forbidden, Refused
from kaname.intake.flow import accept
from kaname.node import Node, open_node
from kaname.pack import SeriesIndex
from kaname.parcel.enrolment import signing_key
from kaname.registries import load
from kaname.settings import Settings
from kaname.store import Store
from kaname.testing.deliveries import Facility, series
from kaname.testing.kill import killer
from kaname.testing.postgres import find_programs, postgres_server

OPEN = Sought("open")


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path: Path, facility: Facility) -> Iterator[Node]:
    """A hub with one study of ten slices, on both databases."""
    settings = Settings(home=tmp_path / "either", role="hub", name="hub-1")
    settings.keys.mkdir(mode=0o700, parents=True)
    signing_key(settings.keys)
    with ExitStack() as opened:
        if request.param == "postgres":
            programs = find_programs()
            if programs is None:
                pytest.skip("PostgreSQL is not installed: make system")
            settings = replace(settings, database=opened.enter_context(postgres_server(programs)))
        node = open_node(settings)
        opened.callback(node.index.dispose)
        facility.admitted_to(node)
        shelve(node, accept(node, facility.parcel(series(slices=range(1, 11)))).digest)
        yield node


def given(case: str, label: str = "present", *boxes: Mark) -> Given:
    """An answer."""
    return Given(case, (Mark("image", label), *boxes))


def ids(hub: Node, state: Sought = OPEN) -> list[str]:
    """Ids of the task's cases in a state."""
    return [case.id for case in cases(hub, "nodules", state)]


def say(hub: Node, reader: str, case: str, label: str, kind: Kind = "reading") -> None:
    """One reader's answer about one case."""
    take(hub, "nodules", reader, kind, [given(case, label)])


def test_a_task_asks_what_its_registry_asks(hub: Node, task: str) -> None:
    """Question, labels and number of readers are those of the registry on the day the task was made."""
    made = task_of(hub, task)
    assert (made.registry, made.readers) == ("j-mid", 2)
    assert [label.value for label in made.question.labels] == ["present", "absent"]
    assert made.question.ja.startswith("この画像に")
    assert tasks(hub, ("j-mid",)) == (made,)
    assert tasks(hub, ("basic",)) == ()


def test_every_frame_becomes_a_case_once(hub: Node, facility: Facility, task: str) -> None:
    """Making a task again adds what came since, and nothing twice."""
    assert make(hub, task, "j-mid").added == 0
    late = series("888", study=3, slices=(1,), NumberOfFrames="2", Rows=4)
    more = series("00012345", study=1, slices=(3,))
    for sequence, slices in ((3, late), (4, more)):
        shelve(hub, accept(hub, facility.parcel(slices, sequence)).digest)
    again = make(hub, task, "j-mid")
    assert (again.added, again.cases, again.without_frames) == (3, 7, 0)
    assert sorted((case.frame, case.rows, case.columns) for case in cases(hub, task, OPEN))[-2:] == [
        (1, 8, 8),
        (2, 4, 8),
    ]
    assert progress(hub, task) == Progress(7, 0, 0)


def test_a_task_takes_the_series_that_it_is_given(hub: Node) -> None:
    """By UID or by modality; a series that is not there is not found."""
    with reading(hub.index) as connection:
        uids = list(connection.scalars(select(SERIES.c.series_instance_uid)))
    assert make(hub, "one", "j-mid", series=uids[:1]).cases == 2
    assert make(hub, "one", "j-mid", series=uids).added == 2
    assert make(hub, "none", "j-mid", modality="MR").cases == 0
    with pytest.raises(Refused, match="not-found"):
        make(hub, "one", "j-mid", series=["2.25.1"])


@pytest.mark.parametrize(
    ("name", "registry", "code"),
    [
        ("a b", "j-mid", "task-name"),
        ("", "j-mid", "task-name"),
        ("nodules", "basic", "task-registry"),
        ("other", "basic", "task-question"),
        ("other", "nobody", "unknown-registry"),
    ],
)
@pytest.mark.usefixtures("task")
def test_a_task_that_cannot_be_is_refused(hub: Node, name: str, registry: str, code: str) -> None:
    """A bad name, a name of another registry, a registry that asks nothing."""
    with pytest.raises(Refused, match=code):
        make(hub, name, registry)


def test_a_case_is_settled_when_two_readers_agree(hub: Node, task: str) -> None:
    """Agreement settles, disagreement waits, and an adjudicator decides."""
    first, second, *_ = ids(hub)
    for reader, label in (("a", "present"), ("b", "present")):
        say(hub, reader, first, label)
    for reader, label in (("a", "present"), ("b", "absent")):
        say(hub, reader, second, label)
    assert progress(hub, task) == Progress(2, 1, 1)
    assert ids(hub, Sought("disputed")) == [second]
    say(hub, "chief", second, "absent", "adjudication")
    found = {label.sop_instance_uid: (label.label, label.settled) for label in labels(hub, task)}
    assert sorted(found.values()) == [("absent", "adjudicated"), ("present", "agreed")]
    assert [one.kind for one in readings(hub, second)] == ["reading", "reading", "adjudication"]


def test_a_reader_is_asked_about_what_they_have_not_read(hub: Node) -> None:
    """A case leaves a reader's list with their reading, and nobody else's list before it is settled."""
    first, *rest = ids(hub) if make(hub, "nodules", "j-mid").cases else []
    say(hub, "a", first, "present")
    assert ids(hub, Sought("open", "a")) == rest
    assert ids(hub, Sought("open", "b")) == [first, *rest]
    say(hub, "b", first, "present")
    assert ids(hub, Sought("open", "b")) == rest
    page = cases(hub, "nodules", Sought("open", "b", after=rest[0], limit=1))
    assert [case.id for case in page] == rest[1:2]
    assert cases(hub, "nodules", Sought("open", instance=page[0].sop_instance_uid)) == page
    assert {case.id for case in cases(hub, "nodules", Sought("open", study=page[0].study_instance_uid))} >= {page[0].id}


@pytest.mark.usefixtures("task")
def test_the_same_answer_again_changes_nothing(hub: Node) -> None:
    """A request that is sent again, because its answer was lost, finds its reading there."""
    answers = [given(case, "present", Mark("box", "present", ((0, 0), (2, 3)))) for case in ids(hub)]
    first = take(hub, "nodules", "a", "reading", answers)
    head = hub.ledger.head()
    again = take(hub, "nodules", "a", "reading", answers)
    assert [one.new for one in first] == [True] * 4
    assert again == tuple(replace(one, new=False) for one in first)
    assert hub.ledger.head() == head


@pytest.mark.usefixtures("task")
def test_a_reading_is_never_overwritten(hub: Node) -> None:
    """Who thinks again adds a reading; the first one stays, and the verdict is that of the last ones."""
    case, *_ = ids(hub)
    for reader, label in (("a", "absent"), ("b", "present"), ("a", "present")):
        say(hub, reader, case, label)
    found = readings(hub, case)
    assert [(one.number, one.reader, one.label) for one in found] == [
        (1, "a", "absent"),
        (2, "b", "present"),
        (3, "a", "present"),
    ]
    assert [one.at for one in found] == sorted(one.at for one in found)
    assert cases(hub, "nodules", Sought("settled"))[0].verdict == Verdict("settled", "present", "agreed")


@pytest.mark.usefixtures("task")
def test_a_correction_takes_the_place_of_whatever_stood(hub: Node) -> None:
    """Also where nothing stood, and by whoever read the case: it comes after all looks."""
    settled, unread, *_ = ids(hub)
    for reader in "ab":
        say(hub, reader, settled, "present")
    say(hub, "a", settled, "absent", "correction")
    say(hub, "chief", unread, "present", "correction")
    found = {case.id: case.verdict for case in cases(hub, "nodules", Sought("settled"))}
    assert found == {
        settled: Verdict("settled", "absent", "corrected"),
        unread: Verdict("settled", "present", "corrected"),
    }


@pytest.mark.usefixtures("task")
def test_one_person_does_not_decide_over_their_own_reading(hub: Node) -> None:
    """Four eyes: neither adjudicate what one has read, nor read what one has adjudicated; and disputes only."""
    case, other, *_ = ids(hub)
    with pytest.raises(Refused, match="case-not-disputed"):
        say(hub, "chief", case, "present", "adjudication")
    say(hub, "a", case, "present")
    say(hub, "b", case, "absent")
    with pytest.raises(Forbidden, match="own-reading"):
        say(hub, "a", case, "present", "adjudication")
    say(hub, "chief", case, "present", "adjudication")
    say(hub, "chief", case, "absent", "adjudication")
    with pytest.raises(Forbidden, match="own-reading"):
        say(hub, "chief", case, "absent")
    assert [one.verdict.label for one in cases(hub, "nodules", Sought("settled"))] == ["absent"]
    assert other in ids(hub)


@pytest.mark.usefixtures("task")
def test_many_answers_are_taken_or_none(hub: Node) -> None:
    """One bad answer, one unknown case, or one case twice, and nothing of the request is kept."""
    case, other, *_ = ids(hub)
    for bad in (given(other, "perhaps"), given("f" * 64), given(case)):
        with pytest.raises(Refused):
            take(hub, "nodules", "a", "reading", [given(case), bad])
    make(hub, "second", "j-mid")
    with pytest.raises(Refused, match="not-found"):
        take(hub, "second", "a", "reading", [given(case)])
    with pytest.raises(Refused, match="not-found"):
        take(hub, "third", "a", "reading", [given(case)])
    with pytest.raises(Refused, match="reading-invalid"):
        take(hub, "nodules", "a", "reading", [given(str(n)) for n in range(flow.PAGE_LIMIT + 1)])
    assert readings(hub, case) == ()


@pytest.mark.usefixtures("task")
def test_agreement_is_that_of_the_independent_looks(hub: Node) -> None:
    """Adjudications and corrections do not make readers agree."""
    for n, case in enumerate(ids(hub)):
        say(hub, "a", case, "present" if n % 2 else "absent")
        say(hub, "b", case, "present" if n % 2 or n == 2 else "absent")
    (disputed,) = ids(hub, Sought("disputed"))
    say(hub, "chief", disputed, "absent", "adjudication")
    (pair,) = agreement(hub, "nodules")
    assert (pair.readers, pair.cases, pair.agreed, pair.observed, pair.kappa) == (("a", "b"), 4, 3, 0.75, 0.5)


@pytest.mark.usefixtures("task")
def test_a_subject_who_withdraws_is_forgotten(hub: Node, facility: Facility) -> None:
    """Cases and readings go, again changes nothing, and a task made again does not bring them back."""
    for case in ids(hub):
        say(hub, "a", case, "present")
    subject = facility.subject("777")
    archive.forget(hub, "j-mid", subject)
    assert (forget(hub, "j-mid", subject), forget(hub, "j-mid", subject)) == (2, 0)
    assert {case.subject for case in cases(hub, "nodules", OPEN)} == {facility.subject("00012345")}
    with reading(hub.index) as connection:
        assert connection.execute(select(func.count()).select_from(READINGS)).scalar_one() == 2
    assert make(hub, "nodules", "j-mid").cases == 2
    assert subject not in repr(list(hub.ledger.events(action="readings-taken")))


@pytest.mark.usefixtures("task")
def test_what_was_done_is_written_down(hub: Node) -> None:
    """The ledger names the task, its cases, and who answered how many."""
    take(hub, "nodules", "a", "reading", [given(case) for case in ids(hub)])
    events = [(event.action, event.actor, event.about) for event in hub.ledger.events(about="nodules")]
    assert events == [
        ("annotation-task-made", "society", "nodules"),
        ("cases-added", "society", "nodules"),
        ("readings-taken", "a", "nodules"),
    ]
    assert next(iter(hub.ledger.events(action="readings-taken"))).facts["readings"] == 4


def test_readers_at_once_come_to_the_same(either: Node) -> None:
    """Four people answer at the same time: every reading is there, and every verdict is of all of them."""
    assert make(either, "nodules", "j-mid").cases == 10
    all_cases = [case.id for case in cases(either, "nodules", OPEN)]

    def answer(reader: str) -> None:
        for case in all_cases:
            say(either, reader, case, "absent" if reader == "d" and case == all_cases[0] else "present")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(answer, "abcd"))
    assert progress(either, "nodules") == Progress(0, 1, 9)
    with reading(either.index) as connection:
        numbers = connection.execute(
            select(READINGS.c.case_id, func.max(READINGS.c.number)).group_by(READINGS.c.case_id)
        )
        assert {number for _, number in numbers} == {4}
        assert connection.execute(select(func.count()).select_from(CASES)).scalar_one() == 10


def test_killed_anywhere_gathering_goes_on(hub: Node) -> None:
    """A node that dies while it makes tasks: the same call again makes the rest, and nothing twice."""
    hub.index.dispose()
    with killer(hub.settings.home) as kill:
        lines = kill.run("gather", "whole")
        for n in range(1, 6):
            assert kill.run("gather", f"task-{n}", n * lines // 6) == n * lines // 6
            assert make(hub, f"task-{n}", "j-mid").cases == 4
    with reading(hub.index) as connection:
        assert connection.execute(select(func.count()).select_from(CASES)).scalar_one() == 6 * 4
    assert sum(int(str(event.facts["cases"])) for event in hub.ledger.events(action="cases-added")) == 6 * 4


def test_what_cannot_be_asked_about_is_no_case(hub: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames that cannot be told apart are counted; kinds of object that the registry does not collect are not."""

    def frameless(store: Store, pack: str) -> SeriesIndex:
        """The index of a pack whose frames nobody can tell apart."""
        index = load_index(store, pack)
        return replace(index, members=tuple(replace(member, frames=()) for member in index.members))

    monkeypatch.setattr(gather, "load_index", frameless)
    made = make(hub, "nodules", "j-mid")
    assert (made.cases, made.without_frames) == (0, 4)
    monkeypatch.setattr(gather, "load", lambda registry: replace(load(registry), sop_classes={}))
    made = make(hub, "others", "j-mid")
    assert (made.cases, made.without_frames) == (0, 0)
