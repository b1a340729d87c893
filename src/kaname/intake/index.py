"""Tables of intake: parcels judged, what they brought, what could not be believed, who has withdrawn, what goes on.

And what the hospitals say lies with them.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text

from kaname.database import PLATFORM

PARCELS = Table(
    "intake_parcel",
    PLATFORM,
    Column("digest", String(64), primary_key=True),
    Column("gateway", String(64), nullable=False),
    Column("registry", String(64), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("subject", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", String(64), nullable=False, server_default=""),
    Column("instances", Integer, nullable=False),
    Column("ledger_sequence", Integer, nullable=False, server_default="0", comment="of the judgement; 0: none yet"),
    Column("receipt", LargeBinary, nullable=True),
    Column("at", String(20), nullable=False),
    Index("ix_intake_parcel_sequence", "gateway", "registry", "sequence", unique=True),
    Index("ix_intake_parcel_subject", "registry", "subject"),
    Index("ix_intake_parcel_state", "state", "ledger_sequence"),
)
"""Parcels whose signature holds. A row is never taken out: it answers a parcel that comes again."""

PACKS = Table(
    "intake_pack",
    PLATFORM,
    Column("parcel", String(64), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("place", Integer, nullable=False),
    Column("study_instance_uid", String(64), nullable=False),
    Column("series_instance_uid", String(64), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("instances", Integer, nullable=False),
    Index("ix_intake_pack_digest", "digest"),
)
"""Packs that are, or may be, in the store: written before the first byte is put there."""

RECORDS = Table(
    "intake_record",
    PLATFORM,
    Column("parcel", String(64), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Index("ix_intake_record_digest", "digest"),
)

REFUSALS = Table(
    "intake_refusal",
    PLATFORM,
    Column("file", String(64), primary_key=True),
    Column("reason", String(64), primary_key=True),
    Column("parcel", String(64), nullable=False, server_default="", comment="as it says itself"),
    Column("registry", String(64), nullable=False, server_default=""),
    Column("subject", String(16), nullable=False, server_default=""),
    Column("receipt", LargeBinary, nullable=True),
    Column("at", String(20), nullable=False),
    Index("ix_intake_refusal_subject", "registry", "subject"),
)
"""Files that were refused for how or by whom they came. Nothing that such a file says of itself is believed, so its row
goes by the digest of the file and never stands in the way of the true parcel."""

WITHDRAWN = Table(
    "intake_withdrawn",
    PLATFORM,
    Column("registry", String(64), primary_key=True),
    Column("subject", String(16), primary_key=True),
    Column("gateway", String(64), primary_key=True),
    Column("at", String(20), nullable=False),
)

ONWARD = Table(
    "intake_onward",
    PLATFORM,
    Column("parcel", String(64), primary_key=True),
    Column("registry", String(64), nullable=False),
    Column("state", String(16), nullable=False, comment="waiting forwarded refused held withdrawn"),
    Column("reason", String(64), nullable=False, server_default=""),
    Column("attempt", Integer, nullable=False, server_default="0", comment="how often a person set it going again"),
    Column("ledger_sequence", Integer, nullable=False, comment="of the acceptance: the order in which they leave"),
    Column("receipt", LargeBinary, nullable=True, comment="the next tier's, as it came"),
    Column("at", String(20), nullable=False),
    Index("ix_intake_onward_state", "state", "registry", "ledger_sequence"),
)
"""Parcels that a hub accepted and passes on to the next tier, if it has one."""

INTRODUCTIONS = Table(
    "intake_introduction",
    PLATFORM,
    Column("key_id", String(16), primary_key=True, comment="of the gateway's key"),
    Column("registry", String(64), primary_key=True),
    Column("sequence", Integer, nullable=False, unique=True),
    Column("message", LargeBinary, nullable=False, comment="as it was signed"),
    Column("acknowledgement", LargeBinary, nullable=True, comment="the next tier's, as it came"),
    Column("at", String(20), nullable=False),
)
"""What a hub told the next tier about its gateways."""

FACILITIES = Table(
    "facility_holding",
    PLATFORM,
    Column("facility", String(64), primary_key=True, comment="name of the gateway"),
    Column("registry", String(64), primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("received", Integer, nullable=False),
    Column("sent", Integer, nullable=False),
    Column("held", Integer, nullable=False),
    Column("reasons", Text, nullable=False, comment="JSON: how many are held, by reason code"),
    Column("passed_on", BigInteger, nullable=False, server_default="0", comment="sequence that the next tier heard"),
    Column("statement", LargeBinary, nullable=False, comment="as the gateway signed it"),
    Column("at", String(20), nullable=False),
)
"""What each gateway said last."""

FACILITY_DAYS = Table(
    "facility_holding_day",
    PLATFORM,
    Column("facility", String(64), primary_key=True),
    Column("registry", String(64), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("received", Integer, nullable=False),
    Column("sent", Integer, nullable=False),
    Column("held", Integer, nullable=False),
)
"""What each gateway said last on each day: counts only, for the picture over time."""
