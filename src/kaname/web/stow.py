"""Store (STOW-RS, PS3.18 section 10.5): derived objects come in over ``/dicomweb/studies``.

Each instance is judged by itself, and the answer says of each what became of it (PS3.18 annex I.2). Images do not come
this way: a gateway brings them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from kaname.archive.candidate import LIMIT_BYTES
from kaname.archive.derived import Outcome, store_each
from kaname.archive.model import Rejected, Stored
from kaname.dicom.keys import is_uid
from kaname.errors import NotYet, Refused
from kaname.node import Node
from kaname.store.whole import FULL
from kaname.web.accept import json_form
from kaname.web.parts import PartReader, ReceivedPart, boundary_of
from kaname.web.peer import inbox
from kaname.web.permit import may, permitted
from kaname.web.token import grant_of, guarded_routes

PREFIX = "/dicomweb"
STOW_PATH = f"{PREFIX}/studies"
STOW_LIMIT_BYTES = 2 << 30
"""Largest request."""
WRITE_BYTES = 1 << 20
"""What is gathered before it is taken apart and written."""
CREATOR, REASON = "00090010", "00091001"
"""Private attributes of a failed item: our name, and our reason code, which says more than a number can."""
FAILURES = {
    "derived-class": 0x0122,
    "derived-may-identify": 0x0124,
    "derived-reference": 0x0112,
    "derived-subject": 0x0112,
    "same-uid-other-bytes": 0x0111,
    "same-uid-other-series": 0x0111,
    "too-large": 0xA700,
}
"""Failure Reason of each code (PS3.7 annex C, PS3.18 table I.2-2)."""
CANNOT_UNDERSTAND = 0xC000
STATUS_ALL, STATUS_SOME, STATUS_NONE = 200, 202, 409
"""PS3.18 table 10.5.3-1."""


def stow_routes(node: Node) -> APIRouter:
    """The two routes of storing, for who has the duty ``store``."""
    routes = guarded_routes(node, PREFIX)

    async def stored(request: Request) -> Response:
        """Stores what comes; answers when all of it is on the disk."""
        form = json_form(request.headers.get("accept", ""))
        study = request.path_params.get("StudyInstanceUID", "")
        if study and not is_uid(study):
            raise Refused("not-found")
        reader = PartReader(boundary_of(request.headers.get("content-type", "")), _paths(node), LIMIT_BYTES)
        grant = grant_of(request)
        try:
            parts = await _received(request, reader)
            outcomes = await run_in_threadpool(_store, node, parts, permitted(request), grant.name, study)
        finally:
            await run_in_threadpool(reader.discard)
        return Response(_told(outcomes), _status(outcomes), media_type=form)

    for path in ("/studies", "/studies/{StudyInstanceUID}"):
        routes.add_api_route(path, stored, methods=["POST"], name=f"store{path}", dependencies=[may("store")])
    return routes


def _paths(node: Node) -> Callable[[], Path]:
    """Names of files in the inbox, which a node clears when it starts."""
    folder, stem = inbox(node), node.clock.new_id()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    numbers = iter(range(1 << 20))

    def next_path() -> Path:
        return folder / f"{stem}-{next(numbers)}.dcm"

    return next_path


async def _received(request: Request, reader: PartReader) -> tuple[ReceivedPart, ...]:
    """Writes the parts of a body to files.

    Raises:
        Refused: ``multipart-invalid``, ``media-type``, ``truncated``, ``too-large``.
        NotYet: ``storage-full``.
    """
    waiting = bytearray()
    try:
        async for piece in request.stream():
            waiting += piece
            if len(waiting) >= WRITE_BYTES:
                await run_in_threadpool(reader.feed, bytes(waiting))
                waiting.clear()
        await run_in_threadpool(reader.feed, bytes(waiting))
        return await run_in_threadpool(reader.finish)
    except ClientDisconnect as error:
        raise Refused("truncated") from error
    except OSError as error:
        if error.errno in FULL:
            raise NotYet("storage-full") from error
        raise


def _store(
    node: Node, parts: Sequence[ReceivedPart], registries: Sequence[str], actor: str, study: str
) -> tuple[Outcome, ...]:
    kept = [part.path for part in parts if not part.too_large]
    outcomes = iter(store_each(node, kept, registries=registries, actor=actor, study=study))
    too_large = Refused("too-large", limit_bytes=LIMIT_BYTES)
    return tuple(Rejected("", "", too_large) if part.too_large else next(outcomes) for part in parts)


def _status(outcomes: Sequence[Outcome]) -> int:
    stored = sum(isinstance(outcome, Stored) for outcome in outcomes)
    if stored == len(outcomes):
        return STATUS_ALL
    return STATUS_SOME if stored else STATUS_NONE


def _told(outcomes: Sequence[Outcome]) -> bytes:
    """The Store Instances Response as DICOM JSON (PS3.18 table I.2-1)."""
    stored = [outcome for outcome in outcomes if isinstance(outcome, Stored)]
    rejected = [outcome for outcome in outcomes if isinstance(outcome, Rejected)]
    document: dict[str, Any] = {}
    studies = {outcome.study_instance_uid for outcome in stored}
    if len(studies) == 1:
        document["00081190"] = _value("UR", f"{PREFIX}/studies/{studies.pop()}")
    for tag, items in (
        ("00081198", [_failed(outcome) for outcome in rejected if outcome.sop_instance_uid]),
        ("00081199", [_referenced(outcome) for outcome in stored]),
        ("0008119A", [_failed(outcome) for outcome in rejected if not outcome.sop_instance_uid]),
    ):
        if items:
            document[tag] = {"vr": "SQ", "Value": items}
    return json.dumps(document, sort_keys=True).encode()


def _referenced(outcome: Stored) -> dict[str, Any]:
    series = f"{PREFIX}/studies/{outcome.study_instance_uid}/series/{outcome.series_instance_uid}"
    where = f"{series}/instances/{outcome.sop_instance_uid}"
    return {**_instance(outcome.sop_class_uid, outcome.sop_instance_uid), "00081190": _value("UR", where)}


def _failed(outcome: Rejected) -> dict[str, Any]:
    """An instance that was not stored: a number of the Standard, and our reason code."""
    code = outcome.refusal.code
    named = outcome.sop_instance_uid and _instance(outcome.sop_class_uid, outcome.sop_instance_uid)
    return {
        **(named or {}),
        "00081197": _value("US", FAILURES.get(code, CANNOT_UNDERSTAND)),
        CREATOR: _value("LO", "KANAME"),
        REASON: _value("LO", code),
    }


def _instance(sop_class_uid: str, sop_instance_uid: str) -> dict[str, Any]:
    return {"00081150": _value("UI", sop_class_uid), "00081155": _value("UI", sop_instance_uid)}


def _value(vr: str, value: str | int) -> dict[str, Any]:
    return {"vr": vr, "Value": [value]}
