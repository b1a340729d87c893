"""Runs."""

revision = "0009_compute"
down_revision = "0008_labels"


def upgrade() -> None:
    """Makes the tables."""
