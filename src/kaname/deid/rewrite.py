"""Rewrites what a rule changes and copies the rest: one data set, every depth.

Runs of elements that stay are copied as one slice. Sequences are always opened; what comes out has defined lengths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from kaname.deid.dates import shift_dates, shift_datetimes
from kaname.deid.keys import RegistryKeys
from kaname.deid.rules import Action, Step, step_for
from kaname.deid.values import WIDTHS, cap_age, dummy, is_age, is_code, is_decimal, is_integer, is_numeric, is_time
from kaname.dicom import charset
from kaname.dicom.part10 import Buffer
from kaname.dicom.scan import ITEM, LONG_VRS, Element, elements, items, tag_of
from kaname.dicom.standard import dictionary
from kaname.errors import Refused

KNOWN_SCHEMES = frozenset(
    b"DCM SCT SRT SNM3 LN UCUM RADLEX RADELEMENT FMA NCIt UMLS MA UBERON I10 ICDO3 DCMUID IBSI BI ACR".split()
)
"""Coding schemes of PS3.16 Annex 8 whose terms are public; local schemes (``99…``) may say anything."""
_TAG_BYTES, _SHORT_LENGTH_MAX, _HEADS_REMEMBERED = 4, 0xFFFE, 1 << 16
_SCHEME = b"\x08\x00\x02\x01"
_CHECKS: Mapping[bytes, Callable[[bytes], bool]] = {
    b"CS": is_code,
    b"DS": is_decimal,
    b"IS": is_integer,
    b"TM": is_time,
    b"AS": is_age,
}
Plan = dict[bytes, tuple[Action, Step]]


@dataclass(slots=True)
class Rewriter:
    """Rewrites the data sets of one object for one subject."""

    registry_id: str
    keys: RegistryKeys
    plans: tuple[Plan, Plan]
    """Steps met before, by head: explicit and implicit encoding."""
    buffer: Buffer
    subject: str
    days: int
    charset: Sequence[str]
    own: tuple[bytes, ...] = ()
    """The record's own identity in UTF-8: a kept text that contains one is emptied."""
    counts: list[int] = field(default_factory=lambda: [0] * len(Action))

    def data_set(
        self, found: Sequence[Element], out: list[bytes], *, implicit: bool, depth: int = 0, known_code: bool = False
    ) -> Element | None:
        """Appends the rewritten elements to ``out``; stops at the pixel data, which it returns, on the top level."""
        buffer, counts = self.buffer, self.counts
        plan = self.plans[implicit]
        run = stop = found[0][1] if found else 0
        for element in found:
            head, start, value, end = element
            action, step = plan.get(head) or self._learn(plan, head)
            counts[action] += 1
            if (action is Action.KEEP and end - value <= step.limit) or (
                action <= Action.CHECK and self._passes(step, buffer[value:end])
            ):
                stop = end
                continue
            if action is Action.PIXELS and depth == 0:
                out.append(buffer[run:start])
                return element
            if run != start:
                out.append(buffer[run:start])
            if action is not Action.REMOVE:
                out.append(self._replace(step, element, implicit=implicit, depth=depth, known_code=known_code))
            run = stop = end
        out.append(buffer[run:stop])
        return None

    def _learn(self, plan: Plan, head: bytes) -> tuple[Action, Step]:
        step = step_for(self.registry_id, tag_of(head), head[4:])
        action = Action.RETYPE if head[4:] == b"UN" and step.action in (Action.KEEP, Action.CHECK) else step.action
        if len(plan) >= _HEADS_REMEMBERED:  # a hostile file may bring any number of them
            plan.clear()
        plan[head] = found = (action, step)
        return found

    def _passes(self, step: Step, value: bytes) -> bool:
        if self._looks_right(step, value) and not (self.own and any(word in value for word in self.own)):
            return True
        self.counts[Action.EMPTY] += 1
        return False

    @staticmethod
    def _looks_right(step: Step, value: bytes) -> bool:
        if (check := _CHECKS.get(step.vr)) is not None:
            return check(value) and (not step.most or value.count(b"\\") < step.most)
        return step.vr not in WIDTHS or len(value) <= step.limit or is_numeric(value, step.vr, step.most)

    def _replace(self, step: Step, element: Element, *, implicit: bool, depth: int, known_code: bool) -> bytes:
        """The element anew, with the value that its step asks for."""
        head, _, value, end = element
        if step.action in (Action.OPEN, Action.PIXELS):
            return self._sequence(element, implicit=implicit, depth=depth + 1) if step.vr == b"SQ" else b""
        old = self.buffer[value:end]
        if head[4:] == b"UN":
            head = head[:4] + step.vr
            if step.action in (Action.KEEP, Action.CHECK):
                return encode(head, old if self._passes(step, old) else b"", step.vr)
        if step.action in (Action.KEEP, Action.CHECK):
            return encode(head, b"", step.vr)
        return encode(head, self._new_value(step, old, known_code=known_code), step.vr)

    def _new_value(self, step: Step, old: bytes, *, known_code: bool) -> bytes:
        match step.action:
            case Action.EMPTY:
                return b""
            case Action.DUMMY:
                return dummy(step.vr, old)
            case Action.UID:
                return self._uids(old) if step.vr == b"UI" else b""
            case Action.SHIFT:
                moved = (shift_dates if step.vr == b"DA" else shift_datetimes)(old, self.days)
                return moved or b""
            case Action.SUBJECT:
                return self.subject.encode()
            case Action.ACCESSION:
                number = charset.decode(old.strip(b"\0 "), self.charset)
                return self.keys.accession(number).encode() if number else b""
            case Action.AGE:
                return cap_age(old) or b""
            case Action.CODE if not known_code:
                return dummy(step.vr, old)
            case _:
                return self._text(old)

    def _text(self, old: bytes) -> bytes:
        """A kept text in UTF-8, empty where it repeats the record's own identity."""
        value = old if charset.is_plain(old) else charset.decode(old, self.charset).encode()
        return b"" if self.own and any(word in value for word in self.own) else value.rstrip(b"\0 ")

    def _uids(self, old: bytes) -> bytes:
        parts = old.rstrip(b"\0 ").split(b"\\")
        return b"\\".join(self.keys.uid(p.decode("latin-1")).encode() if p else b"" for p in parts)

    def _sequence(self, element: Element, *, implicit: bool, depth: int) -> bytes:
        head, _, _, _ = element
        inside_implicit = implicit or head[4:] == b"UN"
        out: list[bytes] = []
        outer = self.charset
        for item in items(self.buffer, element, implicit=inside_implicit, depth=depth):
            if len({e[0][:4] for e in item}) != len(item):
                raise Refused("malformed-dicom")
            body: list[bytes] = []
            self.charset = self._charset_of(item) or outer
            self.data_set(item, body, implicit=inside_implicit, depth=depth, known_code=self._code_is_known(item))
            self.charset = outer
            joined = b"".join(body)
            out.append(encode_item(explicit(joined) if head[4:] == b"UN" else joined))
        return encode(head[:4] + b"SQ" if head[4:] else head, b"".join(out), b"SQ")

    def _charset_of(self, item: Sequence[Element]) -> Sequence[str]:
        for head, _, value, end in item:
            if head[:4] == b"\x08\x00\x05\x00":
                return tuple(self.buffer[value:end].rstrip(b"\0 ").decode("latin-1").split("\\"))
        return ()

    def _code_is_known(self, item: Sequence[Element]) -> bool:
        """Whether the item is no code, or a code of a public scheme."""
        for head, _, value, end in item:
            if head[:4] == _SCHEME:
                return self.buffer[value:end].strip(b"\0 ") in KNOWN_SCHEMES
        return False


