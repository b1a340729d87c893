"""Videos: nothing leaves but one stream of pictures, and none that shows writing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.decoder import clean
from kaname.decoder.video import Video
from kaname.deid import writing as writing_module
from kaname.deid.movies import holds_writing
from kaname.errors import Refused
from kaname.inference import Box
from kaname.testing.clip import Around, made, shipped, titled
from kaname.testing.objects import to_bytes

from .boxes import PLAIN, SCENE, box, rebuilt, unit
from .pictures import HEVC, MP4, MPEG2, VIDEO, cross, encoded, held, picture

STBL = "moov/trak/mdia/minf/stbl"
SIZE = {"Rows": 16, "Columns": 32, "NumberOfFrames": 4, "PhotometricInterpretation": "YBR_PARTIAL_420"}
ADDED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "a title": ("moov", lambda c: c + box("udta", box("\N{COPYRIGHT SIGN}nam", b"Suzuki"))),
    "a box of its own": ("", lambda c: c + box("uuid", b"x" * 20)),
    "a second track": ("moov", lambda c: c + c[108:]),
    "text in free space": ("", lambda c: c + box("free", b"Suzuki")),
    "something behind": ("", lambda c: c + b"\0\0"),
    "a day": ("moov/mvhd", lambda c: c[:4] + b"\xd9\0\0\0" + c[8:]),
    "a day of the track": ("moov/trak/tkhd", lambda c: c[:4] + b"\xd9\0\0\0" + c[8:]),
    "a day of the media": ("moov/trak/mdia/mdhd", lambda c: c[:8] + b"\xd9\0\0\0" + c[12:]),
    "wide times": ("moov/mvhd", lambda c: b"\1" + c[1:] + bytes(12)),
    "the name of a device": ("moov/trak/mdia/hdlr", lambda c: c[:24] + b"Kamera\0"),
    "sound": ("moov/trak/mdia/hdlr", lambda c: c.replace(b"vide", b"soun")),
    "an encoder's words": (f"{STBL}/stsd/avc1", lambda c: c[:42] + b"\6Suzuki" + c[49:]),
    "a colour profile": (f"{STBL}/stsd/avc1", lambda c: c + box("colr", b"prof" + b"Suzuki")),
    "rows that no one counted": (f"{STBL}/stts", lambda c: c + b"Suzuki--"),
    "sizes that no one counted": (f"{STBL}/stsz", lambda c: c + b"Suzu"),
    "an address": ("moov/trak/mdia/minf/dinf/dref/url ", lambda c: c + b"http://a"),
    "no parameters": (f"{STBL}/stsd/avc1/avcC", lambda c: c[:4]),
    "another codec": (f"{STBL}/stsd", lambda c: c.replace(b"avc1", b"hvc1")),
    "another brand": ("ftyp", lambda c: c + b"Abe "),
    "a message": ("mdat", lambda c: c + unit(6, b"\5\6Suzuki\x80")),
    "a long message": ("mdat", lambda c: c + unit(6, b"\5\xff\1" + b"x" * 256 + b"\x80")),
    "a message behind one of numbers": ("mdat", lambda c: c + unit(6, b"\1\1\0\4\6Suzuki\x80")),
    "a message cut short": ("mdat", lambda c: c + unit(6, b"\1\x20\0\x80")),
    "filling": ("mdat", lambda c: c + unit(12, b"Suzuki\x80")),
    "an empty unit": ("mdat", lambda c: c + bytes(4)),
    "a unit that leads out": ("mdat", lambda c: c + b"\0\0\1\0abc"),
    "half a unit": ("mdat", lambda c: c + b"\0\0"),
    "a box that leads out": ("", lambda c: c + b"\0\0\1\0free"),
    "a box without an end": ("", lambda c: c + b"\0\0\0\4free"),
}
ALLOWED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "padding": ("", lambda c: c + b"\0"),
    "free space": ("", lambda c: c + box("free", bytes(9))),
    "the usual name": ("moov/trak/mdia/hdlr", lambda c: c[:24] + b"VideoHandler\0"),
    "the usual encoder": (f"{STBL}/stsd/avc1", lambda c: c[:42] + b"\x0cLavc libx264" + c[55:]),
    "colours": (f"{STBL}/stsd/avc1", lambda c: c + box("colr", b"nclx" + bytes(7)) + box("pasp", bytes(8))),
    "one size for all": (f"{STBL}/stsz", lambda _: bytes(4) + b"\0\0\0\x64\0\0\0\4"),
    "messages of numbers": ("mdat", lambda c: c + unit(6, b"\1\1\0\6\1\xaa\x80")),
    "numbers kept apart": ("mdat", lambda c: c + unit(6, b"\1\3\0\0\3\1\x80")),
    "a unit's end": ("mdat", lambda c: c + unit(9, b"\xf0")),
    "media to the end": ("", lambda c: c[: c.index(b"mdat") - 4] + c[-632:] + bytes(4) + c[c.index(b"mdat") : -632]),
}
WIDE = PLAIN.replace(b"\0\0\3\x30mdat", b"\0\0\0\1mdat" + (816 + 8).to_bytes(8))


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The pictures that the decoder gives, in place of those of the stream; the detector sees writing in 77."""
    frames: list[Any] = [SCENE, SCENE + 1]
    video = Video("h264", 16, 32, (0.0, 40.0), True, True, "High", 30, "yuv420p", 0, (1, 1))  # noqa: FBT003

    def give(_: bytes) -> Iterator[Any]:
        return iter(frames)

    def look(image: Any, _: object) -> tuple[Box, ...]:
        places = zip(*np.nonzero(image[..., 0] >= 200), strict=True)  # 200: a letter, not sure
        letters = tuple(Box(x, y, x + 2, y + 2, 0.6) for y, x in places)
        return (*letters, Box(0, 0, 20, 9, 0.9)) if (image == 77).any() else letters

    monkeypatch.setattr(writing_module, "probe", lambda data: replace(video, only_video=b"soun" not in data))
    monkeypatch.setattr(writing_module, "pictures", give)
    monkeypatch.setattr(writing_module, "find_text", look)
    return frames


