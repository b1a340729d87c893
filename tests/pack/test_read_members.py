from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.errors import Refused
from kaname.pack import read_members, write_pack
from kaname.pack.ustar import END, header, padding
from kaname.testing.objects import ct_slice, to_bytes


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of two slices."""
    folder = tmp_path_factory.mktemp("pack")
    paths = [folder / "1", folder / "2"]
    for path in paths:
        path.write_bytes(to_bytes(ct_slice(SOPInstanceUID=f"1.2.{path.name}")))
    return write_pack(paths, folder / "series.tar").path


def refuses(folder: Path, data: bytes) -> bool:
    """Whether these bytes are no pack."""
    path = folder / "other.tar"
    path.write_bytes(data)
    with pytest.raises(Refused) as refused:
        read_members(path)
    return refused.value.code == "pack-invalid"


@given(st.data())
def test_flipped_byte(pack: Path, data: st.DataObject) -> None:
    """Any other byte in a header, a padding or the end is refused before a member is told."""
    content = bytearray(pack.read_bytes())
    outside = set(range(len(content)))
    for _, offset, length in read_members(pack):
        outside -= set(range(offset, offset + length))
    place = data.draw(st.sampled_from(sorted(outside)))
    content[place] ^= data.draw(st.integers(min_value=1, max_value=255))
    assert refuses(pack.parent, bytes(content))


@given(st.data())
def test_cut_short(pack: Path, data: st.DataObject) -> None:
    """A pack cut anywhere is refused."""
    content = pack.read_bytes()
    assert refuses(pack.parent, content[: data.draw(st.integers(min_value=0, max_value=len(content) - 1))])


def member(name: str, content: bytes) -> bytes:
    """A member with its header and padding."""
    return header(name, len(content)) + content + padding(len(content))


ONE, TWO = member("1.2.1.dcm", b"one"), member("1.2.2.dcm", b"two")


@pytest.mark.parametrize(
    "content",
    [
        END,
        ONE + END + b"\0",
        ONE + END + END,
        TWO + ONE + END,
        ONE + ONE + END,
        member("1.2.1.dcm", b"") + END,
        member("../../1.2.dcm", b"one") + END,
        member("1.2.1", b"one") + END,
        member("01.2.dcm", b"one") + END,
        member("folder/1.2.dcm", b"one") + END,
    ],
    ids=[
        "no member",
        "a byte behind the end",
        "an end behind the end",
        "out of order",
        "twice",
        "empty member",
        "path",
        "no suffix",
        "no UID",
        "folder",
    ],
)
def test_not_ours(tmp_path: Path, content: bytes) -> None:
    """What ``write_pack`` would not have written is refused, sound USTAR or not."""
    assert refuses(tmp_path, content)


def test_members(pack: Path) -> None:
    """Members are told with offset and length, in the order of their UIDs."""
    content = pack.read_bytes()
    found = list(read_members(pack))
    assert [uid for uid, _, _ in found] == ["1.2.1", "1.2.2"]
    assert all(content[offset + 128 : offset + 132] == b"DICM" for _, offset, _ in found)
    assert found[0][1] == 512
