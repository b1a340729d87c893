"""The tables of tokens, accounts, sign-ins, sessions and partners."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Index, String, Table, Text

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

ACCOUNT = Table(
    "access_account",
    GROUND,
    Column("name", String(64), primary_key=True),
    Column("password", Text, nullable=False),
    Column("registries", JSON, nullable=False),
    Column("duties", JSON, nullable=False),
    Column("made_at", String(20), nullable=False),
    Column("changed_at", String(20), nullable=False),
)
"""People with a password, of which the argon2id hash is kept."""

ATTEMPT = Table(
    "access_attempt",
    GROUND,
    Column("id", String(32), primary_key=True),
    Column("who", String(64), nullable=False),
    Column("at", String(20), nullable=False),
    Index("ix_access_attempt_who", "who", "at"),
)
"""Passwords tried and not found right yet, by the digest of the name that was typed: people type passwords there."""

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
