"""Videos of invented scenes: what is written is what players see, and what stands around the pictures is there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kaname.testing.clip import FRAME_TICKS, Around, made, shipped, titled
from kaname.testing.h264 import samples
from kaname.testing.operation import COLUMNS, ROWS, operation

FFMPEG = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="the program ffmpeg is not there")


def probe(path: Path, *words: str) -> list[str]:
    """What ffprobe says, line by line."""
    command = ["ffprobe", "-v", "error", *words, "-of", "csv=p=0", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_the_shipped_clip_is_small() -> None:
    """The clip that ships is an MP4 file of less than 100 kB."""
    data = shipped()
    assert data[4:8] == b"ftyp"
    assert len(data) < 100_000


def test_a_title_changes_no_picture() -> None:
    """A title is added behind the pictures: every byte before the movie box stays, twice over."""
    data = shipped()
    once = titled(data, {"©nam": "髙橋 一郎"})
    again = titled(once, {"©ART": "黒岩"})
    at = data.rindex(b"moov") - 4
    assert once[:at] == again[:at] == data[:at]
    assert "髙橋 一郎".encode() in once
    assert "黒岩".encode() in again


def test_only_a_last_movie_box_takes_titles() -> None:
    """A file whose movie box is not the last one is refused."""
    with pytest.raises(ValueError, match="moov"):
        titled(shipped() + b"\0\0\0\x08free", {})


@settings(max_examples=20, deadline=None)
@given(arrays(np.uint8, (16, 32, 3)), st.text(max_size=20))
def test_nothing_reads_as_a_start_code(picture: np.ndarray, note: str) -> None:
    """Whatever the picture and the note, no unit holds three bytes that would begin another one."""
    for frame in samples([picture], 3, note):
        at = 0
        while at < len(frame):
            size = int.from_bytes(frame[at : at + 4], "big")
            unit = frame[at + 4 : at + 4 + size]
            assert not any(code in unit for code in (b"\0\0\0", b"\0\0\1", b"\0\0\2"))
            at += 4 + size
        assert at == len(frame)


@FFMPEG
def test_players_see_what_was_drawn(tmp_path: Path) -> None:
    """A decoder gives the pictures back, each so many times, to within the rounding of colours."""
    drawn = operation(3)
    path = tmp_path / "made.mp4"
    path.write_bytes(made(drawn, 3, around=Around({"©nam": "x"}, "note", b"\1\0" * 400)))
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    shown = np.frombuffer(raw, np.uint8).reshape(-1, ROWS, COLUMNS, 3).astype(int)
    assert len(shown) == 3 * len(drawn)
    for number, picture in enumerate(shown):
        assert np.abs(picture - drawn[number // 3]).mean() < 4
    assert probe(path, "-show_entries", "format_tags=title") == ["x"]


@FFMPEG
def test_frames_may_last_unevenly(tmp_path: Path) -> None:
    """Frames are shown when the file says: of a variable rate each at its own time."""
    path = tmp_path / "uneven.mp4"
    path.write_bytes(made(operation(1)[:2], 2, ticks=(FRAME_TICKS, 3 * FRAME_TICKS)))
    times = probe(path, "-select_streams", "v", "-show_entries", "packet=pts")
    assert [int(time.strip(",")) for time in times] == [0, 1000, 4000, 5000]


@FFMPEG
def test_the_shipped_clip_plays(tmp_path: Path) -> None:
    """The clip that ships has 90 frames of 256 by 192."""
    path = tmp_path / "operation.mp4"
    path.write_bytes(shipped())
    assert probe(path, "-show_entries", "stream=width,height,nb_frames") == ["256,192,90"]
