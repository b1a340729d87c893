"""Answers of WADO-RS (PS3.18 section 10.4): everything as it is stored, in pieces.

Nothing is decoded, and no study is ever held in memory: instances flow from the store to the client, one after the
other. What could be refused is looked at before the first byte goes out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from kaname.archive import retrieve
from kaname.archive.model import Located
from kaname.dicom.keys import is_uid
from kaname.errors import Refused
from kaname.ledger import canonical
from kaname.node import Node
from kaname.web.accept import DICOM, MULTIPART, Form, frame_form, instance_form, json_form
from kaname.web.limits import SHOWN_FRAMES
from kaname.web.multipart import Part, begun, new_boundary, write_parts

_FRAMES = re.compile(r"[1-9][0-9]{0,8}(?:,[1-9][0-9]{0,8})*")
NOT_MODIFIED = 304


@dataclass(frozen=True, slots=True)
class Wado:
    """One request to retrieve, by somebody who may see ``registries``.

    Raises:
        Refused: every answer ``not-found``, ``not-acceptable``, ``object-missing``, ``object-damaged``.
        NotYet: ``storage-unreachable``, ``index-busy``.
    """

    node: Node
    registries: tuple[str, ...]
    study: str
    series: str
    """Empty when a whole study is asked for."""
    uid: str
    """SOP Instance UID; empty when a whole series is."""
    named: str
    """The list of frames, as it stands in the path."""
    accept: str
    known: str
    """The If-None-Match header: what the client has already."""
    count: Callable[[int], None]
    """Told how many frames an answer of whole instances holds."""

    @classmethod
    def of(cls, node: Node, registries: tuple[str, ...], request: Request) -> Wado:
        """Reads path and headers.

        Raises:
            Refused: ``not-found`` for what is no UID: it never reaches the database.
        """
        path = request.path_params
        if not all(is_uid(value) for name, value in path.items() if name.endswith("UID")):
            raise Refused("not-found")
        return cls(
            node,
            registries,
            path["StudyInstanceUID"],
            path.get("SeriesInstanceUID", ""),
            path.get("SOPInstanceUID", ""),
            path.get("frames", ""),
            request.headers.get("accept", ""),
            request.headers.get("if-none-match", ""),
            partial(setattr, request.state, SHOWN_FRAMES),
        )

    def instances(self) -> Response:
        """All instances of a study or series, one part each."""
        form = instance_form(self.accept, single=False)
        tag = self._tag(self._counted(self._allowed(form, self._all())), MULTIPART)
        if tag in self.known:
            return _unchanged(tag)
        return _multipart((self._part(located) for located in self._all()), DICOM, tag)

    def instance(self) -> Response:
        """One instance: as one part of a multipart answer, or alone to who asks for that."""
        form = instance_form(self.accept, single=True)
        located = self._one()
        tag = self._tag(self._counted(self._allowed(form, (located,))), form.shape)
        if tag in self.known:
            return _unchanged(tag)
        part = self._part(located)
        if form.shape == "multipart":
            return _multipart((part,), DICOM, tag)
        headers = {"Content-Length": str(located.member.length), **_headers(tag)}
        return StreamingResponse(begun(part.pieces), media_type=part.content_type, headers=headers)

    def metadata(self) -> Response:
        """The data sets of a study or series as a DICOM JSON array, bulk data by URIs relative to this one."""
        form = json_form(self.accept)
        tag = self._tag(self._all(), form)
        if tag in self.known:
            return _unchanged(tag)
        documents = (_document(located, self._below(located)) for located in self._all())
        return StreamingResponse(begun(_array(documents)), media_type=form, headers=_headers(tag))

    def instance_metadata(self) -> Response:
        """The data set of one instance, as an array of one."""
        form = json_form(self.accept)
        located = self._one()
        tag = self._tag((located,), form)
        if tag in self.known:
            return _unchanged(tag)
        return Response(b"".join(_array((_document(located, ""),))), media_type=form, headers=_headers(tag))

    def frames(self) -> Response:
        """Frames by number, each by one ranged read, in the order asked for.

        Raises:
            Refused: ``query-invalid`` for a list that is none; ``frame-out-of-range``, ``no-frames``.
        """
        if not _FRAMES.fullmatch(self.named):
            raise Refused("query-invalid", term="frames")
        numbers = [int(number) for number in self.named.split(",")]
        located = self._one()
        shape, content_type = frame_form(self.accept, located.member.transfer_syntax_uid, single=len(numbers) == 1)
        for number in numbers:
            retrieve.check_frame(located, number)
        tag = self._tag((located,), f"{shape} {content_type} {self.named}")
        if tag in self.known:
            return _unchanged(tag)
        if shape == "single":
            frame = retrieve.frame(self.node, located, numbers[0])
            return Response(frame, media_type=content_type, headers=_headers(tag))
        where = _location(located)
        parts = (
            Part(content_type, f"{where}/frames/{number}", (retrieve.frame(self.node, located, number),))
            for number in numbers
        )
        return _multipart(parts, content_type.partition(";")[0], tag)

    def bulk_data(self) -> Response:
        """Single values are not served yet: pixels are there as frames, everything else in the instance.

        Raises:
            Refused: ``no-bulk-data``, for who may see the instance.
        """
        self._one()
        raise Refused("no-bulk-data")

    def _counted(self, found: Iterable[Located]) -> Iterator[Located]:
        frames = 0
        for located in found:
            frames += max(1, len(located.member.frames))
            yield located
        self.count(frames)

    def _all(self) -> Iterator[Located]:
        return retrieve.instances(self.node, self.registries, self.study, self.series)

    def _one(self) -> Located:
        return retrieve.instance(self.node, self.registries, self.study, self.series, self.uid)

    def _part(self, located: Located) -> Part:
        content_type = f"{DICOM}; transfer-syntax={located.member.transfer_syntax_uid}"
        return Part(content_type, _location(located), retrieve.stream(self.node, located))

    def _allowed(self, form: Form, found: Iterable[Located]) -> Iterator[Located]:
        for located in found:
            if not form.allows(located.member.transfer_syntax_uid):
                raise Refused("not-acceptable", offered=located.member.transfer_syntax_uid)
            yield located

    def _tag(self, found: Iterable[Located], form: str) -> str:
        """The entity tag of an answer: it names every instance by digest, so any change of content is another tag."""
        digest = sha256(form.encode())
        for located in found:
            digest.update(bytes.fromhex(located.member.digest))
        return f'W/"{digest.hexdigest()[:32]}"'

    def _below(self, located: Located) -> str:
        """Where an instance lies, seen from the metadata that were asked for."""
        below = f"instances/{located.member.sop_instance_uid}/"
        return below if self.series else f"series/{located.series_instance_uid}/{below}"


def _location(located: Located) -> str:
    study, series, uid = located.study_instance_uid, located.series_instance_uid, located.member.sop_instance_uid
    return f"/dicomweb/studies/{study}/series/{series}/instances/{uid}"


def _headers(tag: str) -> dict[str, str]:
    return {"ETag": tag, "Vary": "Accept, Authorization"}


def _unchanged(tag: str) -> Response:
    return Response(status_code=NOT_MODIFIED, headers=_headers(tag))


def _multipart(parts: Iterable[Part], media_type: str, tag: str) -> Response:
    boundary = new_boundary()
    content_type = f'{MULTIPART}; type="{media_type}"; boundary={boundary}'
    return StreamingResponse(begun(write_parts(parts, boundary)), media_type=content_type, headers=_headers(tag))


def _array(documents: Iterable[bytes]) -> Iterator[bytes]:
    """A JSON array, element by element."""
    opening = b"["
    for document in documents:
        yield opening + document
        opening = b","
    yield b"]"


def _document(located: Located, below: str) -> bytes:
    return canonical(_placed(retrieve.metadata(located), below))


def _placed(elements: dict[str, Any], below: str) -> dict[str, Any]:
    """The same data set with its bulk data named from where it is shown, at every depth."""
    return {tag: _placed_element(element, below) for tag, element in elements.items()}


def _placed_element(element: dict[str, Any], below: str) -> dict[str, Any]:
    if "BulkDataURI" in element:
        return {**element, "BulkDataURI": below + element["BulkDataURI"]}
    if element.get("vr") == "SQ":
        return {**element, "Value": [_placed(item, below) for item in element.get("Value", [])]}
    return element
