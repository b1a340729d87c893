"""Model versions, deployments and predictions."""

import sqlalchemy as sa
from alembic import op

revision = "0011_models"
down_revision = "0010_airlock"


def upgrade() -> None:
    """Makes the tables, and the index by which new packs are found."""
    op.create_table(
        "model_version",
        sa.Column("name", sa.String(64)),
        sa.Column("version", sa.Integer, autoincrement=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("dataset", sa.String(64), nullable=False),
        sa.Column("run", sa.String(32), nullable=False),
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("card", sa.Text, nullable=False),
        sa.Column("sealed_test", sa.String(64), nullable=False),
        sa.Column("evaluation", sa.Text, nullable=False),
        sa.Column("made_at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("name", "version", name="pk_model_version"),
    )
    op.create_index("ix_model_version_digest", "model_version", ["digest"])
    op.create_index("ix_model_version_dataset", "model_version", ["dataset"])
    op.create_index("ix_model_version_run", "model_version", ["run"], unique=True)
    op.create_table(
        "model_deployment",
        sa.Column("model", sa.String(64)),
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("card", sa.Text, nullable=False),
        sa.Column("signer", sa.String(64), nullable=False),
        sa.Column("deployed_at", sa.String(20), nullable=False),
        sa.Column("seen_until", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("model", name="pk_model_deployment"),
    )
    op.create_table(
        "model_prediction",
        sa.Column("model", sa.String(64)),
        sa.Column("pack", sa.String(64)),
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False, server_default=""),
        sa.Column("report", sa.String(64), nullable=False, server_default=""),
        sa.Column("scores", sa.Text, nullable=False, server_default="[]"),
        sa.Column("at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("model", "pack", name="pk_model_prediction"),
    )
    op.create_index("ix_model_prediction_subject", "model_prediction", ["registry", "subject"])
    op.create_index("ix_model_prediction_study", "model_prediction", ["study_instance_uid"])
    op.create_index("ix_archive_pack_shelved", "archive_pack", ["registry", "shelved_at"])
