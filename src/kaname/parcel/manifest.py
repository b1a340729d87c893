"""What a parcel holds: the signed table of contents. See ``docs/spec/parcel.md``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256

from kaname.access.signing import read_canonical
from kaname.deid.model import Attestation
from kaname.errors import Refused
from kaname.ledger.canonical import Json, canonical
from kaname.pack.ustar import SIZE_LIMIT_BYTES
from kaname.parcel.fields import DIGEST, KEY_ID, LINE, NAME, REGISTRY, SUBJECT, WORD, Fields

FORMAT = 1
CODE = "parcel-format"


@dataclass(frozen=True, slots=True)
class PackEntry:
    """One pack: a series of one study."""

    digest: str
    """SHA-256 of the pack file, hex."""
    size_bytes: int
    series_instance_uid: str
    study_instance_uid: str
    instances: tuple[tuple[str, str], ...]
    """SOP Instance UID and SHA-256 of each Part 10 file, in the order of the pack."""

    @property
    def name(self) -> str:
        """Name of its member in the parcel."""
        return f"packs/{self.digest}.tar"


@dataclass(frozen=True, slots=True)
class RecordEntry:
    """One record: JSON that travels with the images."""

    digest: str
    """SHA-256 of the file, hex."""
    size_bytes: int
    kind: str
    """e.g. ``report``."""

    @property
    def name(self) -> str:
        """Name of its member in the parcel."""
        return f"records/{self.digest}.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """Table of contents of one parcel: what one gateway sends of one subject to one registry."""

    gateway: str
    registry: str
    sequence: int
    """Counts the parcels of a gateway for a registry, from 1; a number is used once."""
    subject: str
    attestation: Attestation
    packs: tuple[PackEntry, ...]
    records: tuple[RecordEntry, ...] = ()
    format: int = FORMAT

    @property
    def digest(self) -> str:
        """SHA-256 of :meth:`to_bytes`: the parcel's name."""
        return sha256(self.to_bytes()).hexdigest()

    @property
    def members(self) -> tuple[PackEntry | RecordEntry, ...]:
        """Every file behind the signature, in the order in which it lies in the parcel."""
        return (*self.packs, *self.records)

    @property
    def instances(self) -> int:
        """Number of instances in all packs."""
        return sum(len(pack.instances) for pack in self.packs)

    @property
    def instances_digest(self) -> str:
        """SHA-256 of the canonical JSON list of ``[SOP Instance UID, digest]`` over all packs, in order."""
        rows: list[Json] = [list(instance) for pack in self.packs for instance in pack.instances]
        return sha256(canonical(rows)).hexdigest()

    def to_bytes(self) -> bytes:
        """Canonical JSON: the content of ``manifest.json``."""
        return canonical(
            {
                "attestation": asdict(self.attestation),
                "format": self.format,
                "gateway": self.gateway,
                "packs": [_pack_json(pack) for pack in self.packs],
                "records": [asdict(record) for record in self.records],
                "registry": self.registry,
                "sequence": self.sequence,
                "subject": self.subject,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """Reads ``manifest.json``.

        Raises:
            Refused: ``parcel-format`` when one value is not as ``docs/spec/parcel.md`` says; ``part`` names it.
        """
        value = _json(data)
        names = ("attestation", "format", "gateway", "packs", "records", "registry", "sequence", "subject")
        fields = Fields(value, CODE, *names)
        manifest = cls(
            gateway=fields.text("gateway", NAME),
            registry=fields.text("registry", REGISTRY),
            sequence=fields.number("sequence", 1),
            subject=fields.text("subject", SUBJECT),
            attestation=_attestation(fields),
            packs=fields.items("packs", _pack),
            records=fields.items("records", _record),
            format=fields.number("format", FORMAT),
        )
        _consistent(manifest)
        return manifest


def _consistent(manifest: Manifest) -> None:
    """Refuses what contradicts itself: entries that stand twice, an attestation of somebody else, nothing at all."""
    attestation = manifest.attestation
    if manifest.format != FORMAT:
        raise Refused(CODE, part="format")
    if (attestation.gateway, attestation.registry) != (manifest.gateway, manifest.registry):
        raise Refused(CODE, part="attestation")
    if not manifest.members:
        raise Refused(CODE, part="packs")
    _different([member.digest for member in manifest.members], "digest")
    _different([uid for pack in manifest.packs for uid, _ in pack.instances], "sop_instance_uid")


def _different(values: Sequence[str], part: str) -> None:
    if len(set(values)) != len(values):
        raise Refused(CODE, part=part)


def _json(data: bytes) -> Json:
    try:
        return read_canonical(data)
    except Refused as error:
        raise Refused(CODE, part="json") from error


def _pack_json(pack: PackEntry) -> dict[str, Json]:
    return {
        "digest": pack.digest,
        "instances": [list(instance) for instance in pack.instances],
        "series_instance_uid": pack.series_instance_uid,
        "size_bytes": pack.size_bytes,
        "study_instance_uid": pack.study_instance_uid,
    }


def _attestation(fields: Fields) -> Attestation:
    names = ("gateway", "key_id", "registry", "registry_version", "software", "standard_edition")
    inner = fields.inner("attestation", *names)
    return Attestation(
        gateway=inner.text("gateway", NAME),
        registry=inner.text("registry", REGISTRY),
        registry_version=inner.text("registry_version", LINE),
        standard_edition=inner.text("standard_edition", LINE),
        software=inner.text("software", LINE),
        key_id=inner.text("key_id", KEY_ID),
    )


def _pack(value: Json) -> PackEntry:
    names = ("digest", "instances", "series_instance_uid", "size_bytes", "study_instance_uid")
    fields = Fields(value, CODE, *names)
    instances = fields.items("instances", _instance)
    if not instances:
        raise Refused(CODE, part="instances")
    return PackEntry(
        digest=fields.text("digest", DIGEST),
        size_bytes=_size(fields),
        series_instance_uid=fields.uid("series_instance_uid"),
        study_instance_uid=fields.uid("study_instance_uid"),
        instances=instances,
    )


def _instance(value: Json) -> tuple[str, str]:
    match value:
        case [uid, digest]:
            pair = Fields({"digest": digest, "sop_instance_uid": uid}, CODE, "digest", "sop_instance_uid")
            return pair.uid("sop_instance_uid"), pair.text("digest", DIGEST)
        case _:
            raise Refused(CODE, part="instances")


def _record(value: Json) -> RecordEntry:
    fields = Fields(value, CODE, "digest", "kind", "size_bytes")
    return RecordEntry(fields.text("digest", DIGEST), _size(fields), fields.text("kind", WORD))


def _size(fields: Fields) -> int:
    size_bytes = fields.number("size_bytes", 1)
    if size_bytes >= SIZE_LIMIT_BYTES:
        raise Refused(CODE, part="size_bytes")
    return size_bytes
