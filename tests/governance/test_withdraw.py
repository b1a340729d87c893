"""A subject who withdraws is gone, and a signed certificate says so."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import Engine

from kaname.archive.flow import shelve
from kaname.archive.query import search
from kaname.archive.question import ask
from kaname.archive.retrieve import instances
from kaname.archive.shelf import memory
from kaname.database import writing
from kaname.datasets import flow as datasets
from kaname.datasets.verify import verify
from kaname.errors import NotYet, Refused
from kaname.governance import withdraw
from kaname.governance.withdraw import obey
from kaname.intake import rows
from kaname.intake.claim import claimed
from kaname.intake.flow import accept, find, receipt_for
from kaname.node import Node
from kaname.parcel.manifest import Manifest
from kaname.parcel.statements import Certificate, Receipt, Withdrawal
from kaname.store import Store
from kaname.testing.bytesearch import find_planted
from kaname.testing.deliveries import AT, REGISTRY, Facility, hub_keys, make_hub, series
from kaname.testing.kill import killer

ME = "00012345"
KILLS = 8


@pytest.fixture
def hub(tmp_path: Path) -> Generator[Node]:
    """A hub."""
    node = make_hub(tmp_path / "hub")
    yield node
    node.index.dispose()


@pytest.fixture
def facility(tmp_path: Path, hub: Node) -> Facility:
    """A facility that the hub knows."""
    return Facility(tmp_path / "facility").admitted_to(hub)


def certified(hub: Node, statement: bytes) -> Certificate:
    """The certificate, its signature and what it answers checked."""
    certificate = Certificate.open(obey(hub, statement), hub_keys(hub))
    assert certificate.answers(statement)
    return certificate


def traces(hub: Node, subject: str) -> list[str]:
    """Files of the home, but for index and ledger, whose name or content has the subject in it."""
    return [
        str(path.relative_to(hub.settings.home))
        for path in hub.settings.home.rglob("*")
        if path.is_file() and "sqlite" not in path.name and subject.encode() in path.read_bytes() + path.name.encode()
    ]


def test_a_subject_is_gone(hub: Node, facility: Facility) -> None:
    """Packs, indexes, records and proofs go, the datasets get a hole, others stay, and every deletion is named."""
    subject = facility.subject(ME)
    shelve(hub, accept(hub, facility.parcel(series(), 1)).digest)
    shelve(hub, accept(hub, facility.parcel(series("777", study=2), 2)).digest)
    waiting = accept(hub, facility.parcel(series(study=3), 3)).digest
    (found, *_) = instances(hub, [REGISTRY], facility.identity.uid("1.2.1"))
    datasets.freeze(hub, "first", REGISTRY)
    objects = set(hub.store.keys(""))
    certificate = certified(hub, facility.withdrawal(ME))
    assert (certificate.subject, certificate.registry) == (subject, REGISTRY)
    kinds = {name.split("/")[0] for name in certificate.deleted}
    assert kinds == {"packs", "series", "records", "parcels"}
    gone = {name for name in certificate.deleted if name in objects}
    assert set(hub.store.keys("")) & objects == objects - gone
    assert [(made.name, made.version) for made in certificate.datasets] == [("first", 2)]
    assert traces(hub, subject) == []
    assert len(search(hub, ask("study", []), [REGISTRY]).documents) == 1
    assert memory(hub.store).get(found.pack) is None
    assert find(hub, waiting).state == "withdrawn"
    assert shelve(hub, waiting).packs == 0
    verify(hub, "first")
    hub.ledger.verify()
    (event,) = hub.ledger.events(action="withdrawal-obeyed")
    assert (certificate.ledger_sequence, certificate.ledger_head) == (event.sequence, event.digest)


def test_the_same_statement_has_one_answer(hub: Node, facility: Facility) -> None:
    """Asked again, the same certificate comes; a second statement about the same subject has its own."""
    shelve(hub, accept(hub, facility.parcel(series())).digest)
    statement = facility.withdrawal(ME)
    first = obey(hub, statement)
    head = hub.ledger.head()
    assert obey(hub, statement) == first
    assert hub.ledger.head() == head
    assert certified(hub, facility.withdrawal(ME, 2)).deleted == ()


def test_nothing_comes_back(hub: Node, facility: Facility) -> None:
    """A parcel sent again keeps its receipt and is not taken in; a new one is refused; nothing is quarantined."""
    file = facility.parcel(series())
    content = file.read_bytes()
    taken = accept(hub, file)
    obey(hub, facility.withdrawal(ME))
    file.write_bytes(content)
    again = accept(hub, file)
    assert again.receipt == taken.receipt == receipt_for(hub, taken.digest)
    assert not again.accepted
    later = Receipt.open(accept(hub, facility.parcel(series(study=2), 2)).receipt, hub_keys(hub))
    assert (later.outcome, later.reason) == ("refused", "withdrawn")
    assert traces(hub, facility.subject(ME)) == []


def test_a_subject_may_withdraw_before_anything_came(hub: Node, facility: Facility) -> None:
    """The block stands from then on, and the certificate says that there was nothing."""
    certificate = certified(hub, facility.withdrawal(ME))
    assert certificate.deleted == ()
    assert {place.outcome for place in certificate.places} == {"none"}
    assert not accept(hub, facility.parcel(series())).accepted


def test_quarantined_files_go_too(hub: Node, facility: Facility, tmp_path: Path) -> None:
    """Refused parcels of the subject are deleted, whether they were believed or not."""
    accept(hub, facility.parcel(series(), record=b'{"text":"x y"}'))
    double = Facility(tmp_path / "double")
    file = double.parcel(series(study=2), 2)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    accept(hub, file)
    quarantine = hub.settings.home / "quarantine"
    assert len(list(quarantine.iterdir())) == 2
    certificate = certified(hub, facility.withdrawal(ME))
    assert [name.split("/")[0] for name in certificate.deleted] == ["quarantine", "quarantine"]
    assert list(quarantine.iterdir()) == []


def test_only_the_subjects_own_gateway_may(hub: Node, facility: Facility, tmp_path: Path) -> None:
    """Another partner, a stranger, a wrong name, a wrong registry and a forged statement change nothing."""
    accept(hub, facility.parcel(series()))
    other = Facility(tmp_path / "other", 2).admitted_to(hub, [REGISTRY])
    stranger = Facility(tmp_path / "stranger", 3)
    subject = facility.subject(ME)
    wrong = [
        Withdrawal(REGISTRY, subject, other.name, 1, AT).sign(other.signing),
        Withdrawal(REGISTRY, subject, facility.name, 1, AT).sign(other.signing),
        Withdrawal("basic", subject, other.name, 1, AT).sign(other.signing),
        Withdrawal(REGISTRY, subject, stranger.name, 1, AT).sign(stranger.signing),
        facility.withdrawal(ME)[:-1],
    ]
    objects, head = sorted(hub.store.keys("")), hub.ledger.head()
    for statement in wrong:
        with pytest.raises(Refused, match="statement-invalid"):
            obey(hub, statement)
    assert (sorted(hub.store.keys("")), hub.ledger.head()) == (objects, head)


def test_what_is_still_there_is_not_certified(hub: Node, facility: Facility, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that does not delete gets no certificate; once it does, the same statement is answered."""
    shelve(hub, accept(hub, facility.parcel(series())).digest)
    statement = facility.withdrawal(ME)
    with monkeypatch.context() as patch:
        patch.setattr(Store, "delete", lambda _store, _key: None)
        with pytest.raises(NotYet, match="purge-incomplete"):
            obey(hub, statement)
    assert not accept(hub, facility.parcel(series(study=2), 2)).accepted
    assert len(certified(hub, statement).deleted) == 5
    assert traces(hub, facility.subject(ME)) == []


