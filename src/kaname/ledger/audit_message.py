"""Events as DICOM audit messages (PS3.15 A.5, the XML of A.5.1): one message for each event.

A message says who, what, when and about which of our ids, and where the event stands in the ledger. Of the facts it
carries the registry and the reason code alone, so that nothing leaves by this way that somebody once wrote there.
"""

from __future__ import annotations

import re
import tomllib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from xml.etree import ElementTree as ET

from kaname.errors import reasons
from kaname.ledger.model import Event

OURS = "99KANAME"
"""Coding scheme of our own words."""
REGISTRY = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
NO_XML = re.compile(
    "[^\x20-\x7e\xa0-\u2027\u2030-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0001fffd\U00020000-\U0010fffd]"
)
"""What no XML may hold, and line ends: a message is one line."""
SERVER = "4"
"""Audit Source Type Code: application server process."""


@dataclass(frozen=True, slots=True)
class Told:
    """What an action is as a DICOM audit event."""

    event: str
    """Code (DCM)."""
    action: str
    """``C``, ``R``, ``U``, ``D`` or ``E``."""
    object: str
    """What ``about`` names."""
    type: str = ""
    """Code of the event's type (DCM), where there is one."""
    outcome: str = "0"


@dataclass(frozen=True, slots=True)
class Table:
    """What the file says."""

    actions: Mapping[str, Told]
    names: Mapping[str, str]
    objects: Mapping[str, tuple[str, str]]


OTHER = Told("110100", "E", "thing")
"""Of an action that the table does not name: Application Activity claims least."""


@cache
def table() -> Table:
    """The table of actions."""
    data = tomllib.loads(files("kaname.ledger").joinpath("audit_message.toml").read_text(encoding="utf-8"))
    return Table(
        {name: Told(*fields) for name, fields in data["actions"].items()},
        data["names"],
        {name: (kind, role) for name, (kind, role) in data["objects"].items()},
    )


def audit_message(event: Event, node: str) -> str:
    """One event as one line of XML.

    Args:
        event: The event.
        node: Name of the node whose ledger it stands in.
    """
    told = table().actions.get(event.action, OTHER)
    root = ET.Element("AuditMessage")
    head = _add(
        root,
        "EventIdentification",
        EventActionCode=told.action,
        EventDateTime=event.at,
        EventOutcomeIndicator=told.outcome,
    )
    _code(head, "EventID", told.event)
    _own_code(head, "EventTypeCode", event.action)
    if told.type:
        _code(head, "EventTypeCode", told.type)
    reason = event.facts.get("reason")
    if isinstance(reason, str) and reason in reasons():
        _add(head, "EventOutcomeDescription").text = reason
    _add(root, "ActiveParticipant", UserID=event.actor, UserIsRequestor="true")
    source = _add(root, "AuditSourceIdentification", AuditSourceID=node)
    ET.SubElement(source, "AuditSourceTypeCode", {"csd-code": SERVER})
    _object(root, event, *table().objects[told.object])
    return ET.tostring(root, encoding="unicode")


def _object(root: ET.Element, event: Event, kind: str, role: str) -> None:
    place = _add(
        root,
        "ParticipantObjectIdentification",
        ParticipantObjectID=event.about,
        ParticipantObjectTypeCode=kind,
        ParticipantObjectTypeCodeRole=role,
    )
    _own_code(place, "ParticipantObjectIDTypeCode", "about")
    _add(place, "ParticipantObjectName").text = _clean(event.about)
    details = {"ledger-sequence": str(event.sequence), "ledger-digest": event.digest}
    registry = event.facts.get("registry")
    if isinstance(registry, str) and REGISTRY.fullmatch(registry):
        details["registry"] = registry
    for name, text in details.items():
        _add(place, "ParticipantObjectDetail", type=name, value=b64encode(text.encode()).decode())


def _code(parent: ET.Element, tag: str, code: str) -> None:
    texts = {"csd-code": code, "codeSystemName": "DCM", "originalText": table().names[code]}
    ET.SubElement(parent, tag, texts)


def _own_code(parent: ET.Element, tag: str, word: str) -> None:
    text = _clean(word)
    ET.SubElement(parent, tag, {"csd-code": text, "codeSystemName": OURS, "originalText": text})


def _add(parent: ET.Element, tag: str, **attributes: str) -> ET.Element:
    return ET.SubElement(parent, tag, {name: _clean(text) for name, text in attributes.items()})


def _clean(text: str) -> str:
    return NO_XML.sub("\ufffd", text)
