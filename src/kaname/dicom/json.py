"""An instance as DICOM JSON (PS3.18 Annex F)."""

from __future__ import annotations

import logging
import math
import struct
import warnings
import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
from pydicom.errors import BytesLengthException

from kaname.dicom.part10 import read_meta
from kaname.errors import Refused

logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)  # it quotes values: no log may

BULK_DATA = "bulkdata/"
_PIXELS = ("7FE00008", "7FE00009", "7FE00010")
_BASE64_OF_1_KIB = 1364
"""Binary values of 1 KiB and more, written in base64, pass this length as pydicom counts."""
_UNREADABLE = (
    ArithmeticError,
    AttributeError,
    BytesLengthException,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    struct.error,
    TypeError,
    ValueError,
    zlib.error,
)
"""What pydicom raises over elements and values that are not what their VR says."""


def instance_json(source: Path | bytes) -> dict[str, Any]:
    """The data set of a Part 10 file as a DICOM JSON object, tags ascending.

    Pixel data, and binary values of 1 KiB or more, are named by a relative ``BulkDataURI``: ``bulkdata/7FE00010``, in
    a sequence ``bulkdata/<sequence>/<item, from 1>/<tag>``. NaN and the infinities, which JSON has no number for, are
    the strings ``NaN``, ``Infinity`` and ``-Infinity``. Group lengths are left out (section F.2.2).

    Args:
        source: a file, or its bytes.

    Raises:
        Refused: what :func:`kaname.dicom.part10.read_meta` raises; ``malformed-dicom`` for a value that cannot be read.
    """
    data = source.read_bytes() if isinstance(source, Path) else source
    read_meta(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they quote values
            ds = pydicom.dcmread(BytesIO(data))  # pyright: ignore[reportUnknownMemberType] - PathLike without its type
            found = ds.to_json_dict(_BASE64_OF_1_KIB, lambda _: BULK_DATA)
    except _UNREADABLE as error:
        raise Refused("malformed-dicom") from error
    return _plain(found, BULK_DATA)


def _plain(elements: Mapping[str, Mapping[str, Any]], path: str) -> dict[str, Any]:
    """Orders the elements, names their bulk data by path and leaves group lengths out, at every depth."""
    return {tag: _element(elements[tag], path, tag) for tag in sorted(elements) if not tag.endswith("0000")}


def _element(element: Mapping[str, Any], path: str, tag: str) -> dict[str, Any]:
    vr = element["vr"]
    if "BulkDataURI" in element or tag in _PIXELS:
        return {"vr": vr, "BulkDataURI": path + tag}
    if "Value" not in element:
        return dict(element)
    if vr == "SQ":
        return {"vr": vr, "Value": [_plain(item, f"{path}{tag}/{n}/") for n, item in enumerate(element["Value"], 1)]}
    return {"vr": vr, "Value": [_finite(value) for value in element["Value"]]}


def _finite(value: object) -> object:
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
