"""Two files carried by hand make partners."""

from __future__ import annotations

import json
import shutil
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from kaname.access import certificates
from kaname.access.keyfile import replace_secret
from kaname.access.signing import SigningKey, sign_statement
from kaname.clock import Clock
from kaname.errors import NotYet, Refused
from kaname.parcel.enrolment import (
    FILE_LIMIT_BYTES,
    accept_answer,
    admit,
    client_folder,
    is_enrolled,
    make_request,
    read_partner,
    read_request,
    signing_key,
)
from kaname.testing.parcels import Pair, enrolled_pair

OTHER = SigningKey.from_seed(bytes(32))
URL = "https://127.0.0.1:8471"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A hub and a gateway that is enrolled with it."""
    return enrolled_pair(tmp_path_factory.mktemp("pair"))


def refused(part: str) -> pytest.RaisesExc[Refused]:
    """Expects an invalid enrolment, naming that part."""
    return pytest.raises(Refused, check=lambda e: (e.code, e.facts.get("part")) == ("enrolment-invalid", part))


def again(statement: bytes, key: SigningKey, **values: object) -> bytes:
    """The same statement with other values in its body, signed anew."""
    found: dict[str, Any] = json.loads(statement)
    return sign_statement(found["kind"], found["body"] | values, key)


def test_both_sides_know_each_other(pair: Pair) -> None:
    """After the two files were carried, hub and gateway hold each other's name, key and registries."""
    assert (pair.admission.name, pair.admission.registries) == ("gw-1", ("basic", "j-mid"))
    assert pair.admission.key == pair.gateway_key.public
    assert (pair.record.name, pair.record.gateway, pair.record.url) == ("hub-1", "gw-1", URL)
    assert pair.record.key == pair.hub_key.public
    assert pair.record.registries == ("basic", "j-mid")
    assert read_partner(pair.gateway) == pair.record
    certificate = certificates.read_certificate((pair.gateway / "tls.crt").read_bytes())
    assert pair.admission.certificate == certificates.fingerprint(certificate)


def test_keys_folders_are_closed(pair: Pair) -> None:
    """Every file of a keys folder is for its owner alone, and so is the folder."""
    assert sorted(path.name for path in pair.hub.iterdir()) == [
        "authority.crt",
        "authority.key",
        "signing.pem",
        "tls.crt",
        "tls.key",
    ]
    assert sorted(path.name for path in pair.gateway.iterdir()) == [
        "authority.crt",
        "partner.json",
        "signing.pem",
        "tls.crt",
        "tls.key",
    ]
    for folder in (pair.hub, pair.gateway):
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_no_secret_is_carried(pair: Pair, tmp_path: Path) -> None:
    """Neither file holds a private key."""
    request = make_request(tmp_path / "keys", "gw-2", ["basic"])
    for data in (request, pair.admission.answer):
        assert b"PRIVATE" not in data


def test_fingerprints_stand_in_plain_sight(pair: Pair, tmp_path: Path) -> None:
    """Both files show the fingerprint that two people compare by telephone."""
    request = make_request(tmp_path / "keys", "gw-2", ["basic"])
    assert signing_key(tmp_path / "keys").public.fingerprint.encode() in request
    assert pair.record.key.fingerprint.encode() in pair.admission.answer


def test_enrolling_again_renews(pair: Pair, tmp_path: Path) -> None:
    """A second round with the same hub keeps the keys and brings a new certificate; the same answer changes nothing."""
    gateway = shutil.copytree(pair.gateway, tmp_path / "keys")
    request = make_request(gateway, "gw-1", ["j-mid"])
    answer = admit(request, pair.hub, pair.hub_key, "hub-1", "https://hub.example").answer
    record = accept_answer(gateway, answer)
    assert record == accept_answer(gateway, answer) == read_partner(gateway)
    assert (record.url, record.registries) == ("https://hub.example", ("j-mid",))
    assert signing_key(gateway).public == pair.gateway_key.public
    assert isinstance(certificates.client_context(gateway), ssl.SSLContext)


def test_request_says_what_a_person_decides(tmp_path: Path) -> None:
    """A request tells the hub's person who asks for which registries, and when it was made."""
    data = make_request(tmp_path / "keys", "gw-1", ["j-mid", "basic"], Clock())
    request = read_request(data)
    assert (request.name, request.registries) == ("gw-1", ("basic", "j-mid"))
    assert request.at.endswith("Z")


