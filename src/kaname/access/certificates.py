"""The hub's own certificate authority, and the two ends of mutual TLS.

All keys are EC P-256, all certificates X.509 v3 (RFC 5280). An authority signs end certificates only (path length 0).
A gateway's certificate is good for clients only, the hub's for servers only: a gateway cannot pose as the hub.

Files of a keys folder: ``authority.key`` and ``authority.crt`` (hub: its authority; gateway: ``authority.crt`` alone,
the one it pins), ``tls.key`` and ``tls.crt`` (hub: server, gateway: client).
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kaname.access.keyfile import read_secret, replace_secret, write_secret
from kaname.clock import SYSTEM, Clock
from kaname.errors import NotYet, Refused

AUTHORITY_DAYS = 3650
SERVER_DAYS = 825
CLOCK_SKEW = timedelta(hours=1)
"""How far apart the clocks of two partners may be."""
ANSWER_SECONDS = 10.0
"""How long a server may take to show its certificate."""
NAME_MAX_LENGTH = 64
"""Of a common name (RFC 5280, appendix A.1)."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of one end of a mutual-TLS connection: own certificate and key, the authority trusted for the other end."""

    certificate: Path
    key: Path
    authority: Path


def tls_files(folder: Path) -> TlsFiles:
    """Where the files of a keys folder lie; whether they are there is told by using them."""
    return TlsFiles(folder / "tls.crt", folder / "tls.key", folder / "authority.crt")


def make_authority(folder: Path, name: str, clock: Clock = SYSTEM) -> None:
    """Makes an authority: ``authority.key`` and a self-signed ``authority.crt`` (3,650 days).

    Raises:
        Refused: ``key-exists`` when the folder has one.
    """
    private = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(f"{name} authority")
    certificate = (
        _certificate(subject, subject, private.public_key(), AUTHORITY_DAYS, clock)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .sign(private, hashes.SHA256())
    )
    write_secret(folder / "authority.key", _key_pem(private))
    replace_secret(folder / "authority.crt", _pem(certificate))


def make_request(folder: Path, name: str) -> bytes:
    """A certificate signing request (PEM) for ``tls.key``, which is made when the folder has none.

    Raises:
        Refused: ``key-permissions``, ``key-invalid`` when there is a key that cannot be used.
    """
    private = _own_key(folder)
    request = x509.CertificateSigningRequestBuilder().subject_name(_subject(name)).sign(private, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM)


def own_public_key(folder: Path) -> bytes:
    """The public half of ``tls.key`` (DER, SubjectPublicKeyInfo).

    Raises:
        Refused: ``key-missing``, ``key-permissions``, ``key-invalid``.
    """
    public = _read_key(tls_files(folder).key).public_key()
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def request_name(csr_pem: bytes) -> str:
    """The common name that a signing request asks for, after its own signature was checked.

    Raises:
        Refused: ``enrolment-invalid`` when it is no request for an EC P-256 key with one common name.
    """
    return _read_request(csr_pem)[0]


def issue(folder: Path, csr_pem: bytes, days: int, clock: Clock = SYSTEM) -> bytes:
    """A client certificate (PEM) for the key and common name of a request; everything else it asks for is ignored.

    Raises:
        Refused: ``enrolment-invalid`` when the request is wrong; ``key-…`` when the folder holds no usable authority.
    """
    name, key = _read_request(csr_pem)
    return _pem(_signed(folder, name, key, days, clock, hosts=()))


def self_issue(folder: Path, name: str, hosts: Sequence[str], clock: Clock = SYSTEM) -> None:
    """Gives the authority's own server a certificate for ``hosts`` (names or IP addresses): ``tls.key``, ``tls.crt``.

    A new one replaces the old (825 days); the key stays.

    Raises:
        Refused: ``key-…`` when the folder holds no usable authority or key.
    """
    public = _own_key(folder).public_key()
    replace_secret(folder / "tls.crt", _pem(_signed(folder, name, public, SERVER_DAYS, clock, hosts=hosts)))


def renew_server(folder: Path, name: str, clock: Clock = SYSTEM) -> None:
    """Gives the authority's own server a new certificate, for the hosts that the present one names.

    Raises:
        Refused: ``key-…`` when the folder holds no usable authority, key or certificate.
    """
    present = read_certificate(read_secret(tls_files(folder).certificate))
    names = present.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    self_issue(folder, name, [str(host.value) for host in names], clock)


def client_context(folder: Path) -> ssl.SSLContext:
    """TLS for a gateway: shows its certificate and trusts its hub's authority alone, never the system's.

    Raises:
        Refused: ``key-missing``, ``key-permissions``, ``key-invalid``.
    """
    return _context(folder, ssl.PROTOCOL_TLS_CLIENT)


