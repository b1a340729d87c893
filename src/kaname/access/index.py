"""The tables of tokens and partners."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Table, Text

from kaname.database import GROUND

TOKEN = Table(
    "access_token",
    GROUND,
    Column("digest", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("registries", JSON, nullable=False),
    Column("duties", JSON, nullable=False, server_default='["browse"]'),
    Column("made_at", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
)

PARTNER = Table(
    "access_partner",
    GROUND,
    Column("key_id", Text, primary_key=True),
    Column("name", Text, nullable=False, index=True),
    Column("role", Text, nullable=False),
    Column("public_key", Text, nullable=False),
    Column("certificate", Text, nullable=False),
    Column("registries", JSON, nullable=False),
    Column("admitted_at", Text, nullable=False),
    Column("revoked_at", Text, nullable=False),
)
