"""The doors: HTTP comes in, is authorised, goes to the room it is meant for, and the room's answer is encoded.

Goes in: requests of people with a token (DICOMweb, API) and of partners with a certificate (parcels, withdrawals).
Comes out: what the rooms say. Nothing is decided here but the form of an answer.
May be refused: ``not-acceptable``, ``query-invalid``, ``too-large``, and whatever a room refuses.
"""
