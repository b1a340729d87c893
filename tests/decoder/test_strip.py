from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from kaname.decoder import Video, clean, pictures, probe
from kaname.decoder.strip import keeps_bitstream
from kaname.errors import NotYet
from kaname.testing.data import test_data as find_test_data

MakeClip = Callable[..., bytes]

H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-threads", "1")
WORDS = (
    "YAMADA-TITLE",
    "YAMADA-HANDLER",
    "YAMADA-COMMENT",
    "+35.1234",
    "2019-03-04",
    "YAMADA-SEI",
    "YAMADA-UDTA",
    "YAMADA-COMPRESS",
)
PLAIN = Video("h264", 48, 64, (0.0,), True, True, "High", 30, "yuv420p", 0, (1, 1))  # noqa: FBT003 - in order


def named_clip(make_clip: MakeClip) -> bytes:
    """A clip whose container, stream and track say who, where and when."""
    data = make_clip(
        *("-f", "lavfi", "-i", "sine=d=2", "-map", "0:v", "-map", "1:a", *H264),
        *("-metadata", "title=YAMADA-TITLE", "-metadata", "comment=YAMADA-COMMENT"),
        *("-metadata", "location=+35.1234+136.1234/", "-metadata", "creation_time=2019-03-04T05:06:07Z"),
        *("-metadata:s:v", "handler_name=YAMADA-HANDLER", "-movflags", "use_metadata_tags"),
        *("-bsf:v", "h264_metadata=sei_user_data=086f3693b7b34f2c965321492feee5b8+YAMADA-SEI"),
    )
    at = data.index(b"avc1", data.index(b"stsd")) + 46  # the name of the encoder in the sample entry
    data = data[:at] + b"\x0fYAMADA-COMPRESS" + data[at + 16 :]
    return data + (28).to_bytes(4, "big") + b"udta" + b"YAMADA-UDTA" + b"\0" * 9


def test_nothing_but_pictures_is_left(make_clip: MakeClip) -> None:
    """Titles, places, dates, names of tracks, messages in the stream and sound are gone; the pictures are the same."""
    data = named_clip(make_clip)
    assert all(word.encode() in data for word in WORDS if word != "2019-03-04")
    made = clean(data)
    assert not [word for word in WORDS if word.encode() in made]
    assert b"x264" not in made
    assert b"Lavf" not in made
    found = probe(made)
    assert found.only_video
    assert found.frame_times_ms == probe(data).frame_times_ms
    assert all(np.array_equal(a, b) for a, b in zip(pictures(data), pictures(made), strict=True))


def test_the_same_clip_is_cleaned_to_the_same_bytes(make_clip: MakeClip) -> None:
    """No clock, no chance, no threads; and a clean clip is clean."""
    for arguments in ((), ("-c:v", "mpeg4")):
        data = make_clip(*arguments)
        made = clean(data)
        assert made == clean(data)
        assert clean(made) == made


def test_the_index_stands_first_and_the_length_is_even(make_clip: MakeClip) -> None:
    """A browser can begin before the end has come, and DICOM has nothing to pad."""
    for length in ("1", "1.1", "1.2", "1.3"):
        made = clean(make_clip(picture=f"testsrc2=s=64x48:r=10:d={length}"))
        assert made.index(b"moov") < made.index(b"mdat")
        assert len(made) % 2 == 0


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("-c:v", "mpeg2video"), "clip.mpeg"),
        (("-c:v", "mpeg4"), "clip.avi"),
        (("-c:v", "libvpx-vp9", "-deadline", "realtime"), "clip.webm"),
        (("-c:v", "mjpeg"), "clip.mov"),
        (("-c:v", "gif"), "clip.gif"),
        ((*H264, "-pix_fmt", "yuv444p"), "clip.mp4"),
    ],
)
def test_other_codecs_become_h264_with_as_many_frames(
    make_clip: MakeClip, arguments: tuple[str, ...], name: str
) -> None:
    """Also H.264 whose colours DICOM's syntaxes do not have."""
    made = probe(clean(make_clip(*arguments, name=name, picture="testsrc2=s=64x48:r=25:d=1")))
    assert (made.codec, made.profile, made.pixel_format) == ("h264", "High", "yuv420p")
    assert len(made.frame_times_ms) == 25
    assert made.constant


