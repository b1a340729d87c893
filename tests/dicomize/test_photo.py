from __future__ import annotations

import zlib
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps

from kaname.deid.streams import holds_writing
from kaname.dicomize import Examination
from kaname.dicomize.jpeg import plain
from kaname.dicomize.photo import CLASSES, DERMOSCOPIC, OPHTHALMIC, photo
from kaname.errors import KanameError, NotYet, Refused
from kaname.testing.data import test_data as find_test_data

Read = Callable[[bytes], pydicom.Dataset]
PHOTOGRAPH = "1.2.840.10008.5.1.4.1.1.77.1.4"
JPEG, NATIVE = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.1"
WORDS = (b"YAMADA-OWNER", b"YAMADA-COMMENT", b"YAMADA-XMP", b"YAMADA-BEHIND", b"YAMADA-SERIAL")


def gradient(rows: int = 40, columns: int = 56) -> NDArray[np.uint8]:
    """A picture without symmetry."""
    y, x = np.mgrid[:rows, :columns]
    return np.stack([(x * 4) % 256, (y * 6) % 256, (x + y) % 256], axis=-1).astype("u1")


def encoded(array: NDArray[Any], kind: str, **how: object) -> bytes:
    """The picture as a file."""
    file = BytesIO()
    Image.fromarray(array).save(file, kind, **how)
    return file.getvalue()


