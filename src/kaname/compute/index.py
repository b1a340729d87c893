"""Table of the runs."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, String, Table, Text

from kaname.database import PLATFORM

RUNS = Table(
    "compute_run",
    PLATFORM,
    Column("id", String(32), primary_key=True),
    Column("spec", Text, nullable=False, comment="canonical JSON"),
    Column("name", String(64), nullable=False),
    Column("actor", Text, nullable=False),
    Column("registry", String(64), nullable=False),
    Column("project", String(64), nullable=False, server_default="", comment="empty: the registry's own"),
    Column("dataset", String(64), nullable=False),
    Column("dataset_digest", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", String(64), nullable=False, server_default=""),
    Column("sandbox", String(16), nullable=False, server_default=""),
    Column("material", String(64), nullable=False, server_default=""),
    Column("outputs", Text, nullable=False, server_default="[]", comment="JSON list of name, digest, size_bytes"),
    Column("log", String(64), nullable=False, server_default="", comment="SHA-256 of what it printed"),
    Column("exit_code", Integer, nullable=True),
    Column("seconds", Float, nullable=False, server_default="0"),
    Column("peak_bytes", BigInteger, nullable=False, server_default="0"),
    Column("handed", String(8), nullable=False, server_default="no", comment="to the airlock: no, due, done"),
    Column("submitted_at", String(20), nullable=False),
    Column("ended_at", String(20), nullable=False, server_default=""),
    Index("ix_compute_run_state", "state", "submitted_at"),
    Index("ix_compute_run_handed", "handed", "ended_at"),
    Index("ix_compute_run_registry", "registry", "submitted_at"),
    Index("ix_compute_run_dataset_digest", "dataset_digest"),
    Index("ix_compute_run_project", "project", "submitted_at"),
)
