"""Gateways that a hub vouches for."""

import sqlalchemy as sa
from alembic import op

revision = "0004_introduced"
down_revision = "0003_sessions"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "access_introduced",
        sa.Column("key_id", sa.Text),
        sa.Column("registry", sa.Text),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("public_key", sa.Text, nullable=False),
        sa.Column("hub", sa.Text, nullable=False),
        sa.Column("introduced_at", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key_id", "registry", name="pk_access_introduced"),
    )
    op.create_index("ix_access_introduced_name", "access_introduced", ["name"])