def of_a_telephone(orientation: int = 1, **how: object) -> bytes:
    """A JPEG with the position, the owner, serial numbers, comments, a thumbnail, and a film behind its end."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x013B] = "YAMADA-OWNER"
    exif.get_ifd(0x8769).update({0xA430: "YAMADA-OWNER", 0xA431: "YAMADA-SERIAL"})
    exif.get_ifd(0x8825).update({1: "N", 2: (35.0, 1.0, 2.0), 3: "E", 4: (135.0, 4.0, 5.0)})
    made = encoded(
        gradient(), "JPEG", quality=95, exif=exif, comment=b"YAMADA-COMMENT", xmp=b"<x>YAMADA-XMP</x>", **how
    )
    return made + b"\0\0\0\x18ftypmp42 YAMADA-BEHIND PK\3\4"


def test_a_photograph_keeps_its_bitstream_and_loses_its_words(examination: Examination, read: Read) -> None:
    """Places, owners, serial numbers, comments and whatever lies behind the picture are gone; the pixels are not."""
    data = of_a_telephone()
    assert all(word in data for word in WORDS)
    made = photo(data, examination, PHOTOGRAPH, 1)
    assert not [word for word in (*WORDS, b"Exif", b"ftyp", b"PK\3\4") if word in made]
    found = read(made)
    assert found.file_meta.TransferSyntaxUID == JPEG
    assert (found.PhotometricInterpretation, found.LossyImageCompression) == ("YBR_FULL_422", "01")
    assert found.LossyImageCompressionMethod == "ISO_10918_1"
    frame = next(pydicom.encaps.generate_frames(found.PixelData, number_of_frames=1))
    with Image.open(BytesIO(frame)) as kept, Image.open(BytesIO(data)) as was:
        assert kept.size == was.size
        assert kept.tobytes() == was.tobytes()
    start = made.index(b"\xe0\x7f\x10\0OB") + 12
    assert not holds_writing(made, start, len(made) - 8, JPEG)


def test_the_same_file_is_the_same_object(examination: Examination) -> None:
    """No clock, no chance."""
    assert photo(of_a_telephone(), examination, PHOTOGRAPH, 1) == photo(of_a_telephone(), examination, PHOTOGRAPH, 1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_a_photograph_stands_upright(examination: Examination, read: Read, kind: str, orientation: int) -> None:
    """As the camera was held: turned without another loss, and not turned where it need not be."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(gradient(), kind, exif=exif)
    found = read(photo(data, examination, PHOTOGRAPH, 1))
    with Image.open(BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    if kind == "JPEG" and orientation == 1:
        assert found.file_meta.TransferSyntaxUID == JPEG
    else:
        assert found.file_meta.TransferSyntaxUID == NATIVE
        assert np.array_equal(found.pixel_array, expected)
        assert found.LossyImageCompression == ("01" if kind == "JPEG" else "00")
    assert (found.Rows, found.Columns) == expected.shape[:2]


@pytest.mark.parametrize(
    ("how", "syntax", "photometric"),
    [
        ({"subsampling": 0}, JPEG, "YBR_FULL"),
        ({"subsampling": 2}, JPEG, "YBR_FULL_422"),
        ({"progressive": True}, NATIVE, "RGB"),
        ({"keep_rgb": True}, JPEG, "RGB"),
    ],
)
def test_colours_of_a_stream_are_called_by_their_name(
    examination: Examination, read: Read, how: dict[str, Any], syntax: str, photometric: str
) -> None:
    """Whoever reads the object sees what a viewer of photographs sees."""
    data = encoded(gradient(), "JPEG", quality=95, **how)
    found = read(photo(data, examination, PHOTOGRAPH, 1))
    assert (found.file_meta.TransferSyntaxUID, found.PhotometricInterpretation) == (syntax, photometric)
    with Image.open(BytesIO(data)) as image:
        expected = np.asarray(image.convert("RGB")).astype(int)
    assert abs(found.pixel_array.astype(int) - expected).max() <= 2


@pytest.mark.parametrize(
    ("array", "photometric"),
    [
        (gradient()[:, :, 0], "MONOCHROME2"),
        (gradient(), "RGB"),
        (np.dstack([gradient(), gradient()[:, :, :1]]), "RGB"),
        (gradient()[:, :, 0] > 100, "MONOCHROME2"),
    ],
    ids=["grey", "colour", "transparent", "black and white"],
)
def test_pictures_without_loss_keep_every_sample(
    examination: Examination, read: Read, array: NDArray[Any], photometric: str
) -> None:
    """Transparency is dropped: what lies under it is seen, and looked at."""
    found = read(photo(encoded(array, "PNG"), examination, PHOTOGRAPH, 1))
    expected = array.astype("u1") * 255 if array.dtype == bool else array[..., :3] if array.ndim == 3 else array
    assert found.PhotometricInterpretation == photometric
    assert np.array_equal(found.pixel_array, expected)
    assert found.LossyImageCompression == "00"


def test_a_palette_becomes_colours(examination: Examination, read: Read) -> None:
    """GIF-like pictures inside PNG."""
    with Image.open(BytesIO(encoded(gradient(), "PNG"))) as image:
        indexed = image.quantize(16)
    file = BytesIO()
    indexed.save(file, "PNG")
    found = read(photo(file.getvalue(), examination, PHOTOGRAPH, 1))
    assert np.array_equal(found.pixel_array, np.asarray(indexed.convert("RGB")))


@pytest.mark.parametrize("sop_class_uid", sorted(CLASSES))
def test_every_class_has_what_the_standard_demands(examination: Examination, read: Read, sop_class_uid: str) -> None:
    """Attributes of type 1 have a value, those of type 2 are there."""
    found = read(photo(of_a_telephone(), examination, sop_class_uid, 4))
    assert found.SOPClassUID == sop_class_uid
    assert found.InstanceNumber == 4


def test_a_photograph_of_an_eye_says_which(examination: Examination, read: Read) -> None:
    """The class demands a side and a day: without them the table has to be completed."""
    assert read(photo(of_a_telephone(), examination, OPHTHALMIC, 1)).ImageLaterality == "R"
    for bare, item in (({"study_date": "20260102"}, "laterality"), ({"laterality": "L"}, "study_date")):
        with pytest.raises(NotYet) as waiting:
            photo(of_a_telephone(), Examination("1", **bare), OPHTHALMIC, 1)
        assert (waiting.value.code, waiting.value.facts) == ("examination-invalid", {"item": item})


def test_an_unknown_dermoscope_is_called_so(read: Read) -> None:
    """The class demands a maker, a model, a serial number and a version."""
    found = read(photo(of_a_telephone(), Examination("1"), DERMOSCOPIC, 1))
    assert {found.Manufacturer, found.ManufacturerModelName, found.DeviceSerialNumber} == {"UNKNOWN"}


def claiming(data: bytes) -> bytes:
    """A JPEG whose head claims 65535 by 65535 pixels."""
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (claiming(encoded(gradient(), "JPEG")), "too-large"),
        (encoded(gradient(), "JPEG")[:400], "photo-broken"),
        (encoded(gradient(), "JPEG")[:-2], "photo-broken"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "photo-broken"),
        (b"\xff\xd8\xff\xd9", "photo-broken"),
        (encoded(gradient(), "PNG")[:90], "photo-broken"),
        (b"\x89PNG\r\n\x1a\n", "photo-broken"),
        (encoded(gradient(), "TIFF")[:300], "photo-broken"),
        (encoded(gradient().astype("u2")[:, :, 0] * 200, "PNG"), "photo-depth"),
        (encoded(gradient().astype("f4")[:, :, 0], "TIFF"), "photo-depth"),
    ],
    ids=["claim", "cut", "no end", "head", "nothing", "PNG cut", "PNG head", "TIFF cut", "16 bits", "real numbers"],
)
def test_a_bad_photograph_has_its_reason(examination: Examination, data: bytes, code: str) -> None:
    """No crash, and no memory for what is only claimed."""
    with pytest.raises(KanameError) as ended:
        photo(data, examination, PHOTOGRAPH, 1)
    assert ended.value.code == code


