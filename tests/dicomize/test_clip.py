from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames

from kaname.decoder import pictures, probe
from kaname.dicomize import Examination, clip
from kaname.dicomize.clip import CLASSES
from kaname.dicomize.clip import clip as make
from kaname.errors import KanameError, NotYet, Refused
from kaname.testing.data import test_data as find_test_data

Read = Callable[[bytes], pydicom.Dataset]
ENDOSCOPY = "1.2.840.10008.5.1.4.1.1.77.1.1.1"
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-threads", "1")


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., bytes]:
    """Makes a clip of a moving test picture: the arguments are ffmpeg's, of the output."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")

    def making(*arguments: str, name: str = "clip.mp4") -> bytes:
        source = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=2")
        command = ["ffmpeg", "-v", "error", "-y", *source, *(arguments or H264), str(tmp_path / name)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        return (tmp_path / name).read_bytes()

    return making


@pytest.mark.parametrize("sop_class_uid", sorted(CLASSES))
def test_a_clip_becomes_a_video_object(
    examination: Examination, read: Read, made: Callable[..., bytes], sop_class_uid: str
) -> None:
    """One fragment that is a whole MP4 and nothing else, with the number of frames and their distance."""
    data = made(*H264, "-metadata", "title=YAMADA TARO")
    assert b"YAMADA TARO" in data
    file = make(data, examination, sop_class_uid, 1)
    assert b"YAMADA TARO" not in file
    found = read(file)
    assert found.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.102"
    assert (found.NumberOfFrames, found.FrameTime, found.CineRate) == (20, 100, 10)
    assert (found.Rows, found.Columns, found.PhotometricInterpretation) == (48, 64, "YBR_PARTIAL_420")
    assert (found.LossyImageCompression, found.LossyImageCompressionMethod) == ("01", "ISO_14496_10")
    stream = next(generate_frames(found.PixelData, number_of_frames=1))
    assert probe(stream).only_video
    assert all(np.array_equal(a, b) for a, b in zip(pictures(data), pictures(stream), strict=True))


def test_the_same_clip_is_the_same_object(examination: Examination, made: Callable[..., bytes]) -> None:
    """Also one that was encoded anew."""
    data = made("-c:v", "mpeg4")
    assert make(data, examination, ENDOSCOPY, 1) == make(data, examination, ENDOSCOPY, 1)


def test_uneven_distances_stand_in_a_vector(
    examination: Examination, read: Read, made: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One distance for each frame, the first 0; a vector too long for its attribute is held."""
    data = made(*H264, "-vf", "select='lt(n,5)+not(mod(n,4))'", "-fps_mode", "vfr")
    found = read(make(data, examination, ENDOSCOPY, 1))
    assert found.FrameTimeVector == [0, 100, 100, 100, 100, 400, 400, 400]
    assert found.FrameIncrementPointer == 0x00181065
    monkeypatch.setattr(clip, "_VECTOR_LIMIT", 20)
    with pytest.raises(NotYet) as waiting:
        make(data, examination, ENDOSCOPY, 1)
    assert waiting.value.code == "video-too-long"


def test_what_was_lost_before_is_told(examination: Examination, read: Read, made: Callable[..., bytes]) -> None:
    """Of MPEG-2 both encodings; of pixels that are not square their shape."""
    data = made("-c:v", "mpeg2video", "-vf", "fps=25", name="clip.mpeg")
    found = read(make(data, examination, ENDOSCOPY, 1))
    assert found.LossyImageCompressionMethod == ["ISO_13818_2", "ISO_14496_10"]
    assert len(found.LossyImageCompressionRatio) == 2
    assert "PixelAspectRatio" not in found
    assert read(make(made(*H264, "-vf", "setsar=8/9"), examination, ENDOSCOPY, 1)).PixelAspectRatio == [9, 8]


def test_a_still_clip_has_no_rate(examination: Examination, read: Read, made: Callable[..., bytes]) -> None:
    """One frame follows nothing."""
    found = read(make(made(*H264, "-frames:v", "1"), examination, ENDOSCOPY, 1))
    assert (found.NumberOfFrames, found.FrameTime) == (1, 0)
    assert "CineRate" not in found


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda data: data[: len(data) // 2], "video-broken"),
        (lambda _: b"\0\0\0\x18ftypisom", "video-broken"),
        (lambda _: b"", "video-empty"),
    ],
    ids=["cut", "head", "empty"],
)
def test_a_bad_clip_has_its_reason(
    examination: Examination, made: Callable[..., bytes], change: Callable[[bytes], bytes], code: str
) -> None:
    """No crash, nothing half made."""
    with pytest.raises(KanameError) as ended:
        make(change(made()), examination, ENDOSCOPY, 1)
    assert ended.value.code == code


def test_a_class_that_no_clip_has_is_refused(examination: Examination) -> None:
    """Before anything is decoded."""
    with pytest.raises(Refused) as refused:
        make(b"any", examination, "1.2.840.10008.5.1.4.1.1.77.1.1", 1)
    assert refused.value.code == "source-not-accepted"


def test_a_real_operation_becomes_a_video_object(examination: Examination, read: Read) -> None:
    """Six seconds of laparoscopy keep their 150 frames."""
    folder = find_test_data()
    if folder is None or shutil.which("ffmpeg") is None:
        pytest.skip("no public test data or no ffmpeg on this machine")
    data = (folder / "surgical-endoscopy-video" / "laparoscopy_6s_h264.mp4").read_bytes()
    found = read(make(data, examination, ENDOSCOPY, 1))
    assert (found.NumberOfFrames, found.Rows, found.Columns, found.CineRate) == (150, 540, 960, 25)