@pytest.mark.parametrize(("name", "registries"), [("", ["basic"]), ("gw 1", ["basic"]), ("gw-1", []), ("gw-1", ["É"])])
def test_wrong_names_are_not_asked_for(tmp_path: Path, name: str, registries: list[str]) -> None:
    """A request without a proper name or registry is not written."""
    with pytest.raises(Refused, match="enrolment-invalid"):
        make_request(tmp_path / "keys", name, registries)


def test_wrong_url_is_not_admitted(pair: Pair, tmp_path: Path) -> None:
    """A hub does not answer with an address that is not https, or has a path."""
    request = make_request(tmp_path / "keys", "gw-1", ["basic"])
    for url in ("http://hub.example", "https://hub.example/x", "https://hub.example@evil.example", ""):
        with refused("url"):
            admit(request, pair.hub, pair.hub_key, "hub-1", url)


def test_every_flipped_byte_of_either_file_is_refused(pair: Pair, tmp_path: Path) -> None:
    """A request or an answer with one changed byte enrols nobody."""
    request = make_request(tmp_path / "keys", "gw-1", ["basic"])
    for data, read in ((request, read_request), (pair.admission.answer, lambda d: accept_answer(pair.gateway, d))):
        for position in range(len(data)):
            changed = bytearray(data)
            changed[position] ^= 1 << position % 8
            with pytest.raises(Refused, match="enrolment-invalid"):
                read(bytes(changed))


@pytest.mark.parametrize(
    ("part", "spoil"),
    [
        ("json", lambda _r, _k: b"{"),
        ("size", lambda _r, _k: b" " * (FILE_LIMIT_BYTES + 1)),
        ("kind", lambda r, k: sign_statement("receipt", json.loads(r)["body"], k)),
        ("members", lambda r, k: again(r, k, more=1)),
        ("key", lambda r, k: again(r, k, public_key=OTHER.public.text)),
        ("public_key", lambda r, k: again(r, k, public_key="AAAA")),
        ("fingerprint", lambda r, k: again(r, k, fingerprint="0" * 64)),
        ("name", lambda r, k: again(r, k, name="../gw")),
        ("csr", lambda r, k: again(r, k, name="gw-9")),
        ("csr", lambda r, k: again(r, k, csr="-----BEGIN X-----\nAAAA\n-----END X-----\n")),
        ("csr", lambda r, k: again(r, k, csr="noise")),
        ("registries", lambda r, k: again(r, k, registries=[])),
        ("registries", lambda r, k: again(r, k, registries=["basic", "basic"])),
        ("at", lambda r, k: again(r, k, at="")),
    ],
)
def test_wrong_request_is_refused_by_name(
    tmp_path: Path, part: str, spoil: Callable[[bytes, SigningKey], bytes]
) -> None:
    """A request that does not prove what it names is refused, and the place is named."""
    keys = tmp_path / "keys"
    data = spoil(make_request(keys, "gw-1", ["basic"]), signing_key(keys))
    with refused(part):
        read_request(data)


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("gateway", {"gateway": "gw-9"}),
        ("gateway_key", {"gateway_key": OTHER.public.text}),
        ("gateway_key", {"gateway_key": "AAAA"}),
        ("url", {"url": "http://hub.example"}),
        ("authority", {"authority": "noise"}),
        ("certificate", {"certificate": "-----BEGIN X-----\nAAAA\n-----END X-----\n"}),
    ],
)
def test_wrong_answer_is_refused_by_name(pair: Pair, part: str, values: dict[str, str]) -> None:
    """An answer that is for somebody else, or contradicts itself, is refused and the place named."""
    with refused(part):
        accept_answer(pair.gateway, again(pair.admission.answer, pair.hub_key, **values))


def test_answer_of_a_foreign_authority_is_refused(pair: Pair, tmp_path: Path) -> None:
    """The certificate has to come from the authority in the same file."""
    certificates.make_authority(tmp_path, "hub-1")
    answer = again(pair.admission.answer, pair.hub_key, authority=(tmp_path / "authority.crt").read_text())
    with refused("authority"):
        accept_answer(pair.gateway, answer)


