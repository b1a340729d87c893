"""Foreign files in company: the levels of a slide, another database, a whole day of a department."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from kaname.database import reading
from kaname.errors import NotYet
from kaname.gateway import deidentify as deidentify_module
from kaname.gateway import held
from kaname.gateway.batches import form_batches
from kaname.gateway.deidentify import deidentify
from kaname.gateway.index import OBJECTS
from kaname.gateway.ingest import Night, receive_all
from kaname.gateway.overview import overview
from kaname.gateway.records import forget_records
from kaname.gateway.tell import counts
from kaname.gateway.withdraw import forget, request
from kaname.testing.bytesearch import find_planted
from kaname.testing.dermatology import make_dermatology
from kaname.testing.pathology import make_pathology
from kaname.testing.postgres import find_programs, postgres_server

from .hospitals import make_gateway, states


def test_a_slide_leaves_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When one level of a slide is held, the others are held for the same reason."""
    hospital = make_gateway(tmp_path, registries=("jp-aid",))
    make_pathology(tmp_path / "in", patients=1, size=512)
    list(receive_all(hospital, [tmp_path / "in"], "jp-aid", Night()))
    with reading(hospital.node.index) as connection:
        names = connection.scalars(select(OBJECTS.c.id).order_by(OBJECTS.c.id)).all()
    assert len(names) > 1
    real = deidentify_module._cross_spooled

    def doubting(*arguments: Any) -> Any:
        if arguments[1] == names[-1]:
            raise NotYet("text-in-pixels", places=1)
        return real(*arguments)

    monkeypatch.setattr(deidentify_module, "_cross_spooled", doubting)
    (batch,) = form_batches(hospital)
    assert deidentify(hospital, batch) == {"held": len(names)}
    assert states(hospital) == [("held", "text-in-pixels")] * len(names)


def test_on_postgresql(tmp_path: Path) -> None:
    """A day of a skin department on PostgreSQL: taken in twice, counted, listed, and one patient withdrawn."""
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: make system")
    with postgres_server(programs) as url:
        hospital = make_gateway(tmp_path, registries=("nsdd",), database=url)
        key = make_dermatology(tmp_path / "in", patients=1)
        (tmp_path / "alone").mkdir()
        (tmp_path / "alone" / "letter.pdf").write_bytes(b"%PDF-1.4\n")
        paths = [tmp_path / "in", tmp_path / "alone"]
        first = list(receive_all(hospital, paths, "nsdd", Night()))
        assert {result.reason for result in first} <= {"", "file-without-record", "video-decoder-missing"}
        assert all(result.known for result in receive_all(hospital, paths, "nsdd", Night()))
        with reading(hospital.node.index) as connection:
            told = counts(connection, "nsdd")
        assert told.held["file-without-record"] == 1
        (part,) = overview(hospital, ["nsdd"])
        assert (part.received, part.underway, part.held) == (told.received, told.received, sum(told.held.values()))
        waiting = held.items(hospital, ["nsdd"], reason="file-without-record")
        assert [item.kind for item in waiting] == ["file"]
        assert not find_planted(hospital.node.settings.home, key.planted)
        (who,) = request(hospital, key.rows[0].patient_id, None, ["nsdd"])
        assert forget(hospital, who) == told.received
        assert forget_records(hospital, *who.split(":")) == 0
        hospital.node.index.dispose()
