"""Readers of every registry: each question is answered with marks of its own kind, and the labels are frozen.

What a reader says is seen from the picture where one is shown: which side is redder, what is darker than the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from math import cos, pi, sin, sqrt
from typing import TYPE_CHECKING, Any

from kaname.testing.chain import CT_REGISTRY, SEVEN
from kaname.testing.demo.client import Door, Doors, until
from kaname.testing.demo.journey import Journey

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.float64]

MARKED = tuple(registry for registry in SEVEN if registry != CT_REGISTRY)
"""The registry that a model is trained for has readers of its own, see :mod:`kaname.testing.demo.learn`."""
AT_ONCE = 2
"""Registries that are worked on at the same time."""
READERS = ("reader-a", "reader-b")
FRAME_TYPE = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
PAGE = 1000
_SAME = 1.5
"""Difference of redness, of 255, that nobody sees."""
_CORNERS = 8
Mark = dict[str, Any]
Case = Mapping[str, Any]


@dataclass(slots=True)
class Reading:
    """Somebody at the door of the hub."""

    door: Door
    seen: dict[tuple[str, int], Picture]
    """Frames that somebody has looked at, by instance and number."""

    def picture(self, case: Case, uid: str, frame: int) -> Picture:
        """One frame, (rows, columns, 3); greys three times."""
        import numpy as np
        from PIL import Image

        if (uid, frame) not in self.seen:
            path = f"/dicomweb/studies/{case['study_instance_uid']}/series/{case['series_instance_uid']}"
            answer = self.door.ask(
                "GET", f"{path}/instances/{uid}/frames/{frame}", headers={"Accept": FRAME_TYPE}
            ).content
            data = answer.partition(b"\r\n\r\n")[2].rpartition(b"\r\n--")[0]
            if data.startswith(b"\xff\xd8"):
                shown = np.asarray(Image.open(BytesIO(data)).convert("RGB"))
            else:
                size = case["rows"] * case["columns"]
                shown = np.frombuffer(data, np.uint8)[: len(data) // size * size]
                shown = shown.reshape(case["rows"], case["columns"], -1)
            self.seen[uid, frame] = np.broadcast_to(shown.astype(np.float64), (*shown.shape[:2], 3))
        return self.seen[uid, frame]


def mark_all(doors: Doors, journey: Journey) -> None:
    """Of each registry a task at the hub, two readers, the labels at the cloud, and a dataset frozen of them."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        with journey.step("marked by readers in every registry", "全レジストリでアノテーション"):
            settled = list(pool.map(partial(_read, doors), MARKED))
        with journey.step("marks passed on, one dataset frozen per registry", "アノテーションの転送と凍結"):
            made = pool.map(partial(_frozen, doors), MARKED, settled)
            journey.facts["marks"] = dict(zip(MARKED, made, strict=True))


def task_of(registry: str) -> str:
    """The name of a registry's task."""
    return f"demo-{registry}"


def _read(doors: Doors, registry: str) -> int:
    """Every case of the registry's task is answered twice; returns how many are settled."""
    curator = doors.curator("hub", registry)
    made = curator.post("/api/v1/annotation/tasks", {"name": task_of(registry), "registry": registry})
    seen: dict[tuple[str, int], Picture] = {}
    for name in READERS:
        reader = Reading(doors.of("hub", f"{name}-{registry}", ("browse", "pixels", "read"), (registry,)), seen)
        path = f"/api/v1/annotation/tasks/{task_of(registry)}"
        while cases := reader.door.get(f"{path}/cases", state="open", limit=str(PAGE))["cases"]:
            readings = [{"case": case["id"], "marks": answer(made["question"], case, reader)} for case in cases]
            reader.door.post(f"{path}/readings", {"kind": "reading", "readings": readings})
    return _settled(curator, registry)


def _settled(door: Door, registry: str) -> int:
    tasks: list[dict[str, Any]] = door.get("/api/v1/annotation/tasks")
    return next((task["progress"]["settled"] for task in tasks if task["name"] == task_of(registry)), 0)


def _frozen(doors: Doors, registry: str, settled: int) -> dict[str, Any]:
    """The dataset of the registry's labels at the cloud; none where nothing came to be marked."""
    if not settled:
        return {"settled": 0}
    chain = doors.chain
    curator = doors.curator("cloud", registry)
    until(lambda: _settled(curator, registry) == settled, f"labels of {registry} at the cloud")
    words = ("freeze", task_of(registry), "--registry", registry, "--task", task_of(registry))
    made: dict[str, Any] = chain.at("cloud", "dataset", *words)
    chain.at("cloud", "dataset", "verify", task_of(registry), "--version", str(made["version"]))
    shown: dict[str, Any] = chain.at("cloud", "dataset", "show", task_of(registry), "--members")
    marks = [mark for label in shown["labelled"] for mark in label["marks"]]
    return {
        "settled": settled,
        "geometries": sorted({mark["geometry"] for mark in marks}),
        "marks": len(marks),
        "dataset": shown["name"],
        "version": shown["version"],
        "splits": shown["splits"],
        "items": len(shown["items"]),
    }


