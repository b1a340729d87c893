from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kaname.decoder import clean, probe, program, video
from kaname.errors import NotYet, Refused

MakeClip = Callable[..., bytes]

H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-threads", "1")
UNEVEN = ("-vf", "select='lt(n,5)+not(mod(n,4))'", "-fps_mode", "vfr")


def test_a_clip_says_what_it_is(make_clip: MakeClip) -> None:
    """Size, codec and the time of each frame are read; nothing else is in the container."""
    found = probe(make_clip())
    assert (found.codec, found.rows, found.columns, found.rotation) == ("h264", 48, 64, 0)
    assert found.frame_times_ms == tuple(100.0 * n for n in range(20))
    assert found.constant
    assert found.only_video


def test_frames_at_uneven_distances_are_told(make_clip: MakeClip) -> None:
    """Variable frame rate: every frame has its own time."""
    found = probe(make_clip(*H264, *UNEVEN))
    assert not found.constant
    assert found.frame_times_ms == (0.0, 100.0, 200.0, 300.0, 400.0, 800.0, 1200.0, 1600.0)


def test_sound_beside_the_pictures_is_told(make_clip: MakeClip) -> None:
    """A container with two streams is not only video."""
    found = probe(make_clip("-f", "lavfi", "-i", "sine=d=2", *H264, "-map", "0:v", "-map", "1:a"))
    assert found.codec == "h264"
    assert not found.only_video


def test_a_program_stream_that_times_some_frames_only_has_a_time_for_each(make_clip: MakeClip) -> None:
    """MPEG-2 with B frames: what the container leaves out is taken from decoding."""
    found = probe(make_clip("-c:v", "mpeg2video", "-bf", "2", name="clip.mpeg", picture="testsrc2=s=64x48:r=25:d=1"))
    assert len(found.frame_times_ms) == 25
    assert found.constant


def test_pixels_that_are_not_square_are_told(make_clip: MakeClip) -> None:
    """Height and width of a pixel, in DICOM's order."""
    assert probe(make_clip(*H264, "-vf", "setsar=8/9")).pixel_aspect == (9, 8)


def test_a_rotation_is_shown(make_clip: MakeClip) -> None:
    """Rows and columns are those of the turned picture."""
    found = probe(turned(make_clip()))
    assert (found.rows, found.columns, found.rotation) == (64, 48, 270)


def turned(data: bytes) -> bytes:
    """The clip as a telephone held upright writes it: the track header asks for a quarter of a turn."""
    at = data.index(b"tkhd") + 4 + 40
    matrix = b"".join(n.to_bytes(4, "big", signed=True) for n in (0, 65536, 0, -65536, 0, 0, 48 * 65536, 0, 1 << 30))
    return data[:at] + matrix + data[at + len(matrix) :]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "video-empty"),
        (b"no video at all", "video-broken"),
        (b"\0\0\0\x18ftypisom" + b"\0" * 64, "video-broken"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n", "video-broken"),
        (b"ffconcat version 1.0\nfile /etc/hostname\n", "video-broken"),
    ],
    ids=["empty", "text", "head", "playlist", "concatenation"],
)
@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffmpeg is not installed")
def test_what_is_no_video_is_refused(data: bytes, code: str) -> None:
    """Also lists of other files: they are never followed."""
    with pytest.raises(Refused) as refused:
        probe(data)
    assert refused.value.code == code


