from __future__ import annotations

import pytest

from kaname.dicom.part10 import read_meta, write_meta
from kaname.errors import Refused
from kaname.testing.objects import CT_CLASS, ct_slice, to_bytes

WHOLE = to_bytes(ct_slice())


def test_reading() -> None:
    """Group 0002 tells syntax, class and instance, and where the data set begins."""
    meta = read_meta(WHOLE)
    assert (meta.transfer_syntax_uid, meta.sop_class_uid) == ("1.2.840.10008.1.2.1", CT_CLASS)
    assert meta.sop_instance_uid == "1.2.3.4.5.1"
    assert WHOLE[meta.end : meta.end + 4] == b"\x08\x00\x08\x00"


def test_written_meta_is_read_back() -> None:
    """What is written is read back, with an empty preamble."""
    data = write_meta(CT_CLASS, "1.2.3", "1.2.840.10008.1.2")
    meta = read_meta(data)
    assert (meta.sop_class_uid, meta.sop_instance_uid, meta.end) == (CT_CLASS, "1.2.3", len(data))
    assert data[:128] == b"\0" * 128


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty-file"),
        (b"hello", "not-dicom"),
        (b"PK\x03\x04" + b"\0" * 200, "not-dicom"),
        (WHOLE[132:], "missing-file-meta"),
        (WHOLE[read_meta(WHOLE).end :], "missing-file-meta"),
        (WHOLE[:132] + WHOLE[read_meta(WHOLE).end :], "missing-file-meta"),
        (WHOLE[:150], "truncated"),
        (WHOLE[:135], "truncated"),
        (b"MZ" + WHOLE[2:], "hostile-preamble"),
        (b"\x7fELF" + WHOLE[4:], "hostile-preamble"),
        (b"#!/bin/sh" + WHOLE[9:], "hostile-preamble"),
    ],
)
def test_what_is_no_part_10_file(data: bytes, code: str) -> None:
    """Each way of being no DICOM file has its own reason."""
    with pytest.raises(Refused) as caught:
        read_meta(data)
    assert caught.value.code == code


def test_tiff_preamble() -> None:
    """A TIFF header in the preamble is legitimate: dual-personality slides have it."""
    assert read_meta(b"II*\0" + WHOLE[4:]).sop_class_uid == CT_CLASS
