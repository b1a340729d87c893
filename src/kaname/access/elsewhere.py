"""``HOME/oidc.toml``: the identity provider of an organisation, and what its groups do here."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from kaname.access.keyfile import read_secret
from kaname.access.model import PEOPLE, Part, Role
from kaname.access.provider import Client, origin_of
from kaname.errors import Refused
from kaname.settings import Settings

FILE = "oidc.toml"
BACK = "/elsewhere/back"
"""Path that the provider sends browsers back to."""
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
DAYS_MOST = 366
ORGANISATION = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")

TEXTS = ("issuer", "client_id", "address", "organisation", "title")
MORE_TEXTS = ("secret_file", "authority", "groups_claim")
LISTS = ("scopes", "origins", "strong_amr", "strong_acr", "denied")
KNOWN = {*TEXTS, *MORE_TEXTS, *LISTS, "says_when", "days", "map"}
ROW = {"group", "role", "registry", "project"}


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where the people of one organisation sign in."""

    client: Client
    title: str
    """What the button on the sign-in page calls it."""
    organisation: str
    """Id of the organisation; the end of every name."""
    secret_file: Path | None
    """In the folder of keys, mode 0600; ``None`` for a client that has no secret."""
    scopes: tuple[str, ...]
    groups_claim: str
    groups: Mapping[str, tuple[Part, ...]]
    """What each group plays here. There is no other way in."""
    strong_amr: tuple[str, ...]
    """Methods (RFC 8176) that the provider is trusted to name only after two factors; none by default."""
    strong_acr: tuple[str, ...]
    """The same for context classes; they are also asked for."""
    says_when: bool
    """Whether the provider tells when somebody showed who they are (``auth_time``)."""
    days: int
    """After so many days without a sign-in an account ends."""
    denied: tuple[str, ...]
    """Subjects that get in nowhere, whatever their groups are."""

    def parts_of(self, groups: object) -> tuple[Part, ...]:
        """What somebody plays who is in these groups, as the provider lists them; none for any other kind of answer."""
        listed = cast("list[object]", groups) if isinstance(groups, list) else []
        found = {part for group in listed if isinstance(group, str) for part in self.groups.get(group, ())}
        return tuple(sorted(found))


def elsewhere_of(settings: Settings) -> Elsewhere | None:
    """What the file of a node says; ``None`` when it has none.

    Raises:
        Refused: ``oidc-invalid`` with the line; ``key-missing``, ``key-permissions`` for the secret.
    """
    file = settings.home / FILE
    if not file.is_file():
        return None
    try:
        table: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused("oidc-invalid", line="") from error
    for line in table.keys() - KNOWN:
        raise Refused("oidc-invalid", line=line)
    texts = {line: _text(table, line, needed=line in TEXTS) for line in (*TEXTS, *MORE_TEXTS)}
    lists = {line: _list(table, line) for line in LISTS}
    _need(ORGANISATION.fullmatch(texts["organisation"]) is not None, "organisation")
    days, says_when = table.get("days", 30), table.get("says_when", True)
    _need(isinstance(days, int) and not isinstance(days, bool) and 0 < days <= DAYS_MOST, "days")
    _need(isinstance(says_when, bool), "says_when")
    secret_file = settings.keys / texts["secret_file"] if texts["secret_file"] else None
    if secret_file is not None:
        _need(secret_file.parent == settings.keys, "secret_file")
        read_secret(secret_file)
    return Elsewhere(
        client=_client(texts, lists["origins"]),
        title=texts["title"],
        organisation=texts["organisation"],
        secret_file=secret_file,
        scopes=tuple(dict.fromkeys(("openid", *(lists["scopes"] or ("profile",))))),
        groups_claim=texts["groups_claim"] or "groups",
        groups=_groups(table.get("map", []), settings.registries),
        strong_amr=lists["strong_amr"],
        strong_acr=lists["strong_acr"],
        says_when=says_when,
        days=days,
        denied=lists["denied"],
    )


def _client(texts: Mapping[str, str], more: Sequence[str]) -> Client:
    for line in ("issuer", "address"):
        _need(_safe(texts[line]), line)
    _need(all(_safe(one) and one == origin_of(one) for one in more), "origins")
    _need(not texts["authority"] or Path(texts["authority"]).is_file(), "authority")
    origins = (origin_of(texts["issuer"]), *more)
    back = texts["address"].rstrip("/") + BACK
    return Client(texts["issuer"], origins, texts["client_id"], back, texts["authority"])


def _groups(rows: object, registries: Sequence[str]) -> Mapping[str, tuple[Part, ...]]:
    _need(isinstance(rows, list), "map")
    groups: dict[str, tuple[Part, ...]] = {}
    for row in cast("list[object]", rows):
        _need(
            isinstance(row, dict) and all(isinstance(one, str) for one in cast("dict[str, object]", row).values()),
            "map",
        )
        said = cast("dict[str, str]", row)
        _need(said.keys() <= ROW and all(said.get(one) for one in ("group", "role", "registry")), "map")
        _need(said["role"] in PEOPLE and said["registry"] in registries, "map")
        part = Part(cast("Role", said["role"]), said["registry"], said.get("project", ""))
        groups[said["group"]] = (*groups.get(said["group"], ()), part)
    return groups


def _safe(address: str) -> bool:
    """Whether an address is one of TLS, or of this machine itself, and nothing else than an address."""
    parts = urlsplit(address)
    local = re.sub(r":\d+$", "", parts.netloc) in LOOPBACK
    return bool(origin_of(address)) and (parts.scheme == "https" or local) and not parts.query and not parts.fragment


def _text(table: Mapping[str, Any], line: str, *, needed: bool) -> str:
    value = table.get(line, "")
    _need(isinstance(value, str) and (bool(value) or not needed), line)
    return value


def _list(table: Mapping[str, Any], line: str) -> tuple[str, ...]:
    value = table.get(line, [])
    _need(isinstance(value, list) and all(isinstance(one, str) and one for one in cast("list[object]", value)), line)
    return tuple(cast("list[str]", value))


def _need(right: bool, line: str) -> None:  # noqa: FBT001 -- reads as the sentence it is
    if not right:
        raise Refused("oidc-invalid", line=line)
