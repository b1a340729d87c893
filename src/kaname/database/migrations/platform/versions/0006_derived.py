"""Packs of derived objects that are on their way into the store."""

import sqlalchemy as sa
from alembic import op

revision = "0006_derived"
down_revision = "0005_tiers"


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "archive_announced",
        sa.Column("pack", sa.String(64)),
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("pack", name="pk_archive_announced"),
    )
    op.create_index("ix_archive_announced_subject", "archive_announced", ["registry", "subject"])
