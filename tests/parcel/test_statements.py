"""Receipt, withdrawal and certificate."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from kaname.access.signing import sign_statement
from kaname.errors import Refused
from kaname.parcel.statements import TIERS_MAX, Certificate, Place, Receipt, TierCertificate, Withdrawal
from kaname.testing.parcels import (
    CLOUD_KEY,
    GATEWAY_KEY,
    GATEWAY_KEYS,
    HUB_KEY,
    HUB_KEYS,
    certificate_for,
    cloud_certificate_for,
    receipt_for,
    small_manifest,
    small_withdrawal,
)

RECEIPT = receipt_for(small_manifest())
REFUSAL = replace(RECEIPT, outcome="refused", reason="inspection-failed", instances=0, instances_digest="")
WITHDRAWAL = small_withdrawal().sign(GATEWAY_KEY)
CERTIFICATE = certificate_for(WITHDRAWAL)


def refused(code: str, part: str) -> pytest.RaisesExc[Refused]:
    """Expects a refusal with that code, naming that part."""
    return pytest.raises(Refused, check=lambda error: (error.code, error.facts.get("part")) == (code, part))


def changed(statement: bytes, **values: object) -> dict[str, Any]:
    """The body of a statement with other values."""
    return json.loads(statement)["body"] | values


@pytest.mark.parametrize("receipt", [RECEIPT, REFUSAL])
def test_receipt_survives_its_signature(receipt: Receipt) -> None:
    """A signed receipt opens to an equal one that keeps the signed bytes as evidence."""
    data = receipt.sign(HUB_KEY)
    opened = Receipt.open(data, HUB_KEYS)
    assert opened == receipt
    assert opened.statement == data


def test_withdrawal_and_certificate_survive_their_signatures() -> None:
    """A signed withdrawal and a signed certificate open to equal ones that keep the signed bytes."""
    withdrawal = Withdrawal.open(WITHDRAWAL, GATEWAY_KEYS)
    assert withdrawal == small_withdrawal()
    assert withdrawal.statement == WITHDRAWAL
    data = CERTIFICATE.sign(HUB_KEY)
    certificate = Certificate.open(data, HUB_KEYS)
    assert certificate == CERTIFICATE
    assert certificate.statement == data


def test_receipt_answers_one_parcel() -> None:
    """A receipt answers exactly the parcel that it names, and an acceptance all of its instances."""
    manifest = small_manifest()
    assert RECEIPT.answers(manifest)
    assert REFUSAL.answers(manifest)
    for other in (
        replace(RECEIPT, parcel="0" * 64),
        replace(RECEIPT, gateway="gw-2"),
        replace(RECEIPT, registry="basic"),
        replace(RECEIPT, sequence=2),
        replace(RECEIPT, instances=1),
        replace(RECEIPT, instances_digest="0" * 64),
        replace(REFUSAL, sequence=2),
    ):
        assert not other.answers(manifest)


def test_certificate_answers_one_withdrawal() -> None:
    """A certificate answers exactly the withdrawal statement whose digest, registry and subject it names."""
    assert CERTIFICATE.answers(WITHDRAWAL)
    for other in (
        replace(CERTIFICATE, withdrawal="0" * 64),
        replace(CERTIFICATE, registry="basic"),
        replace(CERTIFICATE, subject="B" * 16),
    ):
        assert not other.answers(WITHDRAWAL)
    listed = sign_statement("withdrawal", [], GATEWAY_KEY)
    assert not certificate_for(listed).answers(listed)


def test_foreign_signatures_are_refused() -> None:
    """A statement signed by somebody else, or of another kind, opens as nothing."""
    with refused("receipt-invalid", "key"):
        Receipt.open(RECEIPT.sign(GATEWAY_KEY), HUB_KEYS)
    with refused("receipt-invalid", "kind"):
        Receipt.open(CERTIFICATE.sign(HUB_KEY), HUB_KEYS)
    with refused("certificate-invalid", "kind"):
        Certificate.open(RECEIPT.sign(HUB_KEY), HUB_KEYS)
    with refused("statement-invalid", "kind"):
        Withdrawal.open(RECEIPT.sign(HUB_KEY), HUB_KEYS)
    with refused("statement-invalid", "json"):
        Withdrawal.open(b"", HUB_KEYS)


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("outcome", {"outcome": "perhaps"}),
        ("reason", {"outcome": "refused"}),
        ("outcome", {"outcome": "refused", "reason": "inspection-failed"}),
        ("outcome", {"outcome": "refused", "reason": "inspection-failed", "instances_digest": ""}),
        ("outcome", {"reason": "inspection-failed"}),
        ("reason", {"outcome": "refused"} | {"reason": "", "instances": 0, "instances_digest": ""}),
        ("reason", {"reason": "田中"}),
        ("instances_digest", {"instances_digest": ""}),
        ("instances", {"instances": -1}),
        ("parcel", {"parcel": "x"}),
        ("gateway", {"gateway": ""}),
        ("registry", {"registry": ""}),
        ("sequence", {"sequence": 0}),
        ("ledger_sequence", {"ledger_sequence": 0}),
        ("ledger_head", {"ledger_head": ""}),
        ("at", {"at": "yesterday"}),
        ("members", {"more": 1}),
    ],
)
def test_wrong_receipt_is_refused_by_name(part: str, values: dict[str, object]) -> None:
    """A receipt with a wrong value, or one that contradicts itself, is refused and its place named."""
    body = changed(RECEIPT.sign(HUB_KEY), **values)
    with refused("receipt-invalid", part):
        Receipt.open(sign_statement("receipt", body, HUB_KEY), HUB_KEYS)


HOLE = {"digest": "5" * 64, "name": "lungs", "version": 2}
MODEL = {"digest": "6" * 64, "name": "nodules", "version": 1}
TIER = changed(CERTIFICATE.sign(HUB_KEY))["upstream"][0]
PLACE = {"name": "caches", "outcome": "none", "until": ""}


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("withdrawal", {"withdrawal": ""}),
        ("subject", {"subject": "0" * 16}),
        ("deleted", {"deleted": None}),
        ("deleted", {"deleted": [1]}),
        ("deleted", {"deleted": ["a", "a"]}),
        ("deleted", {"deleted": ["要"]}),
        ("datasets", {"datasets": [HOLE, HOLE]}),
        ("members", {"datasets": [1]}),
        ("version", {"datasets": [HOLE | {"version": 0}]}),
        ("name", {"datasets": [HOLE | {"name": ""}]}),
        ("digest", {"datasets": [HOLE | {"digest": ""}]}),
        ("models", {"models": [MODEL, MODEL]}),
        ("digest", {"models": [MODEL | {"digest": ""}]}),
        ("upstream", {"upstream": [TIER, TIER]}),
        ("members", {"upstream": [TIER["certificate"]]}),
        ("public_key", {"upstream": [TIER | {"public_key": "AAAA"}]}),
        ("key", {"upstream": [TIER | {"public_key": HUB_KEY.public.text}]}),
        ("name", {"upstream": [TIER | {"name": "要"}]}),
        ("upstream", {"subject": "B" * 16}),
        ("outcome", {"places": [PLACE | {"outcome": "lost"}]}),
        ("outcome", {"places": [PLACE | {"outcome": 1}]}),
        ("until", {"places": [PLACE | {"outcome": "kept"}]}),
        ("until", {"places": [PLACE | {"until": "2026-12-21T12:00:00Z"}]}),
        ("until", {"places": [PLACE | {"until": "soon"}]}),
        ("name", {"places": [PLACE | {"name": ""}]}),
    ],
)
def test_wrong_certificate_is_refused_by_name(part: str, values: dict[str, object]) -> None:
    """A certificate with a wrong value is refused and its place named."""
    body = changed(CERTIFICATE.sign(HUB_KEY), **values)
    with refused("certificate-invalid", part):
        Certificate.open(sign_statement("certificate", body, HUB_KEY), HUB_KEYS)


def test_certificates_stand_in_one_another_only_so_deep() -> None:
    """Four tiers are read; a fifth is refused, however well it is signed."""
    certificate = cloud_certificate_for(WITHDRAWAL)
    keys = {CLOUD_KEY.public.id: CLOUD_KEY.public}
    for _ in range(TIERS_MAX - 1):
        tier = TierCertificate("cloud-1", CLOUD_KEY.public, certificate)
        certificate = Certificate.open(replace(certificate, upstream=(tier,)).sign(CLOUD_KEY), keys)
    tier = TierCertificate("cloud-1", CLOUD_KEY.public, certificate)
    with refused("certificate-invalid", "upstream"):
        Certificate.open(replace(certificate, upstream=(tier,)).sign(CLOUD_KEY), keys)


def test_kept_copies_name_their_end() -> None:
    """A certificate that admits to keep copies says until when."""
    kept = replace(CERTIFICATE, places=(Place("backups", "kept", "2026-12-21T12:00:00Z"),))
    assert Certificate.open(kept.sign(HUB_KEY), HUB_KEYS).places[0].until == "2026-12-21T12:00:00Z"
