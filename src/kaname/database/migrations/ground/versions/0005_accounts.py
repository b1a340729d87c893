"""People with a password, and who tried one lately."""

import sqlalchemy as sa
from alembic import op

revision = "0005_accounts"
down_revision = "0004_introduced"


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "access_account",
        sa.Column("name", sa.String(64)),
        sa.Column("password", sa.Text, nullable=False),
        sa.Column("registries", sa.JSON, nullable=False),
        sa.Column("duties", sa.JSON, nullable=False),
        sa.Column("made_at", sa.String(20), nullable=False),
        sa.Column("changed_at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_access_account"),
    )
    op.create_table(
        "access_attempt",
        sa.Column("id", sa.String(32)),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_access_attempt"),
    )
    op.create_index("ix_access_attempt_who", "access_attempt", ["who", "at"])
