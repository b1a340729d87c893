"""Tables of annotation: tasks, cases, readings. A case has a state, so that lists of work are one indexed question."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from kaname.database import PLATFORM

TASKS = Table(
    "annotation_task",
    PLATFORM,
    Column("name", String(64), primary_key=True),
    Column("registry", String(64), nullable=False),
    Column("readers", Integer, nullable=False),
    Column("question", Text, nullable=False, comment="canonical JSON: the registry's words when the task was made"),
    Column("made_at", String(20), nullable=False),
    Index("ix_annotation_task_registry", "registry", "name"),
)

CASES = Table(
    "annotation_case",
    PLATFORM,
    Column("id", String(64), primary_key=True),
    Column("task", String(64), nullable=False),
    Column("registry", String(64), nullable=False),
    Column("subject", String(16), nullable=False),
    Column("study_instance_uid", String(64), nullable=False),
    Column("series_instance_uid", String(64), nullable=False),
    Column("sop_instance_uid", String(64), nullable=False),
    Column("frame", Integer, nullable=False),
    Column("image_rows", Integer, nullable=False),
    Column("image_columns", Integer, nullable=False),
    Column("pack", String(64), nullable=False, comment="empty: the image has not arrived here yet"),
    Column("looked", Integer, nullable=False, server_default="0", comment="last pack that it was looked up in"),
    Column("state", String(16), nullable=False),
    Column("label", Text, nullable=False, server_default=""),
    Column("settled", String(16), nullable=False, server_default=""),
    Column("due", BigInteger, nullable=False, server_default="0", comment="event to be told upstream; 0: nothing"),
    Column("hindrance", String(64), nullable=False, server_default="", comment="why upstream refused it"),
    Column("frames", Integer, nullable=False, server_default="1", comment="of the instance"),
    Column("other_sop_instance_uid", String(64), nullable=False, server_default="", comment="of a pair: its right"),
    Column("other_frame", Integer, nullable=False, server_default="0"),
    Column("other_pack", String(64), nullable=False, server_default=""),
    Index("ix_annotation_case_state", "task", "state", "id"),
    Index("ix_annotation_case_series", "task", "series_instance_uid"),
    Index("ix_annotation_case_pack", "pack", "series_instance_uid"),
    Index("ix_annotation_case_due", "due"),
    Index("ix_annotation_case_subject", "registry", "subject"),
)

READINGS = Table(
    "annotation_reading",
    PLATFORM,
    Column("case_id", String(64), primary_key=True),
    Column("origin", String(64), primary_key=True, comment="node where it was read"),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("reader", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("marks", Text, nullable=False, comment="canonical JSON"),
    Column("at", String(20), nullable=False),
    Index("ix_annotation_reading_reader", "reader", "case_id"),
)
"""Rows are added and never changed."""
