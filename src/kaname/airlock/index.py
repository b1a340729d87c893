"""Table of the requests for release."""

from sqlalchemy import Column, Index, String, Table, Text

from kaname.database import PLATFORM

REQUESTS = Table(
    "airlock_request",
    PLATFORM,
    Column("id", String(32), primary_key=True),
    Column("run", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("registry", String(64), nullable=False),
    Column("requester", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("items", Text, nullable=False, comment="JSON list of name, digest, size_bytes"),
    Column("log", String(64), nullable=False, server_default="", comment="SHA-256; empty: none, or withheld"),
    Column("findings", Text, nullable=False, server_default="[]", comment="JSON list of item, code"),
    Column("checker", Text, nullable=False, server_default=""),
    Column("reason", Text, nullable=False, server_default="", comment="in the checker's words"),
    Column("handed", String(8), nullable=False, server_default="no", comment="to the models: no, due, done"),
    Column("made_at", String(20), nullable=False),
    Column("decided_at", String(20), nullable=False, server_default=""),
    Index("ix_airlock_request_run", "run", unique=True),
    Index("ix_airlock_request_state", "state", "made_at"),
    Index("ix_airlock_request_registry", "registry", "made_at"),
    Index("ix_airlock_request_handed", "handed", "decided_at"),
)
