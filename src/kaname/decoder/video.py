"""What a video file is, and some of its pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from kaname.decoder.program import MOST_PIXELS, codecs, in_memory, judge, output_of, reading, running
from kaname.errors import NotYet, Refused

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STREAM = "V:0"
"""The first video stream that is no attached picture."""
MOST_FRAMES = 1 << 20
"""Nearly ten hours at 30 a second."""
KNOWN = frozenset(
    (
        *(
            "h264",
            "hevc",
            "mpeg1video",
            "mpeg2video",
            "mpeg4",
            "msmpeg4v2",
            "msmpeg4v3",
            "h263",
            "mjpeg",
            "gif",
            "dvvideo",
        ),
        *("prores", "vp8", "vp9", "av1", "theora", "wmv1", "wmv2", "wmv3", "vc1", "flv1"),
    )
)
"""Codecs that departments' devices, telephones and editing programs write; no other decoder is let near a file."""
_STREAM_ENTRIES = "codec_name,profile,level,pix_fmt,width,height,sample_aspect_ratio,nb_frames"
_EVEN_MS = 1.0
"""Containers count time in steps: a frame within a millisecond of its place in an even row is in its place."""


@dataclass(frozen=True, slots=True)
class Video:
    """The video stream of a file."""

    codec: str
    """As ffmpeg calls it: ``h264``, ``hevc``, ``mpeg2video`` …"""
    rows: int
    """As shown: after the rotation that the container asks for."""
    columns: int
    frame_times_ms: tuple[float, ...]
    """When each frame is shown, from 0, ascending."""
    constant: bool
    """Frames follow each other evenly."""
    only_video: bool
    """The container holds no other stream: no sound, no subtitles, no data."""
    profile: str
    level: int
    """Ten times the level of H.264."""
    pixel_format: str
    rotation: int
    """Degrees by which the container asks the pictures to be turned."""
    pixel_aspect: tuple[int, int]
    """Height and width of a pixel, in the order of Pixel Aspect Ratio (0028,0034)."""


def probe(data: bytes) -> Video:
    """Reads the container and the headers of the stream, and no picture unless the container says no times.

    Raises:
        Refused: ``video-broken``, ``video-empty`` when it has no picture, ``too-large``.
        NotYet: ``video-decoder-missing`` when this machine has no decoder for it; ``video-too-long``.
    """
    if not data:
        raise Refused("video-empty")
    said = _ask(data, "packet=pts_time")
    streams, frames = said.get("streams", ()), said.get("packets", ())
    if not streams or not frames:
        raise Refused("video-empty")
    stream: Mapping[str, Any] = streams[0]
    codec, promised = str(stream.get("codec_name", "")), str(stream.get("nb_frames", ""))
    if codec not in KNOWN & codecs()[0]:
        raise NotYet("video-decoder-missing", codec=codec if codec in KNOWN else "unknown")
    if len(frames) > MOST_FRAMES:
        raise NotYet("video-too-long", frames=len(frames))
    if promised.isdigit() and int(promised) > len(frames):
        raise Refused("video-broken", sign="cut short")
    times = _times([frame.get("pts_time", "") for frame in sorted(frames, key=_time)]) or _times(_decoded(data))
    if not times:
        raise Refused("video-broken", sign="no times")
    rows, columns, rotation = _size(stream)
    return Video(
        codec=codec,
        rows=rows,
        columns=columns,
        frame_times_ms=times,
        constant=_even(times),
        only_video=said.get("format", {}).get("nb_streams") == 1,
        profile=str(stream.get("profile", "")),
        level=int(stream.get("level", 0)),
        pixel_format=str(stream.get("pix_fmt", "")),
        rotation=rotation,
        pixel_aspect=_aspect(str(stream.get("sample_aspect_ratio", ""))),
    )


