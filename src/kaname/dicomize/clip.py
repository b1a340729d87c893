"""A clip becomes a video object: an MP4 that holds nothing but pictures, in one fragment (PS3.5 section 8.2.7)."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import TYPE_CHECKING

from kaname.decoder import Video, clean, probe
from kaname.dicomize import modules
from kaname.dicomize.header import Examination, header
from kaname.dicomize.write import encapsulated, part10
from kaname.errors import NotYet, Refused

if TYPE_CHECKING:
    from pydicom import Dataset

CLASSES = frozenset(("1.2.840.10008.5.1.4.1.1.77.1.1.1", "1.2.840.10008.5.1.4.1.1.77.1.4.1"))
"""What a clip may become: endoscopic and photographic video."""
LEVEL_4_1, LEVEL_4_2 = "1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.104"
"""H.264 High Profile."""
_LEVEL = 41
_VECTOR_LIMIT = 65534
_FRAGMENT_LIMIT = 0xFFFFFFFE
_METHODS = {"hevc": ("ISO_23008_2",), "mpeg2video": ("ISO_13818_2",), "mjpeg": ("ISO_10918_1",)}
"""How the pixels were degraded before; other codecs have no word in the Standard (PS3.3 section C.7.6.1.1.5.1)."""


def clip(data: bytes, examination: Examination, sop_class_uid: str, number: int) -> bytes:
    """The Part 10 file of a video.

    Raises:
        Refused: ``video-broken``, ``video-empty``, ``too-large``; ``source-not-accepted`` for any other class.
        NotYet: ``video-decoder-missing``; ``video-too-long``, also when the times of its frames do not fit;
            ``examination-invalid``.
    """
    if sop_class_uid not in CLASSES:
        raise Refused("source-not-accepted", sop_class_uid=sop_class_uid)
    made = header(examination, sop_class_uid, hashlib.sha256(data).hexdigest(), number)
    before = probe(data)
    stream = clean(data)
    video = probe(stream)
    if len(stream) > _FRAGMENT_LIMIT:
        raise NotYet("video-too-long", bytes=len(stream))
    modules.visible_light(made)
    modules.image_pixel(made, video.rows, video.columns, "YBR_PARTIAL_420")
    if video.pixel_aspect[0] != video.pixel_aspect[1]:
        made.PixelAspectRatio = list(video.pixel_aspect)
    _times(made, video)
    ratio = video.rows * video.columns * 3 * len(video.frame_times_ms) / len(stream)
    methods = [*_METHODS.get(before.codec, ()), "ISO_14496_10"]
    made.LossyImageCompression = "01"
    made.LossyImageCompressionMethod = methods
    made.LossyImageCompressionRatio = [f"{ratio:.2f}"] * len(methods)
    return part10(made, LEVEL_4_1 if video.level <= _LEVEL else LEVEL_4_2, encapsulated((stream,)))


def _times(made: Dataset, video: Video) -> None:
    """Multi-frame and Cine Module (C.7.6.6, C.7.6.5): one distance for all frames, or one for each."""
    times = video.frame_times_ms
    step = times[-1] / (len(times) - 1) if len(times) > 1 else 0.0
    made.NumberOfFrames = len(times)
    if video.constant:
        made.FrameIncrementPointer = 0x00181063
        made.FrameTime = f"{step:.6f}"
    else:
        steps = ["0", *(f"{later - earlier:.3f}" for earlier, later in pairwise(times))]
        if len("\\".join(steps)) > _VECTOR_LIMIT:
            raise NotYet("video-too-long", frames=len(times))
        made.FrameIncrementPointer = 0x00181065
        made.FrameTimeVector = steps
    if step:
        made.CineRate = made.RecommendedDisplayFrameRate = max(1, round(1000 / step))
