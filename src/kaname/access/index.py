"""The tables of people and programs, of what they may do, and of partners."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Index, Integer, String, Table, Text

from kaname.database import GROUND

GENERATION = Table(
    "access_generation",
    GROUND,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
)
"""One row: how often anything of who may do what was changed. What a process remembers counts for one number only."""

ORGANISATION = Table(
    "access_organisation",
    GROUND,
    Column("id", String(64), primary_key=True),
    Column("title", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("made_at", String(20), nullable=False),
    Column("ended_at", String(20), nullable=False),
)
"""Hospitals, universities, societies and companies that people and projects belong to."""

ACCOUNT = Table(
    "access_account",
    GROUND,
    Column("name", String(64), primary_key=True),
    Column("password", Text, nullable=False),
    Column("parts", JSON, nullable=False),
    Column("organisation", String(64), nullable=False, server_default=""),
    Column("subject", Text, nullable=False, server_default=""),
    Column("until", String(20), nullable=False, server_default=""),
    Column("made_at", String(20), nullable=False),
    Column("changed_at", String(20), nullable=False),
)
"""People: their parts, and the argon2id hash of a password (empty for who signs in elsewhere, see ``subject``)."""

TRAINING = Table(
    "access_training",
    GROUND,
    Column("name", String(64), primary_key=True),
    Column("course", String(64), primary_key=True),
    Column("proof", String(64), nullable=False),
    Column("done_at", String(20), nullable=False),
    Column("until", String(20), nullable=False),
)
"""Who was trained in what: ``proof`` is the SHA-256 of the document, which stays where it is."""

PROJECT = Table(
    "access_project",
    GROUND,
    Column("id", String(64), primary_key=True),
    Column("title", Text, nullable=False),
    Column("registry", String(64), nullable=False, index=True),
    Column("organisation", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("agreement", String(64), nullable=False),
    Column("until", String(20), nullable=False),
    Column("datasets", JSON, nullable=False),
    Column("courses", JSON, nullable=False),
    Column("quota", JSON, nullable=False),
    Column("made_at", String(20), nullable=False),
    Column("changed_at", String(20), nullable=False),
)
"""What a team works on: in one registry, under an agreement (SHA-256 of the document), with named datasets; ``courses``
are those that its members must have been trained in."""

FACTOR = Table(
    "access_factor",
    GROUND,
    Column("id", String(64), primary_key=True),
    Column("name", String(64), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("label", String(64), nullable=False),
    Column("data", JSON, nullable=False),
    Column("made_at", String(20), nullable=False),
    Column("used_at", String(20), nullable=False),
)
"""Second factors of people: one-time codes, passkeys, recovery codes."""

CHALLENGE = Table(
    "access_challenge",
    GROUND,
    Column("digest", String(64), primary_key=True),
    Column("purpose", String(16), nullable=False),
    Column("name", String(64), nullable=False),
    Column("data", JSON, nullable=False),
    Column("expires_at", String(20), nullable=False, index=True),
)
"""What a browser was asked and has not answered yet, each answered once."""

ATTEMPT = Table(
    "access_attempt",
    GROUND,
    Column("id", String(32), primary_key=True),
    Column("who", String(64), nullable=False),
    Column("at", String(20), nullable=False),
    Index("ix_access_attempt_who", "who", "at"),
)
"""Passwords tried and not found right yet, by the digest of the name that was typed: people type passwords there."""

TOKEN = Table(
    "access_token",
    GROUND,
    Column("digest", String(64), primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("name", Text, nullable=False, index=True),
    Column("owner", String(64), nullable=False),
    Column("parts", JSON, nullable=False),
    Column("duties", JSON, nullable=False),
    Column("origins", JSON, nullable=False),
    Column("made_at", String(20), nullable=False),
    Column("expires_at", String(20), nullable=False),
)
"""Secrets of programs: an ``owner``'s own parts or those of the row, narrowed to duties and networks."""

SIGNIN = Table(
    "access_signin",
    GROUND,
    Column("digest", String(64), primary_key=True),
    Column("place", String(16), nullable=False),
    Column("name", String(64), nullable=False),
    Column("owner", String(64), nullable=False),
    Column("parts", JSON, nullable=False),
    Column("duties", JSON, nullable=False),
    Column("expires_at", String(20), nullable=False, index=True),
)
"""Secrets that open one session each, and are gone with it."""

SESSION = Table(
    "access_session",
    GROUND,
    Column("digest", String(64), primary_key=True),
    Column("place", String(16), nullable=False),
    Column("name", String(64), nullable=False, index=True),
    Column("owner", String(64), nullable=False),
    Column("parts", JSON, nullable=False),
    Column("duties", JSON, nullable=False),
    Column("factors", JSON, nullable=False),
    Column("proved_at", String(20), nullable=False),
    Column("expires_at", String(20), nullable=False, index=True),
)
"""Open sessions of browsers: with ``owner`` the parts are those of that account as they are now."""

PAIR = Table(
    "access_pair",
    GROUND,
    Column("id", String(32), primary_key=True),
    Column("action", String(32), nullable=False),
    Column("about", String(128), nullable=False),
    Column("registry", String(64), nullable=False),
    Column("asked_by", String(64), nullable=False),
    Column("asked_at", String(20), nullable=False),
    Column("reason", Text, nullable=False),
    Column("decision", String(16), nullable=False),
    Column("decided_by", String(64), nullable=False),
    Column("decided_at", String(20), nullable=False),
    Column("used_at", String(20), nullable=False),
    Column("expires_at", String(20), nullable=False),
)
"""What one person asks for and another has to agree to before it is done, once."""

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

INVITATION = Table(
    "access_invitation",
    GROUND,
    Column("digest", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("registries", JSON, nullable=False),
    Column("made_at", String(20), nullable=False),
    Column("expires_at", String(20), nullable=False),
    Column("used_at", String(20), nullable=False),
    Column("tries", Integer, nullable=False),
)
"""Codes that let one node ask to become a partner, once."""

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

HEAD = Table(
    "access_head",
    GROUND,
    Column("partner", String(64), primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(64), primary_key=True),
    Column("key_id", String(16), nullable=False),
    Column("received_at", String(20), nullable=False),
    Column("statement", Text, nullable=False),
)
"""Where partners said that their ledgers end, signed by them; two digests of one number are evidence. Rows without a
partner are this node's own heads, and the statement is the word of the next tier that it holds them."""
