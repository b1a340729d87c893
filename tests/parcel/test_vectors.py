"""The written format and the code agree."""

from __future__ import annotations

import io
import json
import tarfile
from base64 import b64decode
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from kaname.access.signing import SigningKey, read_statement
from kaname.parcel.open import open_parcel
from kaname.testing.parcels import vectors

SPEC = Path(__file__).parents[2] / "docs" / "spec"
STORED = json.loads((SPEC / "parcel-vectors.json").read_text(encoding="utf-8"))


def test_vectors_follow_from_the_seeds() -> None:
    """The test vectors in the documents are exactly what this version writes."""
    assert vectors() == STORED


def test_vectors_open(tmp_path: Path) -> None:
    """The stored parcel opens with the stored key and has the stored digest, and the statements are signed."""
    key = SigningKey.from_seed(bytes.fromhex(STORED["gateway_seed"])).public
    content = b64decode(STORED["parcel_base64"])
    assert sha256(content).hexdigest() == STORED["parcel_sha256"]
    (tmp_path / "parcel").write_bytes(content)
    opened = open_parcel(tmp_path / "parcel", {key.id: key})
    assert (opened.digest, opened.key_id) == (STORED["manifest_digest"], STORED["gateway_key_id"])
    assert opened.manifest.to_bytes().decode() == STORED["manifest"]
    hub = SigningKey.from_seed(bytes.fromhex(STORED["hub_seed"])).public
    signers = {"receipt": hub, "certificate": hub, "withdrawal": key, "journey": hub, "message": hub}
    for name, signer in signers.items():
        assert read_statement(STORED[name].encode()).signed_by(signer)


def test_vectors_open_without_kaname() -> None:
    """Somebody who has only the document reads the parcel with the standard library and any Ed25519."""

    def plain(value: object) -> bytes:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    with tarfile.open(fileobj=io.BytesIO(b64decode(STORED["parcel_base64"]))) as tar:
        found = {info.name: tar.extractfile(info).read() for info in tar}
    manifest, statement = json.loads(found["manifest.json"]), json.loads(found["manifest.sig"])
    covered = {name: statement[name] for name in ("body", "key", "kind")}
    raw = b64decode(STORED["gateway_key"])
    signature = b64decode(statement["signature"])
    Ed25519PublicKey.from_public_bytes(raw).verify(signature, b"kaname statement 1\n" + plain(covered))
    assert statement["key"] == sha256(raw).hexdigest()[:16]
    assert (statement["kind"], statement["body"]) == ("parcel", {"manifest": STORED["manifest_digest"]})
    assert sha256(found["manifest.json"]).hexdigest() == STORED["manifest_digest"]
    names = [f"packs/{p['digest']}.tar" for p in manifest["packs"]]
    names += [f"records/{r['digest']}.json" for r in manifest["records"]]
    assert list(found) == ["manifest.json", "manifest.sig", *names]
    assert [sha256(found[name]).hexdigest() in name for name in names] == [True, True]
    rows = plain([row for pack in manifest["packs"] for row in pack["instances"]])
    assert sha256(rows).hexdigest() == STORED["instances_digest"]


def test_document_shows_the_vectors() -> None:
    """The numbers printed in the document are those of the test vectors."""
    document = (SPEC / "parcel.md").read_text(encoding="utf-8")
    for name in ("gateway_seed", "gateway_key", "gateway_key_id", "manifest", "manifest_digest", "parcel_sha256"):
        assert STORED[name] in document
