"""Whether the pixels of an object raise a doubt. A doubt is held for a person: nothing doubtful leaves.

Judged by the header alone: the class, what the image says it is, and what is drawn over it. A received Burned In
Annotation of NO counts for nothing. Classes that a registry blanks outside their regions go on to
:mod:`kaname.deid.blank`, those that it looks through for writing to :mod:`kaname.deid.writing`: both look at the pixels
themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kaname.deid.survey import Survey
from kaname.dicom.scan import PIXELS, items
from kaname.errors import NotYet
from kaname.registries import Registry

_WORD = re.compile(r"[A-Z]+")
_COLOURS = (b"RGB", b"YBR", b"PALETTE", b"HSV", b"ARGB", b"CMYK")
_OVERLAYS, _IS_DIGITS = 0x60, 12
_ANATOMIC_REGION, _CODE_MEANING = b"\x08\x00\x18\x22", b"\x08\x00\x04\x01"
_DRAWN_BY_THE_DEVICE = frozenset(
    f"1.2.840.10008.5.1.4.1.1.{tail}" for tail in ("2", "2.1", "2.2", "4", "4.1", "4.4", "128", "128.1", "130")
)
"""CT, MR and PET with their enhanced and legacy-converted classes: reconstructed, not captured."""


def hold_if_doubtful(found: Survey, registry: Registry) -> None:
    """Returns when the pixels may leave with a clean header, or, of a class that is looked at, once that is done.

    Raises:
        NotYet: ``sop-class-not-accepted``, ``pixels-may-identify``, ``document-may-identify``, ``overlay-in-pixels``,
            ``face-may-identify``.
    """
    sop_class = found.key.sop_class_uid
    if sop_class in registry.pixels.regions:
        _hold_if_drawn_over(found, registry)
        return
    if sop_class in registry.pixels.writing:
        _hold_if_a_face_may_show(found, registry)
        _hold_if_drawn_over(found, registry)
        return
    if sop_class not in _DRAWN_BY_THE_DEVICE:
        has_pixels = any(tag in found.index for tag in PIXELS)
        raise NotYet("pixels-may-identify" if has_pixels else "document-may-identify", sop_class_uid=sop_class)
    if sop_class not in registry.sop_classes:
        raise NotYet("sop-class-not-accepted", sop_class_uid=sop_class)
    if any(value.strip().startswith(b"Y") for value in found.raw(0x28, 0x301).upper().split(b"\\")):
        raise NotYet("pixels-may-identify", sign="BurnedInAnnotation")
    if found.raw_exact(0x28, 0x02) not in (b"", b"\1\0"):
        raise NotYet("pixels-may-identify", sign="SamplesPerPixel")
    if found.raw(0x28, 0x04).upper().startswith(_COLOURS):
        raise NotYet("pixels-may-identify", sign="PhotometricInterpretation")
    _hold_if_drawn_over(found, registry)
    _hold_if_longer_than_its_frames(found)


def _hold_if_a_face_may_show(found: Survey, registry: Registry) -> None:
    """Holds by what the header says of the body part, a word among others included (``FACE LEFT``, not ``FOREARM``).

    What no Body Part Examined says counts as the registry's empty one, whatever else the header tells; Anatomic Region
    can hold an image, but not let it pass.
    """
    part, held = found.raw(0x18, 0x15).decode("latin-1").upper(), registry.pixels.hold_body_parts
    words = {word for word in held if word}
    told = set(_WORD.findall(" ".join((part, *(_regions(found) if words else ())))))
    says_so = found.raw(0x28, 0x302).upper().startswith(b"Y")
    if says_so or not words.isdisjoint(told) or (not part and "" in held):
        raise NotYet("face-may-identify", sop_class_uid=found.key.sop_class_uid)


def _regions(found: Survey) -> Iterator[str]:
    """The meanings of Anatomic Region Sequence (0008,2218)."""
    sequence = found.index.get(_ANATOMIC_REGION)
    if sequence is None:
        return
    implicit = found.implicit or sequence[0][4:] == b"UN"
    for item in items(found.body, sequence, implicit=implicit, depth=1):
        for head, _, start, end in item:
            if head[:4] == _CODE_MEANING:
                yield found.body[start:end].decode("latin-1").upper()


def _hold_if_drawn_over(found: Survey, registry: Registry) -> None:
    """Holds pictures of screens and pages, and overlays inside the pixels, whatever the class."""
    if found.raw(0x08, 0x64):
        raise NotYet("pixels-may-identify", sign="ConversionType")
    words = {word.strip().decode("latin-1").upper() for word in found.raw(0x08, 0x08).split(b"\\")}
    if not words.isdisjoint(registry.pixels.hold_image_types):
        raise NotYet("pixels-may-identify", sign="ImageType")
    for tag in found.index:
        if (
            tag[1] == _OVERLAYS
            and tag[2:] == b"\x02\x01"
            and found.raw_exact(tag[1] << 8 | tag[0], 0x0102).strip(b"\0")
        ):
            raise NotYet("overlay-in-pixels")


def _hold_if_longer_than_its_frames(found: Survey) -> None:
    """What trails the last frame is no picture: it may be anything.

    A number of frames that is no number leaves empty, which says one frame.
    """
    pixels = next((found.index[tag] for tag in PIXELS if tag in found.index), None)
    if pixels is None or found.body[pixels[2] - 4 : pixels[2]] == b"\xff\xff\xff\xff":
        return
    rows, columns, bits = (found.number(0x28, e) or 0 for e in (0x10, 0x11, 0x100))
    frames = found.raw(0x28, 0x08)
    most = rows * columns * bits * (int(frames) if frames.isdigit() and len(frames) <= _IS_DIGITS else 1)
    if pixels[3] - pixels[2] > (most + 7) // 8 + 1:
        raise NotYet("pixels-may-identify", sign="longer than its frames")
