from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest

from kaname.dicom.values import display, modality_values
from kaname.errors import Refused

RAMP = np.arange(0, 256, dtype="u1").reshape(16, 16)


def header(**values: Any) -> dict[str, Any]:
    """DICOM JSON of some attributes; the names are tags behind a ``t``."""
    return {tag[1:]: {"Value": value if isinstance(value, list) else [value]} for tag, value in values.items()}


def test_rescale() -> None:
    """Slope and intercept make values; without them samples are values, and colours stay."""
    assert modality_values(RAMP, header(t00281052=-1024, t00281053=2))[0, 1] == -1022
    assert modality_values(RAMP, {}).dtype == np.float32
    colours = np.ones((2, 2, 3), "u1")
    assert np.array_equal(modality_values(colours, header(t00281053=2)), colours)


def test_functional_groups() -> None:
    """A frame's own functional group goes before the shared one, and that before the top level."""
    own, shared = ({"00289145": {"Value": [header(t00281052=n)]}} for n in (10, 20))
    table = {**header(t00281052=30), "52009230": {"Value": [own, {}]}, "52009229": {"Value": [shared]}}
    assert [modality_values(RAMP, table, frame)[0, 0] for frame in (0, 1, 5)] == [10, 20, 20]
    assert modality_values(RAMP, header(t00281052=30))[0, 0] == 30


@pytest.mark.parametrize("table", [header(t00283000={}), header(t00281053="NaN"), header(t00281052=float("inf"))])
def test_no_values(table: dict[str, Any]) -> None:
    """A lookup table in place of numbers, and numbers that are none, are refused."""
    with pytest.raises(Refused, match="pixels-undecodable"):
        modality_values(RAMP, table)


def test_windows() -> None:
    """Windows map as the Standard's formulas do; without one the whole range is shown."""
    linear = display(RAMP, header(t00281050=128, t00281051=101))
    assert (linear[RAMP <= 77] == 0).all()
    assert (linear[RAMP >= 178] == 255).all()
    exact = display(RAMP, header(t00281050=[128, 1], t00281051=[100, 1], t00281056="LINEAR_EXACT"))
    assert exact[8, 0] == 128
    assert display(RAMP, header(t00281050=128, t00281051=50, t00281056="SIGMOID"))[8, 0] == 128
    assert np.array_equal(display(RAMP, {}), RAMP)
    assert not display(np.full((2, 2), 7, "i2"), {}).any()
    assert np.array_equal(display(RAMP, header(t00280004="MONOCHROME1")), 255 - RAMP)


def test_colours() -> None:
    """RGB is shown as it is, YBR_FULL turned into it; colours of 16 bits are refused."""
    pixel = np.array([[[81, 91, 240]]], "u1")
    assert display(pixel, header(t00280004="YBR_FULL"))[0, 0].tolist() == [238, 14, 15]
    assert display(pixel, header(t00280004="RGB"))[0, 0].tolist() == [81, 91, 240]
    with pytest.raises(Refused, match="pixels-undecodable"):
        display(pixel.astype("u2"), header(t00280004="RGB"))


def palette(entries: int, first: int, bits: int, *tables: bytes) -> dict[str, Any]:
    """A header with colour tables."""
    names = ("00281201", "00281202", "00281203")
    rows = {name: {"InlineBinary": base64.b64encode(t).decode()} for name, t in zip(names, tables, strict=True)}
    return {**header(t00280004="PALETTE COLOR", t00281101=[entries, first, bits]), **rows}


def test_palettes() -> None:
    """Samples become the colours of the tables, of 8 or 16 bits, those below the first entry the first one."""
    samples = np.array([[0, 4, 5, 9]], "u1")
    wide = [np.array(row, "<u2").tobytes() for row in ([0x0100, 0x0200], [0x0300, 0x0400], [0x0500, 0x0600])]
    expected = [[1, 3, 5], [1, 3, 5], [2, 4, 6], [2, 4, 6]]
    assert display(samples, palette(2, 4, 16, *wide))[0].tolist() == expected
    assert display(samples, palette(2, 4, 8, b"\1\2", b"\3\4", b"\5\6"))[0].tolist() == expected


@pytest.mark.parametrize(
    "table",
    [
        header(t00280004="PALETTE COLOR"),
        palette(4, 0, 8, b"\1\2", b"\3\4", b"\5\6"),
        {**palette(2, 0, 8, b"\1\2", b"\3\4", b"\5\6"), "00281201": {"InlineBinary": "*"}},
    ],
)
def test_bad_palettes(table: dict[str, Any]) -> None:
    """Tables that are absent, too short or unreadable are refused."""
    with pytest.raises(Refused, match="pixels-undecodable"):
        display(RAMP, table)
