"""Video without a video library: ffmpeg as a program where the system has it, on bytes in memory, behind limits.

Goes in: the bytes of a video file. Comes out: what it is (:func:`probe`), some of its pictures (:func:`pictures`), and
the same video as an MP4 that holds nothing but pictures (:func:`clean`). Nothing is written to a disk.
May say: ``Refused("video-broken")``, ``Refused("video-empty")``, ``Refused("too-large")``,
``NotYet("video-decoder-missing")``, ``NotYet("video-too-long")``.
"""

from kaname.decoder.strip import clean
from kaname.decoder.video import Video, pictures, probe

__all__ = ["Video", "clean", "pictures", "probe"]
