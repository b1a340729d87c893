"""The hospital: receive → de-identify → check → seal → send. Identity lives here and nowhere else.

In: files of the hospital. Out: signed parcels that name subjects, and withdrawals. Refused: what is broken; held: what
raises a doubt. The de-identified side and this room never import each other: they meet in ``parcel``.
"""
