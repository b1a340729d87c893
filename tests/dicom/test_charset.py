from __future__ import annotations

import pytest

from kaname.dicom.charset import decode, is_plain
from kaname.errors import NotYet

NAME = "髙橋=山田^太郎"


@pytest.mark.parametrize(
    ("codec", "declared"),
    [
        ("utf-8", ["ISO_IR 192"]),
        ("utf-8", [""]),
        ("utf-8", ["ISO 2022 IR 87"]),
        ("cp932", []),
        ("cp932", ["ISO_IR 13"]),
        ("gb18030", ["GB18030"]),
    ],
)
def test_declared_and_not(codec: str, declared: list[str]) -> None:
    """Text is read by its declared set where that fits, and by a usual misdeclaration where not."""
    text = "山田^太郎"
    assert decode(text.encode(codec), declared) == text


def test_escapes() -> None:
    """ISO 2022 escapes are read with and without their declaration; halves of a name keep their delimiters."""
    data = b"Yamada^Tarou=" + "山田".encode("iso2022_jp") + b"^" + "太郎".encode("iso2022_jp")
    assert decode(data, ["", "ISO 2022 IR 87"]) == "Yamada^Tarou=山田^太郎"
    assert decode("山田".encode("iso2022_jp"), []) == "山田"
    assert decode("ﾔﾏﾀﾞ".encode("shift_jis"), ["ISO_IR 13"]) == "ﾔﾏﾀﾞ"


def test_extended_unix_code() -> None:
    """EUC-JP is believed where CP932 does not fit."""
    assert decode("東京都".encode("euc_jp"), []) == "東京都"


def test_backslash_byte() -> None:
    """ソ and 表 have a backslash as second byte in Shift_JIS and stay whole."""
    assert decode("ソ表".encode("cp932"), []) == "ソ表"


def test_latin() -> None:
    """A declared Latin set is believed when no control characters come out of it."""
    assert decode("Müller".encode("latin-1"), ["ISO_IR 100"]) == "Müller"
    assert decode("髙".encode("cp932"), ["ISO_IR 100"]) != ""


def test_undecodable() -> None:
    """Bytes of no set are told, never guessed."""
    with pytest.raises(NotYet, match="undecodable-text"):
        decode(b"\xff\xfe\x81 \xff\xff", ["ISO_IR 999"])


def test_plain() -> None:
    """ASCII without escapes means the same everywhere."""
    assert is_plain(b"Yamada")
    assert not is_plain(b"\x1b$B")
    assert not is_plain("é".encode())
