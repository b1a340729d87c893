"""Records, consent and what arrived by association."""

revision = "0002_arrivals"
down_revision = "0001_gateway"


def upgrade() -> None:
    """Makes the tables."""
