"""Tables of the archive: subject, study, series, pack. Instances have no rows: they stand in the series index.

All of it is a view that ``rebuild`` makes again from packs, intake's rows and the ledger.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from kaname.database import PLATFORM

SUBJECTS = Table(
    "archive_subject",
    PLATFORM,
    Column("registry", String(64), primary_key=True),
    Column("subject", String(16), primary_key=True),
    Column("since", String(20), nullable=False),
)

STUDIES = Table(
    "archive_study",
    PLATFORM,
    Column("study_instance_uid", String(64), primary_key=True),
    Column("registry", String(64), nullable=False),
    Column("subject", String(16), nullable=False),
    Column("accession_number", Text, nullable=False),
    Column("study_date", Text, nullable=False),
    Column("study_time", Text, nullable=False),
    Column("study_id", Text, nullable=False),
    Column("study_description", Text, nullable=False),
    Column("series", Integer, nullable=False),
    Column("instances", Integer, nullable=False),
    Column("document", Text, nullable=False, comment="DICOM JSON, ready to send"),
    Index("ix_archive_study_subject", "registry", "subject"),
    Index("ix_archive_study_date", "registry", "study_date", "study_instance_uid"),
    Index("ix_archive_study_accession", "registry", "accession_number"),
)

SERIES = Table(
    "archive_series",
    PLATFORM,
    Column("series_instance_uid", String(64), primary_key=True),
    Column("study_instance_uid", String(64), nullable=False),
    Column("registry", String(64), nullable=False),
    Column("subject", String(16), nullable=False),
    Column("modality", Text, nullable=False),
    Column("series_number", Integer, nullable=True),
    Column("series_description", Text, nullable=False),
    Column("body_part_examined", Text, nullable=False),
    Column("instances", Integer, nullable=False),
    Column("document", Text, nullable=False, comment="DICOM JSON, ready to send"),
    Index("ix_archive_series_study", "study_instance_uid", "series_instance_uid"),
    Index("ix_archive_series_modality", "registry", "modality", "series_instance_uid"),
    Index("ix_archive_series_subject", "registry", "subject"),
)

PACKS = Table(
    "archive_pack",
    PLATFORM,
    Column("digest", String(64), primary_key=True),
    Column("series_instance_uid", String(64), nullable=False),
    Column(
        "number", Integer, nullable=False, comment="1, 2, 3 within the series: the first one that has a UID keeps it"
    ),
    Column("registry", String(64), nullable=False),
    Column("subject", String(16), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("members", Integer, nullable=False, comment="in the pack"),
    Column("instances", Integer, nullable=False, comment="that it added to the series"),
    Column("index_digest", String(64), nullable=False),
    Column("parcel", String(64), nullable=False),  # empty for packs of derived objects
    Column("shelved_at", String(20), nullable=False),
    Index("ix_archive_pack_series", "series_instance_uid", "number", unique=True),
    Index("ix_archive_pack_subject", "registry", "subject"),
    Index("ix_archive_pack_shelved", "registry", "shelved_at"),
)

HELD = Table(
    "archive_held",
    PLATFORM,
    Column("pack", String(64), primary_key=True),
    Column("sop_instance_uid", String(64), primary_key=True, comment="empty: the whole pack"),
    Column("registry", String(64), nullable=False),
    Column("subject", String(16), nullable=False),
    Column("series_instance_uid", String(64), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("parcel", String(64), nullable=False),
    Column("held_at", String(20), nullable=False),
    Index("ix_archive_held_subject", "registry", "subject"),
)

ANNOUNCED = Table(
    "archive_announced",
    PLATFORM,
    Column("pack", String(64), primary_key=True),
    Column("registry", String(64), nullable=False),
    Column("subject", String(16), nullable=False),
    Column("at", String(20), nullable=False),
    Index("ix_archive_announced_subject", "registry", "subject"),
)
"""Packs of derived objects that may be in the store and are not on the shelf yet: written before the first byte is put
there, taken out with the rows that shelve it. No view: a withdrawal finds by it what a killed process left behind."""
