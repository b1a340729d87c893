"""Dataset versions, and the subjects that each dataset has ever named."""

import sqlalchemy as sa
from alembic import op

revision = "0003_datasets"
down_revision = "0002_archive"


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "dataset_version",
        sa.Column("name", sa.String(64)),
        sa.Column("version", sa.Integer, autoincrement=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("parent", sa.String(64), nullable=False, server_default=""),
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("modality", sa.String(16), nullable=False, server_default=""),
        sa.Column("subjects", sa.Integer, nullable=False),
        sa.Column("series", sa.Integer, nullable=False),
        sa.Column("instances", sa.Integer, nullable=False),
        sa.Column("holes", sa.Integer, nullable=False),
        sa.Column("frozen_at", sa.String(20), nullable=False),
        sa.Column("superseded_by", sa.Integer, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("name", "version", name="pk_dataset_version"),
    )
    op.create_index("ix_dataset_version_digest", "dataset_version", ["name", "digest"], unique=True)
    op.create_table(
        "dataset_subject",
        sa.Column("name", sa.String(64)),
        sa.Column("subject", sa.String(16)),
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column(
            "hole_version",
            sa.Integer,
            nullable=False,
            server_default="0",
            comment="version that names the hole; 0: none",
        ),
        sa.PrimaryKeyConstraint("name", "subject", name="pk_dataset_subject"),
    )
    op.create_index("ix_dataset_subject_subject", "dataset_subject", ["registry", "subject"])