def pictures(data: bytes, *, seconds: float = 1.0, most: int = 64) -> Iterator[NDArray[np.uint8]]:
    """Pictures of a video, one every so many seconds: the first and the last are always among them.

    Args:
        data: the file.
        seconds: wished distance; becomes longer where there would be more than ``most`` pictures.
        most: number of pictures, at least 2.

    Yields:
        (rows, columns, 3) of red, green and blue, as shown.

    Raises:
        Refused: ``video-broken`` when one cannot be decoded; what :func:`probe` refuses.
        NotYet: what :func:`probe` says; ``video-too-long``.
    """
    import numpy as np

    video = probe(data)
    wanted = chosen(video.frame_times_ms, seconds, most)
    size = video.rows * video.columns * 3
    select = "+".join(f"eq(n\\,{number})" for number in wanted)
    with in_memory(data) as file:
        arguments = [
            *("-threads", "1", *reading(data, file), "-map", f"0:{STREAM}", "-vf", f"select={select}"),
            *("-fps_mode", "passthrough", "-frames:v", str(len(wanted)), "-threads", "1"),
            *("-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"),
        ]
        with running("ffmpeg", arguments, file) as (process, out_of_time):
            assert process.stdout is not None
            for _ in wanted:
                picture = process.stdout.read(size)
                if len(picture) != size:
                    process.wait()
                    judge(process.returncode, out_of_time=out_of_time())
                    raise Refused("video-broken", sign="a picture cannot be decoded")
                yield np.frombuffer(picture, np.uint8).reshape(video.rows, video.columns, 3)
            if process.stdout.read(1):
                raise Refused("video-broken", sign="pictures of another size")


def chosen(times_ms: tuple[float, ...], seconds: float, most: int) -> list[int]:
    """Numbers (from 0) of the frames to look at: the first, the last, and between them at even distances in time."""
    last = len(times_ms) - 1
    step = max(seconds * 1000, times_ms[last] / max(1, most - 1))
    found, due = [0], step
    for number, time in enumerate(times_ms):
        if time >= due and number < last and len(found) < most - 1:
            found.append(number)
            due = time + step
    return [*found, last] if last else found


def _ask(data: bytes, entries: str) -> dict[str, Any]:
    with in_memory(data) as file:
        arguments = [
            *(*reading(data, file), "-select_streams", STREAM, "-of", "json=compact=1"),
            *("-show_entries", f"format=nb_streams:stream={_STREAM_ENTRIES}:stream_side_data=rotation:{entries}"),
        ]
        printed = output_of("ffprobe", arguments, file)
    try:
        said = json.loads(printed)
    except ValueError as error:
        raise Refused("video-broken") from error
    return said if isinstance(said, dict) else {}  # pyright: ignore[reportUnknownVariableType] - keys of JSON are text


def _time(packet: Mapping[str, str]) -> float:
    """Packets stand in the order of decoding; those without a time stay apart."""
    return float(packet.get("pts_time", "inf"))


def _decoded(data: bytes) -> list[str]:
    """When each frame is shown, by decoding all of them; one without a time follows the one before at the usual pace.

    Program streams give times to some frames only.
    """
    said = _ask(data, "frame=best_effort_timestamp_time").get("frames", ())
    texts = [str(frame.get("best_effort_timestamp_time", "")) for frame in said]
    steps = sorted(float(later) - float(earlier) for earlier, later in pairwise(texts) if earlier and later)
    for number in range(1, len(texts)):
        if not texts[number] and texts[number - 1] and steps:
            texts[number] = str(float(texts[number - 1]) + steps[len(steps) // 2])
    return texts


def _times(texts: Sequence[str]) -> tuple[float, ...]:
    """Milliseconds from the first frame, ascending; empty where one has no time or two have the same."""
    if not texts or not all(texts):
        return ()
    seconds = [float(text) for text in texts]
    if any(later <= earlier for earlier, later in pairwise(seconds)):
        return ()
    return tuple(round((time - seconds[0]) * 1000, 3) for time in seconds)


def _even(times: tuple[float, ...]) -> bool:
    step = times[-1] / max(1, len(times) - 1)
    return all(abs(time - number * step) <= _EVEN_MS for number, time in enumerate(times))


def _size(stream: Mapping[str, Any]) -> tuple[int, int, int]:
    """Rows and columns as shown, and the rotation that makes them so."""
    rows, columns = int(stream.get("height", 0)), int(stream.get("width", 0))
    if rows * columns > MOST_PIXELS:
        raise Refused("too-large")
    if rows <= 0 or columns <= 0:
        raise Refused("video-broken", sign="size")
    turned = next((row["rotation"] for row in stream.get("side_data_list", ()) if "rotation" in row), 0)
    rotation = round(float(turned)) % 360
    return (columns, rows, rotation) if rotation in (90, 270) else (rows, columns, rotation)


def _aspect(text: str) -> tuple[int, int]:
    width, _, height = text.partition(":")
    known = width.isdigit() and height.isdigit() and int(width) > 0 and int(height) > 0
    return (int(height), int(width)) if known else (1, 1)
