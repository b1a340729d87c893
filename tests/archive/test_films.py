"""Films in the archive: where the stream lies, and when each frame is shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.encaps import encapsulate

from kaname.archive.films import Film, film, frame_times, stream
from kaname.archive.model import Located
from kaname.archive.retrieve import instances, study_of
from kaname.errors import Refused
from kaname.node import Node
from kaname.testing.deliveries import make_hub
from kaname.testing.gallery import shelve_directly
from kaname.testing.objects import ct_slice, to_bytes

H264 = "1.2.840.10008.1.2.4.102"
VIDEO = "1.2.840.10008.5.1.4.1.1.77.1.1.1"
DECOY = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0"
"""What the head of pixel data looks like."""


@pytest.fixture
def hub(tmp_path: Path) -> Any:
    """An empty hub."""
    node = make_hub(tmp_path / "home")
    yield node
    node.index.dispose()


def video(fragments: list[bytes], *, transfer_syntax_uid: str = H264, **attributes: Any) -> bytes:
    """A video instance with these fragments."""
    values: dict[str, Any] = {"NumberOfFrames": "3", "FrameTime": "40", **attributes}
    ds = ct_slice(SOPClassUID=VIDEO, PixelData=encapsulate(fragments, has_bot=True), **values)
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return to_bytes(ds, transfer_syntax_uid=transfer_syntax_uid)


def shelved(node: Node, folder: Path, data: bytes) -> Located:
    """The only instance of the series, once it is on the shelf."""
    series = shelve_directly(node, folder, "s-access", [data])
    (found,) = instances(node, ("s-access",), study_of(node, ("s-access",), series), series)
    return found


def test_a_stream_is_found_behind_any_header(hub: Node, tmp_path: Path) -> None:
    """A value that looks like pixel data, and a header longer than one read, are stepped over."""
    junk = DECOY * 2 + bytes(200_000)
    located = shelved(hub, tmp_path, video([b"0123456789"], ICCProfile=junk))
    found = film(hub, located)
    assert found.length == 10
    assert b"".join(stream(hub, found, 0, 10)) == b"0123456789"
    assert b"".join(stream(hub, found, 3, 7)) == b"3456"


def test_a_stream_in_several_fragments_is_one(hub: Node, tmp_path: Path) -> None:
    """A range that begins in one fragment and ends in another comes without what stands between them."""
    located = shelved(hub, tmp_path, video([b"01234567", b"89abcd", b"ef"]))
    found = film(hub, located)
    assert found.length == 16
    assert b"".join(stream(hub, found, 6, 15)) == b"6789abcde"


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.data())
def test_any_part_is_cut_out_of_the_fragments(lengths: list[int], data: st.DataObject) -> None:
    """The ranges of a part, put together, are that part: nothing twice, nothing left out."""
    offsets = [100 * number for number in range(len(lengths))]
    whole = [offset + n for offset, length in zip(offsets, lengths, strict=True) for n in range(length)]
    found = Film("pack", tuple(zip(offsets, lengths, strict=True)))
    first = data.draw(st.integers(0, found.length))
    end = data.draw(st.integers(first, found.length))
    assert [offset + n for offset, length in found.between(first, end) for n in range(length)] == whole[first:end]


def test_a_still_is_no_film(hub: Node, tmp_path: Path) -> None:
    """Neither stream nor times are made of a picture."""
    located = shelved(hub, tmp_path, to_bytes(ct_slice()))
    for ask in (lambda: film(hub, located), lambda: frame_times(located)):
        with pytest.raises(Refused, match="no-film"):
            ask()


@pytest.mark.parametrize("cut", [9, 17, 20])
def test_a_stream_that_is_cut_off_is_no_film(hub: Node, tmp_path: Path, cut: int) -> None:
    """A member that ends before its pixel data do is refused, and nothing outside of it is read."""
    located = shelved(hub, tmp_path, video([b"0123456789"]))
    member = replace(located.member, length=located.member.length - cut)
    with pytest.raises(Refused, match="no-film"):
        film(hub, replace(located, member=member))


@pytest.mark.parametrize(
    ("attributes", "times"),
    [
        ({}, (0, 40, 80)),
        ({"FrameTime": None, "FrameTimeVector": ["0", "40", "20"]}, (0, 40, 60)),
        ({"FrameTimeVector": ["7", "33.5", "33.5"]}, (0, 33.5, 67)),
        ({"FrameTime": None, "NumberOfFrames": "1"}, (0,)),
    ],
)
def test_times_are_those_of_the_header(
    hub: Node, tmp_path: Path, attributes: dict[str, Any], times: tuple[float, ...]
) -> None:
    """By the vector where there is one, else by the one step; the first frame is at zero."""
    assert frame_times(shelved(hub, tmp_path, video([b"01"], **attributes))) == pytest.approx(times)


@pytest.mark.parametrize(
    "attributes",
    [
        {"FrameTime": None},
        {"FrameTimeVector": ["0", "40"]},
        {"FrameTimeVector": ["0", "40", "-40"]},
        {"NumberOfFrames": "2147483647"},
        {"NumberOfFrames": "-3"},
    ],
)
def test_times_that_do_not_fit_are_none(hub: Node, tmp_path: Path, attributes: dict[str, Any]) -> None:
    """No time for a frame, one that runs backwards, frames that no film has: nobody could say which one is shown."""
    located = shelved(hub, tmp_path, video([b"01"], **attributes))
    with pytest.raises(Refused, match="no-film"):
        frame_times(located)
