"""Killed at any line, accepting the same parcel again ends as if nothing had happened."""

from __future__ import annotations

from pathlib import Path

from kaname.intake.flow import accept, accepted
from kaname.parcel.statements import Receipt
from kaname.testing.deliveries import Facility, hub_keys, make_hub, series
from kaname.testing.kill import killer

KILLS = 10


def test_accepting_survives_being_killed(tmp_path: Path) -> None:
    """Nothing is lost and nothing counted twice; the receipt that was written first stands."""
    hub = make_hub(tmp_path / "hub")
    facility = Facility(tmp_path / "facility").admitted_to(hub)
    hub.index.dispose()
    files = [facility.parcel(series(study=n), n) for n in range(1, KILLS + 2)]
    with killer(hub.settings.home) as kill:
        lines = kill.run("accept", files.pop())
        for n, file in enumerate(files):
            content = file.read_bytes()
            assert kill.run("accept", file, 1 + n * lines // KILLS) == 1 + n * lines // KILLS
            file.write_bytes(content)
            receipt = Receipt.open(accept(hub, file).receipt, hub_keys(hub))
            assert receipt.outcome == "accepted"
            assert len(list(hub.ledger.events(about=receipt.parcel))) == 1
    assert len(set(accepted(hub))) == KILLS + 1
    assert sum(key.startswith("packs/") for key in hub.store.keys("")) == KILLS + 1
    hub.ledger.verify()
    hub.index.dispose()
