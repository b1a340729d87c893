"""Roles instead of flat duties, second factors, organisations and projects, pairs of persons, invitations, heads."""

import json
import uuid
from typing import cast

import sqlalchemy as sa
from alembic import op

revision = "0006_people"
down_revision = "0005_accounts"

ROLES = {
    "browse": ("doctor", "manager"),
    "store": ("curator",),
    "read": ("reader",),
    "adjudicate": ("adjudicator",),
    "research": ("researcher",),
    "check": ("checker", "auditor", "manager"),
    "curate": ("curator",),
}
"""Roles of who had a duty before: the nearest that permit no less."""
MORE = {"browse": ("pixels",), "check": ("release",)}
"""Duties of tokens that became two."""


def upgrade() -> None:
    """Makes new tables, carries accounts and tokens over. Sessions and sign-ins end: people sign in again."""
    connection = op.get_bind()
    accounts = connection.execute(sa.text("SELECT * FROM access_account")).mappings().all()
    tokens = connection.execute(sa.text("SELECT * FROM access_token")).mappings().all()
    for table in ("access_account", "access_token", "access_signin", "access_session"):
        op.drop_table(table)
    _make_people()
    _make_grants()
    _make_nodes()
    for row in accounts:
        registries, duties = _list(row["registries"]), _list(row["duties"])
        roles = {role for duty in duties for role in ROLES.get(duty, ())}
        parts = sorted([role, registry, ""] for role in roles for registry in registries)
        _insert("access_account", {**_kept(row, "name", "password", "made_at", "changed_at"), "parts": parts})
    for row in tokens:
        registries, duties = _list(row["registries"]), _list(row["duties"])
        own = {
            "id": uuid.uuid4().hex,
            "owner": "",
            "parts": sorted(["program", registry, ""] for registry in registries),
            "duties": [*duties, *(more for duty in duties for more in MORE.get(duty, ()))],
            "origins": [],
            "made_at": row["made_at"],
            "expires_at": row["expires_at"].replace("+00:00", "Z"),
        }
        _insert("access_token", {**_kept(row, "digest", "name"), **own})


