"""Requests for release and their reviews."""

revision = "0010_airlock"
down_revision = "0009_compute"


def upgrade() -> None:
    """Makes the tables."""
