"""Colour profiles keep their numbers and lose their words."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from kaname.dicomize.icc import cleaned, srgb

RAMP = Image.fromarray(np.random.default_rng(2).integers(0, 256, (16, 256, 3), np.uint8))


def shown(profile: bytes) -> np.ndarray:
    """The ramp's colours under a profile, on an ordinary screen."""
    source = ImageCms.ImageCmsProfile(BytesIO(profile))
    changed = ImageCms.profileToProfile(RAMP, source, ImageCms.createProfile("sRGB"))
    assert changed is not None
    return np.asarray(changed, np.int16)


def foreign() -> bytes:
    """A profile as another program writes it: with a day, a maker and words."""
    made = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    made[24:36] = bytes.fromhex("07e8 0005 0006 000a 0014 001e")
    made[48:56] = b"SN370921"
    return bytes(made)


def test_our_own_profile_is_that_of_ordinary_screens() -> None:
    """Little CMS changes no colour by more than one step."""
    assert np.abs(shown(srgb()) - np.asarray(RAMP, np.int16)).max() <= 1
    assert srgb() == srgb()


def test_a_cleaned_profile_shows_the_same_colours() -> None:
    """Every colour is as before, to a step."""
    assert np.abs(shown(cleaned(foreign())) - shown(foreign())).max() <= 1


def test_a_cleaned_profile_has_no_words_no_day_and_no_number() -> None:
    """Description, copyright, day, maker and model of the old one are gone."""
    kept = cleaned(foreign())
    assert b"SN370921" in foreign()
    assert b"SN370921" not in kept
    assert kept[24:36] == bytes(12)
    name = ImageCms.getProfileName(ImageCms.ImageCmsProfile(BytesIO(kept)))
    assert name.strip() == "RGB"
    assert cleaned(kept) == kept


def test_an_older_edition_is_written_in_its_own_way() -> None:
    """Profiles of edition 2 have words of another form; Little CMS reads ours."""
    older = bytearray(foreign())
    older[8:12] = b"\x02\x10\0\0"
    kept = cleaned(bytes(older))
    assert kept[8] == 2
    assert ImageCms.getProfileName(ImageCms.ImageCmsProfile(BytesIO(kept))).strip() == "RGB"


def test_what_is_no_profile_of_three_colours_gives_none() -> None:
    """Grey, broken, empty: the picture then counts as one that says nothing of its colours."""
    grey = bytearray(srgb())
    grey[16:20] = b"GRAY"
    assert [cleaned(data) for data in (b"", b"acsp" * 64, bytes(grey), srgb()[:200])] == [b""] * 4


@given(st.data())
def test_no_damage_raises(data: st.DataObject) -> None:
    """A damaged profile is cleaned or is none."""
    damaged = bytearray(foreign())
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    kept = cleaned(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))
    assert kept == b"" or kept[36:40] == b"acsp"


def test_what_stands_behind_the_numbers_of_a_table_is_left_out() -> None:
    """Tables that are longer than their numbers, with words in them and in what is reserved: the same profile."""
    made = bytearray(srgb())
    for number in range(int.from_bytes(made[128:132], "big")):
        entry = 132 + 12 * number
        offset, size = struct.unpack_from(">II", made, entry + 4)
        value = bytearray(made[offset : offset + size])
        value[4:8] = b"0042"
        struct.pack_into(">II", made, entry + 4, len(made), size + 12)
        made += value + b"TANAKA TARO "
    assert cleaned(bytes(made)) == srgb()
