"""The three histories of tables. A room declares its tables in its ``index.py`` on the one it belongs to.

``ground`` is in every node; ``gateway`` only in a hospital; ``platform`` only on the de-identified side. No foreign
key leads from one to another, so that each migrates alone.
"""

from __future__ import annotations

from sqlalchemy import MetaData

NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""How constraints are named. Migrations name theirs by the same rule, so that both schemas compare equal."""

GROUND = MetaData(naming_convention=NAMES)
GATEWAY = MetaData(naming_convention=NAMES)
PLATFORM = MetaData(naming_convention=NAMES)

HISTORIES: dict[str, MetaData] = {"ground": GROUND, "gateway": GATEWAY, "platform": PLATFORM}
