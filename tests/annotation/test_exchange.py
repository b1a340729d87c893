"""What readers of a hub settled is known at the cloud: over real mutual TLS, in whatever order things arrive."""

from __future__ import annotations

from collections.abc import Callable, Generator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from kaname.annotation import exchange, flow
from kaname.annotation.arrivals import locate_images, unlocated
from kaname.annotation.exchange import resend, send_readings, take_in, unsent
from kaname.annotation.flow import agreement, cases, labels, make, progress, readings, take
from kaname.annotation.index import CASES
from kaname.annotation.model import Given, Mark, Marked, Progress, Sought
from kaname.annotation.purge import forget
from kaname.archive.flow import shelve, unshelved
from kaname.database import reading, writing
from kaname.errors import NotYet, Refused
from kaname.intake.flow import accept
from kaname.intake.forward import forward_parcel
from kaname.intake.purge import block
from kaname.node import Node
from kaname.parcel.messages import Message
from kaname.registries import load
from kaname.registries.model import Geometry, Unit
from kaname.testing.deliveries import hub_keys, series
from kaname.testing.kill import killer
from kaname.testing.tiers import Tiers, make_tiers


def do(step: Callable[..., Any], *arguments: Any) -> Any:
    """Runs a step at once: what the durable worker does, without its memory."""
    return step(*arguments)


@pytest.fixture
def tiers(tmp_path: Path) -> Generator[Tiers]:
    """A hub with a task over two patients' slices, and a cloud that holds nothing yet."""
    made = make_tiers(tmp_path)
    for sequence, patient in ((1, "00012345"), (2, "777")):
        shelve(made.hub, accept(made.hub, made.facility.parcel(series(patient, study=sequence), sequence)).digest)
    assert make(made.hub, "nodules", "j-mid").cases == 4
    yield made
    made.hub.index.dispose()
    made.cloud.index.dispose()


def say(node: Node, reader: str, label: str, *places: int) -> None:
    """One reader's answers about the cases at these places of the list of all."""
    every = sorted(
        case.id for state in ("open", "disputed", "settled") for case in cases(node, "nodules", Sought(state))
    )
    box = Mark("box", label, ((0.5, 0), (2, 3)))
    take(node, "nodules", reader, "reading", [Given(every[n], (Mark("image", label), box)) for n in places])


def forward(tiers: Tiers) -> None:
    """The hub's parcels go on to the cloud, and are shelved there."""
    for event in tiers.hub.ledger.events(action="parcel-shelved"):
        forward_parcel(tiers.hub, do, event.about)
    for digest in unshelved(tiers.cloud):
        shelve(tiers.cloud, digest)


def tell(tiers: Tiers) -> None:
    """All that is due is told."""
    for id in unsent(tiers.hub):  # noqa: A001
        send_readings(tiers.hub, do, id)


def told_body(tiers: Tiers) -> dict[str, Any]:
    """What the hub would tell of its task, as it was signed."""
    statements: list[bytes] = []

    def keep(_node: Node, statement: bytes) -> None:
        statements.append(statement)
        raise NotYet("receiver-unreachable")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(exchange, "_deliver", keep)
        with pytest.raises(NotYet):
            tell(tiers)
    body = Message.open(statements[0], hub_keys(tiers.hub)).body
    assert isinstance(body, dict)
    return body


def test_settled_cases_are_told_with_their_readings(tiers: Tiers) -> None:
    """The cloud has the same labels, the same agreement, and the readers under the hub's name."""
    say(tiers.hub, "a", "present", 0, 1, 2)
    say(tiers.hub, "b", "present", 0, 1)
    say(tiers.hub, "b", "absent", 2)
    with tiers.cloud_door.open():
        forward(tiers)
        tell(tiers)
    assert unsent(tiers.hub) == ()
    assert labels(tiers.cloud, "nodules") == labels(tiers.hub, "nodules")
    assert len(labels(tiers.cloud, "nodules")) == 2
    (pair,) = agreement(tiers.cloud, "nodules")
    assert (pair.readers, pair.cases) == (("society/a", "society/b"), 2)
    one = cases(tiers.cloud, "nodules", Sought("settled"))[0]
    assert readings(tiers.cloud, one.id) == readings(tiers.hub, one.id)


