"""The sealed unit that crosses a border.

In: packs and records of one subject, with an attestation. Out: one signed file, and on the other side the same files.
Refused: whatever is not exactly what its manifest says, or is signed by a stranger.

``manifest`` (table of contents) → ``seal`` → ``transfer`` → ``open`` → ``instances``; ``stored`` leaves again for the
next tier. ``statements`` are receipt, withdrawal and certificate; ``journey`` gathers the receipts of all tiers,
``reconciliation`` their lists, ``messages`` say the rest. ``enrolment`` makes partners (``joining`` over the network),
``renewal`` keeps them, ``ask`` reaches them. The formats: ``docs/spec/parcel.md``.
"""
