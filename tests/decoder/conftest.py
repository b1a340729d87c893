"""Clips made by ffmpeg for each test that needs one; such tests are skipped where the system has none."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

MakeClip = Callable[..., bytes]
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-threads", "1")


@pytest.fixture
def make_clip(tmp_path: Path) -> MakeClip:
    """Makes a clip of a moving test picture: the arguments are ffmpeg's, of the output."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")

    def made(*arguments: str, name: str = "clip.mp4", picture: str = "testsrc2=s=64x48:r=10:d=2") -> bytes:
        file = tmp_path / name
        file.unlink(missing_ok=True)
        command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", picture, *(arguments or H264), str(file)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        return file.read_bytes()

    return made
