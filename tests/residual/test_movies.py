"""The second look at videos: a container without words and dates, a stream without messages, pictures without text."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from shutil import which
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from kaname.decoder import clean
from kaname.decoder.video import Video
from kaname.errors import NotYet, Refused
from kaname.inference import Box
from kaname.residual import inspect_file
from kaname.residual import movies as movies_module
from kaname.testing.clip import Around, made, shipped, titled

from .clean_files import clean_file, code

CLIP, MP4 = "1.2.840.10008.5.1.4.1.1.77.1.1.1", "1.2.840.10008.1.2.4.102"
SCENE = np.full((16, 32, 3), 90, np.uint8)
PLAIN = made([SCENE], 4).replace(b"Kamera\0", bytes(7))


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The pictures that the decoder gives, in place of those of the stream; the detector sees writing in 77."""
    frames: list[Any] = [SCENE, SCENE + 1]
    video = Video("h264", 16, 32, (0.0, 40.0), True, True, "High", 30, "yuv420p", 0, (1, 1))  # noqa: FBT003

    def give(_: bytes, *, seconds: float, most: int) -> Iterator[Any]:
        assert seconds < 1
        return iter(frames[:most])

    def look(image: Any, _: object) -> tuple[Box, ...]:
        letter = (Box(0, 0, 9, 9, 0.9),) if (image == 78).any() else ()
        return (Box(0, 0, 30, 9, 0.9),) if (image == 77).any() else letter

    monkeypatch.setattr(movies_module, "probe", lambda data: replace(video, only_video=b"soun" not in data))
    monkeypatch.setattr(movies_module, "pictures", give)
    monkeypatch.setattr(movies_module, "find_text", look)
    return frames


