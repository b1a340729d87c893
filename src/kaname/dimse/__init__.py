"""The DICOM door of a gateway: associations of the hospital's own systems come in here, and nobody else.

In: C-ECHO and C-STORE. Out: spooled originals, through the gateway's reception. Refused: AE titles that are not listed.
"""
