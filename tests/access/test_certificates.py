"""The authority, its certificates, and the two ends of mutual TLS."""

from __future__ import annotations

import base64
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from kaname.access.certificates import (
    client_context,
    common_name,
    fingerprint,
    issue,
    make_authority,
    make_request,
    read_certificate,
    request_name,
    self_issue,
    server_context,
    tls_files,
)
from kaname.access.keyfile import replace_secret
from kaname.clock import SYSTEM, Clock
from kaname.errors import Refused

PEM = serialization.Encoding.PEM


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys folder of a hub with an authority and a server certificate."""
    folder = tmp_path_factory.mktemp("hub")
    make_authority(folder, "hub-1")
    self_issue(folder, "hub-1", ["127.0.0.1", "hub.example"])
    return folder


@pytest.fixture
def gateway(hub: Path, tmp_path: Path) -> Path:
    """Keys folder of a gateway with a certificate of that hub."""
    return enrolled(hub, tmp_path / "gateway")


def enrolled(hub: Path, folder: Path, clock: Clock = SYSTEM) -> Path:
    """Makes a keys folder with a certificate of that hub."""
    request = make_request(folder, "gw-1")
    replace_secret(folder / "tls.crt", issue(hub, request, 30, clock))
    replace_secret(folder / "authority.crt", (hub / "authority.crt").read_bytes())
    return folder


def shake(client: ssl.SSLContext, server: ssl.SSLContext, host: str = "127.0.0.1") -> tuple[str, str]:
    """Hands between two ends in memory; answers with the TLS version and the client's name as the server saw it."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server, server_hostname=host)
    far = server.wrap_bio(to_server, to_client, server_side=True)
    waiting = [near, far]
    while waiting:
        for end in list(waiting):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(end)
    subject = far.getpeercert() or {}
    return near.version() or "", str(dict(pair for part in subject["subject"] for pair in part)["commonName"])


def refused(code: str) -> pytest.RaisesExc[Refused]:
    """Expects a refusal with that code."""
    return pytest.raises(Refused, check=lambda error: error.code == code)


def test_hub_and_gateway_shake_hands(hub: Path, gateway: Path) -> None:
    """An enrolled gateway and its hub meet in TLS 1.3, and the hub sees the gateway's name."""
    assert shake(client_context(gateway), server_context(hub)) == ("TLSv1.3", "gw-1")
    assert shake(client_context(gateway), server_context(hub), "hub.example")[0] == "TLSv1.3"


def test_tls_1_2_is_the_least(hub: Path, gateway: Path) -> None:
    """A peer that speaks TLS 1.2 is served, and both ends refuse anything older."""
    client = client_context(gateway)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    assert shake(client, server_context(hub))[0] == "TLSv1.2"
    assert client_context(gateway).minimum_version == ssl.TLSVersion.TLSv1_2
    assert server_context(hub).minimum_version == ssl.TLSVersion.TLSv1_2


def test_hub_under_another_name_is_refused(hub: Path, gateway: Path) -> None:
    """A gateway does not talk to a host that the certificate does not name."""
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(client_context(gateway), server_context(hub), "elsewhere.example")


def test_client_without_certificate_is_refused(hub: Path) -> None:
    """A hub turns away a client that shows no certificate."""
    stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    stranger.load_verify_locations(hub / "authority.crt")
    with pytest.raises(ssl.SSLError, match="PEER_DID_NOT_RETURN_A_CERTIFICATE"):
        shake(stranger, server_context(hub))


def test_authority_of_somebody_else_is_refused_by_both(hub: Path, gateway: Path, tmp_path: Path) -> None:
    """A certificate of another authority is worth nothing, at either end."""
    other = tmp_path / "other"
    make_authority(other, "hub-1")
    self_issue(other, "hub-1", ["127.0.0.1"])
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(client_context(gateway), server_context(other))
    forged = enrolled(other, tmp_path / "forged")
    replace_secret(forged / "authority.crt", (hub / "authority.crt").read_bytes())
    with pytest.raises(ssl.SSLError):
        shake(client_context(forged), server_context(hub))


def test_gateway_cannot_pose_as_the_hub(hub: Path, gateway: Path, tmp_path: Path) -> None:
    """A client certificate of the same authority is refused where a server's is due, and the other way round."""
    second = enrolled(hub, tmp_path / "second")
    with pytest.raises(ssl.SSLCertVerificationError, match="purpose"):
        shake(client_context(gateway), server_context(second))
    with pytest.raises(ssl.SSLError, match="purpose"):
        shake(client_context(hub), server_context(hub))


