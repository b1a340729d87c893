from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.decoder import clean, pictures
from kaname.decoder.video import chosen
from kaname.errors import Refused

MakeClip = Callable[..., bytes]


def test_the_first_and_the_last_picture_are_seen(make_clip: MakeClip) -> None:
    """One picture a second, as shown, in red, green and blue."""
    data = make_clip(picture="color=c=red:s=64x48:r=10:d=2")
    seen = list(pictures(data))
    assert [picture.shape for picture in seen] == [(48, 64, 3)] * 3
    assert all(abs(picture.astype(int) - (254, 0, 0)).max() <= 3 for picture in seen)


def test_a_turned_clip_is_seen_upright(make_clip: MakeClip) -> None:
    """What the container turns is turned before anybody looks, and stays so in the clean clip."""
    data = make_clip(picture="testsrc2=s=64x48:r=10:d=1")
    at = data.index(b"tkhd") + 4 + 40
    matrix = b"".join(n.to_bytes(4, "big", signed=True) for n in (0, 65536, 0, -65536, 0, 0, 48 * 65536, 0, 1 << 30))
    upright = next(pictures(data))
    turned = next(pictures(data[:at] + matrix + data[at + len(matrix) :]))
    assert np.array_equal(turned, np.rot90(upright, -1))
    kept = next(pictures(clean(data[:at] + matrix + data[at + len(matrix) :])))
    assert kept.shape == turned.shape
    assert abs(kept.astype(int) - turned).mean() < 6


def test_a_stream_that_cannot_be_decoded_is_refused(make_clip: MakeClip) -> None:
    """The index is whole, the pictures are noise."""
    data = bytearray(make_clip("-c:v", "libx264", "-preset", "ultrafast", "-threads", "1", "-movflags", "+faststart"))
    start = data.index(b"mdat") + 4
    data[start:] = bytes(n * 89 % 251 for n in range(len(data) - start))
    with pytest.raises(Refused) as refused:
        list(pictures(bytes(data)))
    assert refused.value.code == "video-broken"


@given(
    st.lists(st.floats(0.001, 5_000), max_size=300),
    st.floats(0.01, 10),
    st.integers(2, 64),
)
def test_pictures_are_chosen_at_even_distances(steps: list[float], seconds: float, most: int) -> None:
    """Ascending, with the first and the last, never more than asked for, and no gap twice as long as needed."""
    times = tuple(float(time) for time in np.cumsum([0.0, *steps]))
    found = chosen(times, seconds, most)
    assert found == sorted(set(found))
    assert (found[0], found[-1]) == (0, len(times) - 1)
    assert len(found) <= most
