"""The synthetic department of pathology: what it plants is there, and ordinary programs open what it writes."""

import random
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kaname.testing.hospital import invent_visit
from kaname.testing.personas import personas, site
from kaname.testing.slides import LEVELS, MadeSlide, Scan, levels, make_slides, slide

SIZE = 512


@cache
def made(scan: Scan) -> MadeSlide:
    """A slide of an invented patient."""
    rng = random.Random("slides test")  # noqa: S311 - invention, not secrecy
    return slide(invent_visit(rng, personas(3, 1)[0], site(3)), rng, scan)


@pytest.mark.parametrize("scan", [Scan(size=SIZE), Scan("SVS", "YCbCr", SIZE), Scan("OME", "YCbCr", SIZE)])
def test_an_ordinary_reader_sees_the_same_tissue_in_every_level(scan: Scan) -> None:
    """Pillow, which has libtiff below it, opens every directory and finds colours within JPEG's error."""
    file = made(scan)
    with Image.open(BytesIO(file.data)) as image:
        assert image.size == (SIZE, SIZE)
        whole = np.asarray(image.convert("RGB"), np.float32)
    tissue = levels(whole.astype(np.uint8))
    assert [level.shape[0] for level in tissue] == [SIZE, SIZE // 4, SIZE // 16]
    assert len(tissue) == LEVELS
    assert whole.mean() > 150
    assert abs(whole[..., 1].mean() - whole[..., 0].mean()) > 5


@pytest.mark.parametrize("shape", ["SVS", "OME"])
def test_who_it_is_stands_in_the_files_words_and_on_the_label(shape: str) -> None:
    """Every planted string of the words is in the file's bytes; the label's strings are told apart."""
    file = made(Scan("SVS" if shape == "SVS" else "OME", size=SIZE))
    person = file.visit.persona
    assert person.patient_id in file.planted
    assert "".join(person.name.kanji) in file.planted
    missing = [text for text in file.planted if text.encode() not in file.data and text not in file.name]
    assert missing == []
    assert {"".join(person.name.kanji), file.visit.accession} <= set(file.burned)


def test_a_name_written_over_the_tissue_changes_the_tissue() -> None:
    """The variant that must be held differs in its largest level, not in its words."""
    plain, named = made(Scan(size=SIZE)), made(Scan(size=SIZE, written_on=True))
    with Image.open(BytesIO(plain.data)) as a, Image.open(BytesIO(named.data)) as b:
        difference = np.abs(np.asarray(a, np.int16) - np.asarray(b, np.int16))
    assert (difference > 90).sum() > 300


def test_the_same_seed_gives_the_same_files(tmp_path: Path) -> None:
    """A department made twice is the same, byte for byte; another seed gives other people."""
    first = make_slides(tmp_path / "a", seed=4, patients=1, size=512)
    again = make_slides(tmp_path / "b", seed=4, patients=1, size=512)
    other = make_slides(tmp_path / "c", seed=5, patients=1, size=512)
    assert first == again
    assert [(tmp_path / "a" / key.path).read_bytes() for key in first] == [key.made.data for key in first]
    assert first[0].made.visit.persona.patient_id != other[0].made.visit.persona.patient_id
