"""The tables of tokens, sign-ins, sessions and partners."""

from __future__ import annotations

from sqlalchemy import JSON, Column, String, Table, Text

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

SIGNIN = Table(
    "access_signin",
    GROUND,
    Column("digest", String(64), primary_key=True),
    Column("place", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("registries", JSON, nullable=False),
    Column("duties", JSON, nullable=False),
    Column("expires_at", String(20), nullable=False, index=True),
)
"""Secrets that open one session each, and are gone with it."""

SESSION = Table(
    "access_session",
    GROUND,
    Column("digest", String(64), primary_key=True),
    Column("place", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("registries", JSON, nullable=False),
    Column("duties", JSON, nullable=False),
    Column("expires_at", String(20), nullable=False, index=True),
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

INTRODUCED = Table(
    "access_introduced",
    GROUND,
    Column("key_id", Text, primary_key=True),
    Column("registry", Text, primary_key=True),
    Column("name", Text, nullable=False, index=True),
    Column("public_key", Text, nullable=False),
    Column("hub", Text, nullable=False),
    Column("introduced_at", Text, nullable=False),
)
"""Gateways that this node never met: an admitted hub vouches for their keys."""
