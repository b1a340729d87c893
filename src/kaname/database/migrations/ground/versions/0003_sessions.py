"""One-time sign-ins and sessions of the console and the viewer."""

import sqlalchemy as sa
from alembic import op

revision = "0003_sessions"
down_revision = "0002_duties"


def upgrade() -> None:
    """Makes the tables."""
    for table in ("access_signin", "access_session"):
        op.create_table(
            table,
            sa.Column("digest", sa.String(64)),
            sa.Column("place", sa.String(16), nullable=False),
            sa.Column("name", sa.Text, nullable=False),
            sa.Column("registries", sa.JSON, nullable=False),
            sa.Column("duties", sa.JSON, nullable=False),
            sa.Column("expires_at", sa.String(20), nullable=False),
            sa.PrimaryKeyConstraint("digest", name=f"pk_{table}"),
        )
        op.create_index(f"ix_{table}_expires_at", table, ["expires_at"])
