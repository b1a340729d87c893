"""The crossing: ``Identified`` in, ``Deidentified`` out, or a reason why nothing left.

One object at a time: survey, judge the pixels, rewrite the header, copy the pixel bytes, hash on the way. The input
is never written to. What comes out depends on the input, the key, the registry and this version alone.
"""

from __future__ import annotations

import hashlib
import os
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from operator import lt
from pathlib import Path

import kaname
from kaname.deid.blank import REPLACED, Blanked, blanked
from kaname.deid.identified import Identified
from kaname.deid.keys import RegistryKeys
from kaname.deid.model import MADE_BY_CROSSING, Attestation, Deidentified
from kaname.deid.pixels import hold_if_doubtful
from kaname.deid.rewrite import Plan, Rewriter, element, encode_item, long_element
from kaname.deid.rules import Action
from kaname.deid.streams import holds_writing
from kaname.deid.survey import Survey, survey
from kaname.deid.writing import Untouched, looked_through
from kaname.dicom.charset import UTF_8
from kaname.dicom.keys import InstanceKey
from kaname.dicom.part10 import EXPLICIT_LITTLE, IMPLICIT_LITTLE, write_meta
from kaname.dicom.scan import Element, tag_of
from kaname.dicom.standard import EDITION
from kaname.errors import NotYet, Refused
from kaname.registries import Registry
from kaname.registries.model import OPTION_CODES

PIXEL_DATA = 0x7FE00010
_METHOD = b"KANAME"
_SHORTEST_ASCII, _SHORTEST_OTHER, _SHORTEST_IN_STREAM = 4, 6, 6
_SEPARATORS = re.compile(r"[\^=\s　]+")
Picture = Blanked | Untouched
Check = Callable[[Survey, Path], None]
"""Looks at what came out, knowing what went in; raises where it may not leave."""


