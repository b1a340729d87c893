"""Frozen settings of one node, read once at the door. The only module that reads the environment."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, cast, get_args

from kaname.errors import NotYet, Refused

Role = Literal["gateway", "hub", "cloud", "clinic"]
ROLES: tuple[str, ...] = get_args(Role)
FILE = "kaname.toml"
ORIGIN = re.compile(r"https://[a-z0-9.-]+(:[0-9]{1,5})?|http://localhost(:[0-9]{1,5})?")
"""Where a browser takes passkeys: over TLS, or on the machine itself."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a node is and where it stands. Every field but ``home`` is a line of ``HOME/kaname.toml``."""

    home: Path
    """Folder that holds everything of this node."""
    role: Role
    """Which rooms are open."""
    name: str
    """Short name of this node, unique among its partners; becomes the subject of its certificate."""
    database: str = ""
    """SQLAlchemy URL of the index; empty means SQLite in the home."""
    objects: str = ""
    """Where objects rest: a folder, or ``s3://bucket/prefix``; empty means a folder in the home."""
    host: str = "127.0.0.1"
    """Address that the doors listen on."""
    public_origin: str = ""
    """Where people find the console, e.g. ``https://hub.example``; empty means ``http://localhost`` and its port.
    Passkeys count there alone; with ``https`` cookies go over TLS alone."""
    port: int = 8470
    """Port of the console, the API and DICOMweb."""
    peer_port: int = 8471
    """Port of the mutual-TLS door that partners deliver to (hub, cloud)."""
    parcel_limit_bytes: int = 16 << 30
    """Largest parcel that the peer door takes."""
    peer_proxies: tuple[str, ...] = ()
    """SHA-256 (hex, of the DER form) of client certificates of this site's own proxies in front of the peer door. Which
    certificate their client showed, such a proxy says in ``Client-Cert`` (RFC 9440); nobody else is believed that."""
    second_factor: tuple[str, ...] = (
        "manager",
        "curator",
        "reader",
        "adjudicator",
        "researcher",
        "checker",
        "operator",
        "auditor",
        "doctor",
        "desk",
    )
    """Roles of which a second factor is demanded. Who has one is always asked for it."""
    researcher_frames_hour: int = 20_000
    """Frames that one person may look at within an hour by being a researcher alone."""
    originals_days: int = 7
    """Days that a gateway keeps an original after the final receipt."""
    viewer_port: int = 0
    """Port of the viewer's own origin (hub, cloud, clinic); 0 opens none."""
    dimse_port: int = 0
    """Port on which a gateway takes DICOM associations; 0 opens none."""
    ae_title: str = "KANAME"
    """Application Entity Title under which it does (PS3.8: at most 16 characters)."""
    calling_aes: tuple[str, ...] = ()
    """AE titles that may open an association; nobody else."""
    dimse_registry: str = "j-mid"
    """Registry that objects received by association are meant for."""
    watched: tuple[str, ...] = ()
    """Folders that a serving gateway takes from, each as ``registry=/absolute/path``."""
    quiet_seconds: float = 30.0
    """A study that nothing was added to for so long is complete enough to be taken across."""
    retry_seconds: float = 1.0
    """First pause before a step that answered ``NotYet`` is tried again; doubles up to 300 s."""
    registries: tuple[str, ...] = field(default=("j-mid", "basic"))
    """Registries that this node takes part in."""

    @property
    def keys(self) -> Path:
        """Folder of secrets (mode 0700, files 0600)."""
        return self.home / "keys"


def home_from_environment() -> Path | None:
    """The home named by ``KANAME_HOME``, if any."""
    value = os.environ.get("KANAME_HOME", "")
    return Path(value) if value else None


@dataclass(frozen=True, slots=True)
class JobPlace:
    """What a job between the walls of :mod:`kaname.compute` is told."""

    data: Path
    """Folder of what it may read."""
    out: Path
    """Folder for what it makes."""
    seed: int


def job_from_environment() -> JobPlace:
    """What ``KANAME_DATA``, ``KANAME_OUT`` and ``KANAME_SEED`` say; for recipes, which run as jobs.

    Raises:
        KeyError: when it is no job that asks.
    """
    return JobPlace(Path(os.environ["KANAME_DATA"]), Path(os.environ["KANAME_OUT"]), int(os.environ["KANAME_SEED"]))


def test_data_from_environment() -> Path:
    """Where public test data lies: ``KANAME_TEST_DATA``, by default ``../shared/data`` beside the checkout."""
    return Path(os.environ.get("KANAME_TEST_DATA", "../shared/data"))


def load(home: Path) -> Settings:
    """Reads ``HOME/kaname.toml``.

    Raises:
        NotYet: ``home-missing`` when the folder was never initialised.
        Refused: ``settings-invalid`` when a line is unknown or of the wrong type.
    """
    file = home / FILE
    if not file.is_file():
        raise NotYet("home-missing")
    try:
        table: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused("settings-invalid") from error
    known = {f.name: f for f in fields(Settings) if f.name != "home"}
    for name, value in table.items():
        if name not in known:
            raise Refused("settings-invalid", line=name)
        if name == "role" and value not in ROLES:
            raise Refused("settings-invalid", line=name)
        if name == "public_origin" and value and not ORIGIN.fullmatch(str(value)):
            raise Refused("settings-invalid", line=name)
        if isinstance(value, list):
            table[name] = tuple(cast("list[str]", value))
    return Settings(home=home, **table)


def write(settings: Settings) -> None:
    """Writes the settings to ``HOME/kaname.toml``; values equal to their defaults are left out."""
    lines: list[str] = []
    for f in fields(Settings):
        value = getattr(settings, f.name)
        if f.name == "home" or (f.name not in ("role", "name") and value == f.default):
            continue
        lines.append(f"{f.name} = {_toml(value)}")
    settings.home.mkdir(parents=True, exist_ok=True)
    draft = settings.home / f".{FILE}.part"
    draft.write_text("\n".join(lines) + "\n", encoding="utf-8")
    draft.replace(settings.home / FILE)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str | Path):
        return _quoted(str(value))
    return "[" + ", ".join(_quoted(str(word)) for word in cast("tuple[str, ...]", value)) + "]"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
