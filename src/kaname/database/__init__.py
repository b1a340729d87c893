"""The relational store behind every index: SQLite in the home, or PostgreSQL; the same tables on both.

Goes in: a URL, and the histories that a node needs. Comes out: an engine whose schema is the newest one, and
transactions. May say: ``NotYet("storage-full")``, ``NotYet("index-busy")``, ``NotYet("schema-newer")``.
"""

from kaname.database.engine import connect, reading, scrub, writing
from kaname.database.migration import migrate
from kaname.database.schema import GATEWAY, GROUND, PLATFORM

__all__ = ["GATEWAY", "GROUND", "PLATFORM", "connect", "migrate", "reading", "scrub", "writing"]