def server_context(folder: Path) -> ssl.SSLContext:
    """TLS for a hub: turns away every client without a certificate of its own authority.

    Raises:
        Refused: ``key-missing``, ``key-permissions``, ``key-invalid``.
    """
    context = _context(folder, ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.options |= ssl.OP_NO_TICKET  # a resumed connection would have its certificate looked at no more
    context.num_tickets = 0
    return context


def load_server(context: ssl.SSLContext, folder: Path) -> None:
    """Has a hub's TLS show the certificate that lies in the folder now; connections that stand keep theirs.

    Raises:
        Refused: ``key-missing``, ``key-permissions``, ``key-invalid``.
    """
    files = tls_files(folder)
    read_secret(files.key)
    try:
        context.load_cert_chain(files.certificate, files.key)
    except (ssl.SSLError, FileNotFoundError) as error:
        raise Refused("key-invalid", file=files.certificate.name) from error


def read_certificate(pem: bytes) -> x509.Certificate:
    """Reads a PEM certificate.

    Raises:
        Refused: ``key-invalid``.
    """
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise Refused("key-invalid") from error


def expires_at(certificate: Path) -> datetime:
    """When the certificate in a file ends (UTC).

    Raises:
        Refused: ``key-missing``, ``key-permissions``, ``key-invalid``.
    """
    return read_certificate(read_secret(certificate)).not_valid_after_utc


def key_fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 over the DER form of its public key, 64 hex digits: stays when the certificate is renewed."""
    public = certificate.public_key()
    return sha256(
        public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    ).hexdigest()


def pinned_context(host: str, port: int, pin: str) -> ssl.SSLContext:
    """TLS that shows no certificate and trusts one server alone: the one at that address whose key has the fingerprint.

    Raises:
        NotYet: ``receiver-unreachable``; for a person ``receiver-untrusted`` when somebody else answers there.
    """
    try:
        pem = ssl.get_server_certificate((host, port), timeout=ANSWER_SECONDS)
    except OSError as error:
        raise NotYet("receiver-unreachable") from error
    if key_fingerprint(read_certificate(pem.encode("ascii"))) != pin:
        raise NotYet("receiver-untrusted")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=pem)
    return context


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 over the DER form, 64 hex digits."""
    return sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


def common_name(subject: x509.Name) -> str:
    """The one common name of a subject.

    Raises:
        Refused: ``enrolment-invalid`` when there is none, or more than one.
    """
    names = [str(attribute.value) for attribute in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if len(names) != 1:
        raise Refused("enrolment-invalid", part="common_name")
    return names[0]


def _context(folder: Path, protocol: int) -> ssl.SSLContext:
    files = tls_files(folder)
    read_secret(files.key)  # refuses a key that others can read
    for path in (files.certificate, files.authority):
        if not path.is_file():
            raise Refused("key-missing", file=path.name)
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    try:
        context.load_verify_locations(cafile=files.authority)
        context.load_cert_chain(files.certificate, files.key)
    except ssl.SSLError as error:
        raise Refused("key-invalid", file=files.certificate.name) from error
    return context


def _own_key(folder: Path) -> ec.EllipticCurvePrivateKey:
    path = tls_files(folder).key
    if not path.exists():
        write_secret(path, _key_pem(ec.generate_private_key(ec.SECP256R1())))
    return _read_key(path)


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        private = serialization.load_pem_private_key(read_secret(path), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Refused("key-invalid", file=path.name) from error
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise Refused("key-invalid", file=path.name)
    return private


def _read_request(csr_pem: bytes) -> tuple[str, ec.EllipticCurvePublicKey]:
    try:
        request = x509.load_pem_x509_csr(csr_pem)
        sound = request.is_signature_valid
        key = request.public_key()
    except (ValueError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise Refused("enrolment-invalid", part="csr") from error
    if not sound or not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise Refused("enrolment-invalid", part="csr")
    return common_name(request.subject), key


def _signed(
    folder: Path, name: str, key: ec.EllipticCurvePublicKey, days: int, clock: Clock, *, hosts: Sequence[str]
) -> x509.Certificate:
    """An end certificate: for a server when there are hosts, else for a client."""
    private = _read_key(folder / "authority.key")
    authority = read_certificate(read_secret(folder / "authority.crt"))
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        _certificate(_subject(name), authority.subject, key, days, clock)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(private.public_key()), critical=False)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
    return builder.sign(private, hashes.SHA256())


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int, clock: Clock
) -> x509.CertificateBuilder:
    now = clock.now()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _subject(name: str) -> x509.Name:
    if not 0 < len(name) <= NAME_MAX_LENGTH:
        raise Refused("enrolment-invalid", part="name")
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_pem(private: ec.EllipticCurvePrivateKey) -> bytes:
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
