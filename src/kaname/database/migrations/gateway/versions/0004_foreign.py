"""Files that are no DICOM."""

revision = "0004_foreign"
down_revision = "0003_journeys"


def upgrade() -> None:
    """Changes nothing yet."""
