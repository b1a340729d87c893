"""The first room of the de-identified side: a parcel is believed, looked at again, answered, and passed on.

Comes in: a parcel file. Goes out: its packs and records in the store, a row that says ``accepted``, and a signed
receipt, always the same one for the same parcel. A hub sends it on to the next tier, byte for byte (``forward``), and
tells the gateway how far it has come (``tell``). Who may deliver at all is settled in ``admission``.
May be refused: ``parcel-format``, ``parcel-stranger``, ``parcel-signature``, ``parcel-damaged``, ``parcel-registry``,
``parcel-replayed``, ``parcel-subject``, ``withdrawn``, ``sop-class-not-accepted``, ``inspection-failed``,
``pack-invalid``. What was refused lies whole in ``HOME/quarantine``, but for a withdrawn subject's parcel, which is
deleted.
"""