def test_expired_certificate_is_refused(hub: Path, tmp_path: Path) -> None:
    """A client certificate is worth nothing after its last day."""
    past = enrolled(hub, tmp_path / "past", Clock(now=lambda: datetime.now(UTC) - timedelta(days=31)))
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        shake(client_context(past), server_context(hub))


def test_certificates_say_what_they_are_for(hub: Path, gateway: Path) -> None:
    """The authority signs end certificates only, and an end certificate signs nothing."""
    authority = read_certificate((hub / "authority.crt").read_bytes())
    client = read_certificate((gateway / "tls.crt").read_bytes())
    client.verify_directly_issued_by(authority)
    limits = authority.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (limits.ca, limits.path_length) == (True, 0)
    assert not client.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert common_name(client.subject) == "gw-1"
    assert len(fingerprint(client)) == 64


def test_request_keeps_its_key(tmp_path: Path) -> None:
    """Asking twice asks for the same key, which only the owner can read."""
    first, second = make_request(tmp_path, "gw-1"), make_request(tmp_path, "gw-1")
    keys = [x509.load_pem_x509_csr(pem).public_key() for pem in (first, second)]
    assert keys[0] == keys[1]
    assert request_name(first) == "gw-1"
    assert tls_files(tmp_path).key.stat().st_mode & 0o777 == 0o600


def test_wrong_requests_are_refused(hub: Path) -> None:
    """Noise, a key of another kind or curve, no name or two names, and a changed request get no certificate."""
    name = x509.NameAttribute(NameOID.COMMON_NAME, "gw-1")
    elliptic = ec.generate_private_key(ec.SECP256R1())
    sound = base64.b64decode(b"".join(request(elliptic, [name]).splitlines()[1:-1]))
    broken = b"-----BEGIN CERTIFICATE REQUEST-----\n%s\n-----END CERTIFICATE REQUEST-----\n" % base64.b64encode(
        sound.replace(b"gw-1", b"gw-2")
    )
    other_curve = request(ec.generate_private_key(ec.SECP384R1()), [name])
    wrong = [b"noise", broken, other_curve, request(ed25519.Ed25519PrivateKey.generate(), [name])]
    for csr in [*wrong, request(elliptic, []), request(elliptic, [name, name])]:
        with refused("enrolment-invalid"):
            issue(hub, csr, 30)


def request(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, names: list[x509.NameAttribute[str]]) -> bytes:
    """A signing request (PEM) as somebody else could write it."""
    digest = hashes.SHA256() if isinstance(key, ec.EllipticCurvePrivateKey) else None
    return x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names)).sign(key, digest).public_bytes(PEM)


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_name_that_fits_no_certificate_is_refused(tmp_path: Path, name: str) -> None:
    """A name must have 1 to 64 characters."""
    with refused("enrolment-invalid"):
        make_request(tmp_path, name)


def test_authority_is_never_overwritten(hub: Path) -> None:
    """A second authority in the same folder is refused, the first stays."""
    before = (hub / "authority.crt").read_bytes()
    with refused("key-exists"):
        make_authority(hub, "again")
    assert (hub / "authority.crt").read_bytes() == before


def test_key_that_others_can_read_opens_no_connection(gateway: Path) -> None:
    """A TLS key that group or others can read is refused."""
    (gateway / "tls.key").chmod(0o644)
    with refused("key-permissions"):
        client_context(gateway)


def test_incomplete_folders_are_refused(gateway: Path, tmp_path: Path) -> None:
    """A keys folder without key, certificate or authority opens no connection."""
    with refused("key-missing"):
        client_context(tmp_path / "empty")
    for name in ("authority.crt", "tls.crt"):
        (gateway / name).unlink()
        with refused("key-missing"):
            client_context(gateway)


def test_unreadable_files_are_refused(gateway: Path, tmp_path: Path) -> None:
    """Noise in place of a key or certificate is told from a missing one."""
    replace_secret(gateway / "tls.crt", b"noise")
    with refused("key-invalid"):
        client_context(gateway)
    replace_secret(gateway / "tls.key", b"noise")
    with refused("key-invalid"):
        make_request(gateway, "gw-1")
    signing = ed25519.Ed25519PrivateKey.generate().private_bytes(
        PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    replace_secret(gateway / "tls.key", signing)
    with refused("key-invalid"):
        make_request(gateway, "gw-1")
    with refused("key-invalid"):
        read_certificate(b"noise")
    with refused("key-missing"):
        issue(tmp_path, make_request(tmp_path, "gw-1"), 30)
