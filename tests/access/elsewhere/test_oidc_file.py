"""The file that says which provider, and what its groups do here."""

from __future__ import annotations

from pathlib import Path

import pytest

from kaname.access.elsewhere import FILE, elsewhere_of
from kaname.access.keyfile import write_secret
from kaname.access.model import Part
from kaname.access.provider import origin_of
from kaname.errors import Refused
from kaname.settings import Settings

GOOD = """
issuer = "https://id.example.jp/realms/a"
client_id = "kaname"
address = "https://kaname.example.jp/"
organisation = "hospital-a"
title = "A 病院"
"""
ROWS = """
[[map]]
group = "team"
role = "researcher"
registry = "j-mid"
project = "p-1"

[[map]]
group = "team"
role = "reader"
registry = "j-mid"
"""


def settings(home: Path, text: str) -> Settings:
    """A node whose file says this."""
    (home / FILE).write_text(text, encoding="utf-8")
    return Settings(home, "hub", "hub")


def test_without_the_file_nobody_signs_in_elsewhere(tmp_path: Path) -> None:
    """There is no default provider."""
    assert elsewhere_of(Settings(tmp_path, "hub", "hub")) is None


def test_what_is_not_said_permits_nothing(tmp_path: Path) -> None:
    """No group has a role, no word counts as two factors, and only the issuer's own origin is asked."""
    about = elsewhere_of(settings(tmp_path, GOOD))
    assert about is not None
    assert (about.groups, about.strong_amr, about.strong_acr, about.secret_file) == ({}, (), (), None)
    assert about.client.origins == ("https://id.example.jp",)
    assert about.client.address == "https://kaname.example.jp/elsewhere/back"
    assert about.says_when
    assert about.scopes == ("openid", "profile")


def test_a_group_may_play_several_parts(tmp_path: Path) -> None:
    """In a registry, and in one project of it."""
    about = elsewhere_of(settings(tmp_path, GOOD + ROWS))
    assert about is not None
    assert about.parts_of(["team", "others"]) == (Part("reader", "j-mid"), Part("researcher", "j-mid", "p-1"))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("issuer = ", ""),
        (GOOD + 'colour = "red"', "colour"),
        (GOOD.replace("client_id", "# client_id"), "client_id"),
        (GOOD.replace('"kaname"', "7"), "client_id"),
        (GOOD.replace("https://id", "http://id"), "issuer"),
        (GOOD.replace("https://id", "https://me@id"), "issuer"),
        (GOOD.replace("https://id", "ftp://id"), "issuer"),
        (GOOD.replace("https://kaname", "http://127.0.0.1@kaname"), "address"),
        (GOOD.replace("example.jp/realms/a", "example.jp/?a"), "issuer"),
        (GOOD.replace('"hospital-a"', '"Hospital A"'), "organisation"),
        (GOOD + 'origins = ["https://keys.example.jp/path"]', "origins"),
        (GOOD + 'scopes = "openid"', "scopes"),
        (GOOD + "days = 0", "days"),
        (GOOD + "days = true", "days"),
        (GOOD + 'says_when = "yes"', "says_when"),
        (GOOD + 'authority = "/nowhere.pem"', "authority"),
        (GOOD + 'secret_file = "../oidc-secret"', "secret_file"),
        (GOOD + "map = 1", "map"),
        (GOOD + "map = [1]", "map"),
        (GOOD + ROWS.replace('"reader"', '"program"'), "map"),
        (GOOD + ROWS.replace('"reader"', '"king"'), "map"),
        (GOOD + ROWS.replace('"j-mid"', '"nowhere"'), "map"),
        (GOOD + ROWS.replace("project", "projects"), "map"),
        (GOOD + ROWS.replace('group = "team"\nrole = "reader"', 'group = ""\nrole = "reader"'), "map"),
    ],
)
def test_a_line_that_says_nothing_stops_the_node(tmp_path: Path, text: str, line: str) -> None:
    """It is named; nothing is guessed, and no address without TLS is taken but that of this machine."""
    with pytest.raises(Refused, match="oidc-invalid") as caught:
        elsewhere_of(settings(tmp_path, text))
    assert caught.value.facts == {"line": line}


def test_the_secret_is_a_file_that_nobody_else_reads(tmp_path: Path) -> None:
    """In the folder of keys; a missing one and an open one stop the node."""
    said = settings(tmp_path, GOOD + 'secret_file = "oidc-secret"')
    with pytest.raises(Refused, match="key-missing"):
        elsewhere_of(said)
    write_secret(tmp_path / "keys" / "oidc-secret", b"s")
    assert elsewhere_of(said) is not None
    (tmp_path / "keys" / "oidc-secret").chmod(0o640)
    with pytest.raises(Refused, match="key-permissions"):
        elsewhere_of(said)


@pytest.mark.parametrize(
    "address", ["", "id.example.jp", "javascript:alert(1)", "https://", "https://a@b", "file:///x"]
)
def test_what_is_no_address_has_no_origin(address: str) -> None:
    """So it is never asked."""
    assert origin_of(address) == ""
