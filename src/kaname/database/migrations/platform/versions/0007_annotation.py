"""Tasks, cases, readings and settled labels."""

import sqlalchemy as sa
from alembic import op

revision = "0007_annotation"
down_revision = "0006_derived"


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "annotation_task",
        sa.Column("name", sa.String(64)),
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("readers", sa.Integer, nullable=False),
        sa.Column(
            "question", sa.Text, nullable=False, comment="canonical JSON: the registry's words when the task was made"
        ),
        sa.Column("made_at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_annotation_task"),
    )
    op.create_index("ix_annotation_task_registry", "annotation_task", ["registry", "name"])
    op.create_table(
        "annotation_case",
        sa.Column("id", sa.String(64)),
        sa.Column("task", sa.String(64), nullable=False),
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("series_instance_uid", sa.String(64), nullable=False),
        sa.Column("sop_instance_uid", sa.String(64), nullable=False),
        sa.Column("frame", sa.Integer, nullable=False),
        sa.Column("image_rows", sa.Integer, nullable=False),
        sa.Column("image_columns", sa.Integer, nullable=False),
        sa.Column("pack", sa.String(64), nullable=False, comment="empty: the image has not arrived here yet"),
        sa.Column(
            "looked", sa.Integer, nullable=False, server_default="0", comment="last pack that it was looked up in"
        ),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("label", sa.Text, nullable=False, server_default=""),
        sa.Column("settled", sa.String(16), nullable=False, server_default=""),
        sa.Column(
            "due", sa.BigInteger, nullable=False, server_default="0", comment="event to be told upstream; 0: nothing"
        ),
        sa.Column("hindrance", sa.String(64), nullable=False, server_default="", comment="why upstream refused it"),
        sa.PrimaryKeyConstraint("id", name="pk_annotation_case"),
    )
    op.create_index("ix_annotation_case_state", "annotation_case", ["task", "state", "id"])
    op.create_index("ix_annotation_case_series", "annotation_case", ["task", "series_instance_uid"])
    op.create_index("ix_annotation_case_pack", "annotation_case", ["pack", "series_instance_uid"])
    op.create_index("ix_annotation_case_due", "annotation_case", ["due"])
    op.create_index("ix_annotation_case_subject", "annotation_case", ["registry", "subject"])
    op.create_table(
        "annotation_reading",
        sa.Column("case_id", sa.String(64)),
        sa.Column("origin", sa.String(64), comment="node where it was read"),
        sa.Column("number", sa.Integer, autoincrement=False),
        sa.Column("reader", sa.Text, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("marks", sa.Text, nullable=False, comment="canonical JSON"),
        sa.Column("at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "origin", "number", name="pk_annotation_reading"),
    )
    op.create_index("ix_annotation_reading_reader", "annotation_reading", ["reader", "case_id"])
