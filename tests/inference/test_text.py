from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from kaname.errors import NotYet
from kaname.inference import Box, Sight, find_text, read_text
from kaname.inference import text as text_module
from kaname.testing.sonogram import WINDOW, font, screens

LEFT, TOP, RIGHT, BOTTOM = WINDOW


def tissue(seed: int) -> np.ndarray:
    """Speckle without writing."""
    return screens(seed, 1, ())[0][TOP : BOTTOM + 1, LEFT : RIGHT + 1]


def written(picture: np.ndarray, text: str, at: tuple[int, int], size: int = 16, grey: int = 255) -> np.ndarray:
    """The picture with a line on it."""
    image = Image.fromarray(picture)
    ImageDraw.Draw(image).text(at, text, fill=(grey,) * picture.ndim if picture.ndim > 2 else grey, font=font(size))
    return np.asarray(image)


def covers(box: Box, x: int, y: int) -> bool:
    """Whether the point lies in the box."""
    return box.left <= x < box.right and box.top <= y < box.bottom


@pytest.mark.parametrize(
    ("text", "size", "grey"), [("髙橋 花子", 14, 255), ("YAMADA^TARO", 10, 255), ("渡邉 一", 20, 180)]
)
@pytest.mark.parametrize("sight", [Sight(), Sight(1.5, 0.25, 0.5, 8)])
def test_names_over_speckle(text: str, size: int, grey: int, sight: Sight) -> None:
    """Names over speckle are found, Japanese and Latin, at both sights in use."""
    found = find_text(written(tissue(5), text, (60, 40), size, grey), sight)
    assert any(covers(box, 60 + size, 40 + size // 2) for box in found)


def test_nothing_in_tissue() -> None:
    """Speckle, vessels and a cyst are no writing; nor is an empty or an even picture."""
    assert find_text(tissue(11)) == ()
    assert find_text(np.zeros((0, 9), np.uint8)) == ()
    assert find_text(np.full((50, 60), 9, np.uint8)) == ()


def test_a_dense_block() -> None:
    """Lines so close that they make one tall stretch are found all the same."""
    picture = np.zeros((200, 320, 3), np.uint8)
    for n in range(11):
        picture = written(picture, "山田太郎 1956/03/14 0012345", (40, 20 + 14 * n), 14)
    found = find_text(picture)
    assert all(any(covers(box, 90, 28 + 14 * n) for box in found) for n in range(11))


def test_reading() -> None:
    """What stands on a black banner is read, lying and upright."""
    picture = written(np.zeros((120, 360), np.uint8), "HAYASHI 山田 1956", (20, 20), 20)
    assert "".join(read_text(picture)).replace(" ", "") == "HAYASHI山田1956"
    assert "".join(read_text(np.ascontiguousarray(np.rot90(picture, -1)))).replace(" ", "") == "HAYASHI山田1956"


def test_large_pictures_are_looked_at_in_parts() -> None:
    """Writing at the far end of a picture larger than the detector takes at once is found where it stands."""
    picture = written(np.zeros((64, 2400), np.uint8), "YAMADA TARO", (2200, 20), 20)
    assert any(covers(box, 2240, 30) for box in find_text(picture))


def test_without_the_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the models, or with other ones, nothing is passed as free of writing: a person has to look."""
    monkeypatch.setattr(text_module, "MODELS", tmp_path)
    text_module._model.cache_clear()
    try:
        with pytest.raises(NotYet, match="detector-missing") as caught:
            find_text(tissue(1))
        assert caught.value.reason.waits_for == "person"
        (tmp_path / text_module.DETECTOR[0]).write_bytes(b"another")
        with pytest.raises(NotYet, match="detector-missing"):
            find_text(tissue(1))
    finally:
        text_module._model.cache_clear()
