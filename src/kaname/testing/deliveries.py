"""A hub, and facilities that deliver to it: real crossings, packs and parcels of slices made on the spot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from kaname.access.certificates import fingerprint, read_certificate
from kaname.access.partners import Partner, admit
from kaname.access.signing import PublicKey, SigningKey
from kaname.clock import SYSTEM, Clock
from kaname.deid.engine import Engine
from kaname.deid.identified import Identified
from kaname.deid.keys import MasterKey, RegistryKeys
from kaname.deid.model import Deidentified
from kaname.ledger.canonical import canonical
from kaname.node import Node, open_node
from kaname.pack import PackFile, write_pack
from kaname.parcel.enrolment import signing_key
from kaname.parcel.manifest import Manifest, PackEntry, RecordEntry
from kaname.parcel.seal import seal
from kaname.parcel.statements import Withdrawal
from kaname.registries import load
from kaname.settings import Settings
from kaname.store import digest_bytes, digest_file
from kaname.testing.objects import ct_slice, to_bytes

REGISTRY = "j-mid"
Tamper = Callable[[Path], object]
AT = "2026-11-21T12:00:00Z"


def make_hub(home: Path, *, database: str = "", clock: Clock = SYSTEM) -> Node:
    """A hub with its signing key and nobody admitted."""
    settings = Settings(home, "hub", "society", database=database, registries=(REGISTRY, "basic"), second_factor=())
    settings.keys.mkdir(mode=0o700, parents=True)
    signing_key(settings.keys)
    return open_node(settings, clock)


def hub_keys(hub: Node) -> dict[str, PublicKey]:
    """The key that the hub signs with, by its id."""
    key = signing_key(hub.settings.keys).public
    return {key.id: key}


@dataclass(frozen=True, slots=True)
class Facility:
    """A hospital that crosses slices and seals parcels; each has a key of its own, told by its number."""

    folder: Path
    number: int = 1
    registry: str = REGISTRY
    signing: SigningKey = field(init=False)
    identity: RegistryKeys = field(init=False)

    def __post_init__(self) -> None:
        seed = bytes([self.number]) * 32
        object.__setattr__(self, "signing", SigningKey.from_seed(seed))
        object.__setattr__(self, "identity", MasterKey(seed).for_registry(self.registry))

    @property
    def name(self) -> str:
        """The name under which it is admitted."""
        return f"facility-{self.number}"

    @property
    def certificate(self) -> str:
        """SHA-256 of what it shows at the door where nothing else is put in its place."""
        return digest_bytes(self.signing.public.raw)

    def admitted_to(
        self, hub: Node, registries: Sequence[str] = (REGISTRY, "basic"), *, shown: Path | None = None
    ) -> Facility:
        """The same facility, once the hub knows it, and the certificate in ``shown`` if there is one."""
        certificate = fingerprint(read_certificate(shown.read_bytes())) if shown else self.certificate
        known = Partner(self.name, "gateway", self.signing.public, tuple(registries), certificate)
        admit(hub.index, known, clock=hub.clock)
        return self

    def subject(self, patient_id: str) -> str:
        """The pseudonym of a patient."""
        return self.identity.subject(patient_id, "")

    def parcel(
        self, slices: Sequence[Dataset], sequence: int = 1, *, record: bytes = b"", tamper: Tamper | None = None
    ) -> Path:
        """A sealed parcel of slices of one patient, one pack per series, with the study's record.

        ``tamper`` may change each clean file before it is packed: what a gateway with a fault would send.
        """
        folder = self.folder / f"{self.name}-{sequence}"
        engine = Engine(load(self.registry), self.identity, self.name)
        crossed = [engine.cross(Identified(to_bytes(ds)), folder / str(n)) for n, ds in enumerate(slices)]
        for instance in crossed:
            (tamper or _leave)(instance.path)
        crossed.sort(key=_series_of)
        packed = [_pack(folder, uids, list(group)) for uids, group in groupby(crossed, key=_series_of)]
        files = {entry.digest: file.path for entry, file in packed}
        data = record or canonical({"instances": len(crossed), "subject": crossed[0].subject})
        (folder / "record.json").write_bytes(data)
        entry = RecordEntry(digest_bytes(data), len(data), "study")
        files[entry.digest] = folder / "record.json"
        manifest = Manifest(
            gateway=self.name,
            registry=self.registry,
            sequence=sequence,
            subject=crossed[0].subject,
            attestation=engine.attestation,
            packs=tuple(entry for entry, _ in packed),
            records=(entry,),
        )
        return seal(manifest, files, self.signing, self.folder / f"{manifest.digest}.parcel").path

    def withdrawal(self, patient_id: str, sequence: int = 1) -> bytes:
        """A signed withdrawal of a patient."""
        subject = self.subject(patient_id)
        return Withdrawal(self.registry, subject, self.name, sequence, AT).sign(self.signing)


def series(
    patient: str = "00012345", study: int = 1, number: int = 1, slices: Sequence[int] = (1, 2), **attributes: Any
) -> list[Dataset]:
    """Slices of one series, by patient, study, series and instance number; ``attributes`` are set on top."""
    return [
        ct_slice(
            PatientID=patient,
            StudyInstanceUID=f"1.2.{study}",
            SeriesInstanceUID=f"1.2.{study}.{number}",
            SOPInstanceUID=f"1.2.{study}.{number}.{n}",
            AccessionNumber=f"A-{study}",
            SeriesNumber=str(number),
            InstanceNumber=str(n),
            PixelData=bytes((n, 0)) * 64,
            **attributes,
        )
        for n in slices
    ]


def _leave(_path: Path) -> None:
    """Changes nothing."""


def _series_of(instance: Deidentified) -> tuple[str, str]:
    return instance.key.study_instance_uid, instance.key.series_instance_uid


def _pack(folder: Path, uids: tuple[str, str], instances: list[Deidentified]) -> tuple[PackEntry, PackFile]:
    file = write_pack([instance.path for instance in instances], folder / f"{uids[1]}.tar")
    held = sorted((instance.key.sop_instance_uid, digest_file(instance.path)) for instance in instances)
    return PackEntry(file.digest, file.size_bytes, uids[1], uids[0], tuple(held)), file
