"""One foreign file becomes DICOM: what it is decides how, the registry decides as what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from kaname.dicomize.clip import clip
from kaname.dicomize.document import ENCAPSULATED, document
from kaname.dicomize.header import Examination
from kaname.dicomize.kind import kind_of
from kaname.dicomize.photo import photo
from kaname.dicomize.slide import slide
from kaname.dicomize.volume import volume
from kaname.errors import NotYet, Refused
from kaname.registries import Registry
from kaname.registries.model import SourceKind

_ONE: Mapping[SourceKind, Callable[[bytes, Examination, str, int], bytes]] = {
    "photo": photo,
    "video": clip,
    "volume": volume,
}
"""What makes one file of one."""


def dicomize(
    data: bytes, examination: Examination, registry: Registry, items: Mapping[str, object], number: int
) -> Iterator[bytes]:
    """The Part 10 files that a foreign file becomes: one, or one per level of a slide.

    The same arguments give the same bytes. ``number`` becomes the Instance Number and decides no UID: the same file
    under another number has the same SOP Instance UID, so give a file of an examination the number it had before.

    Args:
        data: the whole file.
        examination: whose and when, by the department's table.
        registry: decides the SOP class, by the kind of the file and the items of its record.
        items: clinical items of the file's record.
        number: Instance Number.

    Raises:
        Refused: ``empty-file``; ``source-not-accepted`` when the registry takes no such files; ``photo-broken``,
            ``video-broken``, ``video-empty``, ``volume-broken``, ``pdf-broken``, ``pdf-active``, ``too-large``;
            ``slide-broken``, of a level while it is read.
        NotYet: ``vendor-format``, also for what is of no known kind; ``video-decoder-missing``, ``video-too-long``,
            ``photo-depth``, ``slide-compression``, ``examination-invalid``.
    """
    if not data:
        raise Refused("empty-file")
    kind = kind_of(data, "")
    if kind in ("vendor", ""):
        raise NotYet("vendor-format")
    if kind == "document":
        return iter((document(data, examination, ENCAPSULATED, number),))
    source = registry.sources.get(kind)
    if source is None:
        raise Refused("source-not-accepted", kind=kind)
    sop_class = source.sop_class_for(items)
    if kind == "slide":
        return slide(data, examination, sop_class)
    return iter((_ONE[kind](data, examination, sop_class, number),))
