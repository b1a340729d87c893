"""The search at the gateway: every spelling in every encoding is found, chance is not."""

from __future__ import annotations

import pickle
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from kaname.residual import Finding, known_forms, search_bytes, search_file
from kaname.residual.layout import LayoutError, find_pixels, read_layout

from .clean_files import CLASSES, IMPLICIT, RLE, clean_dataset, clean_file, to_bytes
from .planted import FORMS, kinds, planted

SPELLINGS: dict[str, list[str]] = {
    "name": [
        *(
            "Yamada",
            "YAMADA",
            "yamada",
            "Taro",
            "TAROU",
            "tarou yamada",
            "山田",
            "太郎",
            "山田太郎",
            "山田 太郎",
            "山田　太郎",
        ),
        *(
            "やまだ",
            "ヤマダ",
            "ﾔﾏﾀﾞ",
            "タロウ",
            "ﾀﾛｳ",
            "ＹＡＭＡＤＡ",
            "Ｙａｍａｄａ",
            "伊藤",
            "ito",
            "イトウ",
            "愛さん",
            "患者:愛",
        ),
    ],
    "person": ["髙橋", "高橋", "一郎", "林先生", "林 様", "担当　林", "林学", "林^学", "ABE", "ken", "ｱﾍﾞ ken"],
    "id": [
        "00123456",
        "123456",
        "0000123456",
        "１２３４５６",
        "3F-00291",
        "3f00291",
        "3F 00291".replace(" ", ""),
        "4711",
    ],
    "accession": ["A2024-0077", "A20240077", "a2024-0077"],
    "date": [
        *("20240501", "2024/05/01", "2024/5/1", "2024-05-01", "2024.5.1", "2024年5月1日", "2024年05月01日", "24/5/1"),
        *(
            "二〇二四年五月一日",
            "令和6年5月1日",
            "令和06年05月01日",
            "令和六年五月一日",
            "R6.5.1",
            "r06.05.01",
            "R6/5/1",
            "令6.5.1",
        ),
        *(
            "May 1 2024",
            "May 1, 2024",
            "1 May 2024",
            "01-MAY-2024",
            "5/1/2024",
            "１９６０／２／２９",
            "昭和35年2月29日",
            "S35.2.29",
        ),
        *("２０２４年５月１日", "Ｒ６．５．１", "20240501101530", "2024050110", "㍼35年2月29日", "1960/02/29"),
    ],
    "institution": ["東京中央病院", "東京中央病院 放射線科", "東京中央病院放射線科", "NOWHERE General Hospital"],
    "text": ["03-3341-8111", "0333418111", "東京都新宿区西新宿1-2-3"],
}
ENCODINGS = ("utf-8", "iso2022_jp", "cp932", "euc_jp", "utf-16-le", "utf-16-be")
CASES = [(kind, text) for kind, texts in SPELLINGS.items() for text in texts]


def encode(text: str, encoding: str) -> bytes | None:
    """The text in an encoding; half-width kana with the escape sequence that Python's codec lacks."""
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        return None


@pytest.mark.parametrize(("kind", "text"), CASES)
def test_every_spelling_is_found_in_every_encoding(kind: str, text: str) -> None:
    """Each spelling of an identity is found in each encoding that can write it."""
    written = 0
    for encoding in ENCODINGS:
        data = encode(text, encoding)
        if data is None:
            continue
        written += 1
        found = search_bytes(planted(data), FORMS)
        assert kind in {f.kind for f in found}, encoding
        assert all(f.attribute == "ImageComments" for f in found)
        assert text not in repr(found)
    assert written >= 3


