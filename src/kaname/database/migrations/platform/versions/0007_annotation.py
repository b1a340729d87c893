"""Tasks, cases, readings and settled labels."""

revision = "0007_annotation"
down_revision = "0006_derived"


def upgrade() -> None:
    """Makes the tables."""
