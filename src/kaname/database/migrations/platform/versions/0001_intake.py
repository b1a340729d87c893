"""Parcels that were judged, what they brought, what could not be believed, and who has withdrawn."""

import sqlalchemy as sa
from alembic import op

revision = "0001_intake"
down_revision = None


def upgrade() -> None:
    """Makes the tables."""
    _parcels()
    _contents()
    _refused()


def _parcels() -> None:
    op.create_table(
        "intake_parcel",
        sa.Column("digest", sa.String(64)),
        sa.Column("gateway", sa.String(64), nullable=False),
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False, server_default=""),
        sa.Column("instances", sa.Integer, nullable=False),
        sa.Column(
            "ledger_sequence", sa.Integer, nullable=False, server_default="0", comment="of the judgement; 0: none yet"
        ),
        sa.Column("receipt", sa.LargeBinary, nullable=True),
        sa.Column("at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_intake_parcel"),
    )
    op.create_index("ix_intake_parcel_sequence", "intake_parcel", ["gateway", "registry", "sequence"], unique=True)
    op.create_index("ix_intake_parcel_subject", "intake_parcel", ["registry", "subject"])
    op.create_index("ix_intake_parcel_state", "intake_parcel", ["state", "ledger_sequence"])


def _contents() -> None:
    op.create_table(
        "intake_pack",
        sa.Column("parcel", sa.String(64)),
        sa.Column("digest", sa.String(64)),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("series_instance_uid", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("instances", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("parcel", "digest", name="pk_intake_pack"),
    )
    op.create_index("ix_intake_pack_digest", "intake_pack", ["digest"])
    op.create_table(
        "intake_record",
        sa.Column("parcel", sa.String(64)),
        sa.Column("digest", sa.String(64)),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("parcel", "digest", name="pk_intake_record"),
    )
    op.create_index("ix_intake_record_digest", "intake_record", ["digest"])


def _refused() -> None:
    op.create_table(
        "intake_refusal",
        sa.Column("file", sa.String(64)),
        sa.Column("reason", sa.String(64)),
        sa.Column("parcel", sa.String(64), nullable=False, server_default="", comment="as it says itself"),
        sa.Column("registry", sa.String(64), nullable=False, server_default=""),
        sa.Column("subject", sa.String(16), nullable=False, server_default=""),
        sa.Column("receipt", sa.LargeBinary, nullable=True),
        sa.Column("at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("file", "reason", name="pk_intake_refusal"),
    )
    op.create_index("ix_intake_refusal_subject", "intake_refusal", ["registry", "subject"])
    op.create_table(
        "intake_withdrawn",
        sa.Column("registry", sa.String(64)),
        sa.Column("subject", sa.String(16)),
        sa.Column("gateway", sa.String(64)),
        sa.Column("at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("registry", "subject", "gateway", name="pk_intake_withdrawn"),
    )
