"""Parcels passed on to the next tier, what came back, and what nodes say to each other."""

import sqlalchemy as sa
from alembic import op

revision = "0005_tiers"
down_revision = "0004_governance"

WAITS = """
INSERT INTO intake_onward (parcel, registry, state, reason, attempt, ledger_sequence, receipt, at)
SELECT digest, registry, 'waiting', '', 0, ledger_sequence, NULL, at FROM intake_parcel
WHERE state IN ('accepted', 'shelved', 'stopped')
"""


def upgrade() -> None:
    """Makes the tables; parcels that were accepted before may leave for the next tier once there is one."""
    _forwarding()
    _governance()
    op.execute(WAITS)


def _forwarding() -> None:
    op.create_table(
        "intake_onward",
        sa.Column("parcel", sa.String(64)),
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False, comment="waiting forwarded refused held withdrawn"),
        sa.Column("reason", sa.String(64), nullable=False, server_default=""),
        sa.Column(
            "attempt", sa.Integer, nullable=False, server_default="0", comment="how often a person set it going again"
        ),
        sa.Column(
            "ledger_sequence",
            sa.Integer,
            nullable=False,
            comment="of the acceptance: the order in which they leave",
        ),
        sa.Column("receipt", sa.LargeBinary, nullable=True, comment="the next tier's, as it came"),
        sa.Column("at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("parcel", name="pk_intake_onward"),
    )
    op.create_index("ix_intake_onward_state", "intake_onward", ["state", "registry", "ledger_sequence"])
    op.create_table(
        "intake_introduction",
        sa.Column("key_id", sa.String(16), comment="of the gateway's key"),
        sa.Column("registry", sa.String(64)),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("message", sa.LargeBinary, nullable=False, comment="as it was signed"),
        sa.Column("acknowledgement", sa.LargeBinary, nullable=True, comment="the next tier's, as it came"),
        sa.Column("at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("key_id", "registry", name="pk_intake_introduction"),
        sa.UniqueConstraint("sequence", name="uq_intake_introduction_sequence"),
    )


def _governance() -> None:
    op.create_table(
        "governance_message",
        sa.Column("digest", sa.String(64), comment="SHA-256 of the signed message"),
        sa.Column("sender", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("acknowledgement", sa.LargeBinary, nullable=False, comment="the answer, always the same one"),
        sa.Column("at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_governance_message"),
    )
    table = "governance_withdrawal"
    op.add_column(table, sa.Column("state", sa.String(16), nullable=False, server_default="open"))
    op.add_column(
        table, sa.Column("upstream", sa.LargeBinary, nullable=True, comment="the next tier's certificate, as it came")
    )
    op.create_index("ix_governance_withdrawal_state", table, ["state"])
    op.execute("UPDATE governance_withdrawal SET state = 'certified' WHERE certificate IS NOT NULL")
