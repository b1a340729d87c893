from __future__ import annotations

from pathlib import Path

import pytest

from kaname.errors import NotYet, Refused
from kaname.settings import Settings, home_from_environment, load, write
from kaname.settings import test_data_from_environment as data_place


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Settings are the same after a trip through the file; defaults are left out of it."""
    settings = Settings(tmp_path, "hub", 'a "name" \\ here', port=1, registries=("basic",), retry_seconds=0.5)
    write(settings)
    assert load(tmp_path) == settings
    assert "peer_port" not in (tmp_path / "kaname.toml").read_text()


@pytest.mark.parametrize("text", ['role = "hub', 'role = "nobody"\nname = "x"', 'role = "hub"\nname = "x"\ncolour = 1'])
def test_mistakes(tmp_path: Path, text: str) -> None:
    """A file that cannot be understood starts nothing."""
    (tmp_path / "kaname.toml").write_text(text)
    with pytest.raises(Refused, match="settings-invalid"):
        load(tmp_path)


@pytest.mark.parametrize(
    "origin", ["hub.example", "http://hub.example", "https://hub.example/", "https://a b", "javascript:1", "https://"]
)
def test_where_people_find_the_console_is_an_origin(tmp_path: Path, origin: str) -> None:
    """Over TLS, or on the machine itself: a browser takes passkeys nowhere else."""
    (tmp_path / "kaname.toml").write_text(f'role = "hub"\nname = "x"\npublic_origin = "{origin}"')
    with pytest.raises(Refused, match="settings-invalid"):
        load(tmp_path)


def test_no_home(tmp_path: Path) -> None:
    """A folder that is no home is told."""
    with pytest.raises(NotYet, match="home-missing"):
        load(tmp_path)


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names the home and the test data, each with its default."""
    monkeypatch.setenv("KANAME_HOME", "/x")
    monkeypatch.setenv("KANAME_TEST_DATA", "/y")
    assert (home_from_environment(), data_place()) == (Path("/x"), Path("/y"))
    monkeypatch.delenv("KANAME_HOME")
    monkeypatch.delenv("KANAME_TEST_DATA")
    assert (home_from_environment(), data_place()) == (None, Path("../shared/data"))
