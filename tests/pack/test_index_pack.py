from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_frames
from pydicom.uid import UID

from kaname.dicom.frames import Span, frame_bytes
from kaname.dicom.json import instance_json
from kaname.errors import KanameError, Refused
from kaname.pack import SeriesIndex, index_pack, pack_key, write_pack
from kaname.settings import test_data_from_environment as data_folder
from kaname.store import digest_bytes, digest_file
from kaname.testing.objects import PIXELS, ct_slice, to_bytes


def packed(folder: Path, *files: bytes) -> Path:
    """A pack of these instances."""
    paths = [folder / str(n) for n in range(len(files))]
    for path, content in zip(paths, files, strict=True):
        path.write_bytes(content)
    return write_pack(paths, folder / "series.tar").path


def frames(pack: Path, index: SeriesIndex, uid: str) -> list[bytes]:
    """All frames of an instance, each by one ranged read."""
    content = pack.read_bytes()
    found: list[bytes] = []
    for number in range(1, len(index.member(uid).frames) + 1):
        ref = index.frame(uid, number)
        assert ref.object == pack_key(digest_file(pack))
        span = Span(ref.offset, ref.length, ref.fragments)
        found.append(frame_bytes(content[ref.offset : ref.offset + ref.length], span))
    return found


@pytest.mark.parametrize("implicit", [False, True])
def test_a_series(tmp_path: Path, *, implicit: bool) -> None:
    """The index of a series names its study, every instance with digest and metadata, and every frame."""
    one = to_bytes(ct_slice(SOPInstanceUID="1.2.1"), implicit=implicit)
    two = to_bytes(ct_slice(SOPInstanceUID="1.2.2", PixelData=PIXELS * 3, NumberOfFrames="3"), implicit=implicit)
    pack = packed(tmp_path, two, one)
    index = index_pack(pack)
    assert (index.study_instance_uid, index.series_instance_uid) == ("1.2.3.4.5", "1.2.3.4.5.6")
    assert index.pack == digest_file(pack)
    member = index.member("1.2.1")
    assert pack.read_bytes()[member.offset : member.offset + member.length] == one
    assert (member.digest, member.sop_class_uid) == (digest_bytes(one), "1.2.840.10008.5.1.4.1.1.2")
    assert member.metadata == instance_json(one)
    assert member.transfer_syntax_uid == index.frame("1.2.1", 1).transfer_syntax_uid
    assert member.transfer_syntax_uid == ("1.2.840.10008.1.2" if implicit else "1.2.840.10008.1.2.1")
    assert frames(pack, index, "1.2.1") == [PIXELS]
    assert frames(pack, index, "1.2.2") == [PIXELS] * 3


@pytest.mark.parametrize(
    "name",
    [
        "SC_rgb_rle_2frame.dcm",
        "JPEG2000.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
        "SC_rgb_rle_16bit_2frame.dcm",
        "examples_ybr_color.dcm",
    ],
)
def test_real_files(tmp_path: Path, name: str) -> None:
    """Real multi-frame, RLE and JPEG files give their frames by ranged reads of the pack."""
    path = Path(str(get_testdata_file(name, download=False)))
    ds = dcmread(path)
    expected = [ds.PixelData]
    if UID(ds.file_meta.TransferSyntaxUID).is_encapsulated:
        expected = list(generate_frames(ds.PixelData, number_of_frames=int(ds.get("NumberOfFrames", 1))))
    pack = packed(tmp_path, path.read_bytes())
    found = frames(pack, index_pack(pack), ds.SOPInstanceUID)
    assert len(found) == int(ds.get("NumberOfFrames", 1))
    assert b"".join(expected).startswith(b"".join(found))
    assert b"".join(found)


@pytest.mark.parametrize("name", ["image_dfl.dcm", "reportsi.dcm", "MR_small_padded.dcm"])
def test_no_frames(tmp_path: Path, name: str) -> None:
    """Deflated files, files without pixels and files whose pixels do not fit their shape are indexed without frames."""
    content = Path(str(get_testdata_file(name, download=False))).read_bytes()
    index = index_pack(packed(tmp_path, content))
    (member,) = index.members
    assert member.frames == ()
    with pytest.raises(Refused) as refused:
        index.frame(member.sop_instance_uid, 1)
    assert refused.value.code == "no-frames"


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"StudyInstanceUID": "1.2.3.4.9"}, "pack-invalid"),
        ({"SeriesInstanceUID": "1.2.3.4.9"}, "pack-invalid"),
        ({"SeriesInstanceUID": None}, "missing-uid"),
    ],
)
def test_one_series(tmp_path: Path, attributes: dict[str, str], code: str) -> None:
    """Instances of two studies, of two series or of none are no pack."""
    pack = packed(tmp_path, to_bytes(ct_slice(SOPInstanceUID="1.2.1")), to_bytes(ct_slice(**attributes)))
    with pytest.raises(Refused) as refused:
        index_pack(pack)
    assert refused.value.code == code


def test_under_a_false_name(tmp_path: Path) -> None:
    """An instance whose data set has another UID than its file meta information is refused."""
    false = to_bytes(ct_slice()).replace(b"\x08\0\x18\0UI\x0c\x001.2.3.4.5.1\0", b"\x08\0\x18\0UI\x0c\x001.2.3.4.5.2\0")
    assert b"1.2.3.4.5.2" in false
    with pytest.raises(Refused) as refused:
        index_pack(packed(tmp_path, false))
    assert refused.value.code == "pack-invalid"


def test_malformed(tmp_path: Path) -> None:
    """An instance whose shape is no number, or whose pixels are cut off, is refused."""
    ds = ct_slice()
    del ds.Rows
    ds.add_new(0x00280010, "LO", "eight")
    with pytest.raises(Refused) as refused:
        index_pack(packed(tmp_path, to_bytes(ds)))
    assert refused.value.code == "malformed-dicom"
    with pytest.raises(Refused) as refused:
        index_pack(packed(tmp_path, to_bytes(ct_slice())[:-10]))
    assert refused.value.code == "truncated"


def test_empty_number_of_frames(tmp_path: Path) -> None:
    """An empty Number of Frames means one."""
    pack = packed(tmp_path, to_bytes(ct_slice(NumberOfFrames="")))
    index = index_pack(pack)
    assert frames(pack, index, "1.2.3.4.5.1") == [PIXELS]


def test_public_collection(tmp_path: Path) -> None:
    """Every file of the public collection can be packed, indexed and read back, or is refused with a reason."""
    folder = data_folder() / "dicom"
    if not folder.is_dir():
        pytest.skip("the public DICOM collection is not here: set KANAME_TEST_DATA")
    indexed = 0
    for path in [p for p in sorted(folder.rglob("*")) if p.is_file() and p.stat().st_size < 300_000][::4]:
        try:
            pack = write_pack([path], tmp_path / "one.tar")
            index = index_pack(pack.path)
        except KanameError:
            continue
        assert SeriesIndex.from_bytes(index.to_bytes()) == index
        assert index.members[0].digest == digest_file(path)
        indexed += 1
    assert indexed > 25
