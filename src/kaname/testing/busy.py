"""A hub at work: something in every room of it, made on the spot, for looking at pages and lists."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kaname.airlock.flow import check as check_request
from kaname.airlock.flow import draft, requests, review
from kaname.annotation.flow import cases, make, take
from kaname.annotation.model import Given, Mark, Sought
from kaname.archive.flow import shelve
from kaname.compute import rows as run_rows
from kaname.compute.flow import keep_code, submit
from kaname.compute.model import Ended, Output, RunSpec
from kaname.compute.outputs import key_of
from kaname.database import writing
from kaname.datasets.flow import freeze
from kaname.evaluation.classify import assess
from kaname.intake.flow import accept
from kaname.models import rows as model_rows
from kaname.models.model import Card, ModelVersion
from kaname.node import Node
from kaname.store import digest_bytes
from kaname.testing.deliveries import Facility, make_hub, series

FIGURES = b'{"loss": [0.69, 0.41, 0.3]}'
LOG = "学習を始めます\nepoch 3  loss 0.30\n<b>done</b>\n".encode()


def busy_hub(home: Path, folder: Path) -> Node:
    """A hub with something to show and something to decide in every room.

    Two studies in j-mid and one in basic, a refused parcel and one that waits for the shelf; a task with open, disputed
    and settled cases; a dataset; a run that waits and two that ended; a request in review and a rejected one; a model.

    Args:
        home: The hub's home, made.
        folder: Where its facilities keep what they send.
    """
    node = make_hub(home)
    mid = Facility(folder / "mid", 1, "j-mid").admitted_to(node)
    other = Facility(folder / "other", 2, "basic").admitted_to(node)
    shelved = (
        mid.parcel(series(slices=(1, 2, 3))),
        mid.parcel(series(patient="2", study=2), 2),
        other.parcel(series(patient="77", study=9)),
    )
    for parcel in shelved:
        shelve(node, accept(node, parcel).digest)
    accept(node, mid.parcel(series(patient="3", study=5), 3))
    accept(node, mid.parcel(series(patient="4", study=6), 4, tamper=_unmark))
    freeze(node, "thorax", "j-mid")
    _label(node)
    _run(node, seed=1)
    asked = [_ended(node, seed) for seed in (2, 3)]
    review(node, asked[1], approve=False, actor="checker", reason="図が足りません。")
    _register(node)
    return node


def _unmark(path: Path) -> None:
    """Patient Identity Removed says no."""
    path.write_bytes(path.read_bytes().replace(b"YES ", b"NO  "))


def _label(node: Node) -> None:
    """Two readers agree on one case and not on another."""
    make(node, "nodules", "j-mid")
    seen = cases(node, "nodules", Sought("open", limit=2))
    for reader, answers in (("reader-1", ("present", "present")), ("reader-2", ("present", "absent"))):
        given = [Given(case.id, (Mark("image", label),)) for case, label in zip(seen, answers, strict=True)]
        take(node, "nodules", reader, "reading", given)


def _run(node: Node, seed: int) -> str:
    spec = RunSpec("train", ("python", "/code/job.py"), "thorax", 1, ("train",), keep_code(node, b"pass"), seed)
    return submit(node, spec, "researcher")


def _ended(node: Node, seed: int) -> str:
    """A run that ended well; returns the id of its request, which passed the checks."""
    run = _run(node, seed)
    for data in (FIGURES, LOG):
        node.store.put(key_of(run, digest_bytes(data)), data)
    outputs = (Output("model.json", digest_bytes(FIGURES), len(FIGURES)),)
    ended = Ended("finished", "", "bubblewrap", outputs=outputs, log=digest_bytes(LOG), seconds=21.4)
    with writing(node.index) as connection:
        run_rows.end(connection, run, ended, node.clock.stamp())
    check_request(node, draft(node, run))
    return next(request.id for request in requests(node, ["j-mid"]) if request.run == run)


def _register(node: Node) -> None:
    """A model version that was judged on forty invented cases."""
    truth = [number % 2 == 0 for number in range(40)]
    scores = [0.9 - number / 50 if positive else 0.6 - number / 80 for number, positive in enumerate(truth)]
    judged = assess(truth, scores, [str(number // 2) for number in range(40)], threshold=0.4)
    digest = digest_bytes(b"invented")
    named: dict[str, Any] = {"name": "nodules", "version": 0, "registry": "j-mid", "modality": "CT", "run": digest[:32]}
    card = Card(
        **named,
        weights=digest,
        dataset=digest,
        dataset_name="thorax",
        dataset_version=1,
        code=digest,
        target="present",
        other="absent",
        threshold=0.4,
        rows=64,
        columns=64,
        centre=0.0,
        width=1000.0,
    )
    made = ModelVersion(card, digest, json.loads(json.dumps(asdict(judged))), node.clock.stamp())
    with writing(node.index) as connection:
        model_rows.add(connection, made)
