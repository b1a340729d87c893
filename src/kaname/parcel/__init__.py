"""The sealed unit that crosses a border.

In: packs and records of one subject, with an attestation. Out: one signed file, and on the other side the same files.
Refused: whatever is not exactly what its manifest says, or is signed by a stranger.

``manifest`` (table of contents) → ``seal`` → ``transfer`` → ``open`` → ``instances``; ``statements`` are receipt,
withdrawal and certificate; ``enrolment`` makes partners. The formats: ``docs/spec/parcel.md``.
"""
