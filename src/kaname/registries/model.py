"""A society's decisions at one version, as frozen types. Each decision carries its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Option = Literal["modified_dates", "patient_characteristics", "device_identity"]
"""Options of PS3.15 Annex E that a registry may take: those that the engine really carries out."""

ItemType = Literal["code", "integer", "decimal"]
Geometry = Literal["image", "box", "polygon", "interval", "pair", "form"]
"""An answer about the whole image; a rectangle; a closed line; frames from … to of a video; which of two images; items
filled in."""
Unit = Literal["frame", "instance", "pair"]
"""What one case is: a frame, a whole video or slide, or two frames of one study side by side."""
SourceKind = Literal["photo", "video", "slide", "volume"]
"""What a department exports that is no DICOM: JPEG, PNG or TIFF; a video container; a tiled pyramid; OCT sections."""

OPTION_CODES: Mapping[str, tuple[str, str]] = {
    "modified_dates": ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    "patient_characteristics": ("113108", "Retain Patient Characteristics Option"),
    "device_identity": ("113109", "Retain Device Identity Option"),
}
"""Code value and meaning of each option in CID 7050 (PS3.16)."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One attribute that is kept although no rule of the Standard keeps it."""

    tag: int
    keyword: str
    reason: str


@dataclass(frozen=True, slots=True)
class DeidRules:
    """How this registry de-identifies."""

    options: Mapping[Option, str]
    """Options taken, each with its reason."""
    keep: Mapping[int, Kept]
    """Text attributes kept by allow-list, by tag."""
    keep_times: str
    """Reason for keeping times of day; empty means that they are replaced."""


@dataclass(frozen=True, slots=True)
class PixelRules:
    """When pixels raise a doubt. What is doubtful is held for a person."""

    hold_image_types: Mapping[str, str]
    """Words of Image Type that tell of screens and reports, each with its reason."""
    regions: Mapping[str, str]
    """SOP Class UIDs whose pixels are blanked outside the Sequence of Ultrasound Regions (PS3.3 C.8.5.5) and looked
    through for text inside, each with its reason."""
    writing: Mapping[str, str]
    """SOP Class UIDs of photographs, slides and videos, whose whole picture is image: looked through for writing, and
    what is found there becomes black where the picture is a still, each with its reason."""
    hold_body_parts: Mapping[str, str]
    """Values of Body Part Examined (0018,0015) by which a photograph may show a face, each with its reason; an empty
    one stands for an image that says none. Such images are held until a person clears them."""


@dataclass(frozen=True, slots=True)
class Item:
    """One clinical item of a record: what of a department's table may travel beside the images."""

    name: str
    name_ja: str
    name_en: str
    type: ItemType
    unit: str
    """UCUM; empty where there is none."""
    values: tuple[str, ...]
    """The closed list of a ``code``; empty for numbers."""


@dataclass(frozen=True, slots=True)
class Source:
    """What becomes of one kind of foreign file: the SOP class it is written as."""

    sop_class: str
    item: str
    """Clinical item of the file's record that decides otherwise; empty where none does."""
    by_value: Mapping[str, str]
    """SOP Class UID by value of that item."""

    def sop_class_for(self, items: Mapping[str, object]) -> str:
        """The SOP Class UID of a file whose record has these items."""
        return self.by_value.get(str(items.get(self.item, "")), self.sop_class)


@dataclass(frozen=True, slots=True)
class Label:
    """One answer that a reader may give."""

    value: str
    ja: str
    en: str


@dataclass(frozen=True, slots=True)
class Annotation:
    """What readers are asked, and how."""

    question_ja: str
    question_en: str
    labels: tuple[Label, ...]
    geometries: tuple[Geometry, ...]
    readers: int
    """Readers that see each case before it is settled."""
    unit: Unit
    form: Mapping[str, Item]
    """Items that a ``form`` mark fills in, by name; empty where no form is asked for."""


@dataclass(frozen=True, slots=True)
class Registry:
    """One society's registry at one version."""

    id: str
    version: str
    name_ja: str
    name_en: str
    society_ja: str
    society_en: str
    sop_classes: Mapping[str, str]
    """SOP Class UIDs taken in, each with its reason."""
    deid: DeidRules
    pixels: PixelRules
    items: Mapping[str, Item]
    """Clinical items by name; what is not listed does not travel."""
    sources: Mapping[SourceKind, Source]
    """Foreign files taken in, by kind; what is not listed is refused."""
    annotation: Annotation | None
    """``None`` where readers are asked nothing yet."""
