"""The table of the ledger."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text

from kaname.database import GROUND

LEDGER = Table(
    "ledger",
    GROUND,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False, index=True),
    Column("about", Text, nullable=False, index=True),
    Column("facts", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("digest", Text, nullable=False),
)
