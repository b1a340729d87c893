"""From images to a judged model: readers, a frozen dataset, a job in the sandbox, two persons at the airlock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from kaname.testing.chain import CT_REGISTRY
from kaname.testing.demo.client import Door, Doors, until
from kaname.testing.demo.hospital import Inputs
from kaname.testing.demo.journey import Journey

TASK, DATASET, RECIPE = "nodule", "demo-nodule", "classify"
READERS = {"reader-1": 0.06, "reader-2": 0.09}
"""Two readers, and how often each is wrong."""
ADJUDICATOR, CURATOR, RESEARCHER, CHECKER = "adjudicator", "curator", "researcher", "checker"
FRAME_TYPE = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
PAGE = 1000
TRAIN_SECONDS = 600.0


@dataclass(slots=True)
class Learning:
    """Who learns from what."""

    doors: Doors
    inputs: Inputs
    digests: dict[tuple[str, int], str] = field(default_factory=dict[tuple[str, int], str])
    """SHA-256 of the pixels of each frame that was looked at."""

    def of(self, site: str, name: str, *duties: str) -> Door:
        """Somebody's door."""
        return self.doors.of(site, name, ("browse", "pixels", *duties), (CT_REGISTRY,))

    def truth(self, door: Door, case: Mapping[str, Any]) -> bool | None:
        """Whether the image shows a nodule, seen from its pixels; ``None`` for one that nobody invented."""
        place = (case["sop_instance_uid"], case["frame"])
        if place not in self.digests:
            path = "/dicomweb/studies/{study_instance_uid}/series/{series_instance_uid}/instances/{sop_instance_uid}"
            answer = door.ask("GET", f"{path.format(**case)}/frames/{case['frame']}", headers={"Accept": FRAME_TYPE})
            pixels = answer.content.partition(b"\r\n\r\n")[2].rpartition(b"\r\n--")[0]
            self.digests[place] = sha256(pixels).hexdigest()
        return self.inputs.truth.get(self.digests[place])


def label(learning: Learning, journey: Journey, series: Iterable[Mapping[str, Any]]) -> None:
    """A curator makes the task, two readers answer, an adjudicator settles what they disagree on."""
    curator = learning.of("hub", CURATOR, "curate")
    with journey.step("read by two readers, adjudicated", "二名の読影と裁定"):
        uids = [row["0020000E"]["Value"][0] for row in series]
        curator.post("/api/v1/annotation/tasks", {"name": TASK, "registry": CT_REGISTRY, "series": uids})
        for name in READERS:
            answer_all(learning, learning.of("hub", name, "read"), "open", "reading")
        answer_all(learning, learning.of("hub", ADJUDICATOR, "adjudicate"), "disputed", "adjudication")
    settled = progress(curator)["settled"]
    with journey.step("labels passed on to the cloud", "ラベルをクラウドへ"):
        cloud = learning.of("cloud", CURATOR, "curate")
        until(lambda: progress(cloud).get("settled") == settled, "labels at the cloud")


def agreement(learning: Learning) -> dict[str, Any]:
    """How far the two readers agree on what both have read and nobody has taken back."""
    (pair,) = learning.of("hub", CURATOR, "curate").get(f"/api/v1/annotation/tasks/{TASK}/agreement")
    return {
        "observed": pair["observed"],
        "kappa": pair["kappa"],
        "kappa_ci95": [pair["low"], pair["high"]],
        "adjudicated": pair["cases"] - pair["agreed"],
    }


def lung_series(learning: Learning) -> list[Mapping[str, Any]]:
    """Series whose first image is one of the invented lungs: what the curator picks for the task."""
    door = learning.of("hub", CURATOR, "curate")
    found: list[Mapping[str, Any]] = []
    for row in door.get("/dicomweb/series", limit="5000", Modality="CT"):
        study, series = row["0020000D"]["Value"][0], row["0020000E"]["Value"][0]
        first = door.get(f"/dicomweb/studies/{study}/series/{series}/instances", limit="1")[0]
        case = {
            "study_instance_uid": study,
            "series_instance_uid": series,
            "sop_instance_uid": first["00080018"]["Value"][0],
            "frame": 1,
        }
        if learning.truth(door, case) is not None:
            found.append(row)
    return found


def answer_all(learning: Learning, door: Door, state: str, kind: str) -> int:
    """Somebody answers every case that waits for them; returns how many."""
    answered = 0
    while True:
        cases = door.get(f"/api/v1/annotation/tasks/{TASK}/cases", state=state, limit=str(PAGE))["cases"]
        if not cases:
            return answered
        readings = [{"case": case["id"], "marks": [_mark(learning, door, case)]} for case in cases]
        door.post(f"/api/v1/annotation/tasks/{TASK}/readings", {"kind": kind, "readings": readings})
        answered += len(cases)


