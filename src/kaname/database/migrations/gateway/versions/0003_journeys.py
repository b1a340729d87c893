"""How far each parcel has come."""

import sqlalchemy as sa
from alembic import op

revision = "0003_journeys"
down_revision = "0002_arrivals"

WAITS = """
INSERT INTO gateway_journey (parcel, state, statement, at)
SELECT digest, 'waiting', NULL, at FROM gateway_parcel WHERE state = 'accepted'
"""


def upgrade() -> None:
    """Makes the tables; what was accepted before is asked about."""
    op.create_table(
        "gateway_journey",
        sa.Column("parcel", sa.String(64)),
        sa.Column("state", sa.String(16), nullable=False, comment="waiting none settled stopped"),
        sa.Column("statement", sa.LargeBinary, nullable=True, comment="the newest journey as it came, signed"),
        sa.Column("at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("parcel", name="pk_gateway_journey"),
    )
    op.create_index("gateway_journey_state", "gateway_journey", ["state"])
    op.create_table(
        "gateway_stop",
        sa.Column("parcel", sa.String(64)),
        sa.Column("place", sa.Integer, comment="counts the tiers from 1"),
        sa.Column("name", sa.String(64), nullable=False, comment="of the node that judged it"),
        sa.Column("outcome", sa.String(16), nullable=False, comment="accepted refused"),
        sa.Column("reason", sa.String(64), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("parcel", "place", name="pk_gateway_stop"),
    )
    op.create_index("gateway_stop_place", "gateway_stop", ["place", "name", "outcome"])
    op.execute(WAITS)
