"""Files that are no DICOM: each becomes objects by what its row in the department's table says of it, or is held whole.

What became objects is not kept: the objects are. Everything else is kept encrypted as it came, with its reason, and is
tried again whenever it is taken in again. The same file of the same examination changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, func, insert, not_, select

from kaname.database import reading, writing
from kaname.deid.engine import Engine
from kaname.dicom.part10 import Buffer
from kaname.dicomize import Kind, dicomize
from kaname.errors import NotYet
from kaname.gateway.claims import Row
from kaname.gateway.consent import OPTED_OUT
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import FOREIGN
from kaname.gateway.kept import delete_kept
from kaname.gateway.linking import Link
from kaname.gateway.receive import Received, receive
from kaname.gateway.records import link_of_row, turn_record_away
from kaname.gateway.sources import Arrived
from kaname.work import Outcome, shielded

UNRECORDED, CLAIMED_TWICE = "file-without-record", "file-claimed-twice"
GONE = ("withdrawn", OPTED_OUT)
"""Reasons after which nothing is kept."""
BEGUN = "begun"
"""State of a file that is becoming objects: its number stands where their count will."""


@dataclass(frozen=True, slots=True)
class _File:
    """One file at the door, by its keyed digest, with the row that names it."""

    name: str
    kind: Kind
    link: Link


def receive_foreign(
    hospital: Hospital, data: Buffer, kind: Kind, claims: Sequence[Row], engine: Engine
) -> Iterator[Received]:
    """Takes one file in; yields what became of each object that it is made into, or of the file where it is held.

    Args:
        hospital: the gateway.
        data: the file, whole.
        kind: what :func:`kaname.dicomize.kind_of` said of it.
        claims: the rows that name it.
        engine: of the registry that it is meant for.
    """
    linked = shielded(_link, hospital, claims, engine)
    link = _whose(hospital, claims, engine) if isinstance(linked, Outcome) else linked
    file = _File(hospital.spool.name(data), kind, link)
    if known := _known(hospital, file):
        yield from known
        return
    made = linked if isinstance(linked, Outcome) else shielded(_objects, hospital, data, file, claims[0], engine)
    if isinstance(made, Outcome):
        yield _hold(hospital, file, data, made)
        return
    for one in made:
        yield receive(hospital, Arrived(one), engine, listed=True)
    _write_down(hospital, file, "taken", "", len(made))


def _link(hospital: Hospital, claims: Sequence[Row], engine: Engine) -> Link:
    if not claims:
        raise NotYet(UNRECORDED)
    with reading(hospital.node.index) as connection:
        for link, row in _patients(hospital, claims, engine).items():
            turn_record_away(hospital, connection, link, row.patient_id)
    links = {link_of_row(hospital, row, engine) for row in claims}
    if len(links) > 1:
        raise NotYet(CLAIMED_TWICE, rows=len(links))
    return links.pop()


def _patients(hospital: Hospital, claims: Sequence[Row], engine: Engine) -> dict[Link, Row]:
    """Each patient of whom a row speaks, linked to no examination, with one of their rows."""
    found: dict[Link, Row] = {}
    for row in claims:
        if row.patient_id:
            subject = engine.keys.subject(row.patient_id, row.issuer) if row.issuer else ""
            number = hospital.linkage.number(row.patient_id)
            found.setdefault(Link(engine.registry.id, "", "", number, subject), row)
    return found


def _whose(hospital: Hospital, claims: Sequence[Row], engine: Engine) -> Link:
    """What is known of a file that belongs to no one examination: its patient, so that it goes when they withdraw.

    Rows of several patients leave nothing to know.
    """
    patients = [*_patients(hospital, claims, engine)]
    return patients[0] if len(patients) == 1 else Link(engine.registry.id, "", "", "", "")


def _objects(hospital: Hospital, data: Buffer, file: _File, row: Row, engine: Engine) -> list[bytes]:
    """The whole file as objects: half of a slide is none."""
    with reading(hospital.node.index) as connection:
        turn_record_away(hospital, connection, file.link, row.patient_id)
    items, _ = row.items()
    number = _number(hospital, file)
    made = list(dicomize(bytes(data), row.examination(engine.registry), engine.registry, items, number))
    with writing(hospital.node.index) as connection:
        connection.execute(delete(FOREIGN).where(_mine(file), FOREIGN.c.accession != ""))
        connection.execute(insert(FOREIGN).values(objects=number, **_row(hospital, file, BEGUN, "")))
    return made


def _number(hospital: Hospital, file: _File) -> int:
    """The Instance Number of what the file becomes: the next one of its examination, and the same one every time.

    It is written down before the first object comes in: a file that was cut off would come again under the number of
    another, and be held for it.
    """
    mine = (FOREIGN.c.registry == file.link.registry, FOREIGN.c.accession == file.link.accession)
    before = select(func.count()).select_from(FOREIGN).where(*mine, FOREIGN.c.state.in_(("taken", BEGUN)))
    begun = (*mine, FOREIGN.c.id == file.name, FOREIGN.c.state == BEGUN)
    with reading(hospital.node.index) as connection:
        known = connection.execute(select(FOREIGN.c.objects).where(*begun)).scalar()
        return known or connection.execute(before).scalar_one() + 1


def _known(hospital: Hospital, file: _File) -> list[Received]:
    """What is known of a file that became objects before, or that comes without a row again; else nothing."""
    mine = [FOREIGN.c.id == file.name, FOREIGN.c.registry == file.link.registry]
    if file.link.accession:
        mine += [FOREIGN.c.accession == file.link.accession, FOREIGN.c.state == "taken"]
    else:
        mine += [FOREIGN.c.accession != "", FOREIGN.c.state != BEGUN]
    with reading(hospital.node.index) as connection:
        row = connection.execute(select(FOREIGN).where(*mine).order_by(FOREIGN.c.state.desc())).first()
    if row is None:
        return []
    if row.state == "taken":
        return [Received(file.name, "received", known=True)] * row.objects
    return [Received(file.name, row.state, row.reason, known=True)]


def _hold(hospital: Hospital, file: _File, data: Buffer, problem: Outcome) -> Received:
    """Keeps the file whole with its reason; of whoever withdrew or opted out nothing is kept."""
    if problem.reason in GONE:
        delete_kept(hospital, FOREIGN, _mine(file))
        return Received("", "refused", problem.reason)
    state = "refused" if problem.state == "refused" else "held"
    hospital.spool.put(data)
    known = _write_down(hospital, file, state, problem.reason, 0)
    return Received(file.name, state, problem.reason, known=known)


def _write_down(hospital: Hospital, file: _File, state: str, reason: str, objects: int) -> bool:
    """Writes down what became of the file; returns whether that was known.

    What was said while no row named it is over. What became objects leaves the spool, and the spool first: cut off in
    between, the file waits as before and comes again.
    """
    link = file.link
    said = {"accession": link.accession, "state": state, "reason": reason}
    with reading(hospital.node.index) as connection:
        before = connection.execute(select(FOREIGN).where(_mine(file))).mappings().all()
        elsewhere = (FOREIGN.c.id == file.name, not_(_mine(file)), FOREIGN.c.state != "taken")
        needed = connection.execute(select(FOREIGN.c.id).where(*elsewhere)).first() is not None
    if [{name: row[name] for name in said} for row in before] == [said]:
        return True
    if state == "taken" and before and not needed:
        hospital.spool.delete(file.name)
    with writing(hospital.node.index) as connection:
        connection.execute(delete(FOREIGN).where(_mine(file)))
        connection.execute(insert(FOREIGN).values(objects=objects, **_row(hospital, file, state, reason)))
    return False


def _row(hospital: Hospital, file: _File, state: str, reason: str) -> dict[str, str]:
    link = file.link
    row = {"id": file.name, "registry": link.registry, "kind": file.kind, "state": state, "reason": reason}
    row |= {"accession": link.accession, "accession_issuer": link.issuer, "number": link.number}
    return row | {"subject": link.subject, "received_at": hospital.node.clock.stamp()}


def _mine(file: _File) -> ColumnElement[bool]:
    """Rows about the file as it is claimed now, and while it was not."""
    same = and_(FOREIGN.c.id == file.name, FOREIGN.c.registry == file.link.registry)
    return and_(same, FOREIGN.c.accession.in_((file.link.accession, "")))
