from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image

from kaname.dicomize import Examination, kind_of, volume
from kaname.dicomize.directories import directories
from kaname.dicomize.volume import SECTIONS
from kaname.dicomize.volume import volume as make
from kaname.errors import NotYet, Refused

Read = Callable[[bytes], pydicom.Dataset]


def sections(depth: str = "u1", count: int = 5) -> NDArray[Any]:
    """Sections that all differ."""
    rng = np.random.default_rng(7)
    return rng.integers(0, np.iinfo(depth).max, (count, 24, 32), dtype=depth)


def paged(pages: NDArray[Any], **how: object) -> bytes:
    """The pages as one TIFF."""
    first, *rest = [Image.fromarray(page) for page in pages]
    file = BytesIO()
    first.save(file, "TIFF", save_all=True, append_images=rest, **how)
    return file.getvalue()


@pytest.mark.parametrize("depth", ["u1", "u2"])
@pytest.mark.parametrize("how", [{}, {"compression": "tiff_lzw"}, {"big_tiff": True}], ids=["plain", "packed", "big"])
def test_pages_become_frames(examination: Examination, read: Read, depth: str, how: dict[str, Any]) -> None:
    """In the order of the file, every sample as it was, 8 or 16 bits."""
    data = paged(sections(depth), **how)
    assert kind_of(data, "") == "volume"
    found = read(make(data, examination, SECTIONS, 2))
    assert np.array_equal(found.pixel_array, sections(depth))
    assert (found.NumberOfFrames, found.Modality, found.ImageLaterality) == (5, "OPT", "R")
    assert len(found.PerFrameFunctionalGroupsSequence) == 5
    assert found.LossyImageCompression == "00"


def test_the_same_file_is_the_same_object(examination: Examination) -> None:
    """No clock, no chance."""
    assert make(paged(sections()), examination, SECTIONS, 1) == make(paged(sections()), examination, SECTIONS, 1)


def test_grey_that_was_stored_as_colours_is_grey(examination: Examination, read: Read) -> None:
    """Export programs write three equal samples."""
    data = paged(np.repeat(sections()[..., None], 3, axis=-1))
    assert np.array_equal(read(make(data, examination, SECTIONS, 1)).pixel_array, sections())


def test_what_is_no_volume_has_its_reason(examination: Examination, monkeypatch: pytest.MonkeyPatch) -> None:
    """Colours, too many bytes, another class, no side."""
    coloured = np.stack([sections(), sections()[::-1], sections()], axis=-1)
    data = paged(sections())
    with pytest.raises(Refused) as refused:
        make(paged(coloured), examination, SECTIONS, 1)
    assert (refused.value.code, refused.value.facts) == ("volume-broken", {"sign": "colours"})
    with pytest.raises(Refused) as refused:
        make(data, examination, "1.2.840.10008.5.1.4.1.1.2", 1)
    assert refused.value.code == "source-not-accepted"
    with pytest.raises(NotYet) as waiting:
        make(data, Examination("1", study_date="20260102"), SECTIONS, 1)
    assert waiting.value.facts == {"item": "laterality"}
    monkeypatch.setattr(volume, "VOLUME_LIMIT_BYTES", 100)
    with pytest.raises(Refused) as refused:
        make(data, examination, SECTIONS, 1)
    assert refused.value.code == "too-large"


def test_a_volume_whose_samples_are_missing_is_refused(examination: Examination) -> None:
    """The directories are whole, the pixels are not."""
    data = bytearray(paged(sections(), compression="tiff_lzw"))
    third = list(directories(bytes(data)))[2]
    start = third.first(273, 0)
    data[start : start + 60] = b"\xff" * 60
    with pytest.raises(Refused) as refused:
        make(bytes(data), examination, SECTIONS, 1)
    assert refused.value.code == "volume-broken"
