"""Frames, films and tiles for the pages, behind a session."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kaname.annotation.flow import cases
from kaname.annotation.model import Case, Sought
from kaname.node import Node
from kaname.testing.clip import shipped
from kaname.testing.gallery import CLIP_FRAMES, CLIP_RATE


def case_of(node: Node, task: str) -> Case:
    """The one case of a task, whatever became of it."""
    return next(case for state in ("open", "disputed", "settled") for case in cases(node, task, Sought(state)))


def address(node: Node, task: str) -> str:
    """Where the media of a task's image begin."""
    case = case_of(node, task)
    return f"/media/{case.series_instance_uid}/{case.sop_instance_uid}"


def test_a_photograph_comes_as_it_is_stored(reader: Any, gallery: Node) -> None:
    """The JPEG stream of a photograph is not decoded, and who has it already is told so."""
    place = f"{address(gallery, 'lesions')}/frames/1"
    answer = reader.fetch(place)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content.startswith(b"\xff\xd8")
    assert Image.open(BytesIO(answer.content)).size == (400, 300)
    assert reader.fetch(place, **{"If-None-Match": answer.headers["etag"]}).status_code == 304
    assert "no-cache" in answer.headers["cache-control"]


def test_a_ct_slice_comes_windowed(reader: Any, gallery: Node) -> None:
    """Sixteen bits become a grey PNG from black to white."""
    answer = reader.fetch(f"{address(gallery, 'nodules')}/frames/1")
    picture = np.asarray(Image.open(BytesIO(answer.content)))
    assert answer.headers["content-type"] == "image/png"
    assert (picture.shape, picture.min(), picture.max()) == ((128, 128), 0, 255)


def test_a_thumbnail_is_small(reader: Any, gallery: Node) -> None:
    """At most 192 pixels wide and high, its shape kept."""
    place = f"{address(gallery, 'lesions')}/thumbnail"
    answer = reader.fetch(place)
    assert Image.open(BytesIO(answer.content)).size == (192, 144)
    assert reader.fetch(place, **{"If-None-Match": answer.headers["etag"]}).status_code == 304


@pytest.mark.parametrize(
    ("header", "status", "first", "end"),
    [
        ("", 200, 0, None),
        ("bytes=0-", 206, 0, None),
        ("bytes=100-199", 206, 100, 200),
        ("bytes=-50", 206, -50, None),
        ("bytes=13000-999999", 206, 13000, None),
        ("bytes=0-9,20-29", 200, 0, None),
        ("bytes=-", 200, 0, None),
        ("lines=1-2", 200, 0, None),
    ],
)
def test_a_film_comes_by_ranges(
    reader: Any, gallery: Node, header: str, status: int, first: int, end: int | None
) -> None:
    """Any part of the stream, byte for byte that of the file it was made from; a range we do not read is ignored."""
    clip = shipped() + b"\0" * (len(shipped()) % 2)
    answer = reader.fetch(f"{address(gallery, 'phases')}/video", **({"Range": header} if header else {}))
    asked = clip[first:end]
    ignored = status == 200
    assert answer.status_code == status
    assert answer.content == (clip if ignored else asked)
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["accept-ranges"] == "bytes"
    if not ignored:
        start = first % len(clip)
        assert answer.headers["content-range"] == f"bytes {start}-{start + len(asked) - 1}/{len(clip)}"


@pytest.mark.parametrize("header", ["bytes=999999-", "bytes=-0", "bytes=200-100"])
def test_a_range_that_is_not_there(reader: Any, gallery: Node, header: str) -> None:
    """416 with the size of the stream, as RFC 9110 wants it."""
    answer = reader.fetch(f"{address(gallery, 'phases')}/video", Range=header)
    assert answer.status_code == 416
    assert answer.headers["content-range"].startswith("bytes */")


def test_the_frames_of_a_film_have_times(reader: Any, gallery: Node) -> None:
    """One number for each frame, in milliseconds from the first."""
    times = reader.fetch(f"{address(gallery, 'phases')}/times").json()
    assert len(times) == CLIP_FRAMES
    assert times[:2] == [0, pytest.approx(1000 / CLIP_RATE, abs=0.01)]
    assert times[-1] == pytest.approx((CLIP_FRAMES - 1) * 1000 / CLIP_RATE, abs=0.1)


def test_a_slide_comes_by_tiles(reader: Any, gallery: Node) -> None:
    """Levels from the largest down, and each tile as a JPEG of its size."""
    series = case_of(gallery, "tumour").series_instance_uid
    slide = reader.fetch(f"/media/{series}/slide").json()
    assert [level["columns"] for level in slide["levels"]] == [1024, 256, 64]
    tile = reader.fetch(f"/media/{series}/tiles/0/3/2")
    assert tile.headers["content-type"] in {"image/jpeg", "image/png"}
    assert Image.open(BytesIO(tile.content)).size == (256, 256)


@pytest.mark.parametrize(
    ("place", "status", "code"),
    [
        ("{lesions}/frames/2", 404, "frame-out-of-range"),
        ("{lesions}/frames/0", 404, "frame-out-of-range"),
        ("{lesions}/frames/first", 400, "query-invalid"),
        ("{lesions}/video", 404, "no-film"),
        ("{lesions}/times", 404, "no-film"),
        ("{phases}/frames/1", 404, "no-frames"),
        ("{phases}/thumbnail", 404, "no-frames"),
        ("/media/1.2.3/1.2.3/frames/1", 404, "not-found"),
        ("/media/..%2f/1.2.3/frames/1", 404, "not-found"),
        ("/media/1.2.3/slide", 404, "not-found"),
        ("/media/1.2.3/tiles/0/0/0", 404, "not-found"),
        ("/media/1.2.3/tiles/0/-1/0", 400, "query-invalid"),
    ],
)
def test_what_is_not_there_has_its_reason(reader: Any, gallery: Node, place: str, status: int, code: str) -> None:
    """JSON in both languages, so that a page can say it beside what is there."""
    known = {task: address(gallery, task) for task in ("lesions", "phases")}
    answer = reader.fetch(place.format(**known))
    assert answer.status_code == status
    if "%2f" not in place:
        told = json.loads(answer.text)
        assert told["code"] == code
        assert told["ja"]
        assert told["en"]


def test_nobody_sees_what_is_not_theirs(guest: Any, gallery: Node) -> None:
    """Without a session 401; with another registry it does not exist; without a duty of looking 403."""
    place = f"{address(gallery, 'lesions')}/frames/1"
    assert guest.fetch(place).status_code == 401
    assert guest.named("skin", "joi").fetch(place).status_code == 404
    assert guest.named("keeper", "nsdd", duties=("curate",)).fetch(place).status_code == 403