@dataclass(slots=True)
class Engine:
    """De-identifies for one registry with one key. Not shared between threads."""

    registry: Registry
    keys: RegistryKeys
    gateway: str
    _plans: tuple[Plan, Plan] = field(default_factory=lambda: ({}, {}), repr=False)
    _marks: dict[tuple[bool, bool], list[tuple[int, bytes]]] = field(
        default_factory=dict[tuple[bool, bool], list[tuple[int, bytes]]], repr=False
    )

    @property
    def attestation(self) -> Attestation:
        """What this engine vouches for."""
        return Attestation(
            gateway=self.gateway,
            registry=self.registry.id,
            registry_version=self.registry.version,
            standard_edition=EDITION,
            software=f"kaname {kaname.__version__}",
            key_id=self.keys.key_id,
        )

    def subject(self, found: Survey) -> str:
        """The pseudonym of the patient. A record without a patient number is a subject of its own study."""
        number = found.text(0x10, 0x20)
        if number:
            return self.keys.subject(number, found.text(0x10, 0x21))
        return self.keys.subject(f"study|{found.key.study_instance_uid}")

    def key(self, found: Survey) -> InstanceKey:
        """The UIDs of the object behind the crossing."""
        old = found.key
        return InstanceKey(
            self.keys.uid(old.study_instance_uid),
            self.keys.uid(old.series_instance_uid),
            self.keys.uid(old.sop_instance_uid),
            old.sop_class_uid,
        )

    def cross(self, identified: Identified, folder: Path, check: Check | None = None) -> Deidentified:
        """De-identifies one object into ``folder/<subject>/<study>/<series>/<instance>.dcm``.

        Args:
            identified: the object.
            folder: where to.
            check: sees the file before it has its name, and raises where it may not have it.

        Raises:
            Refused: the object is broken, hostile or ``already-deidentified``.
            NotYet: a person has to look, ``same-uid-other-bytes`` included: nothing was left in ``folder``.
        """
        found = survey(identified)
        if found.raw(0x12, 0x63).startswith(_METHOD) and found.raw(0x12, 0x62) == b"YES":
            raise Refused("already-deidentified")
        hold_if_doubtful(found, self.registry)
        picture = self._look(found)
        subject, key = self.subject(found), self.key(found)
        own = own_words(found)
        crossed = self._rewrite(found, picture, subject, ())
        if any(word in crossed.head or word in crossed.tail for word in own):
            crossed = self._rewrite(found, picture, subject, own)
        crossed.hold_if_named_in_stream(own, found.transfer_syntax_uid)
        meta = write_meta(key.sop_class_uid, key.sop_instance_uid, crossed.transfer_syntax_uid)
        target = folder / subject / key.study_instance_uid / key.series_instance_uid / f"{key.sop_instance_uid}.dcm"
        digest, size = write_once(
            folder, target, chain((meta,), crossed.parts()), partial(check, found) if check else None
        )
        return Deidentified(
            key, subject, self.registry.id, target, digest, size, self.attestation, MADE_BY_CROSSING, crossed.actions
        )

    def _look(self, found: Survey) -> Picture | None:
        """The pixels of a class that has to be looked at, as they may leave."""
        rules, sop_class = self.registry.pixels, found.key.sop_class_uid
        if sop_class in rules.regions:
            return blanked(found)
        return looked_through(found) if sop_class in rules.writing else None

    def _rewrite(self, found: Survey, picture: Picture | None, subject: str, own: tuple[bytes, ...]) -> _Crossed:
        days = self.keys.days(subject)
        rewriter = Rewriter(self.registry.id, self.keys, self._plans, found.body, subject, days, found.charset, own)
        there, tags = found.elements, [tag_of(e[0]) for e in found.elements]
        if not all(map(lt, tags, tags[1:])):  # in order, none twice
            raise Refused("malformed-dicom")
        if isinstance(picture, Blanked):
            there = [e for e, tag in zip(there, tags, strict=True) if tag not in REPLACED]
            tags = [tag_of(e[0]) for e in there]
        head: list[bytes] = []
        tail: list[bytes] = []
        position = 0
        for tag, data in self._inserts(found, picture, subject):
            cut = bisect_left(tags, tag)
            rewriter.data_set(there[position:cut], head, implicit=found.implicit)
            head.append(data)
            position = cut
        pixels = rewriter.data_set(there[position:], head, implicit=found.implicit)
        if pixels is not None:
            rest = there[bisect_left(tags, tag_of(pixels[0])) + 1 :]
            if rewriter.data_set(rest, tail, implicit=found.implicit) is not None:
                raise Refused("malformed-dicom")
        return _Crossed(found, picture, b"".join(head), pixels, b"".join(tail), rewriter.counts)

    def _inserts(self, found: Survey, picture: Picture | None, subject: str) -> list[tuple[int, bytes]]:
        """Elements that every output carries, or that are true of a picture looked at, in the order of their tags."""
        way = found.implicit, picture is not None
        marks = self._marks.get(way) or self._marks.setdefault(way, self._mark(found.implicit, cleaned=way[1]))
        true_now = picture.header if picture else ()
        drawn = [(tag, element(tag, vr, value, implicit=found.implicit)) for tag, vr, value in true_now]
        absent = [
            (tag, element(tag, vr, subject.encode(), implicit=found.implicit))
            for tag, vr in ((0x00100010, b"PN"), (0x00100020, b"LO"))
            if not found.has(tag)
        ]
        return sorted([*marks, *absent, *drawn])

    def _mark(self, implicit: bool, *, cleaned: bool) -> list[tuple[int, bytes]]:  # noqa: FBT001
        """The markers of PS3.15 section E.1.1: only codes of CID 7050 that this registry really satisfies."""
        made = self.attestation
        method = f"KANAME {kaname.__version__}; {made.registry}/{made.registry_version}; PS3.15 {made.standard_edition}"
        codes = [("113100", "Basic Application Confidentiality Profile")]
        codes += [("113101", "Clean Pixel Data Option")] * cleaned
        codes += sorted(OPTION_CODES[option] for option in self.registry.deid.options)
        items = b"".join(
            encode_item(
                element(0x00080100, b"SH", value.encode(), implicit=implicit)
                + element(0x00080102, b"SH", b"DCM", implicit=implicit)
                + element(0x00080104, b"LO", meaning.encode(), implicit=implicit)
            )
            for value, meaning in codes
        )
        marks = [
            (0x00080005, b"CS", UTF_8.encode()),
            (0x00120062, b"CS", b"YES"),
            (0x00120063, b"LO", f"{method}; key {made.key_id}".encode()),
            (0x00120064, b"SQ", items),
        ]
        if "modified_dates" in self.registry.deid.options:
            marks.append((0x00280303, b"CS", b"MODIFIED"))
        return [(tag, element(tag, vr, value, implicit=implicit)) for tag, vr, value in marks]