def test_labels_wait_for_their_images(tiers: Tiers) -> None:
    """What was settled before the image arrived counts from the moment it is there."""
    say(tiers.hub, "a", "present", 0, 1, 2, 3)
    say(tiers.hub, "b", "present", 0, 1, 2, 3)
    with tiers.cloud_door.open():
        tell(tiers)
        assert labels(tiers.cloud, "nodules") == ()
        assert progress(tiers.cloud, "nodules") == Progress(0, 0, 0)
        assert unlocated(tiers.cloud) == ()
        forward(tiers)
    series_here = unlocated(tiers.cloud)
    assert len(series_here) == 2
    assert [locate_images(tiers.cloud, do, id) for id in series_here] == [2, 2]  # noqa: A001
    assert [locate_images(tiers.cloud, do, id) for id in series_here] == [0, 0]  # noqa: A001
    assert unlocated(tiers.cloud) == ()
    assert progress(tiers.cloud, "nodules") == Progress(0, 0, 4)
    assert labels(tiers.cloud, "nodules") == labels(tiers.hub, "nodules")
    assert make(tiers.cloud, "nodules", "j-mid").added == 0


def test_whoever_looks_finds_what_has_arrived(tiers: Tiers) -> None:
    """Labels are asked for before the worker has looked: they are there all the same."""
    for reader in "ab":
        say(tiers.hub, reader, "present", 0, 1, 2, 3)
    with tiers.cloud_door.open():
        tell(tiers)
        forward(tiers)
    assert labels(tiers.cloud, "nodules") == labels(tiers.hub, "nodules")
    assert unlocated(tiers.cloud) == ()


def test_only_news_is_told(tiers: Tiers) -> None:
    """An id for each event not heard of; cases that nobody has settled stay at home; a correction is news."""
    say(tiers.hub, "a", "present", 0, 1)
    assert unsent(tiers.hub) == ()
    say(tiers.hub, "b", "present", 0, 1)
    (first,) = unsent(tiers.hub)
    with tiers.cloud_door.open():
        forward(tiers)
        assert send_readings(tiers.hub, do, first) == 2
        assert send_readings(tiers.hub, do, first) == 0
        case = cases(tiers.hub, "nodules", Sought("settled"))[0]
        take(tiers.hub, "nodules", "chief", "correction", [Given(case.id, (Mark("image", "absent"),))])
        (second,) = unsent(tiers.hub)
        assert second != first
        assert send_readings(tiers.hub, do, second) == 1
    assert sorted(label.label for label in labels(tiers.cloud, "nodules")) == ["absent", "present"]


def test_nothing_is_lost_while_the_cloud_is_away(tiers: Tiers) -> None:
    """Telling waits under the same id, and later tells everything."""
    say(tiers.hub, "a", "present", 0, 1)
    say(tiers.hub, "b", "present", 0)
    before = unsent(tiers.hub)
    with pytest.raises(NotYet, match="receiver-unreachable"):
        tell(tiers)
    say(tiers.hub, "b", "present", 1)
    assert unsent(tiers.hub) == before
    with tiers.cloud_door.open():
        forward(tiers)
        tell(tiers)
    assert len(labels(tiers.cloud, "nodules")) == 2


def test_what_the_cloud_refuses_stops_nothing(tiers: Tiers) -> None:
    """A task whose name is taken there is marked, and told again only when somebody says so; others go on."""
    make(tiers.hub, "other", "j-mid")
    for reader in "ab":
        for task in ("nodules", "other"):
            case = cases(tiers.hub, task, Sought("open"))[0]
            take(tiers.hub, task, reader, "reading", [Given(case.id, (Mark("image", "present"),))])
    taken = told_body(tiers) | {"cases": []}
    take_in(tiers.cloud, "society", "basic", taken)
    with tiers.cloud_door.open():
        forward(tiers)
        tell(tiers)
    assert unsent(tiers.hub) == ()
    assert [len(labels(tiers.cloud, task)) for task in ("nodules", "other")] == [0, 1]
    assert (resend(tiers.hub, "nodules"), resend(tiers.hub, "nodules")) == (1, 0)
    assert len(unsent(tiers.hub)) == 1
    (event,) = tiers.hub.ledger.events(action="readings-hindered")
    assert event.facts["reason"] == "message-unanswered"


def test_the_same_told_again_changes_nothing(tiers: Tiers) -> None:
    """A message that comes twice, or in parts, leaves the same behind."""
    say(tiers.hub, "a", "present", 0, 1, 2, 3)
    say(tiers.hub, "b", "present", 0, 1, 2, 3)
    body = told_body(tiers)
    part = body | {"cases": body["cases"][:1]}
    assert take_in(tiers.cloud, "society", "j-mid", part) == {"cases": 1, "readings": 2, "withdrawn": 0}
    assert take_in(tiers.cloud, "society", "j-mid", body) == {"cases": 3, "readings": 6, "withdrawn": 0}
    head = tiers.cloud.ledger.head()
    assert take_in(tiers.cloud, "society", "j-mid", body) == {"cases": 0, "readings": 0, "withdrawn": 0}
    assert tiers.cloud.ledger.head() == head


