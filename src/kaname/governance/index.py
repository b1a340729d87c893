"""Tables of governance: withdrawals from what was asked to the certificate, and messages that were answered."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, String, Table, Text

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
    Column("state", String(16), nullable=False, server_default="open"),
    Column("upstream", LargeBinary, nullable=True, comment="the next tier's certificate, as it came"),
    Index("ix_governance_withdrawal_subject", "registry", "subject"),
    Index("ix_governance_withdrawal_state", "state"),
)

MESSAGES = Table(
    "governance_message",
    PLATFORM,
    Column("digest", String(64), primary_key=True, comment="SHA-256 of the signed message"),
    Column("sender", String(64), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("registry", String(64), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("acknowledgement", LargeBinary, nullable=False, comment="the answer, always the same one"),
    Column("at", String(20), nullable=False),
)
"""Messages that were taken in. What they said rests in the rooms that read them, where a withdrawal finds it."""
