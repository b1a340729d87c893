"""Frames as pictures that every browser shows: baseline JPEG as it is stored, everything else decoded into PNG."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from kaname.archive import retrieve
from kaname.archive.model import Located
from kaname.dicom.codec import decode_frame, display, frame_shape
from kaname.node import Node

BASELINE = "1.2.840.10008.1.2.4.50"
JPEG, PNG = "image/jpeg", "image/png"
_APP14, _TRANSFORM, _HEAD_BYTES = b"\xff\xee\x00\x0eAdobe", 15, 4096
_TRANSFORMED, _AS_THEY_STAND = 1, 0
_LUMINANCE = frozenset(("YBR_FULL", "YBR_FULL_422", "MONOCHROME2"))
"""Photometric Interpretations that every browser takes an unmarked JPEG for."""


def picture(node: Node, located: Located, number: int) -> tuple[bytes, str]:
    """Frame ``number``, from 1, as a picture, with its media type.

    Grey values are windowed as the header says first. Samples that a browser would not read as the header means them
    are decoded here.

    Raises:
        Refused: ``no-frames``, ``frame-out-of-range``, ``pixels-undecodable``; ``object-missing``, ``object-damaged``.
        NotYet: ``storage-unreachable``.
    """
    data = retrieve.frame(node, located, number)
    if _is_shown(located, data):
        return data, JPEG
    return _png(pixels(located, data, number)), PNG


def pixels(located: Located, data: bytes, number: int) -> Any:  # noqa: ANN401 -- numpy is imported late
    """A frame as a viewer would show it first: (rows, columns) or (rows, columns, 3), 8 bits.

    Raises:
        Refused: ``pixels-undecodable``.
    """
    metadata = located.member.metadata
    array = decode_frame(data, frame_shape(metadata), located.member.transfer_syntax_uid)
    return display(array, metadata, number - 1)


def thumbnail(node: Node, located: Located, number: int, size: int) -> bytes:
    """The same frame as a JPEG of at most ``size`` × ``size`` pixels.

    Raises:
        Refused: what :func:`picture` raises.
        NotYet: ``storage-unreachable``.
    """
    from PIL import Image

    image = Image.fromarray(pixels(located, retrieve.frame(node, located, number), number))
    image.thumbnail((size, size))
    out = BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


def _is_shown(located: Located, data: bytes) -> bool:
    """Whether a browser shows the stored stream as the header means it: the two may name different colour spaces."""
    if located.member.transfer_syntax_uid != BASELINE:
        return False
    photometric = frame_shape(located.member.metadata).photometric
    marker = data.find(_APP14, 0, _HEAD_BYTES)
    if marker < 0:
        return photometric in _LUMINANCE
    marked = data[marker + _TRANSFORM]
    return (photometric == "RGB" and marked == _AS_THEY_STAND) or (photometric in _LUMINANCE and marked == _TRANSFORMED)


def _png(array: Any) -> bytes:  # noqa: ANN401 -- the same
    from PIL import Image

    out = BytesIO()
    Image.fromarray(array).save(out, "PNG", compress_level=1)
    return out.getvalue()
