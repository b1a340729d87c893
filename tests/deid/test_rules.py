from __future__ import annotations

import pytest

from kaname.deid.rules import Action, step_for
from kaname.dicom.standard import confidentiality, dictionary
from kaname.registries import ids


@pytest.mark.parametrize("registry", ids())
def test_every_row_of_the_table(registry: str) -> None:
    """No attribute that Table E.1-1 removes or replaces is let through, in any registry, unless an option says so."""
    through = {Action.KEEP, Action.CHECK, Action.TEXT, Action.CODE}
    for tag, row in confidentiality().items():
        vr = dictionary()[tag].vr.split(" or ")[0].encode()
        step = step_for(registry, tag, vr)
        if step.action in through:
            assert row.options.get("patient_characteristics") == "K" or row.options.get("modified_dates") == "C", step


@pytest.mark.parametrize(
    ("tag", "vr", "action"),
    [
        (0x00100010, b"PN", Action.SUBJECT),
        (0x00100020, b"LO", Action.SUBJECT),
        (0x00100030, b"DA", Action.EMPTY),
        (0x00100040, b"CS", Action.CHECK),
        (0x00101010, b"AS", Action.AGE),
        (0x00101030, b"DS", Action.CHECK),
        (0x00080020, b"DA", Action.SHIFT),
        (0x00080030, b"TM", Action.CHECK),
        (0x00080050, b"SH", Action.ACCESSION),
        (0x00080080, b"LO", Action.DUMMY),
        (0x00081140, b"SQ", Action.OPEN),
        (0x00080018, b"UI", Action.UID),
        (0x00080070, b"LO", Action.TEXT),
        (0x00080104, b"LO", Action.CODE),
        (0x00104000, b"LT", Action.REMOVE),
        (0x00280010, b"US", Action.KEEP),
        (0x00281201, b"OW", Action.KEEP),
        (0x7FE00010, b"OW", Action.PIXELS),
        (0x00091001, b"LO", Action.REMOVE),
        (0x00080000, b"UL", Action.REMOVE),
        (0x60003000, b"OW", Action.REMOVE),
        (0x50003000, b"OW", Action.REMOVE),
        (0xFFFCFFFC, b"OB", Action.REMOVE),
        (0x00020016, b"AE", Action.REMOVE),
        (0x00189999, b"LO", Action.REMOVE),
        (0x00189999, b"", Action.REMOVE),
        (0x00280010, b"LO", Action.REMOVE),
        (0x00400260, b"OB", Action.REMOVE),
        (0x00080018, b"", Action.UID),
        (0x00080018, b"UN", Action.UID),
        (0x00321064, b"OB", Action.REMOVE),
        (0x00200052, b"UI", Action.UID),
        (0x00189074, b"DT", Action.SHIFT),
        (0x00720061, b"DA", Action.SHIFT),
        (0x00280106, b"UL", Action.KEEP),
        (0x00280106, b"LO", Action.REMOVE),
        (0x00280010, b"CS", Action.REMOVE),
    ],
)
def test_judgement(tag: int, vr: bytes, action: Action) -> None:
    """One attribute of each kind gets the action that its rule asks for."""
    assert step_for("j-mid", tag, vr).action is action


def test_every_attribute_has_a_reason() -> None:
    """Every decision about every attribute of the Standard states its rule and its reason, and can name it."""
    for tag, attribute in dictionary().items():
        step = step_for("basic", tag, attribute.vr.split(" or ")[0].encode())
        assert step.rule
        assert step.reason
        assert step.attribute
