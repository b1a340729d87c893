"""Dataset versions with labels and splits."""

import sqlalchemy as sa
from alembic import op

revision = "0008_labels"
down_revision = "0007_annotation"


def upgrade() -> None:
    """Makes the columns."""
    op.add_column("dataset_version", sa.Column("task", sa.String(64), nullable=False, server_default=""))
    op.add_column("dataset_version", sa.Column("labels", sa.Integer, nullable=False, server_default="0"))
    split = sa.Column("split", sa.String(16), nullable=False, server_default="", comment="for good; empty: none yet")
    op.add_column("dataset_subject", split)
