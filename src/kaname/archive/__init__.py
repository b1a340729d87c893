"""Packs and frames, found and served.

Comes in: accepted parcels, one after the other, and objects that readers and models of this side derived from what is
here. Goes out: studies, series and instances as DICOM JSON, whole instances as streams, frames by one ranged read.
May be refused: ``same-uid-other-series``, ``query-invalid``, ``not-found``, ``no-frames``, ``frame-out-of-range``,
``object-damaged``; of derived objects ``derived-class``, ``derived-reference``, ``derived-subject``,
``derived-may-identify``. An instance that came again with other bytes is held, or rejected where it is a derived one
(``same-uid-other-bytes``); the first is kept.
"""
