"""The signed table of contents."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.deid.model import Attestation
from kaname.errors import Refused
from kaname.ledger import canonical
from kaname.parcel.manifest import Manifest, PackEntry, RecordEntry
from kaname.testing.parcels import small_manifest

digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
uids = st.integers(0, 2**128 - 1).map(lambda number: f"2.25.{number}")
packs = st.builds(
    PackEntry,
    digest=digests,
    size_bytes=st.integers(1, 2**33 - 1),
    series_instance_uid=uids,
    study_instance_uid=uids,
    instances=st.lists(st.tuples(uids, digests), min_size=1, max_size=4).map(tuple),
)
records = st.builds(
    RecordEntry,
    digest=digests,
    size_bytes=st.integers(1, 2**33 - 1),
    kind=st.from_regex(r"[a-z][a-z0-9-]{0,9}", fullmatch=True),
)
manifests = st.builds(
    Manifest,
    gateway=st.just("gw-1"),
    registry=st.just("basic"),
    sequence=st.integers(1, 2**53 - 1),
    subject=st.from_regex(r"[A-Z2-7]{16}", fullmatch=True),
    attestation=st.just(Attestation("gw-1", "basic", "1", "2026c", "kaname 0.1.0", "0" * 16)),
    packs=st.lists(packs, min_size=1, max_size=3, unique_by=lambda pack: pack.digest).map(tuple),
    records=st.lists(records, max_size=2, unique_by=lambda record: record.digest).map(tuple),
).filter(
    lambda made: (
        len({uid for pack in made.packs for uid, _ in pack.instances}) == made.instances
        and len({member.digest for member in made.members}) == len(made.members)
    )
)


@given(manifests)
def test_manifest_survives_its_bytes(manifest: Manifest) -> None:
    """Reading what a manifest wrote gives an equal manifest with the same name."""
    again = Manifest.from_bytes(manifest.to_bytes())
    assert again == manifest
    assert again.digest == manifest.digest == sha256(manifest.to_bytes()).hexdigest()


def test_manifest_counts_its_instances() -> None:
    """Number and digest of the instances follow from the list over all packs, in order."""
    manifest = small_manifest()
    assert manifest.instances == 2
    rows = [["2.25.3", "3" * 64], ["2.25.4", "4" * 64]]
    assert manifest.instances_digest == sha256(canonical(rows)).hexdigest()


def test_records_may_travel_alone() -> None:
    """A manifest without packs is one as long as it has a record."""
    manifest = replace(small_manifest(), packs=())
    assert Manifest.from_bytes(manifest.to_bytes()) == manifest


Spoil = Callable[[Any], object]


def pack(name: str, value: object) -> Spoil:
    """Sets one member of the first pack."""
    return lambda m: m["packs"][0].update({name: value})


def record(name: str, value: object) -> Spoil:
    """Sets one member of the first record."""
    return lambda m: m["records"][0].update({name: value})


def attestation(name: str, value: object) -> Spoil:
    """Sets one member of the attestation."""
    return lambda m: m["attestation"].update({name: value})


def top(name: str, value: object) -> Spoil:
    """Sets one member of the manifest."""
    return lambda m: m.update({name: value})


@pytest.mark.parametrize(
    ("part", "spoil"),
    [
        ("members", top("more", 1)),
        ("members", lambda m: m.pop("subject")),
        ("format", top("format", 2)),
        ("format", top("format", 0)),
        ("format", top("format", "1")),
        ("format", top("format", 1.0)),
        ("gateway", top("gateway", "")),
        ("gateway", top("gateway", "../up")),
        ("gateway", top("gateway", 1)),
        ("registry", top("registry", "J-MID")),
        ("sequence", top("sequence", 0)),
        ("sequence", top("sequence", 2**53)),
        ("subject", top("subject", "abcdefghijklmn23")),
        ("subject", top("subject", "ABCDEFGHIJKLMN23\n")),
        ("packs", top("packs", {})),
        ("records", top("records", "none")),
        ("members", top("attestation", [])),
        ("attestation", attestation("gateway", "gw-2")),
        ("attestation", attestation("registry", "basic")),
        ("software", attestation("software", "")),
        ("registry_version", attestation("registry_version", "版")),
        ("key_id", attestation("key_id", "0")),
        ("digest", pack("digest", "../../etc/passwd")),
        ("digest", pack("digest", "A" * 64)),
        ("size_bytes", pack("size_bytes", 0)),
        ("size_bytes", pack("size_bytes", 2**33)),
        ("series_instance_uid", pack("series_instance_uid", "1..2")),
        ("study_instance_uid", pack("study_instance_uid", None)),
        ("instances", pack("instances", [])),
        ("instances", pack("instances", [["2.25.3"]])),
        ("instances", pack("instances", ["ab"])),
        ("instances", pack("instances", [["2.25.3", "3" * 64], ["2.25.3", "3" * 64]])),
        ("sop_instance_uid", pack("instances", [["2.25.3", "3" * 64], ["2.25.3", "4" * 64]])),
        ("sop_instance_uid", pack("instances", [["x", "3" * 64]])),
        ("digest", pack("instances", [["2.25.3", "3"]])),
        ("kind", record("kind", "Report")),
        ("size_bytes", record("size_bytes", -1)),
        ("digest", lambda m: record("digest", m["packs"][0]["digest"])(m)),
        ("records", lambda m: m["records"].append(m["records"][0])),
        ("packs", lambda m: m.update(packs=[], records=[])),
    ],
)
def test_wrong_value_is_refused_by_name(part: str, spoil: Spoil) -> None:
    """A manifest with one wrong value is refused, and the refusal names the value's place."""
    value = json.loads(small_manifest().to_bytes())
    spoil(value)
    with pytest.raises(Refused) as refusal:
        Manifest.from_bytes(canonical(value))
    assert (refusal.value.code, refusal.value.facts) == ("parcel-format", {"part": part})


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{}", b"\xff", small_manifest().to_bytes() + b"\n"])
def test_other_spellings_are_refused(data: bytes) -> None:
    """Only the canonical spelling of an object is a manifest."""
    with pytest.raises(Refused, match="parcel-format"):
        Manifest.from_bytes(data)
