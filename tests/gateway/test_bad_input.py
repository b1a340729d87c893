"""Bad input of every kind, at both doors of the hospital: each has its own reason, and the rest goes through."""

from __future__ import annotations

from pathlib import Path

import pytest

from kaname.deid import engine as engine_module
from kaname.deid.keys import MasterKey
from kaname.errors import reasons
from kaname.gateway.batches import form_batches
from kaname.gateway.folder import deidentify
from kaname.gateway.hospital import Hospital, open_hospital
from kaname.gateway.ingest import Night, receive_all
from kaname.gateway.status import held, status
from kaname.settings import Settings
from kaname.testing.badinput import PASSES, make_bad_inputs
from kaname.testing.objects import ct_slice, to_bytes
from kaname.upkeep.home import make_home

KEY = MasterKey(b"0123456789abcdef0123456789abcdef")


@pytest.fixture
def hospital(tmp_path: Path) -> Hospital:
    """A gateway that is enrolled with nobody."""
    return open_hospital(make_home(Settings(tmp_path / "gateway", "gateway", "facility-1")))


def test_folder_to_folder(tmp_path: Path) -> None:
    """Each bad file ends with one of the reasons that are right for it; each good one is cleaned."""
    made = make_bad_inputs(tmp_path / "in")
    results = list(deidentify([tmp_path / "in"], tmp_path / "out", "basic", KEY))
    by_path: dict[str, set[str]] = {}
    for result in results:
        by_path.setdefault(result.input.partition("!")[0], set()).add(result.reason)
    for name, bad in made.items():
        assert by_path[str(bad.path)] <= bad.reasons, name
    assert by_path[str(made["good"].path)] == {PASSES}
    cleaned = {r.output for r in results if r.outcome == "cleaned"}
    assert {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.dcm")} == cleaned


def test_ingest(hospital: Hospital, tmp_path: Path) -> None:
    """At the gateway what could be read is kept encrypted with its reason, and the good files wait to be sent."""
    make_bad_inputs(tmp_path / "in")
    night = Night()
    results = list(receive_all(hospital, [tmp_path / "in"], "j-mid", night))
    assert night.received["received"] >= 1
    assert all(bool(r.reason) != (r.state == "received") for r in results)
    assert set(night.reasons) <= set(reasons())
    assert form_batches(hospital)
    again = Night()
    list(receive_all(hospital, [tmp_path / "in"], "j-mid", again))
    assert again.received["received"] == 0
    assert again.received["known"] == sum(1 for r in results if r.id)
    counts = status(hospital)
    assert counts["originals"] == len({r.id for r in results if r.id})
    rows = held(hospital)
    assert rows
    assert all(isinstance(row, dict) and row["ja"] and row["en"] for row in rows)


def test_other_bytes_and_other_places(hospital: Hospital, tmp_path: Path) -> None:
    """An instance that comes again with other bytes, or in another series, is held beside the first."""
    for name, data in {
        "1": to_bytes(ct_slice()),
        "2": to_bytes(ct_slice(KVP="80")),
        "3": to_bytes(ct_slice(SeriesInstanceUID="1.2.3.4.5.7")),
    }.items():
        (tmp_path / name).write_bytes(data)
    results = list(receive_all(hospital, [tmp_path / n for n in "123"], "j-mid", Night()))
    assert [r.reason for r in results] == ["", "same-uid-other-bytes", "same-uid-other-series"]


def test_a_bug_stops_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the program itself fails on one object, that object is held and the next one is treated."""
    real = engine_module.hold_if_doubtful
    calls: list[int] = []

    def sometimes(*arguments: object) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError("Yamada Taro")
        real(*arguments)

    monkeypatch.setattr(engine_module, "hold_if_doubtful", sometimes)
    (tmp_path / "1").write_bytes(to_bytes(ct_slice()))
    (tmp_path / "2").write_bytes(to_bytes(ct_slice(SOPInstanceUID="1.2.9")))
    first, second = deidentify([tmp_path / "1", tmp_path / "2"], tmp_path / "out", "basic", KEY)
    assert (first.outcome, first.reason, first.facts["type"]) == ("held", "bug", "ZeroDivisionError")
    assert "Yamada" not in str(first.facts)
    assert second.outcome == "cleaned"