def test_withdrawing_survives_being_killed(hub: Node, facility: Facility, tmp_path: Path) -> None:
    """Killed at any line, the same statement again ends with everything gone and named in one certificate."""
    people = [f"P-{n}" for n in range(KILLS + 1)]
    for n, patient in enumerate(people, 1):
        shelve(hub, accept(hub, facility.parcel(series(patient, study=n), n)).digest)
    datasets.freeze(hub, "first", REGISTRY)
    statements = {patient: tmp_path / f"{n}.json" for n, patient in enumerate(people)}
    for n, (patient, file) in enumerate(statements.items(), 1):
        file.write_bytes(facility.withdrawal(patient, n))
    hub.index.dispose()
    last = people.pop()
    with killer(hub.settings.home) as kill:
        lines = kill.run("obey", statements.pop(last))
        for n, (patient, file) in enumerate(statements.items()):
            assert kill.run("obey", file, 1 + n * lines // KILLS) == 1 + n * lines // KILLS
            statement = file.read_bytes()
            certificate = certified(hub, statement)
            assert len(certificate.deleted) == 5
            assert len(certificate.datasets) == 1
            assert certificate.withdrawal == sha256(statement).hexdigest()
            assert traces(hub, facility.subject(patient)) == []
    assert datasets.show(hub, "first").holes == KILLS + 1
    assert [key for key in hub.store.keys("") if not key.startswith("datasets/")] == []
    verify(hub, "first")
    hub.ledger.verify()


def test_a_parcel_that_was_cut_off_leaves_nothing(hub: Node, facility: Facility) -> None:
    """What a killed acceptance or shelving has left of a subject goes with its withdrawal."""
    people = [f"Q-{n}" for n in range(KILLS)]
    files = [facility.parcel(series(patient, study=n), n) for n, patient in enumerate(people, 1)]
    done = [accept(hub, file).digest for file in files[: KILLS // 2]]
    hub.index.dispose()
    with killer(hub.settings.home) as kill:
        lines = kill.run("shelve", done[0])
        for n, digest in enumerate(done[1:], 1):
            kill.run("shelve", digest, n * lines // len(done))
        lines = kill.run("accept", files[KILLS // 2])
        for n, file in enumerate(files[KILLS // 2 + 1 :], 1):
            kill.run("accept", file, n * lines // (KILLS // 2))
    for n, patient in enumerate(people, 1):
        certified(hub, facility.withdrawal(patient, n))
        assert traces(hub, facility.subject(patient)) == []


def test_no_file_of_the_home_still_holds_what_went(hub: Node, facility: Facility) -> None:
    """The index and its write-ahead log hold no UID of a withdrawn study, in rows or in pages that are free."""
    shelve(hub, accept(hub, facility.parcel(series())).digest)
    uids = [facility.identity.uid(uid) for uid in ("1.2.1", "1.2.1.1", "1.2.1.1.1")]
    assert find_planted(hub.settings.home, uids)
    certified(hub, facility.withdrawal(ME))
    assert find_planted(hub.settings.home, uids) == []


def test_a_reader_delays_the_certificate(hub: Node, facility: Facility, monkeypatch: pytest.MonkeyPatch) -> None:
    """While somebody still reads the log of the index nothing is certified; the same statement ends it afterwards."""
    shelve(hub, accept(hub, facility.parcel(series())).digest)
    statement = facility.withdrawal(ME)

    def busy(_index: Engine) -> None:
        raise NotYet("index-busy")

    with monkeypatch.context() as patch:
        patch.setattr(withdraw, "scrub", busy)
        with pytest.raises(NotYet, match="index-busy"):
            obey(hub, statement)
    assert len(certified(hub, statement).deleted) == 5


def test_refused_files_that_come_after_the_withdrawal_are_not_kept(hub: Node, facility: Facility) -> None:
    """A parcel refused before, a damaged and a replayed one of a withdrawn subject leave nothing behind."""
    refused = facility.parcel(series(), record=b'{"text":"x y"}')
    damaged = facility.parcel(series(study=2), 2)
    replayed = facility.parcel(series(study=3), 1)
    content = bytearray(damaged.read_bytes())
    content[-2000] ^= 1
    damaged.write_bytes(content)
    whole = refused.read_bytes()
    first = accept(hub, refused)
    certified(hub, facility.withdrawal(ME))
    refused.write_bytes(whole)
    assert accept(hub, refused) == first
    for file in (damaged, replayed):
        assert not accept(hub, file).accepted
    assert traces(hub, facility.subject(ME)) == []
    assert list((hub.settings.home / "quarantine").iterdir()) == []


def test_another_gateway_cannot_stand_in_the_way(hub: Node, facility: Facility, tmp_path: Path) -> None:
    """A parcel of another gateway's subject is refused, before and after the withdrawal, which it does not hinder."""
    shelve(hub, accept(hub, facility.parcel(series())).digest)
    other = Facility(tmp_path / "other", 2).admitted_to(hub)
    object.__setattr__(other, "identity", facility.identity)
    for number in (1, 2):
        receipt = Receipt.open(accept(hub, other.parcel(series(study=7), number)).receipt, hub_keys(hub))
        assert (receipt.outcome, receipt.reason) == ("refused", "parcel-subject")
        certified(hub, facility.withdrawal(ME, number))
        assert traces(hub, facility.subject(ME)) == []


def test_a_withdrawal_takes_nothing_that_a_foreign_pack_only_names(
    hub: Node, facility: Facility, tmp_path: Path
) -> None:
    """A parcel that carries another subject's pack and was never judged gives its sender no power over that pack."""
    theirs = facility.parcel(series())
    kept = accept(hub, theirs).digest
    shelve(hub, kept)
    packs = [pack.digest for pack in find(hub, kept).packs]
    thief = Facility(tmp_path / "thief", 2).admitted_to(hub)
    with writing(hub.index) as connection:
        rows.announce(connection, claiming(thief, packs[0]), AT)
    before = set(hub.store.keys(""))
    deleted = certified(hub, thief.withdrawal("X")).deleted
    assert not before & set(deleted)
    assert set(hub.store.keys("")) == before


def claiming(thief: Facility, pack: str) -> Manifest:
    """The manifest of a parcel of the thief's own subject that says it brings somebody's pack."""
    own = claimed(thief.parcel(series("X")))
    assert own is not None
    return replace(own, packs=(replace(own.packs[0], digest=pack),))
