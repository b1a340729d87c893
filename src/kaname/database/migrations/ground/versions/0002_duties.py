"""Tokens say what their bearer may do."""

import sqlalchemy as sa
from alembic import op

revision = "0002_duties"
down_revision = "0001_ground"


def upgrade() -> None:
    """Adds the column; tokens made before may browse."""
    op.add_column("access_token", sa.Column("duties", sa.JSON, nullable=False, server_default='["browse"]'))
