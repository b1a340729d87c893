"""The table of withdrawals: what was asked, what has to go, and the certificate that it is gone."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, String, Table, Text

from kaname.database import PLATFORM

WITHDRAWALS = Table(
    "governance_withdrawal",
    PLATFORM,
    Column("statement", String(64), primary_key=True, comment="SHA-256 of the signed statement"),
    Column("registry", String(64), nullable=False),
    Column("subject", String(16), nullable=False),
    Column("gateway", String(64), nullable=False),
    Column("signed", LargeBinary, nullable=False, comment="the statement: the evidence"),
    Column("objects", Text, nullable=False, comment="JSON list of what has to go, written before the first one goes"),
    Column("certificate", LargeBinary, nullable=True, comment="the answer, once all is gone"),
    Column("at", String(20), nullable=False),
    Index("ix_governance_withdrawal_subject", "registry", "subject"),
)