def test_uneven_distances_outlive_another_encoding(make_clip: MakeClip) -> None:
    """Each frame keeps its own time."""
    data = make_clip("-c:v", "mpeg4", "-vf", "select='lt(n,5)+not(mod(n,4))'", "-fps_mode", "vfr")
    assert probe(clean(data)).frame_times_ms == pytest.approx(probe(data).frame_times_ms, abs=1)


def test_odd_sizes_become_even(make_clip: MakeClip) -> None:
    """Colour is halved in both directions: one black line is added."""
    made = probe(clean(make_clip("-c:v", "gif", name="clip.gif", picture="testsrc=s=63x47:r=10:d=1")))
    assert (made.rows, made.columns) == (48, 64)


def test_frames_that_an_edit_list_hides_are_seen(make_clip: MakeClip) -> None:
    """What is in the stream is shown: nobody can look at what players skip."""
    data = make_clip(*H264, "-bf", "0")
    at = data.index(b"elst") + 4
    hidden = data[: at + 12] + (5 * 1024).to_bytes(4, "big") + data[at + 16 :]  # media time: half a second in
    assert len(probe(hidden).frame_times_ms) == 20
    assert len(probe(clean(hidden)).frame_times_ms) == 20


@pytest.mark.parametrize(
    "change",
    [
        {"codec": "hevc"},
        {"profile": "High 4:4:4 Predictive"},
        {"pixel_format": "yuv420p10le"},
        {"level": 51},
        {"level": -99},
        {"rotation": 90},
    ],
)
def test_what_dicom_does_not_take_is_not_copied(change: dict[str, str]) -> None:
    """Codec, profile, depth, level and rotation decide whether the bitstream stays."""
    assert keeps_bitstream(PLAIN)
    assert not keeps_bitstream(replace(PLAIN, **change))


def test_without_an_encoder_the_file_is_kept(make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch) -> None:
    """It can be taken once there is one."""
    data = make_clip("-c:v", "mpeg4")
    monkeypatch.setattr("kaname.decoder.strip.codecs", lambda: (frozenset(("mpeg4",)), frozenset()))
    with pytest.raises(NotYet) as waiting:
        clean(data)
    assert waiting.value.code == "video-decoder-missing"


def test_pictures_larger_than_h264_has_room_for_are_kept(make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is made smaller behind anybody's back."""
    data = make_clip("-c:v", "mpeg4")
    monkeypatch.setattr("kaname.decoder.strip.HIGHEST_LEVEL", 9)
    with pytest.raises(NotYet) as waiting:
        clean(data)
    assert waiting.value.code == "video-too-long"


def test_real_clips_in_five_containers_are_cleaned(make_clip: MakeClip) -> None:
    """MP4, QuickTime, AVI, MPEG and GIF of real devices keep their number of frames."""
    del make_clip  # only for ffmpeg to be there
    folder = find_test_data()
    if folder is None:
        pytest.skip("no public test data on this machine")
    names = (
        "Reg_Image_18122_crop.mp4",
        "Cov_recommendations_likebutterfly_mov5.mov",
        "Pneu_northumbria_0409_set1_vid1.avi",
        "Reg_pat2Image_134441.mpeg",
        "Cov-Atlas_45.gif",
    )
    found = [probe(clean((folder / "lung-ultrasound-video" / name).read_bytes())) for name in names]
    assert [len(video.frame_times_ms) for video in found] == [187, 138, 90, 215, 21]
    assert {(video.codec, video.only_video) for video in found} == {("h264", True)}