def encode(head: bytes, value: bytes, vr: bytes) -> bytes:
    """An element of a new value, padded to even length; ``head`` decides between explicit and implicit VR.

    A value too long for the 16 bits that explicit VRs of text have for its length leaves empty.
    """
    if len(value) > _SHORT_LENGTH_MAX and len(head) > _TAG_BYTES and head[4:] not in LONG_VRS:
        value = b""
    if len(value) % 2:
        value += b"\0" if vr in (b"UI", b"OB", b"UN") else b" "
    if len(head) == _TAG_BYTES:
        return head + len(value).to_bytes(4, "little") + value
    if head[4:] in LONG_VRS:
        return head + b"\0\0" + len(value).to_bytes(4, "little") + value
    return head + len(value).to_bytes(2, "little") + value


def encode_item(body: bytes) -> bytes:
    """One sequence item of defined length."""
    return ITEM + len(body).to_bytes(4, "little") + body


def element(tag: int, vr: bytes, value: bytes, *, implicit: bool) -> bytes:
    """A new element."""
    number = bytes((tag >> 16 & 0xFF, tag >> 24, tag & 0xFF, tag >> 8 & 0xFF))
    return encode(number if implicit else number + vr, value, vr)


def long_element(tag: int, length: int, *, implicit: bool) -> bytes:
    """The header of an element of OB, whose value of ``length`` bytes and its padding follow."""
    whole = element(tag, b"OB", b"", implicit=implicit)
    return whole[:-4] + (length + length % 2).to_bytes(4, "little")


def explicit(data: bytes) -> bytes:
    """An implicit data set that was judged already, in explicit VR: what came inside a UN leaves in its own VRs.

    Every attribute in it is one of the Standard, since everything else was removed.
    """
    out: list[bytes] = []
    for found in elements(data, 0, len(data), implicit=True):
        head, _, value, end = found
        vr = dictionary()[tag_of(head)].vr.split(" or ")[0].encode()
        body = data[value:end]
        if vr == b"SQ":
            parts = items(data, found, implicit=True, depth=0)
            body = b"".join(encode_item(explicit(data[p[0][1] : p[-1][3]]) if p else b"") for p in parts)
        out.append(encode(head + vr, body, vr))
    return b"".join(out)
