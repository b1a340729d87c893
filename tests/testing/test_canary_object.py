from __future__ import annotations

from io import BytesIO

import pydicom
import pytest

from kaname.testing.canary import LEFT_OUT, TEXT_VRS, canary_object, text_attributes


@pytest.mark.parametrize("implicit", [False, True])
def test_every_text_attribute_holds_a_canary_in_four_places(implicit: bool) -> None:  # noqa: FBT001
    """Each text attribute of the dictionary has its canary on the top level and in three kinds of sequences."""
    made = canary_object(implicit=implicit)
    attributes = list(text_attributes())
    assert len(attributes) > 2_400
    assert len(made.canaries) == 4 * len(attributes) - 4 - (len(LEFT_OUT) - 1) + 2
    assert len(set(made.canaries.values())) == len(made.canaries)
    missing = [place for place, canary in made.canaries.items() if canary.encode() not in made.data]
    assert missing == []


def test_the_attributes_are_those_of_the_standard() -> None:
    """Text attributes are those whose VR holds text, retired ones, overlays and curves included."""
    vrs = {keyword: vr for _, vr, keyword in text_attributes()}
    assert set(vrs.values()) == set(TEXT_VRS)
    assert vrs["PatientName"] == "PN"
    assert {"OverlayLabel", "CurveLabel", "RetrieveURL", "TextValue", "DocumentTitle"} <= set(vrs)
    assert set(LEFT_OUT) <= set(vrs)


def test_values_break_the_grammar_of_their_vr() -> None:
    """No canary is a date, a time, an age, a number or a code."""
    made = canary_object()
    constrained = [
        made.canaries[f"top level/{keyword}"]
        for _, vr, keyword in text_attributes()
        if vr in ("AS", "CS", "DA", "DS", "DT", "IS", "TM") and keyword not in LEFT_OUT
    ]
    assert all(canary.startswith("Cnry") and canary.isalnum() and len(canary) <= 16 for canary in constrained)
    assert any(not canary.isascii() for canary in made.canaries.values())


def test_the_object_is_a_ct_that_any_reader_opens() -> None:
    """A foreign reader finds a CT slice with its pixels and canaries inside the sequence that is written as UN."""
    made = canary_object()
    ds = pydicom.dcmread(BytesIO(made.data))
    assert (ds.Modality, ds.Rows, len(ds.PixelData)) == ("CT", 32, 32 * 32 * 2)
    inside = ds.PerFrameFunctionalGroupsSequence[0]
    assert inside.PatientID == made.canaries["sequence as UN/PatientID"]


def test_attributes_can_be_left_without_a_canary() -> None:
    """Attributes that a registry keeps can be left out in every place."""
    made = canary_object(without={"Manufacturer"})
    assert not any(place.endswith("/Manufacturer") for place in made.canaries)
    assert len(canary_object().canaries) == len(made.canaries) + 4
