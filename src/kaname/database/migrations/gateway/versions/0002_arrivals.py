"""Records, consent, associations and watched folders; the accession number by which images and records meet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_arrivals"
down_revision = "0001_gateway"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables, and gives every object its accession number; objects that are there already have none."""
    for name in ("accession", "accession_issuer"):
        op.add_column("gateway_object", sa.Column(name, sa.String(16), nullable=False, server_default=""))
    op.add_column("gateway_object", sa.Column("looked_at", sa.Integer, nullable=False, server_default="0"))
    op.create_index("gateway_object_accession", "gateway_object", ["registry", "accession"])
    op.create_index("gateway_withdrawal_state", "gateway_withdrawal", ["state"])
    op.create_table(
        "gateway_record",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("accession", sa.String(16), nullable=False),
        sa.Column("accession_issuer", sa.String(16), nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("batch", sa.String(64), nullable=False, server_default=""),
        sa.Column("received_at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("id", "registry", name="pk_gateway_record"),
    )
    op.create_index("gateway_record_accession", "gateway_record", ["registry", "accession"])
    op.create_index("gateway_record_number", "gateway_record", ["registry", "number"])
    op.create_index("gateway_record_batch", "gateway_record", ["batch"])
    op.create_index("gateway_record_state", "gateway_record", ["state"])
    op.create_table(
        "gateway_consent",
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("decision", sa.String(8), nullable=False),
        sa.Column("at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("registry", "number", "subject", name="pk_gateway_consent"),
    )
    op.create_table(
        "gateway_association",
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("ended", sa.String(16), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "ended", name="pk_gateway_association"),
    )
    op.create_table(
        "gateway_look",
        sa.Column("file", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("changed_ns", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("file", name="pk_gateway_look"),
    )
