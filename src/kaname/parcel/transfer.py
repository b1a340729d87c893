"""Delivery: parcels and withdrawals go to a partner, signed receipts and certificates come back."""

from __future__ import annotations

from http import HTTPStatus

from kaname.errors import Refused
from kaname.parcel.ask import Body, Partner, ask, content_of
from kaname.parcel.seal import Parcel
from kaname.parcel.statements import Certificate, Receipt
from kaname.parcel.stored import StoredParcel

PARCEL_TYPE = "application/x-tar"


def deliver(parcel: Parcel, partner: Partner) -> Receipt:
    """Sends a parcel and returns the partner's receipt, accepted or refused. Sending again is safe.

    Raises:
        NotYet: ``receiver-unreachable``, ``receiver-busy``; for a person ``receiver-untrusted``, ``not-enrolled``.
        Refused: ``object-missing`` when the parcel file is gone; ``receipt-invalid`` when the answer is no receipt of
            this partner for this parcel.
    """
    try:
        source = parcel.path.open("rb")
    except FileNotFoundError as error:
        raise Refused("object-missing", digest=parcel.digest) from error
    with source:
        answer = ask(partner, "POST", "/peer/v1/parcels", Body(source, PARCEL_TYPE))
    return _receipt(content_of(answer, "receipt-invalid"), parcel, partner)


def pass_on(parcel: StoredParcel, partner: Partner) -> Receipt:
    """Sends a parcel as its gateway sealed it, from where its files rest, and returns the partner's receipt.

    Raises:
        NotYet: as :func:`deliver`.
        Refused: ``receipt-invalid``; ``object-damaged`` when a file is not what was signed, ``object-missing`` when it
            is gone: the partner then has half a parcel, which is none.
    """
    body = Body(parcel.pieces(), PARCEL_TYPE, parcel.size_bytes)
    data = content_of(ask(partner, "POST", "/peer/v1/parcels", body), "receipt-invalid")
    return _receipt(data, parcel, partner)


def ask_receipt(parcel: Parcel, partner: Partner) -> Receipt | None:
    """The receipt of a parcel that may have arrived already; ``None`` when the partner knows nothing of it.

    Raises:
        NotYet, Refused: as :func:`deliver`.
    """
    answer = ask(partner, "GET", f"/peer/v1/receipts/{parcel.digest}")
    if answer.status == HTTPStatus.NOT_FOUND:
        return None
    return _receipt(content_of(answer, "receipt-invalid"), parcel, partner)


def send_withdrawal(statement: bytes, partner: Partner) -> Certificate:
    """Sends a signed withdrawal and returns the partner's certificate. Sending again is safe.

    Raises:
        NotYet: ``receiver-unreachable``, ``receiver-busy``; for a person ``receiver-untrusted``, ``not-enrolled``.
        Refused: ``certificate-invalid`` when the answer is no certificate of this partner for this withdrawal.
    """
    answer = ask(partner, "POST", "/peer/v1/withdrawals", Body(statement))
    data = content_of(answer, "certificate-invalid")
    certificate = Certificate.open(data, {partner.key.id: partner.key})
    if not certificate.answers(statement):
        raise Refused("certificate-invalid", part="answer")
    return certificate


def _receipt(data: bytes, parcel: Parcel | StoredParcel, partner: Partner) -> Receipt:
    receipt = Receipt.open(data, {partner.key.id: partner.key})
    if not receipt.answers(parcel.manifest):
        raise Refused("receipt-invalid", part="answer")
    return receipt
