"""Signatures, statements, and the files that keep keys."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from kaname.access.keyfile import read_secret, replace_secret, write_secret
from kaname.access.signing import (
    PublicKey,
    SigningKey,
    open_statement,
    read_base64,
    read_canonical,
    read_statement,
    sign_statement,
)
from kaname.errors import Refused

KEY = SigningKey.from_seed(bytes(range(32)))
OTHER = SigningKey.from_seed(bytes(32))
KEYS = {KEY.public.id: KEY.public}
STATEMENT = sign_statement("greeting", {"to": "要"}, KEY)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3)
    ),
    max_leaves=8,
)


def refusal(code: str, part: str = "") -> pytest.RaisesExc[Refused]:
    """Expects a refusal with that code, and that part if one is given."""
    return pytest.raises(
        Refused, check=lambda error: error.code == code and (not part or error.facts.get("part") == part)
    )


def test_signature_is_the_one_of_rfc_8032() -> None:
    """A key made from a seed signs exactly as test 2 of RFC 8032 section 7.1 says."""
    key = SigningKey.from_seed(bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
    assert key.public.raw.hex() == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    signature = key.sign(b"\x72")
    assert signature.hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert key.public.verify(b"\x72", signature)
    assert not key.public.verify(b"\x73", signature)


def test_key_survives_its_file(tmp_path: Path) -> None:
    """A key that was written is read back as the same key, from a file that only the owner can read."""
    path = tmp_path / "keys" / "signing.pem"
    key = SigningKey.new(path)
    assert SigningKey.load(path).public == key.public
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_key_is_never_overwritten(tmp_path: Path) -> None:
    """Making a key where one stands is refused and leaves the old one and no draft."""
    path = tmp_path / "signing.pem"
    key = SigningKey.new(path)
    with refusal("key-exists"):
        SigningKey.new(path)
    assert SigningKey.load(path).public == key.public
    assert [p.name for p in tmp_path.iterdir()] == ["signing.pem"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o777])
def test_key_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    """A key file on which group or others have any right is not used."""
    path = tmp_path / "signing.pem"
    SigningKey.new(path)
    path.chmod(mode)
    with refusal("key-permissions"):
        SigningKey.load(path)


def test_absent_key_is_refused(tmp_path: Path) -> None:
    """Loading a key that is not there says that it is missing."""
    with refusal("key-missing"):
        SigningKey.load(tmp_path / "signing.pem")


def test_file_of_another_kind_is_no_signing_key(tmp_path: Path) -> None:
    """Noise and keys of another algorithm are refused as signing keys."""
    elliptic = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for name, content in (("a", b"noise"), ("b", elliptic), ("c", b"")):
        write_secret(tmp_path / name, content)
        with refusal("key-invalid"):
            SigningKey.load(tmp_path / name)


def test_secret_is_replaced_whole(tmp_path: Path) -> None:
    """A replaced file has the new content and mode 0600 even when the umask is open."""
    path = tmp_path / "keys" / "tls.crt"
    before = os.umask(0)
    try:
        replace_secret(path, b"one")
        replace_secret(path, b"two")
    finally:
        os.umask(before)
    assert read_secret(path) == b"two"
    assert [p.name for p in path.parent.iterdir()] == ["tls.crt"]


def test_key_prints_no_secret() -> None:
    """The printed form of a private key shows its public half only."""
    assert "private" not in repr(KEY)
    assert bytes(range(32)).hex() not in repr(KEY)


def test_public_key_survives_its_text() -> None:
    """A public key is the same after being written as text, and its id begins its fingerprint."""
    assert PublicKey.from_text(KEY.public.text) == KEY.public
    assert KEY.public.fingerprint.startswith(KEY.public.id)
    assert len(KEY.public.id) == 16


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", "AAA=\n", "AAB=", "要"])
def test_wrong_public_key_text_is_refused(text: str) -> None:
    """Text that is not the one base64 spelling of 32 bytes is no public key."""
    with refusal("statement-invalid"):
        PublicKey.from_text(text)


@given(json_values, st.text(st.characters(exclude_categories=["Cs"])))
def test_open_undoes_sign(body: object, kind: str) -> None:
    """Whatever JSON value is signed comes back equal when the statement is opened."""
    assert open_statement(sign_statement(kind, body, KEY), kind, KEYS) == body


def test_same_statement_has_same_bytes() -> None:
    """Signing the same body twice gives the same bytes."""
    assert sign_statement("greeting", {"to": "要"}, KEY) == STATEMENT


def test_any_other_bit_is_refused() -> None:
    """Every single-bit change of a statement is refused."""
    for position in range(len(STATEMENT) * 8):
        changed = bytearray(STATEMENT)
        changed[position // 8] ^= 1 << position % 8
        with refusal("statement-invalid"):
            open_statement(bytes(changed), "greeting", KEYS)


def test_every_way_to_be_wrong_has_its_part() -> None:
    """Kind, unknown key, foreign signature, missing and extra members are each named."""
    fields = json.loads(STATEMENT)
    forged = json.loads(sign_statement("greeting", {"to": "要"}, OTHER)) | {"key": KEY.public.id}
    with refusal("statement-invalid", "kind"):
        open_statement(STATEMENT, "farewell", KEYS)
    with refusal("statement-invalid", "key"):
        open_statement(STATEMENT, "greeting", {})
    with refusal("statement-invalid", "key"):
        open_statement(sign_statement("greeting", None, OTHER), "greeting", KEYS)
    with refusal("statement-invalid", "signature"):
        open_statement(spelled(forged), "greeting", KEYS)
    with refusal("statement-invalid", "signature"):
        open_statement(spelled(fields | {"signature": base64.b64encode(bytes(63)).decode()}), "greeting", KEYS)
    with refusal("statement-invalid", "form"):
        open_statement(spelled(fields | {"more": 1}), "greeting", KEYS)
    with refusal("statement-invalid", "form"):
        open_statement(spelled({"body": 1}), "greeting", KEYS)
    with refusal("statement-invalid", "form"):
        open_statement(b"[]", "greeting", KEYS)
    with refusal("statement-invalid", "canonical"):
        open_statement(STATEMENT + b"\n", "greeting", KEYS)


def test_key_filed_under_a_wrong_id_signs_nothing() -> None:
    """A statement does not pass with a key that is not the one it names, even when the ring says so."""
    statement = read_statement(sign_statement("greeting", None, OTHER))
    assert not statement.signed_by(KEY.public)
    assert statement.signed_by(OTHER.public)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"NaN", b"Infinity", b'"\xff"', b'"\\ud800"', b"[" * 100_000, b"1" * 5000, b'{"a":1,"a":2}', b"{ }"],
)
def test_only_canonical_json_is_read(data: bytes) -> None:
    """JSON that is broken, too deep, too long or spelled in another way is refused."""
    with refusal("statement-invalid"):
        read_canonical(data)


def test_base64_has_one_spelling() -> None:
    """Base64 with stray bits, without padding or outside ASCII is refused."""
    assert read_base64("AAA=") == b"\0\0"
    for text in ("AAB=", "AAA", "AA A=", "あ"):
        with refusal("statement-invalid", "base64"):
            read_base64(text)


def spelled(value: object) -> bytes:
    """Canonical JSON, spelled by the standard library."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
