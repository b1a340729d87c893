"""H.264 without an encoder: every picture as raw macroblocks, every repeat of it as one skipped slice.

Enough to draw a video of invented scenes, with writing in it or without, on a machine that has no encoder (ITU-T H.264,
sections 7.3 and 7.4; macroblock type I_PCM, slices of skipped macroblocks). Baseline tools in a High profile stream.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

MACROBLOCK = 16
PROFILE_HIGH, LEVEL = 100, 30
_IDR, _NON_IDR, _SEI, _SPS, _PPS = 0x65, 0x41, 0x06, 0x67, 0x68
_FRAME_NUM_BITS, _I_PCM, _INTRA, _PREDICTED = 8, 25, 7, 5
_TRUSTED = re.compile(rb"\0\0(?=[\0-\3])")
_USER_DATA = 5
_SOMEBODY = UUID("3a6a1c52-6f0e-4d2b-9a51-5f2f6a1d7c10").bytes


@dataclass(slots=True)
class _Bits:
    """Bits being written, most significant first."""

    text: list[str] = field(default_factory=list[str])

    def u(self, value: int, width: int) -> _Bits:
        """A number of fixed width."""
        self.text.append(f"{value:0{width}b}")
        return self

    def ue(self, *values: int) -> _Bits:
        """Numbers in Exp-Golomb code (section 9.1)."""
        for value in values:
            code = f"{value + 1:b}"
            self.text.append("0" * (len(code) - 1) + code)
        return self

    def aligned(self, *, stop: bool = False) -> bytes:
        """The bytes, filled with zeros; behind a one where the unit ends here."""
        text = "".join(self.text) + ("1" if stop else "")
        text += "0" * (-len(text) % 8)
        return int(text, 2).to_bytes(len(text) // 8, "big")


def parameter_sets(rows: int, columns: int) -> tuple[bytes, bytes]:
    """Sequence and picture parameter set of a stream of that size, a multiple of 16 either way."""
    sps = _Bits().u(PROFILE_HIGH, 8).u(0, 8).u(LEVEL, 8).ue(0, 1, 0, 0).u(0, 2).ue(_FRAME_NUM_BITS - 4, 2, 1).u(0, 1)
    sps.ue(columns // MACROBLOCK - 1, rows // MACROBLOCK - 1).u(0b1100, 4)
    pps = _Bits().ue(0, 0).u(0, 2).ue(0, 0, 0).u(0, 3).ue(0, 0, 0).u(0b100, 3)
    return _unit(_SPS, sps.aligned(stop=True)), _unit(_PPS, pps.aligned(stop=True))


def samples(pictures: Sequence[Picture], repeats: int, note: str = "") -> list[bytes]:
    """Each frame's units behind their lengths, as a container holds them: every picture, then its repeats.

    Args:
        pictures: (rows, columns, 3), RGB, all of one size, a multiple of 16 either way.
        repeats: how many frames show each picture; at most 255.
        note: text in the first frame's supplemental information, as recorders leave it.
    """
    made: list[bytes] = []
    for number, picture in enumerate(pictures):
        made.append(_sized(_idr(picture, number)))
        made += [_sized(_repeat(picture.shape[0] * picture.shape[1] // MACROBLOCK**2, n)) for n in range(1, repeats)]
    if note and made:
        made[0] = _sized(_supplement(note)) + made[0]
    return made


def _idr(picture: Picture, number: int) -> bytes:
    """A picture that needs no other: section 7.3.5, mb_type I_PCM throughout."""
    import numpy as np

    luma, blue, red = _planes(picture)
    rows, columns = (size // MACROBLOCK for size in luma.shape)
    blocks = np.concatenate([_blocks(plane, rows, columns) for plane in (luma, blue, red)], axis=1)
    head = _Bits().ue(0, _INTRA, 0).u(0, _FRAME_NUM_BITS).ue(number % 2).u(0, 2).ue(0, 1)
    first = head.ue(_I_PCM).aligned()
    following = _Bits().ue(_I_PCM).aligned()
    return _unit(_IDR, first + following.join(block.tobytes() for block in blocks) + b"\x80")


def _repeat(macroblocks: int, frame_num: int) -> bytes:
    """The picture before, once more."""
    bits = _Bits().ue(0, _PREDICTED, 0).u(frame_num, _FRAME_NUM_BITS).u(0, 3).ue(0, 1, macroblocks)
    return _unit(_NON_IDR, bits.aligned(stop=True))


def _supplement(note: str) -> bytes:
    text = _SOMEBODY + note.encode()
    size = b"\xff" * (len(text) // 255) + bytes([len(text) % 255])
    return _unit(_SEI, bytes([_USER_DATA]) + size + text + b"\x80")


def _planes(picture: Picture) -> list[Picture]:
    """Luma, and colour differences of every second pixel either way (BT.601, studio range)."""
    import numpy as np

    red, green, blue = (picture[..., n].astype(np.float64) for n in range(3))
    luma = 16 + 0.257 * red + 0.504 * green + 0.098 * blue
    cb = 128 - 0.148 * red - 0.291 * green + 0.439 * blue
    cr = 128 + 0.439 * red - 0.368 * green - 0.071 * blue
    halved = [(c[::2, ::2] + c[1::2, ::2] + c[::2, 1::2] + c[1::2, 1::2]) / 4 for c in (cb, cr)]
    return [np.clip(np.round(plane), 16, 240).astype(np.uint8) for plane in (luma, *halved)]


def _blocks(plane: Picture, rows: int, columns: int) -> Picture:
    """(macroblocks, pixels of each), row by row."""
    height, width = plane.shape[0] // rows, plane.shape[1] // columns
    return plane.reshape(rows, height, columns, width).swapaxes(1, 2).reshape(rows * columns, height * width)


def _unit(kind: int, payload: bytes) -> bytes:
    """One NAL unit; three bytes that would read as a start code are broken up (section 7.4.1)."""
    return bytes([kind]) + _TRUSTED.sub(b"\0\0\3", payload)


def _sized(unit: bytes) -> bytes:
    return len(unit).to_bytes(4, "big") + unit