def video(data: bytes = PLAIN, syntax: str = MP4, *, rows: int = 16, columns: int = 32, pieces: int = 1) -> bytes:
    """A video as the crossing leaves it."""

    def make(ds: Dataset) -> None:
        ds.SOPClassUID, ds.Modality = CLIP, "ES"
        del ds.KVP, ds.ConvolutionKernel
        ds.DeidentificationMethodCodeSequence.append(code("113101", "Clean Pixel Data Option"))
        ds.BurnedInAnnotation, ds.ImageType, ds.NumberOfFrames = "NO", ["ORIGINAL", "PRIMARY"], "4"
        ds.PhotometricInterpretation, ds.SamplesPerPixel, ds.PlanarConfiguration = "YBR_PARTIAL_420", 3, 0
        ds.Rows, ds.Columns, ds.BitsAllocated, ds.BitsStored, ds.HighBit = rows, columns, 8, 8, 7
        size = -(-len(data) // pieces)
        ds.add_new(0x7FE00010, "OB", encapsulate([data[n : n + size] for n in range(0, len(data), size)]))
        ds["PixelData"].is_undefined_length = True

    return clean_file(change=make, syntax=syntax)


def found(data: bytes) -> set[tuple[str, str]]:
    """Kinds and details of the findings."""
    return {(f.kind, f.detail) for f in inspect_file(data, (), {CLIP})}


def box(kind: str, content: bytes) -> bytes:
    """One box."""
    return struct.pack(">I4s", len(content) + 8, kind.encode("latin-1")) + content


def in_movie(more: bytes) -> bytes:
    """The video with one more box in its movie box."""
    at = PLAIN.index(b"moov") - 4
    return PLAIN[:at] + box("moov", PLAIN[at + 8 :] + more)


def in_media(more: bytes) -> bytes:
    """The video with more bytes behind its pictures."""
    at, end = PLAIN.index(b"mdat") - 4, PLAIN.index(b"moov") - 4
    return PLAIN[:at] + box("mdat", PLAIN[at + 8 : end] + more) + PLAIN[end:]


def nested(depth: int) -> bytes:
    """A box in a box in a box."""
    return box("moov", nested(depth - 1)) if depth else b""


def message(content: bytes) -> bytes:
    """A unit of messages."""
    return struct.pack(">IB", len(content) + 1, 6) + content


@pytest.mark.usefixtures("shown")
def test_clean_videos_pass() -> None:
    """A video of pictures alone has no finding, in one piece or several, padded, or with messages of numbers."""
    assert found(video()) == set()
    assert found(video(pieces=3, syntax=f"{MP4}.1")) == set()
    assert found(video(PLAIN + box("free", bytes(9)))) == set()
    assert found(video(in_media(message(b"\1\1\0\6\1\xaa\x80")))) == set()
    wide = PLAIN.replace(b"\0\0\3\x30mdat", b"\0\0\0\1mdat" + (816 + 8).to_bytes(8))
    assert wide != PLAIN
    assert found(video(wide)) == set()


ODD: dict[str, tuple[bytes, str]] = {
    "a title": (in_movie(box("udta", box("\N{COPYRIGHT SIGN}nam", "鈴木".encode()))), "box"),
    "an empty list": (in_movie(box("udta", box("meta", bytes(4) + box("ilst", b"")))), ""),
    "a box of its own": (PLAIN + box("uuid", bytes(20)), "box"),
    "words": (PLAIN + box("free", b"Suzuki"), "words"),
    "Japanese words": (PLAIN + box("free", "鈴木".encode()), "words"),
    "a device's name": (made([SCENE], 4), "words"),
    "a day": (PLAIN.replace(b"mvhd\0\0\0\0\0\0", b"mvhd\0\0\0\0\xd9\0"), "dates"),
    "a day in wide fields": (PLAIN.replace(b"mdhd" + bytes(12), b"mdhd\1" + bytes(10) + b"\2"), "dates"),
    "a message": (in_media(message(b"\5\6Suzuki\x80")), "messages"),
    "a long message": (in_media(message(b"\5\xff\1" + b"x" * 256 + b"\x80")), "messages"),
    "a second message": (in_media(message(b"\1\1\0\4\6Suzuki\x80")), "messages"),
    "a message cut short": (in_media(message(b"\1\x20\0\x80")), "messages"),
    "a message without an end": (in_media(message(b"\xff\xff\xff")), "messages"),
    "filling": (in_media(b"\0\0\0\7\x0cSuzuki"), "stream"),
    "an empty unit": (in_media(bytes(4)), "stream"),
    "a unit that leads out": (in_media(b"\0\0\1\0abc"), "stream"),
    "no stream": (PLAIN[: PLAIN.index(b"mdat") - 4] + PLAIN[PLAIN.index(b"moov") - 4 :], "stream"),
    "parameters cut short": (PLAIN.replace(b"avcC", b"btrt"), "stream"),
    "a box that leads out": (PLAIN + b"\0\0\1\0free", "box"),
    "a box too small": (PLAIN + b"\0\0\0\4free", "box"),
    "a second stream": (PLAIN + box("mdat", message(b"\5\6Suzuki\x80")), "stream"),
    "boxes without end": (PLAIN + nested(40), "box"),
    "no video": (b"\0\0\1\xba" * 8, "box"),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.usefixtures("shown")
def test_what_may_not_stand_in_a_video(name: str) -> None:
    """Words, dates, messages and unknown boxes are findings, each told by its kind."""
    data, detail = ODD[name]
    assert found(video(data)) == ({("video", detail)} if detail else set())


@pytest.mark.usefixtures("shown")
def test_what_hospitals_write() -> None:
    """Titles in the clip that ships, notes in a stream and voices are found."""
    assert found(video(titled(shipped(), {"\N{COPYRIGHT SIGN}nam": "鈴木"}))) == {("video", "box")}
    assert found(video(made([SCENE], 4, around=Around({}, note="鈴木")))) <= {("video", "messages"), ("video", "words")}
    assert {kind for kind, _ in found(video(made([SCENE], 4, around=Around({}, voice=bytes(800)))))} == {"video"}


def test_pictures(shown: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing in one picture, another size than the header's, and what the decoder refuses are findings."""
    assert found(video(rows=32)) == {("video", "shape")}
    shown.append(np.full_like(SCENE, 78))
    assert found(video()) == set()
    shown.append(np.full_like(SCENE, 77))
    assert found(video()) == {("text-in-pixels", "")}

    def broken(_: bytes) -> Video:
        raise Refused("video-broken")

    monkeypatch.setattr(movies_module, "probe", broken)
    assert found(video()) == {("video", "video-broken")}


def test_without_a_decoder(shown: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no decoder is installed the video waits: nothing is judged unseen."""

    def missing(_: bytes) -> Video:
        raise NotYet("video-decoder-missing", codec="h264")

    monkeypatch.setattr(movies_module, "probe", missing)
    with pytest.raises(NotYet, match="video-decoder-missing"):
        found(video())
    assert shown


@pytest.mark.skipif(not which("ffmpeg"), reason="ffmpeg is not installed")
def test_a_real_video() -> None:
    """The clip that ships, cleaned, passes by the true decoder and detector."""
    assert found(video(clean(shipped()), rows=192, columns=256)) == set()