def test_pictures_larger_than_the_limit_are_refused(make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what the header says, before any is decoded."""
    data = make_clip()
    monkeypatch.setattr(video, "MOST_PIXELS", 64 * 48 - 1)
    with pytest.raises(Refused) as refused:
        probe(data)
    assert refused.value.code == "too-large"


def test_sound_alone_is_no_video(make_clip: MakeClip) -> None:
    """A container without a picture is refused."""
    data = make_clip("-f", "lavfi", "-i", "sine=d=1", "-map", "1:a", name="sound.mp4")
    with pytest.raises(Refused) as refused:
        probe(data)
    assert refused.value.code == "video-empty"


def test_a_clip_that_was_cut_short_is_refused(make_clip: MakeClip) -> None:
    """The index promises more frames than there are."""
    data = make_clip(*H264, "-movflags", "+faststart")
    with pytest.raises(Refused) as refused:
        probe(data[: len(data) * 2 // 3])
    assert refused.value.code == "video-broken"


def test_a_machine_without_ffmpeg_keeps_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is wrong with the file: the same call succeeds once ffmpeg is there."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NotYet) as waiting:
        probe(b"anything")
    assert waiting.value.code == "video-decoder-missing"


@pytest.mark.parametrize(
    ("says", "release"),
    [
        ("ffmpeg version 4.4.2-0ubuntu", (4, 4)),
        ("ffmpeg version n7.1 Copyright", (7, 1)),
        ("ffmpeg version N-1-g1", (65536,)),
    ],
)
def test_a_release_is_read_from_what_the_program_says(tmp_path: Path, says: str, release: tuple[int, ...]) -> None:
    """A build that is no release is taken for the newest."""
    script = tmp_path / "ffmpeg"
    script.write_text(f"#!/bin/sh\necho '{says}'\n")
    script.chmod(0o755)
    assert program._version(str(script)) == release
    assert program._version(str(tmp_path / "absent")) == (0,)


def test_an_old_ffmpeg_keeps_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not know what is asked of it: that is no fault of the file."""
    for name in ("ffmpeg", "ffprobe"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {name} version 4.4.2\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotYet) as waiting:
        probe(b"anything")
    assert (waiting.value.code, waiting.value.facts["oldest"]) == ("video-decoder-missing", "5.1")


def test_a_clip_that_claims_another_codec_is_broken(make_clip: MakeClip) -> None:
    """Called HEVC, it cannot be decoded as such."""
    data = make_clip().replace(b"avc1", b"hvc1").replace(b"avcC", b"hvcC")
    with pytest.raises((Refused, NotYet)) as ended:
        clean(data)
    assert ended.value.code in ("video-broken", "video-decoder-missing")


def test_a_clip_without_a_frame_is_empty(make_clip: MakeClip) -> None:
    """The container is whole; there is nothing in it."""
    with pytest.raises(Refused) as refused:
        probe(make_clip(*H264, "-frames:v", "0"))
    assert refused.value.code == "video-empty"


def test_a_codec_without_a_decoder_keeps_the_file(make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a codec that this machine could decode but that no department's device writes."""
    data = make_clip()
    monkeypatch.setattr(video, "codecs", lambda: (frozenset(("gif",)), frozenset()))
    with pytest.raises(NotYet) as waiting:
        probe(data)
    assert (waiting.value.code, waiting.value.facts) == ("video-decoder-missing", {"codec": "h264"})
    monkeypatch.setattr(video, "codecs", lambda: (frozenset(("h264",)), frozenset()))
    monkeypatch.setattr(video, "KNOWN", frozenset(("gif",)))
    with pytest.raises(NotYet) as waiting:
        probe(data)
    assert waiting.value.facts == {"codec": "unknown"}


def test_more_frames_than_fit_are_not_taken(make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit, not a crash."""
    data = make_clip()
    monkeypatch.setattr(video, "MOST_FRAMES", 19)
    with pytest.raises(NotYet) as waiting:
        probe(data)
    assert waiting.value.code == "video-too-long"


def test_a_run_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch, make_clip: MakeClip) -> None:
    """An endless run ends with its time, and is told apart from a broken file."""
    del make_clip  # only for ffmpeg to be there
    monkeypatch.setattr(program, "SECONDS", 0.2)
    monkeypatch.setattr(program, "_limit", lambda _: None)
    with pytest.raises(NotYet) as waiting:
        program.output_of("ffmpeg", ["-f", "lavfi", "-re", "-i", "testsrc2", "-f", "null", "-"])
    assert waiting.value.code == "video-too-long"


def test_a_run_does_not_outlive_its_context(make_clip: MakeClip) -> None:
    """Whoever looks at one picture and goes leaves no program behind."""
    del make_clip
    endless = ["-f", "lavfi", "-re", "-i", "testsrc2=s=64x48", "-f", "rawvideo", "pipe:1"]
    with program.running("ffmpeg", endless) as (process, _):
        assert process.stdout is not None
        assert process.stdout.read(1)
        assert process.poll() is None
    assert process.poll() is not None


@pytest.mark.parametrize(("code", "reason"), [(-24, "video-too-long"), (-25, "video-too-long"), (1, "video-broken")])
def test_the_end_of_a_run_is_judged(code: int, reason: str) -> None:
    """Processor time and size of the output are limits; anything else that goes wrong is the file's."""
    with pytest.raises((Refused, NotYet)) as ended:
        program.judge(code, out_of_time=False)
    assert ended.value.code == reason
    program.judge(0, out_of_time=False)


def test_a_program_that_prints_without_end_is_stopped(make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of a hundred million frames of one byte would be told in gigabytes: no more than a bound is read."""
    clip = make_clip()
    monkeypatch.setattr(program, "PRINTED_BYTES", 100)
    with pytest.raises(NotYet, match="video-too-long"):
        probe(clip)