def answer(question: Mapping[str, Any], case: Case, reader: Reading) -> list[Mark]:
    """The marks with which a reader answers a question about a case: one of each geometry that it asks for."""
    return [mark for geometry in question["geometries"] for mark in _ANSWERS[geometry](question, case, reader)]


def _pair(_: Mapping[str, Any], case: Case, reader: Reading) -> list[Mark]:
    left = _redness(reader.picture(case, case["sop_instance_uid"], case["frame"]))
    right = _redness(reader.picture(case, case["other_sop_instance_uid"], case["other_frame"]))
    label = "same" if abs(left - right) < _SAME else "left" if left > right else "right"
    return [{"geometry": "pair", "label": label}]


def _redness(picture: Picture) -> float:
    """How much redder than green what is not black is, on average."""
    lit = picture.sum(axis=-1) > 30  # noqa: PLR2004 - black around the view
    return float((picture[..., 0] - picture[..., 1])[lit].mean()) if lit.any() else 0.0


def _form(question: Mapping[str, Any], case: Case, _: Reading) -> list[Mark]:
    """The first code of each item; numbers between 0 and 1 from the id of the case."""
    part = int(case["id"][:8], 16) / 0xFFFFFFFF
    numbers: Mapping[str, float] = {"integer": 1, "decimal": round(0.2 + 0.6 * part, 2)}
    values = {item["name"]: item["values"][0] if item["values"] else numbers[item["type"]] for item in question["form"]}
    return [{"geometry": "form", "label": question["labels"][0]["value"], "values": values}]


def _polygon(question: Mapping[str, Any], case: Case, reader: Reading) -> list[Mark]:
    """An outline around what is darker than the rest; around the middle of what is not shown whole."""
    at_x, at_y, radius = case["columns"] / 2, case["rows"] / 2, min(case["columns"], case["rows"]) / 4
    if case["frame"]:
        at_x, at_y, radius = _darkest(reader.picture(case, case["sop_instance_uid"], case["frame"]))
    turns = [2 * pi * n / _CORNERS for n in range(_CORNERS)]
    points = [[round(at_x + radius * cos(turn), 1), round(at_y + radius * sin(turn), 1)] for turn in turns]
    label = question["labels"][int(case["id"][:2], 16) % 2]["value"]
    return [{"geometry": "polygon", "label": label, "points": points}]


def _box(question: Mapping[str, Any], case: Case, reader: Reading) -> list[Mark]:
    at_x, at_y, radius = _darkest(reader.picture(case, case["sop_instance_uid"], case["frame"]))
    corners = [[round(at_x - radius, 1), round(at_y - radius, 1)], [round(at_x + radius, 1), round(at_y + radius, 1)]]
    return [{"geometry": "box", "label": question["labels"][0]["value"], "points": corners}]


def _darkest(picture: Picture) -> tuple[float, float, float]:
    """Column, row and radius of a disc that holds what is darkest in the middle of a picture, and lies inside it."""
    import numpy as np

    rows, columns = picture.shape[:2]
    middle = picture[rows // 6 : rows * 5 // 6, columns // 6 : columns * 5 // 6].sum(axis=-1)
    dark = np.argwhere(middle <= np.quantile(middle, 0.2))
    row, column = np.median(dark, axis=0)
    at_y, at_x = float(row) + rows // 6, float(column) + columns // 6
    inside = min(at_x, at_y, columns - at_x, rows - at_y) - 1
    return at_x, at_y, max(min(sqrt(len(dark) / pi), inside), 2.0)


def _interval(question: Mapping[str, Any], case: Case, _: Reading) -> list[Mark]:
    """The first four phases, each a quarter of the video."""
    labels = [label["value"] for label in question["labels"]][: min(4, case["frames"])]
    edges = [case["frames"] * n // len(labels) for n in range(len(labels) + 1)]
    return [
        {"geometry": "interval", "label": label, "frames": [edges[n] + 1, edges[n + 1]]}
        for n, label in enumerate(labels)
    ]


def _image(question: Mapping[str, Any], _case: Case, _reader: Reading) -> list[Mark]:
    return [{"geometry": "image", "label": question["labels"][0]["value"]}]


_ANSWERS: Mapping[str, Callable[[Mapping[str, Any], Case, Reading], Sequence[Mark]]] = {
    "image": _image,
    "box": _box,
    "polygon": _polygon,
    "interval": _interval,
    "pair": _pair,
    "form": _form,
}
