"""Model versions, deployments and predictions."""

revision = "0011_models"
down_revision = "0010_airlock"


def upgrade() -> None:
    """Makes the tables."""
