"""Tables of the datasets: which versions there are, and which subjects each dataset has ever named.

Both can be rebuilt from the frozen lists and the ledger; the lists are the truth.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table

from kaname.database import PLATFORM

VERSIONS = Table(
    "dataset_version",
    PLATFORM,
    Column("name", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False),
    Column("parent", String(64), nullable=False, server_default=""),
    Column("registry", String(64), nullable=False),
    Column("modality", String(16), nullable=False, server_default=""),
    Column("subjects", Integer, nullable=False),
    Column("series", Integer, nullable=False),
    Column("instances", Integer, nullable=False),
    Column("holes", Integer, nullable=False),
    Column("frozen_at", String(20), nullable=False),
    Column("superseded_by", Integer, nullable=False, server_default="0"),
    Column("task", String(64), nullable=False, server_default=""),
    Column("labels", Integer, nullable=False, server_default="0"),
    Column("marks", Integer, nullable=False, server_default="0"),
    Column("items", Integer, nullable=False, server_default="0"),
    Index("ix_dataset_version_digest", "name", "digest", unique=True),
)
SUBJECTS = Table(
    "dataset_subject",
    PLATFORM,
    Column("name", String(64), primary_key=True),
    Column("subject", String(16), primary_key=True),
    Column("registry", String(64), nullable=False),
    Column("hole_version", Integer, nullable=False, server_default="0", comment="version that names the hole; 0: none"),
    Column("split", String(16), nullable=False, server_default="", comment="for good; empty: none yet"),
    Index("ix_dataset_subject_subject", "registry", "subject"),
)
