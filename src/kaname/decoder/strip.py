"""The same video as an MP4 that holds nothing but pictures: no sound, no words, no dates, no places.

H.264 that DICOM's syntaxes take keeps its bitstream; of its units only slices and parameter sets are kept, so that no
message rides along (ITU-T H.264 Table 7-1: type 6 is supplemental information). Anything else is encoded anew.
"""

from __future__ import annotations

import os
import struct

from kaname.decoder.program import codecs, in_memory, output_of, path_of, reading
from kaname.decoder.video import STREAM, Video, probe
from kaname.errors import NotYet, Refused

PROFILES = frozenset(("Constrained Baseline", "Baseline", "Main", "High"))
"""What a decoder of High Profile reads."""
FORMATS = frozenset(("yuv420p", "yuvj420p"))
HIGHEST_LEVEL = 42
"""PS3.5 section 8.2.8: Level 4.2 is the highest of DICOM's H.264 syntaxes."""
_PLAIN = "filter_units=pass_types=1-5|7-8"
_NOTHING_ELSE = (
    *("-map", f"0:{STREAM}", "-map_metadata", "-1", "-map_metadata:s", "-1", "-map_chapters", "-1"),
    *("-fflags", "+bitexact", "-flags:v", "+bitexact", "-bsf:v", _PLAIN, "-empty_hdlr_name", "1"),
    *("-write_tmcd", "0", "-write_btrt", "0", "-movflags", "+faststart", "-f", "mp4", "-y"),
)
_COPY = ("-c:v", "copy")
_ENCODE = (
    *("-c:v", "libx264", "-preset", "fast", "-crf", "18", "-g", "60", "-profile:v", "high", "-threads", "1"),
    *("-x264-params", "threads=1:lookahead-threads=1", "-fps_mode", "passthrough", "-enc_time_base", "1:90000"),
    # Colour is halved in both directions, so sizes are even: one black line where they are not.
    *("-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2,format=yuv420p"),
)
_EVEN = struct.pack(">I4sx", 9, b"free")
"""An empty box of odd length: DICOM pads to even bytes, and padding behind the last box is no box."""


def clean(data: bytes) -> bytes:
    """The video of a file, alone, in an MP4 whose index stands first. The same bytes give the same bytes.

    Raises:
        Refused: ``video-broken``, ``video-empty``, ``too-large``.
        NotYet: ``video-decoder-missing`` when this machine has no decoder for it, or no encoder where one is needed;
            ``video-too-long`` when it takes more time than it may, or its pictures are more or larger than H.264 in
            DICOM has room for.
    """
    video = probe(data)
    if keeps_bitstream(video):
        made = _written(data, _COPY)
    else:
        if "h264" not in codecs()[1]:
            raise NotYet("video-decoder-missing", encoder="h264")
        made = _written(_written(data, _ENCODE), _COPY)  # the encoder writes its name
        if probe(made).level > HIGHEST_LEVEL:
            raise NotYet("video-too-long", rows=video.rows, columns=video.columns)
    return made + _EVEN if len(made) % 2 else made


def keeps_bitstream(video: Video) -> bool:
    """Whether DICOM takes the stream as it is. A rotation is known to the container alone, so it is carried out."""
    return (
        video.codec == "h264"
        and video.profile in PROFILES
        and video.pixel_format in FORMATS
        and 0 < video.level <= HIGHEST_LEVEL
        and not video.rotation
    )


def _written(data: bytes, how: tuple[str, ...]) -> bytes:
    with in_memory(data) as file, in_memory() as made:
        output_of("ffmpeg", ["-threads", "1", *reading(data, file), *how, *_NOTHING_ELSE, path_of(made)], file, made)
        size = os.fstat(made).st_size
        written = os.pread(made, size, 0)
    if len(written) != size or not size:
        raise Refused("video-broken")
    return written
