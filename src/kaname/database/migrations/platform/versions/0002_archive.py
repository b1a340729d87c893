"""Subjects, studies, series, packs, and what is held."""

import sqlalchemy as sa
from alembic import op

revision = "0002_archive"
down_revision = "0001_intake"


def upgrade() -> None:
    """Makes the tables."""
    _catalogue()
    _packs()


def _catalogue() -> None:
    op.create_table(
        "archive_subject",
        sa.Column("registry", sa.String(64)),
        sa.Column("subject", sa.String(16)),
        sa.Column("since", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("registry", "subject", name="pk_archive_subject"),
    )
    op.create_table(
        "archive_study",
        sa.Column("study_instance_uid", sa.String(64)),
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("accession_number", sa.Text, nullable=False),
        sa.Column("study_date", sa.Text, nullable=False),
        sa.Column("study_time", sa.Text, nullable=False),
        sa.Column("study_id", sa.Text, nullable=False),
        sa.Column("study_description", sa.Text, nullable=False),
        sa.Column("series", sa.Integer, nullable=False),
        sa.Column("instances", sa.Integer, nullable=False),
        sa.Column("document", sa.Text, nullable=False, comment="DICOM JSON, ready to send"),
        sa.PrimaryKeyConstraint("study_instance_uid", name="pk_archive_study"),
    )
    op.create_index("ix_archive_study_subject", "archive_study", ["registry", "subject"])
    op.create_index("ix_archive_study_date", "archive_study", ["registry", "study_date", "study_instance_uid"])
    op.create_index("ix_archive_study_accession", "archive_study", ["registry", "accession_number"])
    op.create_table(
        "archive_series",
        sa.Column("series_instance_uid", sa.String(64)),
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("modality", sa.Text, nullable=False),
        sa.Column("series_number", sa.Integer, nullable=True),
        sa.Column("series_description", sa.Text, nullable=False),
        sa.Column("body_part_examined", sa.Text, nullable=False),
        sa.Column("instances", sa.Integer, nullable=False),
        sa.Column("document", sa.Text, nullable=False, comment="DICOM JSON, ready to send"),
        sa.PrimaryKeyConstraint("series_instance_uid", name="pk_archive_series"),
    )
    op.create_index("ix_archive_series_study", "archive_series", ["study_instance_uid", "series_instance_uid"])
    op.create_index("ix_archive_series_modality", "archive_series", ["registry", "modality", "series_instance_uid"])
    op.create_index("ix_archive_series_subject", "archive_series", ["registry", "subject"])


def _packs() -> None:
    op.create_table(
        "archive_pack",
        sa.Column("digest", sa.String(64)),
        sa.Column("series_instance_uid", sa.String(64), nullable=False),
        sa.Column(
            "number",
            sa.Integer,
            nullable=False,
            comment="1, 2, 3 within the series: the first one that has a UID keeps it",
        ),
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("members", sa.Integer, nullable=False, comment="in the pack"),
        sa.Column("instances", sa.Integer, nullable=False, comment="that it added to the series"),
        sa.Column("index_digest", sa.String(64), nullable=False),
        sa.Column("parcel", sa.String(64), nullable=False),
        sa.Column("shelved_at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_archive_pack"),
    )
    op.create_index("ix_archive_pack_series", "archive_pack", ["series_instance_uid", "number"], unique=True)
    op.create_index("ix_archive_pack_subject", "archive_pack", ["registry", "subject"])
    op.create_table(
        "archive_held",
        sa.Column("pack", sa.String(64)),
        sa.Column("sop_instance_uid", sa.String(64), comment="empty: the whole pack"),
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("series_instance_uid", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("parcel", sa.String(64), nullable=False),
        sa.Column("held_at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("pack", "sop_instance_uid", name="pk_archive_held"),
    )
    op.create_index("ix_archive_held_subject", "archive_held", ["registry", "subject"])