def _make_people() -> None:
    op.create_table(
        "access_generation",
        sa.Column("id", sa.Integer, autoincrement=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_access_generation"),
    )
    op.create_table(
        "access_organisation",
        sa.Column("id", sa.String(64)),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("made_at", sa.String(20), nullable=False),
        sa.Column("ended_at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_access_organisation"),
    )
    op.create_table(
        "access_account",
        sa.Column("name", sa.String(64)),
        sa.Column("password", sa.Text, nullable=False),
        sa.Column("parts", sa.JSON, nullable=False),
        sa.Column("organisation", sa.String(64), nullable=False, server_default=""),
        sa.Column("subject", sa.Text, nullable=False, server_default=""),
        sa.Column("until", sa.String(20), nullable=False, server_default=""),
        sa.Column("made_at", sa.String(20), nullable=False),
        sa.Column("changed_at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_access_account"),
    )
    op.create_table(
        "access_training",
        sa.Column("name", sa.String(64)),
        sa.Column("course", sa.String(64)),
        sa.Column("proof", sa.String(64), nullable=False),
        sa.Column("done_at", sa.String(20), nullable=False),
        sa.Column("until", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("name", "course", name="pk_access_training"),
    )
    op.create_table(
        "access_project",
        sa.Column("id", sa.String(64)),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("agreement", sa.String(64), nullable=False),
        sa.Column("until", sa.String(20), nullable=False),
        sa.Column("datasets", sa.JSON, nullable=False),
        sa.Column("courses", sa.JSON(), nullable=False),
        sa.Column("quota", sa.JSON, nullable=False),
        sa.Column("made_at", sa.String(20), nullable=False),
        sa.Column("changed_at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_access_project"),
    )
    op.create_index("ix_access_project_registry", "access_project", ["registry"])


def _make_grants() -> None:
    op.create_table(
        "access_factor",
        sa.Column("id", sa.String(64)),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("label", sa.String(64), nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("made_at", sa.String(20), nullable=False),
        sa.Column("used_at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_access_factor"),
    )
    op.create_index("ix_access_factor_name", "access_factor", ["name"])
    op.create_table(
        "access_challenge",
        sa.Column("digest", sa.String(64)),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("expires_at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_access_challenge"),
    )
    op.create_index("ix_access_challenge_expires_at", "access_challenge", ["expires_at"])
    op.create_table(
        "access_token",
        sa.Column("digest", sa.String(64)),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("parts", sa.JSON, nullable=False),
        sa.Column("duties", sa.JSON, nullable=False),
        sa.Column("origins", sa.JSON, nullable=False),
        sa.Column("made_at", sa.String(20), nullable=False),
        sa.Column("expires_at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_access_token"),
        sa.UniqueConstraint("id", name="uq_access_token_id"),
    )
    op.create_index("ix_access_token_name", "access_token", ["name"])
    _make_sessions()
    op.create_table(
        "access_pair",
        sa.Column("id", sa.String(32)),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("about", sa.String(128), nullable=False),
        sa.Column("registry", sa.String(64), nullable=False),
        sa.Column("asked_by", sa.String(64), nullable=False),
        sa.Column("asked_at", sa.String(20), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("decision", sa.String(16), nullable=False),
        sa.Column("decided_by", sa.String(64), nullable=False),
        sa.Column("decided_at", sa.String(20), nullable=False),
        sa.Column("used_at", sa.String(20), nullable=False),
        sa.Column("expires_at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_access_pair"),
    )


def _make_sessions() -> None:
    for table in ("signin", "session"):
        more = [
            sa.Column("factors", sa.JSON, nullable=False),
            sa.Column("proved_at", sa.String(20), nullable=False),
        ]
        op.create_table(
            f"access_{table}",
            sa.Column("digest", sa.String(64)),
            sa.Column("place", sa.String(16), nullable=False),
            sa.Column("name", sa.String(64), nullable=False),
            sa.Column("owner", sa.String(64), nullable=False),
            sa.Column("parts", sa.JSON, nullable=False),
            sa.Column("duties", sa.JSON, nullable=False),
            *(more if table == "session" else []),
            sa.Column("expires_at", sa.String(20), nullable=False),
            sa.PrimaryKeyConstraint("digest", name=f"pk_access_{table}"),
        )
        op.create_index(f"ix_access_{table}_expires_at", f"access_{table}", ["expires_at"])
    op.create_index("ix_access_session_name", "access_session", ["name"])


def _make_nodes() -> None:
    op.create_table(
        "access_invitation",
        sa.Column("digest", sa.String(64)),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("registries", sa.JSON, nullable=False),
        sa.Column("made_at", sa.String(20), nullable=False),
        sa.Column("expires_at", sa.String(20), nullable=False),
        sa.Column("used_at", sa.String(20), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_access_invitation"),
    )
    op.create_table(
        "access_head",
        sa.Column("partner", sa.String(64)),
        sa.Column("sequence", sa.Integer, autoincrement=False),
        sa.Column("digest", sa.String(64)),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("received_at", sa.String(20), nullable=False),
        sa.Column("statement", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("partner", "sequence", "digest", name="pk_access_head"),
    )


def _kept(row: sa.RowMapping, *names: str) -> dict[str, object]:
    return {name: row[name] for name in names}


def _list(value: object) -> list[str]:
    """A JSON column, read without its type: SQLite gives text, PostgreSQL a list."""
    found = json.loads(value) if isinstance(value, str) else value
    return [str(one) for one in cast("list[object]", found)]


def _insert(table: str, values: dict[str, object]) -> None:
    columns = [sa.column(name, sa.JSON if isinstance(value, list) else sa.Text) for name, value in values.items()]
    op.get_bind().execute(sa.insert(sa.table(table, *columns)).values(values))
