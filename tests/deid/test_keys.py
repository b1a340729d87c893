from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.deid.keys import MasterKey
from kaname.dicom.keys import is_uid
from kaname.errors import Refused

KEY = MasterKey(b"0123456789abcdef0123456789abcdef")
J_MID, BASIC = KEY.for_registry("j-mid"), KEY.for_registry("basic")
NUMBERS = st.text(min_size=1, max_size=20).filter(lambda t: t.strip() != "")


@given(NUMBERS)
def test_same_patient_same_registry(number: str) -> None:
    """The same patient in the same registry is the same subject; another registry makes another subject."""
    assert J_MID.subject(number) == KEY.for_registry("j-mid").subject(number)
    assert J_MID.subject(number) != BASIC.subject(number)
    assert len(J_MID.subject(number)) == 16


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12).map(lambda d: "".join(map(str, d))))
def test_spelling_of_a_number(number: str) -> None:
    """Width, padding and leading zeros of a number do not make another patient."""
    wide = number.translate({ord("0") + i: ord("０") + i for i in range(10)})
    assert J_MID.subject(f" 00{wide} ") == J_MID.subject(number)


@given(st.text(min_size=1))
def test_uids(old: str) -> None:
    """Every new UID is valid, and the same for the same old one."""
    new = J_MID.uid(old)
    assert is_uid(new)
    assert new == J_MID.uid(old)


def test_uids_of_the_standard_stay() -> None:
    """UIDs of the Standard name classes and stay; text that only begins like one does not."""
    assert J_MID.uid("1.2.840.10008.1.2.1") == "1.2.840.10008.1.2.1"
    assert J_MID.uid("1.2.840.10008.Yamada").startswith("2.25.")


def test_offsets_differ() -> None:
    """Date offsets of patients differ, and lie between a month and ten years back."""
    offsets = [J_MID.days(J_MID.subject(str(n))) for n in range(200)]
    assert len(set(offsets)) >= 190
    assert all(-3650 <= o <= -30 for o in offsets)


def test_issuer_matters() -> None:
    """The same number of two issuers names two patients."""
    assert J_MID.subject("1", "A") != J_MID.subject("1", "B")


def test_a_key_prints_nothing() -> None:
    """Neither key shows a secret when printed."""
    assert "0123" not in repr(KEY)
    assert repr(J_MID) == f"RegistryKeys(key_id={J_MID.key_id!r})"


def test_key_files(tmp_path: Path) -> None:
    """A missing or short key file is refused by its own reason."""
    with pytest.raises(Refused, match="key-missing"):
        MasterKey.read(tmp_path / "none")
    (tmp_path / "short").write_bytes(b"x" * 31)
    with pytest.raises(Refused, match="key-short"):
        MasterKey.read(tmp_path / "short")
    (tmp_path / "key").write_bytes(b"x" * 32)
    assert MasterKey.read(tmp_path / "key").for_registry("basic").key_id


def test_accession() -> None:
    """An accession number becomes one pseudonym, whatever its spelling."""
    assert J_MID.accession("a-1001") == J_MID.accession("Ａ-1001 ")
    assert J_MID.accession("A-1001") != J_MID.accession("A-1002")