def test_who_has_withdrawn_is_not_told_of(tiers: Tiers) -> None:
    """Waiting labels go with their subject, and those that come later are left out."""
    say(tiers.hub, "a", "present", 0, 1, 2, 3)
    say(tiers.hub, "b", "present", 0, 1, 2, 3)
    body = told_body(tiers)
    take_in(tiers.cloud, "society", "j-mid", body)
    subject = tiers.facility.subject("777")
    assert forget(tiers.cloud, "j-mid", subject) == 2
    with writing(tiers.cloud.index) as connection:
        block(connection, "j-mid", subject, tiers.facility.name, tiers.cloud.clock.stamp())
    assert take_in(tiers.cloud, "society", "j-mid", body) == {"cases": 0, "readings": 0, "withdrawn": 2}
    with reading(tiers.cloud.index) as connection:
        assert subject not in set(connection.scalars(select(CASES.c.subject)))


def test_a_label_counts_for_the_image_that_it_was_told_of(tiers: Tiers) -> None:
    """Another subject or study under the same UID, or a frame that the image has not: the label never finds it."""
    say(tiers.hub, "a", "present", 0, 1, 2)
    say(tiers.hub, "b", "present", 0, 1, 2)
    body = told_body(tiers)
    body["cases"][0]["subject"] = "A" * 16
    body["cases"][1]["study"] = "2.25.1"
    body["cases"][2]["frame"] = 9
    take_in(tiers.cloud, "society", "j-mid", body)
    with tiers.cloud_door.open():
        forward(tiers)
    assert {locate_images(tiers.cloud, do, id) for id in unlocated(tiers.cloud)} == {0}  # noqa: A001
    assert unlocated(tiers.cloud) == ()
    assert labels(tiers.cloud, "nodules") == ()


@pytest.mark.parametrize(
    ("unit", "geometry", "marks"),
    [
        ("pair", "pair", (Mark("pair", "present"),)),
        ("instance", "interval", (Mark("interval", "absent", frames=(1, 1)),)),
        ("frame", "polygon", (Mark("polygon", "present", ((0, 0), (8, 0), (8, 8))),)),
    ],
)
def test_cases_of_every_unit_travel(
    tiers: Tiers, monkeypatch: pytest.MonkeyPatch, unit: Unit, geometry: Geometry, marks: tuple[Mark, ...]
) -> None:
    """Labels with their marks are the same at the cloud, whether the images come before or after them."""
    asked = load("j-mid").annotation
    assert asked
    changed = replace(load("j-mid"), annotation=replace(asked, unit=unit, geometries=(geometry,)))
    monkeypatch.setattr(flow, "load", lambda _: changed)
    make(tiers.hub, "marks", "j-mid")
    for reader in "ab":
        for case in cases(tiers.hub, "marks", Sought("open", reader)):
            take(tiers.hub, "marks", reader, "reading", [Given(case.id, marks)])
    before = deepcopy(told_body(tiers))
    with tiers.cloud_door.open():
        tell(tiers)
        assert labels(tiers.cloud, "marks") == ()
        forward(tiers)
    assert labels(tiers.cloud, "marks") == labels(tiers.hub, "marks") != ()
    assert {case.unit for case in cases(tiers.cloud, "marks", Sought("settled"))} == {unit}
    assert labels(tiers.cloud, "marks")[0].marks[1] == Marked(2, marks[0])
    other: dict[str, Any] = {"frame": 1 if unit == "instance" else 0} if unit != "pair" else {"other": None}
    before["cases"][0].update(other)
    with pytest.raises(Refused, match="readings-invalid"):
        take_in(tiers.cloud, "society", "j-mid", before)


def test_cases_of_frames_may_be_told_as_they_once_were(tiers: Tiers) -> None:
    """A hub that knows of frames alone is still understood."""
    say(tiers.hub, "a", "present", 0)
    say(tiers.hub, "b", "present", 0)
    body = told_body(tiers)
    for name in ("unit", "form"):
        del body["task"]["question"][name]
    for name in ("frames", "other"):
        del body["cases"][0][name]
    assert take_in(tiers.cloud, "society", "j-mid", body) == {"cases": 1, "readings": 2, "withdrawn": 0}


Change = Callable[[dict[str, Any]], None]


