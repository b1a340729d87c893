from __future__ import annotations

import time
import zlib
from collections.abc import Callable

import pydicom
import pytest

from kaname.dicomize import Examination
from kaname.dicomize.document import ENCAPSULATED, document
from kaname.errors import Refused

Read = Callable[[bytes], pydicom.Dataset]
PLAIN = (
    b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Kids [] /Count 0 >>\nendobj\n%%EOF\n"
)


def packed(text: bytes) -> bytes:
    """A document whose objects stand in a deflated stream."""
    body = zlib.compress(text)
    stream = b"3 0 obj\n<< /Type /ObjStm /Filter /FlateDecode >>\nstream\r\n" + body + b"\nendstream\nendobj\n"
    return PLAIN.replace(b"%%EOF", stream + b"%%EOF")


def stream(body: bytes, packing: bytes = b"/Filter /FlateDecode", before: bytes = b"") -> bytes:
    """A document with a stream of packed objects, and words before it."""
    head = before + b"3 0 obj\n<< /Type /ObjStm " + packing + b" >>\nstream\n"
    return PLAIN.replace(b"%%EOF", head + body + b"\nendstream\nendobj\n%%EOF")


PLAINLY = ("open", "script", "spelled", "action", "launch", "files", "encrypted", "packed")
HIDDEN = ("checksum", "comment", "line-end", "hexadecimal", "predicted", "twice", "encrypted-behind-a-comment")
SCRIPT = b"5 0 << /S /JavaScript /JS (x) >>"


def test_a_plain_document_is_kept_whole(examination: Examination, read: Read) -> None:
    """Its bytes are untouched, its length is told."""
    found = read(document(PLAIN, examination, ENCAPSULATED, 1))
    assert found.EncapsulatedDocument[: found.EncapsulatedDocumentLength] == PLAIN
    assert found.MIMETypeOfEncapsulatedDocument == "application/pdf"


def test_a_name_in_packed_pixels_is_chance(examination: Examination) -> None:
    """Two letters in a picture are no script."""
    image = PLAIN.replace(b"%%EOF", b"3 0 obj\n<< /Length 9 >>\nstream\nxx/JS\0/AA\0\nendstream\nendobj\n%%EOF")
    assert document(image, examination, ENCAPSULATED, 1)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (PLAIN.replace(b"/Kids", b"/OpenAction 4 0 R /Kids"), "pdf-active"),
        (PLAIN.replace(b"/Kids", b"/S /JavaScript /JS (app.alert\\(1\\)) /Kids"), "pdf-active"),
        (PLAIN.replace(b"/Kids", b"/S /J#61vaScript /Kids"), "pdf-active"),
        (PLAIN.replace(b"/Kids", b"/AA << >> /Kids"), "pdf-active"),
        (PLAIN.replace(b"/Kids", b"/S /Launch /F (cmd.exe) /Kids"), "pdf-active"),
        (PLAIN.replace(b"/Kids", b"/Names << /EmbeddedFiles 4 0 R >> /Kids"), "pdf-active"),
        (PLAIN.replace(b"/Kids", b"/Encrypt 4 0 R /Kids"), "pdf-active"),
        (packed(b"5 0 << /S /JavaScript /JS (x) >>"), "pdf-active"),
        (packed(b"\0" * (1 << 27)), "too-large"),
        (stream(zlib.compress(SCRIPT)[:-2] + b"??"), "pdf-active"),
        (stream(zlib.compress(SCRIPT), before=b"%stream\n"), "pdf-active"),
        (stream(zlib.compress(SCRIPT), b"/Filter [/FlateDecode]").replace(b"\nstream\n", b"\nstream \r"), "pdf-active"),
        (stream(SCRIPT.hex().encode(), b"/Filter /ASCIIHexDecode"), "pdf-active"),
        (stream(zlib.compress(SCRIPT), b"/Filter /FlateDecode /DecodeParms << /Predictor 12 >>"), "pdf-active"),
        (stream(zlib.compress(SCRIPT), b"/Filter [/FlateDecode /LZWDecode]"), "pdf-active"),
        (PLAIN.replace(b"%%EOF", b"%stream\ntrailer << /Encrypt 4 0 R >>\n%%EOF"), "pdf-active"),
        (PLAIN[:60], "pdf-broken"),
        (b"junk" + PLAIN, "pdf-broken"),
    ],
    ids=[*PLAINLY, "bomb", *HIDDEN, "cut", "polyglot"],
)
def test_a_document_that_acts_or_is_broken_is_refused(examination: Examination, data: bytes, code: str) -> None:
    """Also where the script is packed or its name written by number."""
    with pytest.raises(Refused) as refused:
        document(data, examination, ENCAPSULATED, 1)
    assert refused.value.code == code


def test_packed_objects_that_do_nothing_are_no_script(examination: Examination) -> None:
    """Deflated objects can be seen, and a picture beside them may be packed in any way."""
    picture = b"4 0 obj\n<< /Filter /DCTDecode >>\nstream\n\xff\xd8/JS\nendstream\nendobj\n"
    assert document(stream(zlib.compress(b"5 0 << /Type /Page >>"), before=picture), examination, ENCAPSULATED, 1)


def test_a_document_of_beginnings_without_an_end_is_read_once(examination: Examination) -> None:
    """A megabyte of streams that never end, and of streams that share one end, take seconds and not hours."""
    began = time.process_time()
    for end in (b"", b"endstream\n"):
        assert document(b"%PDF-1.7\n" + b"stream\n" * 150_000 + end + b"%%EOF\n", examination, ENCAPSULATED, 1)
    assert time.process_time() - began < 20


def test_a_class_that_no_document_has_is_refused(examination: Examination) -> None:
    """A document is no image."""
    with pytest.raises(Refused) as refused:
        document(PLAIN, examination, "1.2.840.10008.5.1.4.1.1.2", 1)
    assert refused.value.code == "source-not-accepted"
