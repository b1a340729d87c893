"""What facilities say they hold, now and by day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013_facilities"
down_revision = "0012_marks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "facility_holding",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("passed_on", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("facility", "registry", name="pk_facility_holding"),
    )
    op.create_table(
        "facility_holding_day",
        sa.Column("facility", sa.String(64), nullable=False),
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("facility", "registry", "day", name="pk_facility_holding_day"),
    )
