"""Parcels passed on to the next tier, and what came back."""

revision = "0005_tiers"
down_revision = "0004_governance"


def upgrade() -> None:
    """Makes the tables."""
