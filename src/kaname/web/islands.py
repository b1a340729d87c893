"""The custom elements of the pages: their files, built from ``web/`` into this package, and what each is told to show.

An element gets its images, its question and its words as one JSON text in its ``setting``; it thinks of no registry.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from fastapi import Response

from kaname.annotation.marks import marks_json
from kaname.annotation.model import WHOLE, Case, Mark, Question
from kaname.archive.describe import number, text
from kaname.archive.films import FILMS
from kaname.archive.model import Located
from kaname.errors import NotYet, Refused
from kaname.store import digest_bytes
from kaname.web.media import PREFIX
from kaname.web.pages import Language, words

Element = Literal["photo-annotator", "slide-annotator", "video-annotator"]
TYPES = {".js": "text/javascript", ".css": "text/css"}
WORDS = "island-"
"""Begins the keys of the words that the elements say."""
MATRIX_ROWS, MATRIX_COLUMNS = "00480007", "00480006"
"""Total Pixel Matrix Rows and Columns: what has them is a slide, whose frames are tiles."""
HEADER_TAGS = {
    "patient": "00100010",
    "modality": "00080060",
    "date": "00080020",
    "description": "0008103E",
    "body-part": "00180015",
    "laterality": "00200062",
}
"""What a page tells of an image's header, as text."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What an element asks for, and what stands already."""

    question: Question
    marks: Sequence[Mark] = ()
    """The reader's own, of an earlier look."""
    readings: Sequence[Sequence[Mark]] = ()
    """What others drew, for who decides between them; readers have no names here."""


def built() -> Path:
    """The folder of the built elements, whether or not it is there."""
    return Path(str(files("kaname.web").joinpath("static", "islands")))


def island_file(name: str, known: str = "") -> Response:
    """A file of the elements.

    Args:
        name: Its name.
        known: The If-None-Match header.

    Raises:
        Refused: ``not-found``.
        NotYet: ``islands-missing`` when they were not built.
    """
    if not built().is_dir():
        raise NotYet("islands-missing")
    there = {file.name: file for file in built().iterdir() if file.suffix in TYPES}
    if name not in there:
        raise Refused("not-found")
    data = there[name].read_bytes()
    tag = f'"{digest_bytes(data)[:32]}"'
    if tag in known:
        return Response(status_code=304, headers={"ETag": tag})
    return Response(data, media_type=TYPES[there[name].suffix], headers={"ETag": tag})


def element_of(located: Located) -> Element:
    """Which element shows an instance."""
    if located.member.transfer_syntax_uid in FILMS:
        return "video-annotator"
    return "slide-annotator" if MATRIX_COLUMNS in located.member.metadata else "photo-annotator"


def header_of(located: Located) -> dict[str, str]:
    """A few values of an image's header, by the name of their word; empty ones are left out."""
    found = {name: text(located.member.metadata, tag) for name, tag in HEADER_TAGS.items()}
    return {name: value for name, value in found.items() if value}


def setting(language: Language, pictures: Sequence[tuple[Located, int]], asked: Asked | None, whole: bool) -> str:  # noqa: FBT001
    """What an element is told, as JSON.

    Args:
        language: Of its words.
        pictures: One instance with a frame, from 1; of a pair, two.
        asked: What it asks for; ``None`` when there is only something to look at.
        whole: Whether what is drawn says on which frames it is.
    """
    told: dict[str, Any] = {
        "pictures": [_picture(located, frame) for located, frame in pictures],
        "asked": None if asked is None else _asked(language, asked, whole=whole),
        "words": {key.removeprefix(WORDS): texts[language] for key, texts in words().items() if key.startswith(WORDS)},
    }
    return json.dumps(told, ensure_ascii=False)


def is_whole(case: Case) -> bool:
    """Whether marks of a case say on which frames they are: those of films and other rows of frames."""
    return case.frame == WHOLE and case.frames > 1


def _picture(located: Located, frame: int) -> dict[str, Any]:
    member = located.member
    series = f"{PREFIX}/{located.series_instance_uid}"
    instance = f"{series}/{member.sop_instance_uid}"
    slide = MATRIX_COLUMNS in member.metadata
    return {
        "frames": f"{instance}/frames/",
        "first": frame,
        "count": 1 if slide else number(member.metadata, "00280008") or 1,
        "rows": number(member.metadata, MATRIX_ROWS if slide else "00280010") or 0,
        "columns": number(member.metadata, MATRIX_COLUMNS if slide else "00280011") or 0,
        "video": f"{instance}/video",
        "times": f"{instance}/times",
        "slide": f"{series}/slide",
        "tiles": f"{series}/tiles/",
    }


def _asked(language: Language, asked: Asked, *, whole: bool) -> dict[str, Any]:
    question = asked.question
    return {
        "answer": question.answer or "",
        "geometries": [*question.geometries],
        "labels": [{"value": label.value, "text": getattr(label, language)} for label in question.labels],
        "marks": marks_json([mark for mark in asked.marks if mark.geometry != question.answer]),
        "readings": [marks_json(marks) for marks in asked.readings],
        "whole": whole,
    }
