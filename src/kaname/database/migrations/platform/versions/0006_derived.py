"""Objects derived at this node: where they stand in the archive."""

revision = "0006_derived"
down_revision = "0005_tiers"


def upgrade() -> None:
    """Makes the tables."""
