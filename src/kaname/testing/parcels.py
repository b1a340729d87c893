"""A small parcel and its statements from a fixed key, and a gateway and hub that know each other.

``python -m kaname.testing.parcels`` prints the test vectors of ``docs/spec/parcel-vectors.json``.
"""

from __future__ import annotations

import json
import sys
import tempfile
from base64 import b64encode
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from kaname.access.certificates import make_authority, self_issue
from kaname.access.signing import SigningKey
from kaname.deid.model import Attestation
from kaname.ledger.canonical import Json, canonical
from kaname.parcel.enrolment import Admission, PartnerRecord, accept_answer, admit, make_request, signing_key
from kaname.parcel.journey import Journey, Stop
from kaname.parcel.manifest import Manifest, PackEntry, RecordEntry
from kaname.parcel.messages import INTRODUCTION, Message
from kaname.parcel.seal import Parcel, seal
from kaname.parcel.statements import Certificate, Hole, ModelRef, Place, Receipt, TierCertificate, Withdrawal

GATEWAY_KEY = SigningKey.from_seed(bytes(range(32)))
HUB_KEY = SigningKey.from_seed(bytes(range(32, 64)))
CLOUD_KEY = SigningKey.from_seed(bytes(range(64, 96)))
GATEWAY_KEYS = {GATEWAY_KEY.public.id: GATEWAY_KEY.public}
HUB_KEYS = {HUB_KEY.public.id: HUB_KEY.public}
ATTESTATION = Attestation(
    gateway="gw-1",
    registry="j-mid",
    registry_version="1",
    standard_edition="2026c",
    software="kaname 0.1.0",
    key_id="00112233445566aa",
)
PACK = bytes(range(256)) * 3
"""Stands in the place of a pack: to the container a pack is bytes."""
RECORD = canonical({"kind": "report", "text": "所見なし"})
AT = "2026-11-21T12:00:00Z"


def small_manifest() -> Manifest:
    """The manifest of the test vectors: one pack of two instances, one record."""
    pack = PackEntry(
        digest=sha256(PACK).hexdigest(),
        size_bytes=len(PACK),
        series_instance_uid="2.25.2",
        study_instance_uid="2.25.1",
        instances=(("2.25.3", "3" * 64), ("2.25.4", "4" * 64)),
    )
    record = RecordEntry(sha256(RECORD).hexdigest(), len(RECORD), "report")
    return Manifest("gw-1", "j-mid", 1, "ABCDEFGHIJKLMN23", ATTESTATION, (pack,), (record,))


def small_files(folder: Path) -> dict[str, Path]:
    """The files of :func:`small_manifest`, written into ``folder``, by digest."""
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, Path] = {}
    for content in (PACK, RECORD):
        digest = sha256(content).hexdigest()
        files[digest] = folder / digest
        files[digest].write_bytes(content)
    return files


def small_parcel(folder: Path) -> Parcel:
    """The parcel of the test vectors, sealed with :data:`GATEWAY_KEY`."""
    return seal(small_manifest(), small_files(folder / "files"), GATEWAY_KEY, folder / "small.parcel")


def receipt_for(manifest: Manifest) -> Receipt:
    """An acceptance of all that the manifest lists."""
    return Receipt(
        parcel=manifest.digest,
        gateway=manifest.gateway,
        registry=manifest.registry,
        sequence=manifest.sequence,
        outcome="accepted",
        reason="",
        instances=manifest.instances,
        instances_digest=manifest.instances_digest,
        ledger_sequence=7,
        ledger_head="7" * 64,
        at=AT,
    )


def journey_for(manifest: Manifest) -> Journey:
    """The hub's word that it and the cloud have accepted the parcel."""
    stops: list[Stop] = []
    for name, key, number in (("hub-1", HUB_KEY, 7), ("cloud-1", CLOUD_KEY, 4)):
        receipt = replace(receipt_for(manifest), ledger_sequence=number, ledger_head=str(number) * 64)
        stops.append(Stop(name, key.public, Receipt.open(receipt.sign(key), {key.public.id: key.public})))
    return Journey(manifest.digest, "settled", tuple(stops), AT)


def small_withdrawal() -> Withdrawal:
    """The withdrawal of the small parcel's subject."""
    return Withdrawal("j-mid", "ABCDEFGHIJKLMN23", "gw-1", 1, AT)


