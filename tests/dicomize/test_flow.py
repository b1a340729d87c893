from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import numpy as np
import pydicom
import pytest
from PIL import Image

from kaname.dicomize import Examination, dicomize
from kaname.errors import KanameError
from kaname.registries import Registry, load
from kaname.registries.model import Source, SourceKind

Read = Callable[[bytes], pydicom.Dataset]
PHOTOGRAPH, DERMOSCOPY = "1.2.840.10008.5.1.4.1.1.77.1.4", "1.2.840.10008.5.1.4.1.1.77.1.7"
SECTIONS = "1.2.840.10008.5.1.4.1.1.77.1.5.4"


@pytest.fixture
def registry() -> Registry:
    """One that takes photographs, dermoscopy by an item of the record, and volumes."""
    sources: dict[SourceKind, Source] = {
        "photo": Source(PHOTOGRAPH, "kind", {"dermoscopy": DERMOSCOPY}),
        "volume": Source(SECTIONS, "", {}),
    }
    return replace(load("basic"), sources=sources)


def encoded(kind: str, pages: int = 1) -> bytes:
    """A picture file of so many pages."""
    first, *rest = [Image.fromarray(np.full((20, 30), 7 * page, "u1")) for page in range(pages)]
    file = BytesIO()
    first.save(file, kind, **({"save_all": True, "append_images": rest} if rest else {}))
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "items", "sop_class_uid"),
    [
        (encoded("JPEG"), {}, PHOTOGRAPH),
        (encoded("PNG"), {"kind": "clinical"}, PHOTOGRAPH),
        (encoded("JPEG"), {"kind": "dermoscopy"}, DERMOSCOPY),
        (encoded("TIFF", 4), {}, SECTIONS),
        (b"%PDF-1.4\n%%EOF\n", {}, "1.2.840.10008.5.1.4.1.1.104.1"),
    ],
    ids=["photo", "item", "dermoscopy", "volume", "document"],
)
def test_the_registry_decides_the_class(
    examination: Examination, registry: Registry, read: Read, data: bytes, items: dict[str, object], sop_class_uid: str
) -> None:
    """By the kind of the file and, where it says so, by an item of its record."""
    (made,) = dicomize(data, examination, registry, items, 3)
    found = read(made)
    assert (found.SOPClassUID, found.InstanceNumber) == (sop_class_uid, 3)
    assert made == next(dicomize(data, examination, registry, items, 3))


def test_a_slide_goes_to_the_reader_of_slides(examination: Examination, registry: Registry) -> None:
    """Level by level; one that is no pyramid is told when its first level is asked for."""
    slide: dict[SourceKind, Source] = {"slide": Source("1.2.840.10008.5.1.4.1.1.77.1.6", "", {})}
    file = BytesIO()
    Image.fromarray(np.zeros((20, 30), "u1")).save(file, "TIFF", tiffinfo={270: "Aperio Image Library"})
    levels = dicomize(file.getvalue(), examination, replace(registry, sources=slide), {}, 1)
    with pytest.raises(KanameError) as ended:
        next(levels)
    assert ended.value.code == "slide-broken"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty-file"),
        (b"\0\0\0\x18ftypisom", "source-not-accepted"),
        (b"\0\0\0\x18ftypheic", "vendor-format"),
        (b"FOCTFDA\0", "vendor-format"),
        (b"of no known kind", "vendor-format"),
    ],
    ids=["empty", "video", "HEIC", "OCT", "unknown"],
)
def test_what_is_not_taken_has_its_reason(examination: Examination, registry: Registry, data: bytes, code: str) -> None:
    """A registry without a source for videos refuses them; makers' formats are held, never passed through."""
    with pytest.raises(KanameError) as ended:
        dicomize(data, examination, registry, {}, 1)
    assert ended.value.code == code