@pytest.mark.parametrize("name", ALLOWED)
def test_what_may_stand_in_a_video(name: str) -> None:
    """A video of pictures alone holds no writing, and none is seen in what encoders add of numbers."""
    assert not holds_writing(PLAIN)
    assert not holds_writing(rebuilt(*ALLOWED[name]))


@pytest.mark.parametrize("name", ADDED)
def test_what_may_not(name: str) -> None:
    """Whatever else stands in a video is found, wherever it stands."""
    assert holds_writing(rebuilt(*ADDED[name]))


def test_other_ways_to_write_a_video() -> None:
    """Sizes of 64 bits are read; the clip that ships holds nothing, and a title put into it is found."""
    assert WIDE != PLAIN
    assert not holds_writing(WIDE)
    assert not holds_writing(shipped())
    assert holds_writing(titled(shipped(), {"\N{COPYRIGHT SIGN}nam": "鈴木"}))
    for around in (Around({}), Around({}, note="鈴木"), Around({}, voice=bytes(800))):
        assert holds_writing(made([SCENE], 4, around=around))


@given(st.data())
def test_no_word_can_be_put_into_a_header(data: st.DataObject) -> None:
    """Eight letters put over any place of a video's index are found, but where every value is a number."""
    start, end = PLAIN.index(b"moov"), len(PLAIN)
    numbers = [PLAIN.index(kind) for kind in (b"mvhd", b"tkhd", b"mdhd", b"vmhd", b"avc1\0\0\0", b"avcC", b"stss")]
    place = data.draw(st.integers(start, end - 8))
    changed = PLAIN[:place] + b"YAMADA T" + PLAIN[place + 8 :]
    in_numbers = any(at <= place + 8 and place <= at + 112 for at in numbers) or place > PLAIN.index(b"stts")
    assert holds_writing(changed) or in_numbers


@pytest.mark.parametrize("cut", range(0, len(PLAIN) - 1, 7))
def test_a_video_cut_short(cut: int) -> None:
    """No part of a video passes for a whole one."""
    assert holds_writing(PLAIN[:cut])


