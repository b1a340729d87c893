"""One-time sign-ins and sessions of the console and the viewer."""

revision = "0003_sessions"
down_revision = "0002_duties"


def upgrade() -> None:
    """Makes the tables."""
