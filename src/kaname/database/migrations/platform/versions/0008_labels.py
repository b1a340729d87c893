"""Dataset versions with labels and splits."""

revision = "0008_labels"
down_revision = "0007_annotation"


def upgrade() -> None:
    """Makes the tables."""
