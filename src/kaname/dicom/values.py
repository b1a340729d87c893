"""From samples to values, and from values to a picture (PS3.3 sections C.7.6.3, C.11.1 and C.11.2)."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kaname.errors import Refused

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]
    Values = NDArray[np.float32]

_SHARED, _PER_FRAME, _TRANSFORMATION, _VOI = "52009229", "52009230", "00289145", "00289132"
_INTERCEPT, _SLOPE, _MODALITY_LUT = "00281052", "00281053", "00283000"
_CENTRE, _WIDTH, _FUNCTION = "00281050", "00281051", "00281056"
_PALETTE_DESCRIPTOR, _PALETTE = "00281101", ("00281201", "00281202", "00281203")
_WHITE = 255.0
_DESCRIPTOR_VALUES, _WHOLE_RANGE, _EIGHT = 3, 1 << 16, 8


def modality_values(array: NDArray[Any], metadata: Mapping[str, Any], frame: int = 0) -> Values:
    """Samples as the values that the modality means, Hounsfield units for instance: slope and intercept applied.

    Args:
        array: (rows, columns) or (rows, columns, 3), as decoded; colours stay as they are.
        metadata: the instance's data set as DICOM JSON.
        frame: which frame it is, from 0; matters where each frame has functional groups of its own.

    Returns:
        The same shape, float32.

    Raises:
        Refused: ``pixels-undecodable`` where the values come from a Modality LUT, or the numbers are none.
    """
    if array.ndim > 2:  # noqa: PLR2004 - colours have no modality transformation
        return array.astype("f4")
    where = _group(metadata, _TRANSFORMATION, frame)
    if _MODALITY_LUT in where:
        raise Refused("pixels-undecodable", sign="ModalityLUTSequence")
    slope, intercept = _number(where, _SLOPE, 1.0), _number(where, _INTERCEPT, 0.0)
    return (array * slope + intercept).astype("f4")


def display(array: NDArray[Any], metadata: Mapping[str, Any], frame: int = 0) -> Picture:
    """A picture as a viewer would show it first.

    Grey: the first window, or from the least to the greatest value where there is none; MONOCHROME1 turned over.
    Colour: as RGB.

    Args:
        array: (rows, columns) or (rows, columns, 3), as decoded.
        metadata: the instance's data set as DICOM JSON.
        frame: which frame it is, from 0.

    Returns:
        (rows, columns) or (rows, columns, 3), 8 bits.

    Raises:
        Refused: ``pixels-undecodable``: what :func:`modality_values` refuses; a palette that is not inside the
            metadata; colours of more than 8 bits.
    """
    photometric = str(first_value(metadata, "00280004") or "").strip().upper()
    if photometric == "PALETTE COLOR":
        return _by_palette(array, metadata)
    if array.ndim > 2:  # noqa: PLR2004
        if array.dtype.itemsize > 1:
            raise Refused("pixels-undecodable", sign="BitsAllocated")
        return ybr_to_rgb(array) if photometric in ("YBR_FULL", "YBR_FULL_422") else array.astype("u1")
    values = modality_values(array, metadata, frame)
    shown = _windowed(values, _group(metadata, _VOI, frame))
    return ((_WHITE - shown) if photometric == "MONOCHROME1" else shown).round().astype("u1")


def ybr_to_rgb(array: NDArray[Any]) -> Picture:
    """YBR_FULL, 8 bits, as RGB (PS3.3 section C.7.6.3.1.2)."""
    import numpy as np

    y, b, r = (array[..., n].astype("f4") for n in range(3))
    blue, red = b - 128, r - 128
    rgb = np.stack((y + 1.402 * red, y - 0.344136 * blue - 0.714136 * red, y + 1.772 * blue), axis=-1)
    return rgb.round().clip(0, _WHITE).astype("u1")


def first_value(metadata: Mapping[str, Any], tag: str) -> Any:  # noqa: ANN401 - a value of DICOM JSON
    """The first value of an attribute, ``None`` where it is absent or empty."""
    values = metadata.get(tag, {}).get("Value") or [None]
    return values[0]


def _windowed(values: Values, where: Mapping[str, Any]) -> Values:
    """0 to 255 by the functions of PS3.3 section C.11.2.1.2."""
    import numpy as np

    width = _number(where, _WIDTH, 0.0)
    if width <= 0 or first_value(where, _CENTRE) is None:
        low, high = float(values.min()), float(values.max())
        return (values - low) * np.float32(_WHITE / (high - low if high > low else 1.0))
    centre, function = _number(where, _CENTRE, 0.0), first_value(where, _FUNCTION) or "LINEAR"
    if function == "SIGMOID":
        return (_WHITE / (1 + np.exp((-4 * (values - centre) / width).clip(-80, 80)))).astype("f4")
    if function == "LINEAR":
        centre, width = centre - 0.5, max(width - 1, 1e-6)
    return (((values - centre) / width + 0.5) * _WHITE).clip(0, _WHITE).astype("f4")


def _by_palette(array: NDArray[Any], metadata: Mapping[str, Any]) -> Picture:
    """Colours by the tables of PS3.3 section C.7.6.3.1.5 where they stand in the metadata."""
    import numpy as np

    descriptor: list[Any] = metadata.get(_PALETTE_DESCRIPTOR, {}).get("Value") or []
    if len(descriptor) != _DESCRIPTOR_VALUES or not all(isinstance(n, int) for n in descriptor):
        raise Refused("pixels-undecodable", sign="palette")
    entries, first, bits = int(descriptor[0]) or _WHOLE_RANGE, int(descriptor[1]), int(descriptor[2])
    index = (array.astype("i4") - first).clip(0, entries - 1)
    try:
        tables = [base64.b64decode(metadata.get(tag, {}).get("InlineBinary") or "", validate=True) for tag in _PALETTE]
    except (binascii.Error, ValueError) as error:
        raise Refused("pixels-undecodable", sign="palette") from error
    planes: list[NDArray[Any]] = []
    for table in tables:
        wide = len(table) >= 2 * entries
        if len(table) < entries:
            raise Refused("pixels-undecodable", sign="palette")
        colours = np.frombuffer(table, "<u2" if wide else "u1")[:entries]
        planes.append((colours >> (bits - _EIGHT if wide and bits > _EIGHT else 0))[index])
    return np.stack(planes, axis=-1).astype("u1")


def _group(metadata: Mapping[str, Any], macro: str, frame: int) -> Mapping[str, Any]:
    """Where the attributes of a macro stand: the frame's functional groups, the shared ones, or the top level."""
    per_frame: list[Any] = metadata.get(_PER_FRAME, {}).get("Value") or []
    shared: list[Any] = metadata.get(_SHARED, {}).get("Value") or []
    for groups in (*per_frame[frame : frame + 1], *shared[:1]):
        found: list[Any] = groups.get(macro, {}).get("Value") or []
        if found:
            return found[0]
    return metadata


def _number(where: Mapping[str, Any], tag: str, absent: float) -> float:
    value = first_value(where, tag)
    if value is None:
        return absent
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Refused("pixels-undecodable", tag=tag)
    return float(value)
