"""Requests for release and their reviews."""

import sqlalchemy as sa
from alembic import op

revision = "0010_airlock"
down_revision = "0009_compute"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "airlock_request",
        sa.Column("id", sa.String(32)),
        sa.Column("run", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("requester", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("items", sa.Text, nullable=False, comment="JSON list of name, digest, size_bytes"),
        sa.Column("log", sa.String(64), nullable=False, server_default="", comment="SHA-256; empty: none, or withheld"),
        sa.Column("findings", sa.Text, nullable=False, server_default="[]", comment="JSON list of item, code"),
        sa.Column("checker", sa.Text, nullable=False, server_default=""),
        sa.Column("reason", sa.Text, nullable=False, server_default="", comment="in the checker's words"),
        sa.Column("handed", sa.String(8), nullable=False, server_default="no", comment="to the models: no, due, done"),
        sa.Column("made_at", sa.String(20), nullable=False),
        sa.Column("decided_at", sa.String(20), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("id", name="pk_airlock_request"),
    )
    op.create_index("ix_airlock_request_run", "airlock_request", ["run"], unique=True)
    op.create_index("ix_airlock_request_state", "airlock_request", ["state", "made_at"])
    op.create_index("ix_airlock_request_registry", "airlock_request", ["registry", "made_at"])
    op.create_index("ix_airlock_request_handed", "airlock_request", ["handed", "decided_at"])
