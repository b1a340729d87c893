"""Withdrawals and their certificates."""

import sqlalchemy as sa
from alembic import op

revision = "0004_governance"
down_revision = "0003_datasets"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "governance_withdrawal",
        sa.Column("statement", sa.String(64), comment="SHA-256 of the signed statement"),
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("gateway", sa.String(64), nullable=False),
        sa.Column("signed", sa.LargeBinary, nullable=False, comment="the statement: the evidence"),
        sa.Column(
            "objects", sa.Text, nullable=False, comment="JSON list of what has to go, written before the first one goes"
        ),
        sa.Column("certificate", sa.LargeBinary, nullable=True, comment="the answer, once all is gone"),
        sa.Column("at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("statement", name="pk_governance_withdrawal"),
    )
    op.create_index("ix_governance_withdrawal_subject", "governance_withdrawal", ["registry", "subject"])