def _mark(learning: Learning, door: Door, case: Mapping[str, Any]) -> dict[str, Any]:
    truth = learning.truth(door, case)
    name = next((reader for reader in READERS if reader in door.name), "")
    wrong = name and _draw(name, learning.digests[case["sop_instance_uid"], case["frame"]]) < READERS[name]
    return {"geometry": "image", "label": "present" if bool(truth) != bool(wrong) else "absent"}


def _draw(reader: str, digest: str) -> float:
    """A number from 0 to 1 that is always the same for this reader and image."""
    return int(sha256(f"{reader} {digest}".encode()).hexdigest()[:8], 16) / 0xFFFFFFFF


def progress(curator: Door) -> dict[str, int]:
    """How many cases of the task a site has in which state."""
    tasks: list[dict[str, Any]] = curator.get("/api/v1/annotation/tasks")
    return next((task["progress"] for task in tasks if task["name"] == TASK), dict[str, int]())


def frozen(learning: Learning, version: int) -> dict[str, Any]:
    """That version of the dataset: frozen now, or found where an earlier run froze it."""
    chain = learning.doors.chain
    known: list[dict[str, Any]] | None = chain.at("cloud", "dataset", "show", DATASET, accept=(0, 1))
    if known is None or all(row["version"] != version for row in known):
        chain.at("cloud", "dataset", "freeze", DATASET, "--registry", CT_REGISTRY, "--modality", "CT", "--task", TASK)
    chain.at("cloud", "dataset", "verify", DATASET, "--version", str(version))
    shown: dict[str, Any] = chain.at("cloud", "dataset", "show", DATASET, "--version", str(version))
    return shown


def trained(learning: Learning, journey: Journey, version: int) -> dict[str, Any]:
    """The model of that dataset version: a job in the sandbox, checked by a second person, judged by the platform."""
    researcher = learning.of("cloud", RESEARCHER, "research")
    name = f"trained on v{version}, in the sandbox"
    with journey.step(name, f"v{version} で学習 (隔離実行)"):
        words = ("train", RECIPE, "--dataset", DATASET, "--version", str(version), "--by", RESEARCHER)
        run = learning.doors.chain.at("cloud", *words)["run"]
        until(lambda: bool(researcher.get(f"/api/v1/runs/{run}")["ended_at"]), "the training", TRAIN_SECONDS)
        ended = researcher.get(f"/api/v1/runs/{run}")
        assert ended["state"] == "finished", ended
    with journey.step("checked by a second person, judged on the sealed test", "第二者の審査・封印試験で評価"):
        request = _let_go(learning, run)
        until(lambda: bool(_model_of(researcher, run)), "the evaluation")
    return {"run": ended, "airlock": request, "model": _model_of(researcher, run)}


def _let_go(learning: Learning, run: str) -> dict[str, Any]:
    """The checker approves what the automatic checks have passed."""
    checker = learning.doors.fresh("cloud", CHECKER, ("check", "release"), (CT_REGISTRY,))

    def found() -> dict[str, Any]:
        requests: list[dict[str, Any]] = checker.get("/api/v1/airlock")
        return next((one for one in requests if one["run"] == run), dict[str, Any]())

    until(lambda: found().get("state") in ("in-review", "approved", "blocked"), "the airlock")
    request = found()
    if request["state"] == "in-review":
        body = {"decision": "approve", "reason": "weights of a small network, figures only"}
        checker.post(f"/api/v1/airlock/{request['id']}/review", body)
    return found()


def _model_of(door: Door, run: str) -> dict[str, Any]:
    models: list[dict[str, Any]] = door.get("/api/v1/models")
    return next((one for one in models if one["run"] == run), dict[str, Any]())


def figures(model: Mapping[str, Any]) -> dict[str, Any]:
    """What the table says of a model."""
    found = model["evaluation"]
    auc = found["auc_ci95_by_group"] or found["auc_ci95"] or (found["auc"], found["auc"])
    return {
        "name": model["name"],
        "version": model["version"],
        "auc": {"value": found["auc"], "low": auc[0], "high": auc[1]},
        **{name: _figure(found["binary"], name) for name in ("sensitivity", "specificity")},
    }


def _figure(binary: Mapping[str, Any], name: str) -> dict[str, float]:
    low, high = binary[f"{name}_ci95"]
    return {"value": binary[name], "low": low, "high": high}
