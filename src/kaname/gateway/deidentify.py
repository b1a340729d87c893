"""De-identify and check: every object of a batch, each with its own outcome."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from sqlalchemy import select, update

from kaname.database import reading, writing
from kaname.deid.engine import Engine
from kaname.deid.model import Deidentified
from kaname.gateway.crossing import cross_checked
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import OBJECTS
from kaname.ledger import Json
from kaname.work import Outcome, shielded

SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
"""VL Whole Slide Microscopy Image: the objects of a series are one picture in several sizes."""


def deidentify(hospital: Hospital, batch: str) -> Json:
    """Brings every received object of the batch to ``cleaned``, ``held`` or ``refused``; returns counts by state.

    A slide leaves whole or not at all: what is doubtful at one magnification is there at the others.
    """
    with reading(hospital.node.index) as connection:
        rows = connection.execute(
            select(OBJECTS.c.id, OBJECTS.c.registry)
            .where(OBJECTS.c.batch == batch, OBJECTS.c.state.in_(("received", "cleaned")))
            .order_by(OBJECTS.c.id)
        ).all()
    counted = Counter[str]()
    slides: set[str] = set()
    engines: dict[str, Engine] = {}
    for name, registry in rows:
        engine = engines.get(registry) or engines.setdefault(registry, hospital.engine(registry))
        crossed = shielded(_cross_spooled, hospital, name, engine, hospital.crossing / batch)
        counted[_write_down(hospital, name, registry, crossed)] += 1
        if isinstance(crossed, Deidentified) and crossed.key.sop_class_uid == SLIDE:
            slides.add(crossed.key.series_instance_uid)
    held = sum(_hold_with_the_rest(hospital, batch, series) for series in sorted(slides))
    counted.update({"cleaned": -held, "held": held})
    return {state: count for state, count in counted.items() if count}


def _cross_spooled(hospital: Hospital, name: str, engine: Engine, folder: Path) -> Deidentified:
    return cross_checked(hospital.spool.open(name), engine, folder)


def _write_down(hospital: Hospital, name: str, registry: str, crossed: Deidentified | Outcome) -> str:
    if isinstance(crossed, Deidentified):
        looked_at = crossed.actions["detector_frames"]
        values = {"state": "cleaned", "reason": "", "digest": crossed.digest}
    else:
        looked_at = int(crossed.facts.get("pictures", 0))
        values = {"state": "refused" if crossed.state == "refused" else "held", "reason": crossed.reason}
    with writing(hospital.node.index) as connection:
        changed = connection.execute(
            update(OBJECTS)
            .where(OBJECTS.c.id == name, OBJECTS.c.registry == registry)
            .where(OBJECTS.c.state.in_(("received", "cleaned")))
            .values(looked_at=looked_at, **values)
        )
    return values["state"] if changed.rowcount else "held"  # withdrawn, opted out or found ambiguous meanwhile


def _hold_with_the_rest(hospital: Hospital, batch: str, series: str) -> int:
    """Holds what was cleaned of a slide of which something did not pass; returns how many objects."""
    mine = (OBJECTS.c.batch == batch, OBJECTS.c.series == series)
    stopped = select(OBJECTS.c.reason).where(*mine, OBJECTS.c.state.in_(("held", "refused")))
    with writing(hospital.node.index) as connection:
        reason = connection.scalar(stopped.order_by(OBJECTS.c.id).limit(1))
        if reason is None:
            return 0
        cleaned = update(OBJECTS).where(*mine, OBJECTS.c.state == "cleaned")
        return connection.execute(cleaned.values(state="held", reason=reason)).rowcount