@settings(max_examples=250, deadline=None)
@given(
    case=st.sampled_from(CASES),
    encoding=st.sampled_from(ENCODINGS),
    place=st.floats(0, 1),
    kind=st.sampled_from(["ct", "enhanced-mr", "pet"]),
    syntax=st.sampled_from(["1.2.840.10008.1.2.1", IMPLICIT, RLE]),
    overwrite=st.booleans(),
)
def test_a_form_is_found_wherever_it_is_planted(
    case: tuple[str, str], encoding: str, place: float, kind: str, syntax: str, *, overwrite: bool
) -> None:
    """Any form in any encoding at any place outside the pixel data is found: preamble, values, headers, tail.

    Four bytes inside the value of a number are left out: see ``test_four_bytes_in_a_table_are_chance``.
    """
    data = encode(case[1], encoding)
    if data is None or (overwrite and len(data) <= 4):
        return
    if encoding != "iso2022_jp" and "utf-16" not in encoding:
        data = b"\r" + data + b"\r"
    elif "utf-16" in encoding:
        data = "\r".encode(encoding) + data + "\r".encode(encoding)
    else:
        data = b"\r" + data + b"\x1b(B\r"
    whole = clean_file(kind, syntax=syntax)
    pixels = find_pixels(whole)
    assert pixels is not None
    outside = pixels.value - 4 if syntax == RLE else pixels.value
    offset = int(place * (outside + 1))
    if overwrite and offset + len(data) <= outside:
        planted_file = whole[:offset] + data + whole[offset + len(data) :]
    elif offset >= outside:
        planted_file = whole + data
    else:
        planted_file = whole[:offset] + data + whole[offset:]
    assert case[0] in kinds(planted_file), (case, encoding)


texts = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=16, max_size=16)


@settings(max_examples=80, deadline=None)
@given(
    subject=texts,
    accession=texts,
    uid=st.integers(0, 2**128 - 1),
    decimals=st.lists(st.floats(-1e4, 1e4).map(lambda f: f"{f:.6g}"), min_size=3, max_size=3),
    seconds=st.integers(0, 86399),
    kind=st.sampled_from(sorted(CLASSES)),
)
def test_random_clean_headers_hide_nobody(
    subject: str, accession: str, uid: int, decimals: list[str], seconds: int, kind: str
) -> None:
    """Pseudonyms, UIDs, times and measurements are not taken for the patient."""

    def change(ds: Dataset) -> None:
        ds.PatientName = ds.PatientID = subject
        ds.AccessionNumber, ds.SOPInstanceUID = accession, f"2.25.{uid}"
        ds.ImagePositionPatient = decimals
        ds.StudyTime = f"{seconds // 3600:02}{seconds // 60 % 60:02}{seconds % 60:02}"

    assert search_bytes(clean_file(kind, change), FORMS) == ()


@pytest.mark.parametrize(
    "data",
    [
        b"\x1b$B;3ED\x1b(B",
        b"\x1b$@;3\x1b$BED\x1b(J",
        b"\x1b$B\x1b$B;3\x1b(B\x1b$BED",
        b"\x1b$)B;3\x1b$)BED",
        b"ABC\x1b(B^\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
        b"\x1b$(Q;3ED\x1b(B",
        b"\x1b(I" + bytes(b & 0x7F for b in "ﾔﾏﾀﾞ".encode("cp932")) + b"\x1b(B",
        b"\x1b)I" + "ﾔﾏﾀﾞ".encode("cp932"),
    ],
)
def test_escape_sequences_may_stand_anywhere(data: bytes) -> None:
    """ISO-2022-JP is read whatever its escapes: doubled, split between characters, G1, half-width kana."""
    assert search_bytes(planted(data), FORMS)


def test_an_escape_sequence_elsewhere_changes_nothing() -> None:
    """Chance stays chance in a file that has escape sequences somewhere."""

    def change(ds: Dataset) -> None:
        ds.add_new(0x00204000, "UN", "日本".encode("iso2022_jp"))
        ds.ReconstructionDiameter = "1024"

    assert search_bytes(clean_file(change=change), known_forms({"id": ["1024"], "name": ["山田^"]})) == ()


def test_two_bytes_end_at_a_control_character() -> None:
    """After a control character the text is ASCII again; ASCII letters that equal a name's two-byte code are ASCII."""
    assert not kinds(planted(b"\x1b$B\n;3ED"))
    assert not kinds(planted(b"\x1b(B;3ED\x1b$(D0!"))
    assert not kinds(planted(b";3ED"))


@pytest.mark.parametrize(
    "data",
    ["髙橋".encode("cp932"), b"\xee\xe0\x8b\xb4", b"\xfc\xe2\xb6\xb6", b"\x1b$B|b66\x1b(B"],
)
def test_characters_outside_jis_are_found(data: bytes) -> None:
    """髙 is found in both codes of CP932, in Microsoft's EUC-JP and in its ISO-2022-JP."""
    assert "person" in kinds(planted(data))
    mixed = known_forms({"institution": ["髙木Aｱ"]})
    assert kinds(planted(b"\xfc\xe2\xcc\xda\x41\x8e\xb1"), mixed) == {"institution"}


