"""Cases of more than one frame."""

revision = "0012_marks"
down_revision = "0011_models"


def upgrade() -> None:
    """Changes nothing yet."""
