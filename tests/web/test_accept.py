import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.errors import Refused
from kaname.web.accept import (
    DICOM_JSON,
    EXPLICIT_LITTLE,
    FRAME_TYPES,
    JSON,
    frame_form,
    instance_form,
    json_form,
    ranges,
)
from kaname.work import Outcome, attempt

JPEG_2000 = "1.2.840.10008.1.2.4.90"
IMPLICIT = "1.2.840.10008.1.2"
MULTIPART_DICOM = 'multipart/related; type="application/dicom"'
OCTETS = 'multipart/related; type="application/octet-stream"'


@pytest.mark.parametrize(
    ("header", "form"),
    [
        ("", DICOM_JSON),
        ("*/*", DICOM_JSON),
        ("application/*", DICOM_JSON),
        ("application/dicom+json, application/json", DICOM_JSON),
        ("application/json", JSON),
        ("application/dicom+json;q=0.5, application/json;q=0.9", JSON),
        ("text/html, */*;q=0.1", DICOM_JSON),
    ],
)
def test_json_comes_in_the_form_that_the_client_prefers(header: str, form: str) -> None:
    """Metadata and search results are DICOM JSON unless the client prefers plain JSON."""
    assert json_form(header) == form


@pytest.mark.parametrize("header", ["text/html", "application/dicom+xml", "application/json;q=0", "*/*;q=much"])
def test_a_form_that_is_not_offered_is_refused(header: str) -> None:
    """Who takes no JSON gets a refusal, and no JSON."""
    with pytest.raises(Refused, match="not-acceptable"):
        json_form(header)


@pytest.mark.parametrize(
    ("header", "single", "shape"),
    [
        ("", True, "multipart"),
        (MULTIPART_DICOM, True, "multipart"),
        ("multipart/related", False, "multipart"),
        ("application/dicom", True, "single"),
        (f"application/dicom;q=0.5, {MULTIPART_DICOM}", True, "multipart"),
        (f"{MULTIPART_DICOM};q=0.5, application/dicom", True, "single"),
        ("application/dicom, */*;q=0.1", False, "multipart"),
    ],
)
def test_instances_come_as_multipart_unless_one_is_asked_for_alone(header: str, single: bool, shape: str) -> None:  # noqa: FBT001
    """A single part is sent only for one instance, and only to who prefers it."""
    assert instance_form(header, single=single).shape == shape


@pytest.mark.parametrize("header", ["application/dicom", "image/jpeg", 'multipart/related; type="image/jpeg"'])
def test_a_series_comes_in_no_other_form(header: str) -> None:
    """A series is never sent as one part, nor rendered."""
    with pytest.raises(Refused, match="not-acceptable"):
        instance_form(header, single=False)


@pytest.mark.parametrize(
    ("header", "allowed"),
    [
        (MULTIPART_DICOM, True),
        (f"{MULTIPART_DICOM}; transfer-syntax=*", True),
        (f"{MULTIPART_DICOM}; transfer-syntax={JPEG_2000}", True),
        (f"{MULTIPART_DICOM}; transfer-syntax={EXPLICIT_LITTLE}", False),
        (f"{MULTIPART_DICOM}; transfer-syntax={EXPLICIT_LITTLE}, {MULTIPART_DICOM}; transfer-syntax=*;q=0.1", True),
    ],
)
def test_an_instance_is_sent_in_its_own_syntax_or_not_at_all(header: str, allowed: bool) -> None:  # noqa: FBT001
    """Naming a transfer syntax shuts out instances stored in another one."""
    assert instance_form(header, single=False).allows(JPEG_2000) is allowed


@pytest.mark.parametrize(
    ("header", "stored", "part"),
    [
        ('multipart/related; type="*/*"', JPEG_2000, f"image/jp2; transfer-syntax={JPEG_2000}"),
        ('multipart/related; type="image/jp2"', JPEG_2000, f"image/jp2; transfer-syntax={JPEG_2000}"),
        (f"{OCTETS}; transfer-syntax=*", JPEG_2000, f"application/octet-stream; transfer-syntax={JPEG_2000}"),
        (f"{OCTETS}; transfer-syntax={JPEG_2000}", JPEG_2000, f"application/octet-stream; transfer-syntax={JPEG_2000}"),
        (OCTETS, EXPLICIT_LITTLE, f"application/octet-stream; transfer-syntax={EXPLICIT_LITTLE}"),
        (OCTETS, IMPLICIT, f"application/octet-stream; transfer-syntax={EXPLICIT_LITTLE}"),
        (
            f"{OCTETS}; transfer-syntax={EXPLICIT_LITTLE}",
            IMPLICIT,
            f"application/octet-stream; transfer-syntax={EXPLICIT_LITTLE}",
        ),
        ("", EXPLICIT_LITTLE, f"application/octet-stream; transfer-syntax={EXPLICIT_LITTLE}"),
    ],
)
def test_a_frame_says_what_it_is_in(header: str, stored: str, part: str) -> None:
    """Every part of frames names its transfer syntax; native little endian frames are those of Explicit VR."""
    assert frame_form(header, stored, single=False) == ("multipart", part)


def test_compressed_frames_never_pass_for_plain_octets() -> None:
    """Who asks for octets without naming a syntax expects plain pixels, and is refused compressed ones."""
    with pytest.raises(Refused, match="not-acceptable"):
        frame_form(OCTETS, JPEG_2000, single=False)


def test_one_frame_may_come_alone() -> None:
    """One frame is sent as one part to who asks for that, several never are."""
    assert frame_form("image/jp2", JPEG_2000, single=True) == ("single", f"image/jp2; transfer-syntax={JPEG_2000}")
    with pytest.raises(Refused, match="not-acceptable"):
        frame_form("image/jp2", JPEG_2000, single=False)


def test_frames_in_another_syntax_are_refused() -> None:
    """Nothing is decoded or compressed on the way out."""
    with pytest.raises(Refused, match="not-acceptable"):
        frame_form(f"{OCTETS}; transfer-syntax={EXPLICIT_LITTLE}", JPEG_2000, single=False)


@given(st.text(alphabet='abc*/;,="\\q.019 +-', max_size=60))
def test_any_header_is_read_or_refused(header: str) -> None:
    """Whatever stands in an Accept header, it is a preference or a refusal."""
    outcome = attempt(ranges, header)
    if isinstance(outcome, Outcome):
        assert outcome.reason == "not-acceptable"
    else:
        assert all(found.quality > 0 for found in outcome)


def test_quotes_hide_commas_and_semicolons() -> None:
    """A quoted value is one value, whatever stands in it."""
    found = ranges('multipart/related; type="a,b;c"; q=0.5, text/plain')
    assert [(r.type, r.part, r.quality) for r in found] == [
        ("text/plain", "*/*", 1.0),
        ("multipart/related", "a,b;c", 0.5),
    ]


def test_every_compressed_syntax_has_an_image_type() -> None:
    """The table names images only."""
    assert all(kind.startswith("image/") for kind in FRAME_TYPES.values())


@pytest.mark.parametrize("piece", ['"', '"\\', '"a', ',"\\"', ';"', "a;"])
def test_a_long_header_is_read_in_one_go(piece: str) -> None:
    """Quotes that are never closed cost no more than others: a header of 64 KiB is read at once."""
    ranges(piece * (65536 // len(piece)))
