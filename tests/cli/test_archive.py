"""``kaname archive``."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from kaname.archive.flow import shelve
from kaname.cli.archive import archive
from kaname.errors import Refused
from kaname.intake.flow import accept
from kaname.settings import Settings, write
from kaname.testing.deliveries import Facility, make_hub, series


def test_the_archive_is_verified_and_rebuilt(tmp_path: Path) -> None:
    """Sound ends with 0, a missing object with 1 and its name; a rebuild repairs an index."""
    hub = make_hub(tmp_path / "hub")
    write(hub.settings)
    facility = Facility(tmp_path / "facility").admitted_to(hub)
    shelve(hub, accept(hub, facility.parcel(series())).digest)
    home = ["--home", str(hub.settings.home), "--json"]
    sound = CliRunner().invoke(archive, ["verify", *home])
    assert sound.exit_code == 0
    assert json.loads(sound.stdout)["packs"] == 1
    (index,) = hub.store.keys("series")
    hub.store.delete(index)
    broken = CliRunner().invoke(archive, ["verify", *home])
    assert broken.exit_code == 1
    assert json.loads(broken.stdout)["missing"] == [index]
    assert json.loads(CliRunner().invoke(archive, ["rebuild", *home]).stdout) == {"parcels": 1}
    assert CliRunner().invoke(archive, ["verify", *home]).exit_code == 0
    hub.index.dispose()


def test_a_gateway_has_no_archive(tmp_path: Path) -> None:
    """The role is checked first."""
    write(Settings(tmp_path, "gateway", "facility-1"))
    result = CliRunner().invoke(archive, ["verify", "--home", str(tmp_path)])
    assert isinstance(result.exception, Refused)
    assert result.exception.code == "wrong-role"
