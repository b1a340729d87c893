"""Tables of the models: versions, deployments, what was predicted."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, Text

from kaname.database import PLATFORM

VERSIONS = Table(
    "model_version",
    PLATFORM,
    Column("name", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False),
    Column("dataset", String(64), nullable=False, comment="digest of the dataset version"),
    Column("run", String(32), nullable=False),
    Column("registry", String(64), nullable=False),
    Column("card", Text, nullable=False, comment="JSON"),
    Column("sealed_test", String(64), nullable=False),
    Column("evaluation", Text, nullable=False, comment="JSON"),
    Column("made_at", String(20), nullable=False),
    Index("ix_model_version_digest", "digest"),
    Index("ix_model_version_dataset", "dataset"),
    Index("ix_model_version_run", "run", unique=True),
)

DEPLOYMENTS = Table(
    "model_deployment",
    PLATFORM,
    Column("model", String(64), primary_key=True, comment="digest of the model version"),
    Column("registry", String(64), nullable=False),
    Column("card", Text, nullable=False, comment="JSON"),
    Column("signer", String(64), nullable=False),
    Column("deployed_at", String(20), nullable=False),
    Column("seen_until", String(20), nullable=False, comment="packs shelved earlier have all been looked at"),
)

PREDICTIONS = Table(
    "model_prediction",
    PLATFORM,
    Column("model", String(64), primary_key=True),
    Column("pack", String(64), primary_key=True),
    Column("registry", String(64), nullable=False),
    Column("subject", String(16), nullable=False),
    Column("study_instance_uid", String(64), nullable=False),
    Column("state", String(32), nullable=False),
    Column("reason", String(64), nullable=False, server_default=""),
    Column("report", String(64), nullable=False, server_default="", comment="SOP Instance UID"),
    Column("scores", Text, nullable=False, server_default="[]", comment="JSON list of instance, frame, label, score"),
    Column("at", String(20), nullable=False),
    Index("ix_model_prediction_subject", "registry", "subject"),
    Index("ix_model_prediction_study", "study_instance_uid"),
)
