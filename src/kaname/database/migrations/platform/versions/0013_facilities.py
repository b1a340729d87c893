"""What facilities say they hold."""

revision = "0013_facilities"
down_revision = "0012_marks"


def upgrade() -> None:
    """Changes nothing yet."""
