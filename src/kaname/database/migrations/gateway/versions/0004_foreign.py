"""Files that are no DICOM, and what the partner is told about how much lies here."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_foreign"
down_revision = "0003_journeys"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "gateway_foreign",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("accession", sa.String(16), nullable=False),
        sa.Column("accession_issuer", sa.String(16), nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("objects", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("id", "registry", "accession", name="pk_gateway_foreign"),
    )
    op.create_index("gateway_foreign_accession", "gateway_foreign", ["registry", "accession"])
    op.create_index("gateway_foreign_number", "gateway_foreign", ["registry", "number"])
    op.create_index("gateway_foreign_state", "gateway_foreign", ["state"])
    op.create_table(
        "gateway_told",
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("counts", sa.String(64), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.Column("acknowledgement", sa.LargeBinary(), nullable=True),
        sa.Column("at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("registry", name="pk_gateway_told"),
    )
    op.create_index("gateway_object_counts", "gateway_object", ["registry", "state", "reason"])