def test_answer_for_another_tls_key_is_refused(pair: Pair, tmp_path: Path) -> None:
    """The certificate has to be for the TLS key of this folder."""
    request = certificates.make_request(tmp_path, "gw-1")
    certificate = certificates.issue(pair.hub, request, 30).decode()
    with refused("certificate"):
        accept_answer(pair.gateway, again(pair.admission.answer, pair.hub_key, certificate=certificate))


def test_wrong_fingerprint_is_refused(pair: Pair) -> None:
    """When the fingerprint heard by telephone is another one, nobody is enrolled."""
    with refused("fingerprint"):
        accept_answer(pair.gateway, pair.admission.answer, "0" * 64)


def test_another_hub_does_not_slip_in(pair: Pair, tmp_path: Path) -> None:
    """A gateway that has a hub takes no answer of another one."""
    before = (pair.gateway / "tls.crt").read_bytes()
    other = enrolled_pair(tmp_path)
    request = make_request(pair.gateway, "gw-1", ["basic"])
    with refused("partner"):
        accept_answer(pair.gateway, admit(request, other.hub, other.hub_key, "hub-2", URL).answer)
    assert read_partner(pair.gateway) == pair.record
    assert (pair.gateway / "tls.crt").read_bytes() == before


def test_unenrolled_folder_says_so(tmp_path: Path) -> None:
    """Without partner.json there is no partner yet."""
    with pytest.raises(NotYet, match="not-enrolled"):
        read_partner(tmp_path)


def test_broken_partner_file_is_refused(pair: Pair, tmp_path: Path) -> None:
    """A partner.json that is broken, or that others can read, is not used."""
    path = tmp_path / "partner.json"
    replace_secret(path, b"{")
    with pytest.raises(Refused, match="enrolment-invalid"):
        read_partner(tmp_path)
    replace_secret(path, b"{}")
    with pytest.raises(Refused, match="enrolment-invalid"):
        read_partner(tmp_path)
    replace_secret(path, (pair.gateway / "partner.json").read_bytes())
    path.chmod(0o644)
    with pytest.raises(Refused, match="key-permissions"):
        read_partner(tmp_path)


def test_authority_key_never_leaves_the_hub(pair: Pair) -> None:
    """What the gateway got as authority is its certificate alone."""
    authority = (pair.hub / "authority.key").read_bytes()
    key = serialization.load_pem_private_key(authority, None)
    assert key.key_size == 256
    assert authority not in b"".join(path.read_bytes() for path in pair.gateway.iterdir())


def test_a_hub_enrols_with_a_cloud_as_a_gateway_with_a_hub(pair: Pair, tmp_path: Path) -> None:
    """The same two files; what the hub needs as a client stands apart from its own authority and server."""
    hub = shutil.copytree(pair.hub, tmp_path / "hub")
    before = {path.name: path.read_bytes() for path in hub.iterdir()}
    cloud = tmp_path / "cloud"
    certificates.make_authority(cloud, "cloud-1")
    assert not is_enrolled(hub)
    request = make_request(hub, "hub-1", ["basic"], role="hub")
    assert read_request(request).role == "hub"
    admission = admit(request, cloud, signing_key(cloud), "cloud-1", "https://cloud.example")
    assert (admission.role, admission.name, admission.key) == ("hub", "hub-1", pair.hub_key.public)
    record = accept_answer(hub, admission.answer, signing_key(cloud).public.fingerprint)
    assert is_enrolled(hub)
    assert record == read_partner(hub)
    assert (record.name, record.gateway) == ("cloud-1", "hub-1")
    assert {path.name: path.read_bytes() for path in hub.iterdir() if path.is_file()} == before
    client = client_folder(hub)
    assert sorted(path.name for path in client.iterdir()) == ["authority.crt", "partner.json", "tls.crt", "tls.key"]
    assert client.stat().st_mode & 0o777 == 0o700
    assert isinstance(certificates.client_context(client), ssl.SSLContext)
    assert isinstance(certificates.server_context(hub), ssl.SSLContext)


def test_a_role_is_one_that_delivers(pair: Pair, tmp_path: Path) -> None:
    """Nobody asks to be admitted as anything but a gateway or a hub."""
    request = make_request(tmp_path / "keys", "gw-2", ["basic"])
    assert read_request(request).role == pair.admission.role == "gateway"
    with refused("role"):
        read_request(again(request, signing_key(tmp_path / "keys"), role="cloud"))