FAULTS: tuple[tuple[Change, str], ...] = (
    (lambda body: body.update(more=1), "readings-invalid"),
    (lambda body: body["task"].update(name="a b"), "readings-invalid"),
    (lambda body: body["task"].update(readers=1 << 40), "readings-invalid"),
    (lambda body: body["task"].update(question={}), "readings-invalid"),
    (lambda body: body["cases"].append(body["cases"][0]), "readings-invalid"),
    (lambda body: body["cases"][0].update(frame=0), "readings-invalid"),
    (lambda body: body["cases"][0].update(frames=0), "readings-invalid"),
    (lambda body: body["cases"][0].update(other={"instance": "2.25.1", "frame": 1}), "readings-invalid"),
    (lambda body: body["cases"][0].update(other={"instance": "2.25.1"}), "readings-invalid"),
    (lambda body: body["cases"][0].update(instance="no uid"), "readings-invalid"),
    (lambda body: body["cases"][0].update(subject="Yamada"), "readings-invalid"),
    (lambda body: body["cases"][0]["readings"][0].update(marks=1), "readings-invalid"),
    (lambda body: body["cases"][0]["readings"][0].update(kind="guess"), "readings-invalid"),
    (lambda body: body["cases"][0]["readings"][0].update(reader="a\nb"), "readings-invalid"),
    (lambda body: body["cases"][0]["readings"][0].update(marks=[]), "reading-invalid"),
    (lambda body: body["cases"][0]["readings"][0]["marks"][0].update(label="perhaps"), "reading-invalid"),
    (lambda body: body["cases"][0]["readings"][0]["marks"][1].update(points=[[0, 0], [99, 1]]), "reading-invalid"),
)


def test_what_cannot_be_readings_is_refused_whole(tiers: Tiers) -> None:
    """Nothing of a message with a fault in it is kept."""
    say(tiers.hub, "a", "present", 0, 1)
    say(tiers.hub, "b", "present", 0, 1)
    told = told_body(tiers)
    for change, code in FAULTS:
        body = deepcopy(told)
        change(body)
        with pytest.raises(Refused, match=f"^{code}:"):
            take_in(tiers.cloud, "society", "j-mid", body)
    with reading(tiers.cloud.index) as connection:
        assert connection.execute(select(CASES.c.id)).first() is None


def test_a_reading_that_was_told_otherwise_is_refused(tiers: Tiers) -> None:
    """What was told once stands: a hub cannot rewrite it, nor move a case to another subject."""
    say(tiers.hub, "a", "present", 0)
    say(tiers.hub, "b", "present", 0)
    body = told_body(tiers)
    take_in(tiers.cloud, "society", "j-mid", body)
    rewritten, moved = deepcopy(body), deepcopy(body)
    for mark in rewritten["cases"][0]["readings"][0]["marks"]:
        mark["label"] = "absent"
    moved["cases"][0]["subject"] = "A" * 16
    for changed in (rewritten, moved):
        with pytest.raises(Refused, match="readings-invalid"):
            take_in(tiers.cloud, "society", "j-mid", changed)
    with pytest.raises(Refused, match="task-registry"):
        take_in(tiers.cloud, "society", "basic", body)


@pytest.mark.parametrize(("cases_at_once", "bytes_at_once", "messages"), [(3, 1 << 20, [3, 1]), (3, 1, [1, 1, 1, 1])])
def test_many_cases_are_told_in_several_messages(
    tiers: Tiers, monkeypatch: pytest.MonkeyPatch, cases_at_once: int, bytes_at_once: int, messages: list[int]
) -> None:
    """By number and by size; all arrive."""
    monkeypatch.setattr(exchange, "CASES_AT_ONCE", cases_at_once)
    monkeypatch.setattr(exchange, "BYTES_AT_ONCE", bytes_at_once)
    for reader in "ab":
        say(tiers.hub, reader, "present", 0, 1, 2, 3)
    with tiers.cloud_door.open():
        forward(tiers)
        tell(tiers)
    assert len(labels(tiers.cloud, "nodules")) == 4
    assert [event.facts["cases"] for event in tiers.hub.ledger.events(action="readings-sent")] == messages


def test_a_node_without_an_upstream_tells_nobody(tiers: Tiers) -> None:
    """A cloud has nothing to send, whatever it was told."""
    for reader in "ab":
        say(tiers.hub, reader, "present", 0)
    take_in(tiers.cloud, "society", "j-mid", told_body(tiers))
    assert unsent(tiers.cloud) == ()


def test_killed_anywhere_telling_goes_on(tiers: Tiers) -> None:
    """A hub that dies while it tells, tells again: the cloud has every reading once."""
    say(tiers.hub, "a", "present", 0, 1, 2, 3)
    tiers.hub.index.dispose()
    with tiers.cloud_door.open(), killer(tiers.hub.settings.home) as kill:
        forward(tiers)
        for n, reader in enumerate("bcdef"):
            say(tiers.hub, reader, "present", 0, 1, 2, 3)
            (due,) = unsent(tiers.hub)
            tiers.hub.index.dispose()
            if n == 0:
                lines = kill.run("tell", due)
                continue
            assert kill.run("tell", due, n * lines // 5) == n * lines // 5
            send_readings(tiers.hub, do, due)
    assert unsent(tiers.hub) == ()
    for case in cases(tiers.hub, "nodules", Sought("settled")):
        assert readings(tiers.cloud, case.id) == readings(tiers.hub, case.id)
        assert len(readings(tiers.cloud, case.id)) == 6
