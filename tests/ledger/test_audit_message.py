"""Events as DICOM audit messages (PS3.15 A.5)."""

from __future__ import annotations

import ast
from base64 import b64decode
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.house.sources import python_files, tree

from kaname.ledger import Event
from kaname.ledger.audit_message import OTHER, audit_message, table

CANARY = "カナリア太郎 CANARY^TARO 19700101"
DIGEST = "5f" * 32
CODED = {"EventID", "EventTypeCode", "ParticipantObjectIDTypeCode"}
ORDER = ["EventIdentification", "ActiveParticipant", "AuditSourceIdentification", "ParticipantObjectIdentification"]
WITHIN = {
    "EventIdentification": ["EventID", "EventTypeCode", "EventOutcomeDescription"],
    "ActiveParticipant": [],
    "AuditSourceIdentification": ["AuditSourceTypeCode"],
    "ParticipantObjectIdentification": [
        "ParticipantObjectIDTypeCode",
        "ParticipantObjectName",
        "ParticipantObjectDetail",
    ],
}


def event(action: str = "parcel-accepted", **fields: Any) -> Event:
    """An event of that action."""
    whole: dict[str, Any] = {
        "sequence": 7, "at": "2026-11-21T03:00:00Z", "actor": "hub-1", "action": action, "about": DIGEST,
        "facts": {}, "previous": "0" * 64, "digest": "ab" * 32,
    }  # fmt: skip
    return Event(**(whole | fields))


def read(message: str) -> ET.Element:
    """The message, once its form is that of the schema of A.5.1: which elements, in which order, with which codes."""
    root = ET.fromstring(message)  # noqa: S314 -- our own
    assert root.tag == "AuditMessage"
    assert [part.tag for part in root] == ORDER
    for part in root:
        tags = [inner.tag for inner in part]
        assert tags == sorted(tags, key=WITHIN[part.tag].index)
    for coded in root.iter():
        if coded.tag in CODED:
            assert set(coded.attrib) == {"csd-code", "codeSystemName", "originalText"}
    identified = root[0].attrib
    assert identified["EventActionCode"] in "CRUDE"
    assert identified["EventOutcomeIndicator"] in {"0", "4", "8", "12"}
    return root


def codes(root: ET.Element, tag: str) -> list[tuple[str, str, str]]:
    """Code, coding scheme and meaning of each."""
    return [(e.attrib["csd-code"], e.attrib["codeSystemName"], e.attrib["originalText"]) for e in root.iter(tag)]


def details(root: ET.Element) -> dict[str, str]:
    """What else a message says."""
    return {e.attrib["type"]: b64decode(e.attrib["value"]).decode() for e in root.iter("ParticipantObjectDetail")}


def test_a_parcel_that_came_is_an_import() -> None:
    """Who, what, when, about which digest, at which place of which ledger."""
    root = read(audit_message(event(facts={"registry": "j-mid", "instances": 3}), "society"))
    assert codes(root, "EventID") == [("110107", "DCM", "Import")]
    assert codes(root, "EventTypeCode") == [("parcel-accepted", "99KANAME", "parcel-accepted")]
    assert root[0].attrib == {
        "EventActionCode": "C",
        "EventDateTime": "2026-11-21T03:00:00Z",
        "EventOutcomeIndicator": "0",
    }
    assert root[1].attrib == {"UserID": "hub-1", "UserIsRequestor": "true"}
    assert root[2].attrib == {"AuditSourceID": "society"}
    assert root[3].attrib["ParticipantObjectID"] == DIGEST
    assert details(root) == {"ledger-sequence": "7", "ledger-digest": "ab" * 32, "registry": "j-mid"}


@pytest.mark.parametrize(
    ("action", "code", "types"),
    [
        ("signed-in", "110114", ["signed-in", "110122"]),
        ("signed-out", "110114", ["signed-out", "110123"]),
        ("ledger-read", "110101", ["ledger-read"]),
        ("study-opened", "110103", ["study-opened"]),
        ("parcel-forwarded", "110104", ["parcel-forwarded"]),
        ("model-exported", "110106", ["model-exported"]),
        ("user-revoked", "110113", ["user-revoked", "110137"]),
        ("ledger-contradicted", "110113", ["ledger-contradicted", "110135"]),
        ("an-action-of-next-year", "110100", ["an-action-of-next-year"]),
    ],
)
def test_each_action_has_its_code(action: str, code: str, types: list[str]) -> None:
    """The code of the Standard, and our own word beside it; what is unknown claims least."""
    root = read(audit_message(event(action), "society"))
    assert [one for one, _, _ in codes(root, "EventID")] == [code]
    assert [one for one, _, _ in codes(root, "EventTypeCode")] == types


def test_a_refusal_is_no_success() -> None:
    """Its outcome says so, and its reason is a code of ours."""
    root = read(audit_message(event("parcel-refused", facts={"reason": "parcel-damaged"}), "society"))
    assert root[0].attrib["EventOutcomeIndicator"] == "4"
    assert root[0].findtext("EventOutcomeDescription") == "parcel-damaged"


def test_no_fact_but_registry_and_reason_leaves() -> None:
    """What somebody once wrote among the facts, wherever, is not in the message."""
    facts = {"registry": CANARY, "reason": CANARY, "name": CANARY, "deep": {CANARY: [CANARY]}}
    message = audit_message(event("parcel-refused", facts=facts), "society")
    assert details(read(message)).keys() == {"ledger-sequence", "ledger-digest"}
    for word in CANARY.split():
        assert word not in message


@given(st.text(), st.text())
def test_every_message_is_one_line_of_good_xml(actor: str, about: str) -> None:
    """Whatever a name holds."""
    message = audit_message(event(actor=actor, about=about), "society")
    assert len(message.splitlines()) == 1
    read(message)


def test_the_table_holds_together() -> None:
    """Each row names codes and objects that the table knows, and is of no action that nothing appends."""
    found = table()
    for told in (*found.actions.values(), OTHER):
        assert told.event in found.names
        assert told.object in found.objects
        assert not told.type or told.type in found.names


def test_every_action_of_the_ledger_was_looked_at() -> None:
    """What the source appends by a literal has its row in ``audit_message.toml``: somebody chose its code."""
    literals: dict[str, str] = {}
    for path in python_files("src"):
        for node in ast.walk(tree(path)):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "append"
                and node.args
                and isinstance(node.args[0], ast.Constant)
                and any(word.arg == "actor" for word in node.keywords)
            ):
                literals[str(node.args[0].value)] = path.name
    assert literals
    unseen = {*literals} - {*table().actions}
    assert not unseen, f"give each a row in audit_message.toml: {sorted(unseen)}"