def test_a_png_that_claims_too_much_is_refused(examination: Examination) -> None:
    """65535 by 65535 in the head of a small file."""
    data = bytearray(encoded(gradient(), "PNG"))
    data[16:24] = b"\0\0\xff\xff\0\0\xff\xff"
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    with pytest.raises(Refused) as refused:
        photo(bytes(data), examination, PHOTOGRAPH, 1)
    assert refused.value.code == "too-large"


def test_pages_of_unequal_size_are_no_photograph(examination: Examination) -> None:
    """Which of them would it be?"""
    file = BytesIO()
    Image.fromarray(gradient()).save(file, "TIFF", save_all=True, append_images=[Image.fromarray(gradient(20, 20))])
    with pytest.raises(Refused) as refused:
        photo(file.getvalue(), examination, PHOTOGRAPH, 1)
    assert refused.value.facts == {"sign": "pages"}


def test_a_class_that_no_photograph_has_is_refused(examination: Examination) -> None:
    """A registry file that asks for CT images of photographs is wrong."""
    with pytest.raises(Refused) as refused:
        photo(of_a_telephone(), examination, "1.2.840.10008.5.1.4.1.1.2", 1)
    assert refused.value.code == "source-not-accepted"


def test_unreadable_words_of_a_camera_turn_nothing(examination: Examination, read: Read) -> None:
    """EXIF that is none says no orientation; the picture itself is whole."""
    stream = encoded(gradient(), "JPEG")
    for words in (b"Exif\0\0" + b"\xff" * 40, b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x63\0\0\0\0\0\0\0"):
        segment = b"\xff\xe1" + (len(words) + 2).to_bytes(2, "big") + words
        found = read(photo(stream[:2] + segment + stream[2:], examination, PHOTOGRAPH, 1))
        assert (found.file_meta.TransferSyntaxUID, found.Rows, found.Columns) == (JPEG, 40, 56)


@pytest.mark.parametrize(
    ("change", "sign"),
    [
        (lambda stream: stream.replace(b"\xff\xc0", b"\xff\xdc", 1), "marker"),
        (lambda stream: stream.replace(b"\xff\xc0\0\x11", b"\xff\xfe\0\x11", 1), "cut short"),
        (lambda stream: stream[:2] + b"junk" + stream[2:], "marker"),
        (lambda stream: stream.replace(b"\xff\xc0\0\x11\x08\0\x28", b"\xff\xc0\0\x11\x08\0\0", 1), "frame"),
    ],
    ids=["height later", "no frame", "junk", "no rows"],
)
def test_a_stream_out_of_order_is_refused(change: Callable[[bytes], bytes], sign: str) -> None:
    """Segments stand one behind the other, the frame before the scan."""
    with pytest.raises(Refused) as refused:
        plain(change(encoded(gradient(), "JPEG")))
    assert (refused.value.code, refused.value.facts) == ("photo-broken", {"sign": sign})


@given(st.data())
def test_a_damaged_stream_has_words_for_it(data: st.DataObject) -> None:
    """Whatever bytes change: a stream without words comes out, or a reason."""
    stream = bytearray(encoded(gradient(16, 16), "JPEG", comment=b"YAMADA"))
    for _ in range(data.draw(st.integers(1, 6))):
        stream[data.draw(st.integers(2, len(stream) - 1))] = data.draw(st.integers(0, 255))
    with suppress(Refused):
        assert plain(bytes(stream)).stream.endswith(b"\xff\xd9")


def test_real_photographs_keep_their_pixels(examination: Examination, read: Read) -> None:
    """Endoscopy, fundus, skin: what is decoded is what a viewer of photographs shows."""
    folder = find_test_data()
    if folder is None:
        pytest.skip("no public test data on this machine")
    names = ("gi-endoscopy-polyp/images", "fundus-chase-db1", "dermoscopy-ham10000", "breast-ultrasound-busi/malignant")
    files = [min(p for p in (folder / name).glob("*") if p.suffix in (".jpg", ".png")) for name in names]
    for file in files:
        found = read(photo(file.read_bytes(), examination, PHOTOGRAPH, 1))
        with Image.open(file) as image:
            expected = np.asarray(image.convert("RGB" if found.SamplesPerPixel == 3 else "L")).astype(int)
        assert abs(found.pixel_array.astype(int) - expected).max() <= 1
