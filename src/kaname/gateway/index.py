"""Tables of the gateway: what arrived, what became of it, which parcels left, who withdrew.

No column names a patient: ids are keyed or our own. The one exception is ``gateway_linkage``, whose only content is
encrypted with the identity key.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table

from kaname.database.schema import GATEWAY

OBJECTS = Table(
    "gateway_object",
    GATEWAY,
    Column("id", String(64), primary_key=True, comment="keyed digest of the original: its name in the spool"),
    Column("registry", String(64), primary_key=True),
    Column("study", String(64), nullable=False, comment="Study Instance UID behind the crossing, empty where unread"),
    Column("series", String(64), nullable=False),
    Column("instance", String(64), nullable=False),
    Column("subject", String(16), nullable=False),
    Column("state", String(16), nullable=False, comment="received cleaned sent closed held refused withdrawn"),
    Column("reason", String(64), nullable=False, server_default=""),
    Column("batch", String(64), nullable=False, server_default="", comment="the workflow that takes it across"),
    Column("digest", String(64), nullable=False, server_default="", comment="SHA-256 of the clean file"),
    Column("received_at", String(20), nullable=False),
    Index("gateway_object_instance", "registry", "instance"),
    Index("gateway_object_batch", "batch", "state"),
    Index("gateway_object_subject", "registry", "subject"),
    Index("gateway_object_state", "state"),
)
PARCELS = Table(
    "gateway_parcel",
    GATEWAY,
    Column("batch", String(64), primary_key=True),
    Column("sequence", Integer, nullable=False, comment="counts the parcels of a registry, from 1"),
    Column("registry", String(64), nullable=False),
    Column("study", String(64), nullable=False),
    Column("subject", String(16), nullable=False),
    Column("digest", String(64), nullable=False, server_default=""),
    Column("state", String(16), nullable=False, comment="sealing sealed accepted refused withdrawn"),
    Column("reason", String(64), nullable=False, server_default=""),
    Column("receipt", LargeBinary, nullable=True, comment="the receipt as it came, signed"),
    Column("at", String(20), nullable=False),
    Index("gateway_parcel_sequence", "registry", "sequence", unique=True),
    Index("gateway_parcel_subject", "registry", "subject"),
    Index("gateway_parcel_state", "state"),
)
WITHDRAWALS = Table(
    "gateway_withdrawal",
    GATEWAY,
    Column("registry", String(64), primary_key=True),
    Column("subject", String(16), primary_key=True),
    Column("sequence", Integer, nullable=False, comment="counts the withdrawals of a registry, from 1"),
    Column("number", String(64), nullable=False, comment="keyed digest of the patient number, whoever issued it"),
    Column("state", String(16), nullable=False, comment="requested certified"),
    Column("statement", LargeBinary, nullable=False, comment="the withdrawal as it was signed"),
    Column("certificate", LargeBinary, nullable=True),
    Column("at", String(20), nullable=False),
    Index("gateway_withdrawal_number", "registry", "number"),
)
LINKAGE = Table(
    "gateway_linkage",
    GATEWAY,
    Column("registry", String(64), primary_key=True),
    Column("subject", String(16), primary_key=True),
    Column("number", String(64), nullable=False, comment="keyed digest of the patient number, whoever issued it"),
    Column("sealed", LargeBinary, nullable=False, comment="AES-SIV of the patient number and its issuer"),
    Column("at", String(20), nullable=False),
    Index("gateway_linkage_number", "registry", "number"),
)
