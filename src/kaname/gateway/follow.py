"""Following a parcel: the hub is asked how far it has come, until no tier is left to answer."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, insert, select, update

from kaname.database import reading, writing
from kaname.errors import KanameError, NotYet
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import JOURNEYS, PARCELS, STOPS
from kaname.ledger import Json
from kaname.parcel.journey import Journey, ask_journey
from kaname.work.model import waits_for_time

UNDERWAY = "parcel-underway"
NEXT = 256
"""How many parcels are named at once."""


def set_out(connection: Connection, parcel: str, at: str) -> None:
    """Writes down that an accepted parcel is to be followed. Again: nothing changes."""
    if connection.execute(select(JOURNEYS.c.state).where(JOURNEYS.c.parcel == parcel)).first() is None:
        connection.execute(insert(JOURNEYS).values(parcel=parcel, state="waiting", at=at))


def journeys_waiting(hospital: Hospital) -> tuple[str, ...]:
    """Digests of accepted parcels that some tier has yet to judge."""
    query = select(JOURNEYS.c.parcel).where(JOURNEYS.c.state == "waiting").order_by(JOURNEYS.c.parcel).limit(NEXT)
    with reading(hospital.node.index) as connection:
        return tuple(connection.scalars(query))


def follow(hospital: Hospital, parcel: str) -> Json:
    """Step: asks the hub for the receipts of all tiers and keeps them; returns how each tier judged.

    Raises:
        NotYet: ``parcel-underway`` while the next tier has not judged; what asking a partner raises.
        Refused: ``receipt-invalid`` when the answer is no journey of this parcel.
    """
    try:
        journey = ask_journey(parcel, hospital.partner())
    except KanameError as error:
        if not waits_for_time(error):
            _stop(hospital, parcel)
        raise
    _write_down(hospital, journey)
    if journey.onward == "waiting":
        raise NotYet(UNDERWAY, tiers=len(journey.stops))
    return {stop.name: stop.receipt.outcome for stop in journey.stops}


def catch_up(hospital: Hospital, registry: str) -> None:
    """Asks once about every parcel of a registry that is not settled, also those behind which no tier stood before.

    Raises:
        NotYet, Refused: as :func:`follow`, but for a parcel that is still under way.
    """
    open_ones = (
        select(JOURNEYS.c.parcel)
        .join(PARCELS, PARCELS.c.digest == JOURNEYS.c.parcel)
        .where(JOURNEYS.c.state != "settled", PARCELS.c.registry == registry)
        .order_by(PARCELS.c.sequence)
    )
    with reading(hospital.node.index) as connection:
        parcels = connection.scalars(open_ones).all()
    for parcel in parcels:
        try:
            follow(hospital, parcel)
        except NotYet as error:
            if error.code != UNDERWAY:
                raise


def tiers(hospital: Hospital) -> list[Json]:
    """How many parcels each tier accepted and refused, the nearest tier first."""
    columns = (STOPS.c.place, STOPS.c.name, STOPS.c.outcome)
    query = select(*columns, func.count().label("n")).group_by(*columns).order_by(*columns)
    counted: dict[tuple[int, str], dict[str, Json]] = {}
    with reading(hospital.node.index) as connection:
        for row in connection.execute(query):
            counted.setdefault((row.place, row.name), {})[row.outcome] = row.n
    return [{"tier": name, **outcomes} for (_, name), outcomes in counted.items()]


def _stop(hospital: Hospital, parcel: str) -> None:
    """What no waiting mends is left to a person: :func:`catch_up` asks again."""
    with writing(hospital.node.index) as connection:
        waiting = update(JOURNEYS).where(JOURNEYS.c.parcel == parcel, JOURNEYS.c.state == "waiting")
        connection.execute(waiting.values(state="stopped"))


def _write_down(hospital: Hospital, journey: Journey) -> None:
    mine = JOURNEYS.c.parcel == journey.parcel
    with writing(hospital.node.index) as connection:
        connection.execute(
            update(JOURNEYS).where(mine).values(state=journey.onward, statement=journey.statement, at=journey.at)
        )
        known = connection.execute(select(func.count()).where(STOPS.c.parcel == journey.parcel)).scalar_one()
        connection.execute(delete(STOPS).where(STOPS.c.parcel == journey.parcel))
        rows = [
            {
                "parcel": journey.parcel,
                "place": place,
                "name": stop.name,
                "outcome": stop.receipt.outcome,
                "reason": stop.receipt.reason,
            }
            for place, stop in enumerate(journey.stops, start=1)
        ]
        connection.execute(insert(STOPS), rows)
        for stop in journey.stops[known:]:
            facts: dict[str, Json] = {
                "ledger_sequence": stop.receipt.ledger_sequence,
                "outcome": stop.receipt.outcome,
                "reason": stop.receipt.reason,
                "tier": stop.name,
            }
            hospital.node.ledger.append(
                "parcel-judged", journey.parcel, actor=stop.name, facts=facts, connection=connection
            )