@dataclass(frozen=True, slots=True)
class _Crossed:
    """One object rewritten in memory; the pixel bytes still where they were, or waiting to be decoded and blanked."""

    found: Survey
    picture: Picture | None
    head: bytes
    pixel_element: Element | None
    tail: bytes
    counts: list[int]

    @property
    def transfer_syntax_uid(self) -> str:
        """The syntax of what leaves."""
        if not isinstance(self.picture, Blanked):
            return self.found.transfer_syntax_uid
        return IMPLICIT_LITTLE if self.found.implicit else EXPLICIT_LITTLE

    def parts(self) -> Iterator[bytes | memoryview]:
        """The data set, piece by piece."""
        yield self.head
        if isinstance(self.picture, Blanked):
            yield long_element(PIXEL_DATA, self.picture.length, implicit=self.found.implicit)
            yield from self.picture.frames()
            yield b"\0" * (self.picture.length % 2)
        elif self.pixel_element is not None:
            yield memoryview(self.found.body)[self.pixel_element[1] : self.pixel_element[3]]
        yield self.tail

    @property
    def actions(self) -> Counter[str]:
        """How often each action was taken, by its name; of a blanked picture its frames, and what was looked at."""
        taken = Counter({a.name.lower(): n for a, n in zip(Action, self.counts, strict=True) if n})
        if isinstance(self.picture, Blanked):
            taken.update(blanked_frames=len(self.picture.spans))
        if self.picture is not None:
            taken.update(detector_frames=self.picture.looked_at)
        return taken

    def hold_if_named_in_stream(self, own: tuple[bytes, ...], transfer_syntax_uid: str) -> None:
        """Compressed streams have comment segments: one that tells more than its software's name is held.

        Raises:
            NotYet: ``pixels-may-identify``.
        """
        if self.pixel_element is None or isinstance(self.picture, Blanked):
            return
        _, _, value, end = self.pixel_element
        body = self.found.body
        if body[value - 4 : value] != b"\xff\xff\xff\xff":
            return
        long_enough = [word for word in own if len(word) >= _SHORTEST_IN_STREAM]
        named = any(body.find(word, value, end) >= 0 for word in long_enough)
        if named or holds_writing(body, value, end, transfer_syntax_uid):
            raise NotYet("pixels-may-identify", sign="comment in the compressed stream")


def own_words(found: Survey) -> tuple[bytes, ...]:
    """What names the patient in this very record, as it would stand in a UTF-8 header."""
    words: set[str] = set()
    for kind, values in found.forms().items():
        for value in values:
            words.add(value)
            if kind in ("name", "person"):
                words.update(_SEPARATORS.split(value))
    return tuple(
        sorted(w.encode() for w in words if len(w.encode()) >= (_SHORTEST_ASCII if w.isascii() else _SHORTEST_OTHER))
    )


def write_once(
    folder: Path, target: Path, parts: Iterable[bytes | memoryview], check: Callable[[Path], None] | None = None
) -> tuple[str, int]:
    """Writes a file below ``folder`` under its final name whole and checked or not at all.

    The same bytes again change nothing. Whatever goes wrong, no draft and no empty folder stays.

    Returns:
        SHA-256 (hex) and size in bytes.

    Raises:
        NotYet: ``same-uid-other-bytes`` when other bytes already stand there.
    """
    digest, size = hashlib.sha256(), 0
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{target.stem}.{os.getpid()}.part"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
    try:
        try:
            for part in parts:
                digest.update(part)
                size += len(part)
                _write_all(descriptor, memoryview(part))
        finally:
            os.close(descriptor)
        if check is not None:
            check(draft)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(draft, target)
    except FileExistsError:
        if hashlib.sha256(target.read_bytes()).digest() != digest.digest():
            raise NotYet("same-uid-other-bytes") from None
    finally:
        draft.unlink()
    return digest.hexdigest(), size


def _write_all(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
