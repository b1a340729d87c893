"""Frames as pictures that every browser shows."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.encaps import encapsulate

from kaname.archive.model import Located
from kaname.archive.pictures import JPEG, PNG, picture, thumbnail
from kaname.archive.retrieve import instances, study_of
from kaname.errors import Refused
from kaname.node import Node
from kaname.testing.deliveries import make_hub
from kaname.testing.gallery import shelve_directly
from kaname.testing.objects import ct_slice, to_bytes

BASELINE = "1.2.840.10008.1.2.4.50"
ADOBE = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00"


@pytest.fixture
def hub(tmp_path: Path) -> Any:
    """An empty hub."""
    node = make_hub(tmp_path / "home")
    yield node
    node.index.dispose()


def stream(transform: int | None = None) -> bytes:
    """A green JPEG of 16 × 8 pixels, marked by Adobe with a colour transform if one is named."""
    out = BytesIO()
    Image.new("RGB", (16, 8), (20, 200, 40)).save(out, "JPEG", quality=95)
    data = out.getvalue()
    return data if transform is None else data[:2] + ADOBE + bytes([transform]) + data[2:]


def shelved(node: Node, folder: Path, data: bytes) -> Located:
    """The only instance of the series, once it is on the shelf."""
    series = shelve_directly(node, folder, "nsdd", [data])
    (found,) = instances(node, ("nsdd",), study_of(node, ("nsdd",), series), series)
    return found


def photograph(data: bytes, photometric: str) -> bytes:
    """A JPEG in an instance."""
    ds = ct_slice(
        Rows=8,
        Columns=16,
        SamplesPerPixel=3,
        PhotometricInterpretation=photometric,
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        PlanarConfiguration=0,
        PixelData=encapsulate([data]),
    )
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return to_bytes(ds, transfer_syntax_uid=BASELINE)


@pytest.mark.parametrize(
    ("transform", "photometric", "media_type"),
    [
        (None, "YBR_FULL_422", JPEG),
        (1, "YBR_FULL_422", JPEG),
        (0, "YBR_FULL_422", PNG),
        (0, "RGB", JPEG),
        (None, "RGB", PNG),
    ],
)
def test_a_stream_passes_where_the_browser_reads_it_as_the_header_does(
    hub: Node, tmp_path: Path, transform: int | None, photometric: str, media_type: str
) -> None:
    """Untouched where both name the same colour space, decoded where a browser would show other colours."""
    data = stream(transform)
    shown, found = picture(hub, shelved(hub, tmp_path, photograph(data, photometric)), 1)
    assert found == media_type
    if found == JPEG:
        assert shown.removesuffix(b"\0") == data
    assert Image.open(BytesIO(shown)).size == (16, 8)


def test_grey_values_are_windowed(hub: Node, tmp_path: Path) -> None:
    """The first window of the header decides what is black and what is white."""
    _, columns = np.mgrid[0:8, 0:8]
    ds = ct_slice(PixelData=(columns * 100).astype("<u2").tobytes(), WindowCenter="350", WindowWidth="200")
    shown, media_type = picture(hub, shelved(hub, tmp_path, to_bytes(ds)), 1)
    line = np.asarray(Image.open(BytesIO(shown)))[0]
    assert media_type == PNG
    assert list(line[:3]) == [0, 0, 0]
    assert 0 < line[3] < line[4] < 255
    assert list(line[5:]) == [255, 255, 255]


def test_a_thumbnail_keeps_the_shape(hub: Node, tmp_path: Path) -> None:
    """At most as large as asked for."""
    located = shelved(hub, tmp_path, photograph(stream(), "YBR_FULL_422"))
    assert Image.open(BytesIO(thumbnail(hub, located, 1, 8))).size == (8, 4)


def test_what_cannot_be_decoded_is_refused(hub: Node, tmp_path: Path) -> None:
    """A stream that is none, where it has to be decoded."""
    located = shelved(hub, tmp_path, photograph(b"\xff\xd8 no picture", "RGB"))
    with pytest.raises(Refused, match="pixels-undecodable"):
        picture(hub, located, 1)
    with pytest.raises(Refused, match="frame-out-of-range"):
        picture(hub, located, 2)


def test_a_series_of_another_registry_has_no_study(hub: Node, tmp_path: Path) -> None:
    """What a caller may not see is not found."""
    series = shelve_directly(hub, tmp_path, "nsdd", [to_bytes(ct_slice())])
    with pytest.raises(Refused, match="not-found"):
        study_of(hub, ("joi",), series)
