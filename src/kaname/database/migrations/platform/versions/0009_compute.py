"""Runs."""

import sqlalchemy as sa
from alembic import op

revision = "0009_compute"
down_revision = "0008_labels"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "compute_run",
        sa.Column("id", sa.String(32)),
        sa.Column("spec", sa.Text, nullable=False, comment="canonical JSON"),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("dataset", sa.String(64), nullable=False),
        sa.Column("dataset_digest", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False, server_default=""),
        sa.Column("sandbox", sa.String(16), nullable=False, server_default=""),
        sa.Column("material", sa.String(64), nullable=False, server_default=""),
        sa.Column(
            "outputs", sa.Text, nullable=False, server_default="[]", comment="JSON list of name, digest, size_bytes"
        ),
        sa.Column("log", sa.String(64), nullable=False, server_default="", comment="SHA-256 of what it printed"),
        sa.Column("exit_code", sa.Integer, nullable=True),
        sa.Column("seconds", sa.Float, nullable=False, server_default="0"),
        sa.Column("peak_bytes", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("handed", sa.String(8), nullable=False, server_default="no", comment="to the airlock: no, due, done"),
        sa.Column("submitted_at", sa.String(20), nullable=False),
        sa.Column("ended_at", sa.String(20), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("id", name="pk_compute_run"),
    )
    op.create_index("ix_compute_run_state", "compute_run", ["state", "submitted_at"])
    op.create_index("ix_compute_run_handed", "compute_run", ["handed", "ended_at"])
    op.create_index("ix_compute_run_registry", "compute_run", ["registry", "submitted_at"])
    op.create_index("ix_compute_run_dataset_digest", "compute_run", ["dataset_digest"])
