"""The crossing: ``Identified`` in, ``Deidentified`` out.

In: the bytes of one DICOM object as the hospital made it, a registry, a key. Out: a Part 10 file that names a subject,
with the decisions counted. Refused: what is broken or hostile. Held: whatever raises a doubt. Only ``gateway`` and
``testing`` may import :mod:`kaname.deid.identified` and :mod:`kaname.deid.engine`.
"""

from kaname.deid.model import Attestation, Deidentified

__all__ = ["Attestation", "Deidentified"]
