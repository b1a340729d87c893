"""Models at work: ONNX Runtime behind one door.

In: the bytes of a model and arrays. Out: arrays, and for pictures the places and the words of their writing. Refused:
a model that is not what its digest says. Nothing here knows DICOM, and nothing leaves the machine.
"""

from kaname.inference.session import Session
from kaname.inference.text import Box, Sight, find_text, read_text

__all__ = ["Box", "Session", "Sight", "find_text", "read_text"]
