"""Packs and frames, found and served.

Comes in: accepted parcels, one after the other. Goes out: studies, series and instances as DICOM JSON, whole instances
as streams, frames by one ranged read.
May be refused: ``same-uid-other-series``, ``query-invalid``, ``not-found``, ``no-frames``, ``frame-out-of-range``,
``object-damaged``. An instance that came again with other bytes is held (``same-uid-other-bytes``); the first is kept.
"""