def test_a_video_crosses(tmp_path: Path, shown: list[Any]) -> None:
    """A video without writing leaves byte for byte, and the header says how much was looked at."""
    made_, ds = cross(tmp_path, encoded([PLAIN], MP4, VIDEO, **SIZE))
    assert PLAIN in ds.PixelData
    assert ds.BurnedInAnnotation == "NO"
    assert made_.actions["detector_frames"] == len(shown)
    halves = [PLAIN[:700], PLAIN[700:]]
    assert cross(tmp_path / "parts", encoded(halves, f"{MP4}.1", VIDEO, **SIZE))[1].Rows == 16


def test_a_video_with_writing(tmp_path: Path, shown: list[Any]) -> None:
    """One picture with writing holds the whole video."""
    shown.append(np.full_like(SCENE, 77))
    error = held(tmp_path, encoded([PLAIN], MP4, VIDEO, **SIZE))
    assert (error.code, error.facts) == ("text-in-pixels", {"pictures": 3, "places": 1})


def called_a_video(data: bytes) -> bytes:
    """A native file whose file meta information says that it is a video."""
    native, video = b"1.2.840.10008.1.2.1\0", MP4.encode() + b"\0"
    at = 140
    length = (int.from_bytes(data[at : at + 4], "little") + len(video) - len(native)).to_bytes(4, "little")
    return data[:at] + length + data[at + 4 :].replace(b"UI\x14\0" + native, b"UI\x18\0" + video)


def test_lights_on_moving_tissue(tmp_path: Path, shown: list[Any]) -> None:
    """What looks like a letter and goes away is none; what stands where it stood before is writing."""
    for place in (2, 8, 14, 20):
        shown.append(SCENE.copy())
        shown[-1][5, place] = 200
    assert cross(tmp_path / "moving", encoded([PLAIN], MP4, VIDEO, **SIZE))[0].actions["detector_frames"] == 6
    shown.append(shown[-1])
    assert held(tmp_path / "standing", encoded([PLAIN], MP4, VIDEO, **SIZE)).code == "text-in-pixels"
    shown[-1] = np.roll(shown[-1], 8, axis=0)
    assert cross(tmp_path / "below", encoded([PLAIN], MP4, VIDEO, **SIZE))[0].actions["detector_frames"] == 7


@pytest.mark.parametrize(
    ("data", "sign"),
    [
        (encoded([PLAIN], MPEG2, VIDEO, **SIZE), "video stream"),
        (encoded([PLAIN], HEVC, VIDEO, **SIZE), "video stream"),
        (called_a_video(to_bytes(picture(sop_class=VIDEO))), "video stream"),
        (encoded([PLAIN], MP4, VIDEO, **{**SIZE, "Rows": 32}), "video stream"),
        (encoded([made([SCENE], 4)], MP4, VIDEO, **SIZE), "writing in the video stream"),
        (encoded([PLAIN], MP4, VIDEO, **SIZE, BurnedInAnnotation="YES"), "BurnedInAnnotation"),
    ],
)
@pytest.mark.usefixtures("shown")
def test_videos_in_doubt(tmp_path: Path, data: bytes, sign: str) -> None:
    """Other codecs, other sizes, other content: each is held with its sign."""
    error = held(tmp_path, data)
    assert (error.code, error.facts["sign"]) == ("pixels-may-identify", sign)


def test_a_broken_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: list[Any]) -> None:
    """What the decoder refuses is refused."""

    def broken(_: bytes) -> Iterator[Any]:
        yield from shown
        raise Refused("video-broken")

    monkeypatch.setattr(writing_module, "pictures", broken)
    assert held(tmp_path, encoded([PLAIN], MP4, VIDEO, **SIZE)).code == "video-broken"


@pytest.mark.skipif(not which("ffmpeg"), reason="ffmpeg is not installed")
def test_a_real_video(tmp_path: Path) -> None:
    """The clip that ships, cleaned, crosses by the true decoder and detector."""
    size = {"Rows": 192, "Columns": 256, "NumberOfFrames": 90, "PhotometricInterpretation": "YBR_PARTIAL_420"}
    crossed, ds = cross(tmp_path, encoded([clean(shipped())], MP4, VIDEO, **size))
    assert crossed.actions["detector_frames"] > 2
    assert ds.NumberOfFrames == 90
