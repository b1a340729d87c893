"""Tables of the gateway: what arrived, what became of it, which parcels left, who consented, who withdrew.

No column names a patient: ids are keyed or our own. The one exception is ``gateway_linkage``, whose only content is
encrypted with the identity key.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table

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
    Column("looked_at", Integer, nullable=False, server_default="0", comment="pictures shown to the text detector"),
    Column("received_at", String(20), nullable=False),
    Column("accession", String(16), nullable=False, server_default="", comment="pseudonym of the accession number"),
    Column("accession_issuer", String(16), nullable=False, server_default="", comment="keyed word, empty where none"),
    Index("gateway_object_instance", "registry", "instance"),
    Index("gateway_object_accession", "registry", "accession"),
    Index("gateway_object_batch", "batch", "state"),
    Index("gateway_object_subject", "registry", "subject"),
    Index("gateway_object_state", "state"),
    Index("gateway_object_counts", "registry", "state", "reason"),
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
    Index("gateway_withdrawal_state", "state"),
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
RECORDS = Table(
    "gateway_record",
    GATEWAY,
    Column("id", String(64), primary_key=True, comment="keyed digest of the original: its name in the spool"),
    Column("registry", String(64), primary_key=True),
    Column("kind", String(8), nullable=False, comment="row report"),
    Column("accession", String(16), nullable=False, comment="as in gateway_object"),
    Column("accession_issuer", String(16), nullable=False),
    Column("number", String(64), nullable=False, comment="keyed digest of the patient number, whoever issued it"),
    Column("subject", String(16), nullable=False, comment="empty where no issuer is told and no image is linked yet"),
    Column("state", String(16), nullable=False, comment="waiting linked sealed closed held"),
    Column("reason", String(64), nullable=False),
    Column("batch", String(64), nullable=False, server_default="", comment="the batch whose parcel carries its items"),
    Column("received_at", String(20), nullable=False),
    Index("gateway_record_accession", "registry", "accession"),
    Index("gateway_record_number", "registry", "number"),
    Index("gateway_record_batch", "batch"),
    Index("gateway_record_state", "state"),
)
FOREIGN = Table(
    "gateway_foreign",
    GATEWAY,
    Column("id", String(64), primary_key=True, comment="keyed digest of the file: its name in the spool"),
    Column("registry", String(64), primary_key=True),
    Column("accession", String(16), primary_key=True, comment="as in gateway_object, empty while unclaimed"),
    Column("accession_issuer", String(16), nullable=False),
    Column("number", String(64), nullable=False, comment="keyed digest of the patient number, empty where unknown"),
    Column("subject", String(16), nullable=False, comment="empty where no issuer is told"),
    Column("kind", String(16), nullable=False, comment="photo video slide volume document vendor"),
    Column("state", String(16), nullable=False, comment="begun taken held refused"),
    Column("reason", String(64), nullable=False),
    Column("objects", Integer, nullable=False, comment="DICOM objects that it became; 0 while it waits"),
    Column("received_at", String(20), nullable=False),
    Index("gateway_foreign_accession", "registry", "accession"),
    Index("gateway_foreign_number", "registry", "number"),
    Index("gateway_foreign_state", "state"),
)
"""Files that are no DICOM. What became objects is not kept; what waits, or was refused, is kept whole."""
CONSENTS = Table(
    "gateway_consent",
    GATEWAY,
    Column("registry", String(64), primary_key=True),
    Column("number", String(64), primary_key=True, comment="keyed digest of the patient number, whoever issued it"),
    Column("subject", String(16), primary_key=True, comment="empty: whoever issued the number"),
    Column("decision", String(8), nullable=False, comment="opt-in opt-out"),
    Column("at", String(20), nullable=False),
)
ASSOCIATIONS = Table(
    "gateway_association",
    GATEWAY,
    Column("day", String(10), primary_key=True),
    Column("ended", String(16), primary_key=True, comment="rejected released aborted"),
    Column("count", Integer, nullable=False),
)
LOOKS = Table(
    "gateway_look",
    GATEWAY,
    Column("file", String(64), primary_key=True, comment="keyed digest of the place of a file in a watched folder"),
    Column("size_bytes", BigInteger, nullable=False),
    Column("changed_ns", BigInteger, nullable=False),
    Column("since", String(20), nullable=False, comment="when it was first seen like this"),
)
JOURNEYS = Table(
    "gateway_journey",
    GATEWAY,
    Column("parcel", String(64), primary_key=True),
    Column("state", String(16), nullable=False, comment="waiting none settled stopped"),
    Column("statement", LargeBinary, nullable=True, comment="the newest journey as it came, signed"),
    Column("at", String(20), nullable=False),
    Index("gateway_journey_state", "state"),
)
"""How far each accepted parcel has come. ``none``: no tier followed when last asked; ``stopped``: a person looks."""
STOPS = Table(
    "gateway_stop",
    GATEWAY,
    Column("parcel", String(64), primary_key=True),
    Column("place", Integer, primary_key=True, comment="counts the tiers from 1"),
    Column("name", String(64), nullable=False, comment="of the node that judged it"),
    Column("outcome", String(16), nullable=False, comment="accepted refused"),
    Column("reason", String(64), nullable=False, server_default=""),
    Index("gateway_stop_place", "place", "name", "outcome"),
)
TOLD = Table(
    "gateway_told",
    GATEWAY,
    Column("registry", String(64), primary_key=True),
    Column("sequence", Integer, nullable=False, comment="counts what the partner was told of a registry, from 1"),
    Column("counts", String(64), nullable=False, comment="SHA-256 of the counts that were told"),
    Column("statement", LargeBinary, nullable=False, comment="the message as it was signed"),
    Column("acknowledgement", LargeBinary, nullable=True, comment="the partner's, as it came"),
    Column("at", String(20), nullable=False),
)
"""What the partner was last told about how much of each registry lies here."""
