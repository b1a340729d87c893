"""Which project a run was submitted in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014_projects"
down_revision = "0013_facilities"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column; runs until now are their registry's own."""
    op.add_column("compute_run", sa.Column("project", sa.String(64), nullable=False, server_default=""))
    op.create_index("ix_compute_run_project", "compute_run", ["project", "submitted_at"])
