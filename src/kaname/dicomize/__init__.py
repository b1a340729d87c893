"""Everything becomes DICOM: a department's photographs, clips, slides, OCT sections and documents, by content.

Goes in: the bytes of a foreign file and the examination that it belongs to. Comes out: Part 10 files of the class that
the registry names, still identified: they go on to the crossing like anything else. What a container says besides its
pictures (EXIF, places, owners, serial numbers, comments) is left behind. The same file gives the same bytes.
May say: ``Refused("source-not-accepted")``, ``Refused("photo-broken")``, ``Refused("video-broken")``,
``Refused("video-empty")``, ``Refused("volume-broken")``, ``Refused("pdf-active")``, ``Refused("pdf-broken")``,
``Refused("too-large")``, ``NotYet("vendor-format")``, ``NotYet("photo-depth")``, ``NotYet("video-decoder-missing")``,
``NotYet("video-too-long")``, ``NotYet("examination-invalid")``, and what :mod:`kaname.dicomize.slide` says of slides.
"""

from kaname.dicomize.flow import dicomize
from kaname.dicomize.header import Examination
from kaname.dicomize.kind import kind_of
from kaname.dicomize.model import Kind

__all__ = ["Examination", "Kind", "dicomize", "kind_of"]
