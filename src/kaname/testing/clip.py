"""Video files of invented scenes (ISO/IEC 14496-12): made frame by frame, or the one that ships.

Around the pictures stands what cameras and recorders write there: a title with the patient's name, the place, a voice.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from kaname.testing.h264 import LEVEL, PROFILE_HIGH, parameter_sets, samples

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

TIMESCALE = 15000
"""Ticks a second."""
FRAME_TICKS = 1000
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_LANGUAGE = 0x55C4
"""und, as a packed code."""
_VOICE_RATE = 8000


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around the pictures."""

    titles: Mapping[str, str]
    """Text by the name of its box: ``©nam`` a title, ``©xyz`` the place, ``©ART`` who made it."""
    note: str = ""
    """Text inside the stream of pictures."""
    voice: bytes = b""
    """Sound: 16-bit samples of 8 kHz."""


NOTHING = Around({})


def shipped() -> bytes:
    """The clip that ships: an invented operation, 6 seconds of H.264 at 15 frames a second, 256 by 192."""
    return files("kaname.testing").joinpath("clips", "operation.mp4").read_bytes()


def titled(data: bytes, titles: Mapping[str, str]) -> bytes:
    """An MP4 file whose movie box stands last, with more titles; its pictures stay byte for byte.

    Raises:
        ValueError: the movie box does not stand last.
    """
    at = data.rfind(b"moov") - 4
    if at < 0 or at + int.from_bytes(data[at : at + 4], "big") != len(data):
        raise ValueError("moov")
    return data[:at] + _box("moov", data[at + 8 :], _titles(titles))


def made(
    pictures: Sequence[Picture],
    repeats: int = 15,
    *,
    around: Around = NOTHING,
    ticks: Sequence[int] = (FRAME_TICKS,),
    codec: str = "avc1",
) -> bytes:
    """An MP4 file that shows each picture for so many frames.

    Args:
        pictures: (rows, columns, 3), RGB, all of one size, a multiple of 16 either way.
        repeats: frames of each picture; at most 255.
        around: titles, notes, voice.
        ticks: how long frames last, in turn; more than one number makes a variable frame rate.
        codec: what the file says it is; anything but ``avc1`` is a lie.
    """
    frames = samples(pictures, repeats, around.note)
    rows, columns = pictures[0].shape[:2] if len(pictures) else (192, 256)
    lasting = [ticks[n % len(ticks)] for n in range(len(frames))]
    head = _box("ftyp", b"isom\0\0\2\0isomiso2avc1mp41")
    data = b"".join(frames)
    at = len(head) + 8
    sync = [n * repeats + 1 for n in range(len(pictures))]
    video = _video(_Track(frames, lasting, at), sync, _sample_entry(codec, rows, columns), (rows, columns))
    tracks = [video] + ([_voice(around.voice, at + len(data), sum(lasting))] if around.voice else [])
    header = _full("mvhd", struct.pack(">4I", 0, 0, TIMESCALE, sum(lasting)) + _common(3))
    return head + _box("mdat", data, around.voice) + _box("moov", header, *tracks, _titles(around.titles))


@dataclass(frozen=True, slots=True)
class _Track:
    """Samples, how long each lasts, and where the first lies; the others follow."""

    frames: Sequence[bytes]
    lasting: Sequence[int]
    at: int


def _video(track: _Track, sync: Sequence[int], entry: bytes, size: tuple[int, int]) -> bytes:
    lasting = sum(track.lasting)
    shown = struct.pack(">2I", size[1] << 16, size[0] << 16)
    head = _full("tkhd", struct.pack(">5I", 0, 0, 1, 0, lasting) + bytes(16) + _MATRIX + shown, flags=3)
    keys = _full("stss", struct.pack(f">I{len(sync)}I", len(sync), *sync))
    stream = _full("vmhd", bytes(8), flags=1)
    return _box("trak", head, _media("vide", TIMESCALE, lasting, stream, [entry, keys, *_table(track)]))


def _voice(sound: bytes, at: int, lasting: int) -> bytes:
    frames = [sound[n : n + 2] for n in range(0, len(sound), 2)]
    entry = bytes(6) + struct.pack(">H8x4H2I", 1, 1, 16, 0, 0, _VOICE_RATE << 16, 0)[:28]
    head = _full("tkhd", struct.pack(">5I", 0, 0, 2, 0, lasting) + bytes(16) + _MATRIX + bytes(8), flags=3)
    table = [_full("stsd", struct.pack(">I", 1), _box("sowt", entry)), *_table(_Track(frames, [1] * len(frames), at))]
    return _box("trak", head, _media("soun", _VOICE_RATE, len(frames), _full("smhd", bytes(4)), table))


def _media(kind: str, timescale: int, lasting: int, stream: bytes, table: Sequence[bytes]) -> bytes:
    here = _box("dinf", _full("dref", struct.pack(">I", 1), _full("url ", b"", flags=1)))
    return _box(
        "mdia",
        _full("mdhd", struct.pack(">4I2H", 0, 0, timescale, lasting, _LANGUAGE, 0)),
        _full("hdlr", bytes(4) + kind.encode() + bytes(12) + b"Kamera\0"),
        _box("minf", stream, here, _box("stbl", *table)),
    )


def _table(track: _Track) -> list[bytes]:
    """When each sample is shown and where it lies; all in one chunk."""
    runs: list[list[int]] = []
    for ticks in track.lasting:
        if runs and runs[-1][1] == ticks:
            runs[-1][0] += 1
        else:
            runs.append([1, ticks])
    count = len(track.frames)
    sizes = [len(frame) for frame in track.frames]
    chunks = (1, struct.pack(">3I", 1, count, 1), struct.pack(">I", track.at)) if count else (0, b"", b"")
    return [
        _full("stts", struct.pack(">I", len(runs)) + b"".join(struct.pack(">2I", *run) for run in runs)),
        _full("stsc", struct.pack(">I", chunks[0]), chunks[1]),
        _full("stsz", struct.pack(f">2I{count}I", 0, count, *sizes)),
        _full("stco", struct.pack(">I", chunks[0]), chunks[2]),
    ]


def _sample_entry(codec: str, rows: int, columns: int) -> bytes:
    sps, pps = parameter_sets(rows, columns)
    sets = b"\xe1" + struct.pack(">H", len(sps)) + sps + b"\1" + struct.pack(">H", len(pps)) + pps
    config = bytes([1, PROFILE_HIGH, 0, LEVEL, 0xFF]) + sets + b"\xfd\xf8\xf8\0"
    shape = struct.pack(">2H2II", columns, rows, 0x480000, 0x480000, 0) + struct.pack(">H32xHh", 1, 24, -1)
    entry = bytes(6) + struct.pack(">H16x", 1) + shape
    return _full("stsd", struct.pack(">I", 1), _box(codec, entry, _box("avcC" if codec == "avc1" else "hvcC", config)))


def _titles(titles: Mapping[str, str]) -> bytes:
    boxes = [
        _box(name, struct.pack(">2H", len(text.encode()), _LANGUAGE) + text.encode()) for name, text in titles.items()
    ]
    return _box("udta", *boxes) if boxes else b""


def _common(next_track: int) -> bytes:
    return struct.pack(">IH10x", 0x10000, 0x100) + _MATRIX + bytes(24) + struct.pack(">I", next_track)


def _full(kind: str, *content: bytes, flags: int = 0) -> bytes:
    """A box with version 0 and flags."""
    return _box(kind, struct.pack(">I", flags), *content)


def _box(kind: str, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I", len(body) + 8) + kind.encode("latin-1") + body
