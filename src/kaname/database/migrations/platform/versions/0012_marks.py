"""Cases of whole instances and of two frames, and how much of marks and clinical items a dataset has."""

import sqlalchemy as sa
from alembic import op

revision = "0012_marks"
down_revision = "0011_models"


def upgrade() -> None:
    """Adds the columns: every case there is was made of one frame, and every dataset without marks and items."""
    case, version = "annotation_case", "dataset_version"
    op.add_column(case, sa.Column("frames", sa.Integer, nullable=False, server_default="1", comment="of the instance"))
    op.add_column(
        case,
        sa.Column(
            "other_sop_instance_uid", sa.String(64), nullable=False, server_default="", comment="of a pair: its right"
        ),
    )
    op.add_column(case, sa.Column("other_frame", sa.Integer, nullable=False, server_default="0"))
    op.add_column(case, sa.Column("other_pack", sa.String(64), nullable=False, server_default=""))
    op.add_column(version, sa.Column("marks", sa.Integer, nullable=False, server_default="0"))
    op.add_column(version, sa.Column("items", sa.Integer, nullable=False, server_default="0"))
