"""People with a password."""

revision = "0005_accounts"
down_revision = "0004_introduced"


def upgrade() -> None:
    """Changes nothing yet."""
