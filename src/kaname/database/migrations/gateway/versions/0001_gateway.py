"""The gateway's first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001_gateway"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What arrived, which parcels left, who withdrew, and the sealed linkage table."""
    op.create_table(
        "gateway_object",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("study", sa.String(64), nullable=False),
        sa.Column("series", sa.String(64), nullable=False),
        sa.Column("instance", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False, server_default=""),
        sa.Column("batch", sa.String(64), nullable=False, server_default=""),
        sa.Column("digest", sa.String(64), nullable=False, server_default=""),
        sa.Column("received_at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("id", "registry", name="pk_gateway_object"),
    )
    op.create_index("gateway_object_instance", "gateway_object", ["registry", "instance"])
    op.create_index("gateway_object_batch", "gateway_object", ["batch", "state"])
    op.create_index("gateway_object_subject", "gateway_object", ["registry", "subject"])
    op.create_index("gateway_object_state", "gateway_object", ["state"])
    op.create_table(
        "gateway_parcel",
        sa.Column("batch", sa.String(64), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("study", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False, server_default=""),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False, server_default=""),
        sa.Column("receipt", sa.LargeBinary(), nullable=True),
        sa.Column("at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("batch", name="pk_gateway_parcel"),
    )
    op.create_index("gateway_parcel_sequence", "gateway_parcel", ["registry", "sequence"], unique=True)
    op.create_index("gateway_parcel_subject", "gateway_parcel", ["registry", "subject"])
    op.create_index("gateway_parcel_state", "gateway_parcel", ["state"])
    op.create_table(
        "gateway_withdrawal",
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=True),
        sa.Column("at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("registry", "subject", name="pk_gateway_withdrawal"),
    )
    op.create_index("gateway_withdrawal_number", "gateway_withdrawal", ["registry", "number"])
    op.create_table(
        "gateway_linkage",
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("registry", "subject", name="pk_gateway_linkage"),
    )
    op.create_index("gateway_linkage_number", "gateway_linkage", ["registry", "number"])