def cloud_certificate_for(withdrawal: bytes) -> Certificate:
    """The certificate of the cloud, which had nothing of the subject."""
    certificate = Certificate(
        withdrawal=sha256(withdrawal).hexdigest(),
        registry="j-mid",
        subject="ABCDEFGHIJKLMN23",
        deleted=(),
        datasets=(),
        models=(),
        places=(Place("indexes", "none", ""),),
        upstream=(),
        ledger_sequence=5,
        ledger_head="5" * 64,
        at=AT,
    )
    return Certificate.open(certificate.sign(CLOUD_KEY), {CLOUD_KEY.public.id: CLOUD_KEY.public})


def certificate_for(withdrawal: bytes) -> Certificate:
    """A hub's certificate that answers the statement of :func:`small_withdrawal`, the cloud's in it."""
    return Certificate(
        withdrawal=sha256(withdrawal).hexdigest(),
        registry="j-mid",
        subject="ABCDEFGHIJKLMN23",
        deleted=(f"packs/{sha256(PACK).hexdigest()[:2]}/{sha256(PACK).hexdigest()}.tar",),
        datasets=(Hole("lungs", 2, "5" * 64),),
        models=(ModelRef("nodules", 1, "6" * 64),),
        places=(
            Place("backups", "kept", "2026-12-21T12:00:00Z"),
            Place("caches", "none", ""),
            Place("indexes", "deleted", ""),
        ),
        upstream=(TierCertificate("cloud-1", CLOUD_KEY.public, cloud_certificate_for(withdrawal)),),
        ledger_sequence=8,
        ledger_head="8" * 64,
        at=AT,
    )


def small_message() -> Message:
    """The hub introduces the gateway to the cloud."""
    body: Json = {"gateway": "gw-1", "public_key": GATEWAY_KEY.public.text}
    return Message(INTRODUCTION, "hub-1", "j-mid", 1, body, AT)


def vectors() -> dict[str, str]:
    """The test vectors: everything here follows from the two seeds."""
    manifest = small_manifest()
    with tempfile.TemporaryDirectory() as folder:
        content = small_parcel(Path(folder)).path.read_bytes()
    withdrawal = small_withdrawal().sign(GATEWAY_KEY)
    return {
        "gateway_seed": bytes(range(32)).hex(),
        "gateway_key": GATEWAY_KEY.public.text,
        "gateway_key_id": GATEWAY_KEY.public.id,
        "hub_seed": bytes(range(32, 64)).hex(),
        "hub_key_id": HUB_KEY.public.id,
        "cloud_seed": bytes(range(64, 96)).hex(),
        "cloud_key_id": CLOUD_KEY.public.id,
        "manifest": manifest.to_bytes().decode(),
        "manifest_digest": manifest.digest,
        "instances_digest": manifest.instances_digest,
        "parcel_sha256": sha256(content).hexdigest(),
        "parcel_base64": b64encode(content).decode(),
        "receipt": receipt_for(manifest).sign(HUB_KEY).decode(),
        "withdrawal": withdrawal.decode(),
        "certificate": certificate_for(withdrawal).sign(HUB_KEY).decode(),
        "journey": journey_for(manifest).sign(HUB_KEY).decode(),
        "message": small_message().sign(HUB_KEY).decode(),
    }


@dataclass(frozen=True, slots=True)
class Pair:
    """Keys folders of a hub and a gateway that is enrolled with it."""

    hub: Path
    gateway: Path
    hub_key: SigningKey
    gateway_key: SigningKey
    admission: Admission
    record: PartnerRecord


def enrolled_pair(folder: Path, url: str = "https://127.0.0.1:8471", hosts: tuple[str, ...] = ("127.0.0.1",)) -> Pair:
    """Makes both keys folders (``hub/keys``, ``gateway/keys``) and carries the two files between them."""
    hub, gateway = folder / "hub" / "keys", folder / "gateway" / "keys"
    make_authority(hub, "hub-1")
    self_issue(hub, "hub-1", hosts)
    hub_key = signing_key(hub)
    request = make_request(gateway, "gw-1", ["j-mid", "basic"])
    admission = admit(request, hub, hub_key, "hub-1", url)
    record = accept_answer(gateway, admission.answer, hub_key.public.fingerprint)
    return Pair(hub, gateway, hub_key, signing_key(gateway), admission, record)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n")