def test_everything_outside_the_pixels_is_searched(tmp_path: Path) -> None:
    """Preamble, file meta information and trailing bytes are searched; the pixel data are not."""
    name = b"YAMADA TAROU"
    assert kinds(to_bytes(clean_dataset(), preamble=name + b"\0" * 116)) == {"name"}
    path = tmp_path / "trailing.dcm"
    path.write_bytes(clean_file() + name)
    assert search_file(path, FORMS) == (Finding("name", "bytes", "utf-8"),)
    path.write_bytes(clean_file(change=lambda ds: setattr(ds, "PixelData", name.ljust(512, b"\0"))))
    assert search_file(path, FORMS) == ()
    path.write_bytes(b"")
    assert search_file(path, FORMS) == ()


def test_what_cannot_be_read_is_searched_whole() -> None:
    """Files that are no DICOM, cut files and files without pixels are searched from end to end."""
    assert kinds(b"Yamada") == {"name"}
    assert kinds(b"xx") == set()
    whole = clean_file(change=lambda ds: setattr(ds, "PixelData", b"YAMADA".ljust(512, b"\0")))
    assert kinds(whole[:-3]) == {"name"}
    assert kinds(clean_file(change=lambda ds: delattr(ds, "PixelData"))) == set()
    assert kinds(planted(b"Yamada")[:700]) <= {"name"}


def test_a_hit_in_an_element_that_cannot_be_named_is_a_finding() -> None:
    """A broken sequence before the pixels leaves the place unnamed, not the hit unfound."""
    data = clean_file()
    place = next(s.start for s in read_layout(data).spans if s.tag > 0x00081115)
    broken = struct.pack("<HH2sHI", 0x0008, 0x1115, b"SQ", 0, 16) + b"YAMADA YAMADA TA"
    found = search_bytes(data[:place] + broken + data[place:], FORMS)
    assert found == (Finding("name", "bytes", "utf-8"),)


def test_deflated_data_sets_are_searched() -> None:
    """A deflated data set is searched inside; one that cannot be inflated is a finding of its own."""
    deflated = "1.2.840.10008.1.2.1.99"
    assert kinds(clean_file(syntax=deflated)) == set()
    data = clean_file(change=lambda ds: setattr(ds, "ImageComments", "Yamada"), syntax=deflated)
    assert kinds(data) == {"name"}
    end = data.index(zlib.compress(b"")[:0] + b"KANAME 0.1.0") + 12
    assert kinds(data[:end] + b"\xff\xff\xff") == {"unreadable"}


def test_a_deflated_bomb_is_not_inflated_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inflating stops at a limit, and that it stopped is a finding."""
    monkeypatch.setattr("kaname.residual.search._INFLATED_AT_MOST", 64)
    assert kinds(clean_file(syntax="1.2.840.10008.1.2.1.99")) == {"unreadable"}


def test_big_endian_files_are_searched() -> None:
    """A file in big endian is searched from end to end."""
    data = clean_file(change=lambda ds: setattr(ds, "ImageComments", "山田"), syntax="1.2.840.10008.1.2.2")
    assert kinds(data) == {"name"}


def test_forms_print_nothing_and_travel() -> None:
    """Forms show their number alone, and can be handed to another process."""
    assert repr(FORMS).startswith("Forms(")
    assert "yamada" not in repr(FORMS) + repr(next(iter(FORMS.by_gram.values()))) + str(FORMS.short.values())
    assert search_bytes(planted(b"Yamada"), pickle.loads(pickle.dumps(FORMS)))  # noqa: S301 - our own bytes


def test_no_identity_means_no_finding() -> None:
    """Without anything to look for nothing is found."""
    assert search_bytes(planted(b"Yamada"), known_forms({})) == ()


def test_an_unknown_kind_is_a_mistake_of_the_caller() -> None:
    """A kind that no rule knows raises."""
    with pytest.raises(KeyError):
        known_forms({"blood": ["A"]})


def test_cut_files_raise_their_own_error() -> None:
    """The quick way to the pixels refuses what leads past the end."""
    data = clean_file(change=lambda ds: delattr(ds, "PixelData"))
    assert find_pixels(data) is None
    with pytest.raises(LayoutError):
        find_pixels(data[:-1])
    with pytest.raises(LayoutError):
        find_pixels(data[:140])
    with pytest.raises(LayoutError):
        find_pixels(data[:149])
