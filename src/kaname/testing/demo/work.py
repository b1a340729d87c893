"""The model at work, corrected, trained again; then a patient takes everything back."""

from __future__ import annotations

from typing import Any

from kaname.testing.chain import CT_REGISTRY, Chain
from kaname.testing.demo.client import Door, until
from kaname.testing.demo.collect import let_cross, send
from kaname.testing.demo.journey import Journey
from kaname.testing.demo.learn import ADJUDICATOR, CURATOR, TASK, Learning, lung_series, progress

PACKAGE = "model.kaname"
STATES = ("open", "settled")


def deploy(learning: Learning, journey: Journey, model: dict[str, Any]) -> None:
    """The released model goes to the hub in its signed package."""
    chain = learning.doors.chain
    package = str(chain.root / PACKAGE)
    with journey.step("deployed at the hub", "学会サーバに配備"):
        chain.at("cloud", "model", "export", model["name"], package, "--version", str(model["version"]))
        chain.at("hub", "model", "deploy", package)


def predict(learning: Learning, journey: Journey) -> list[dict[str, Any]]:
    """New patients come; what the model says of them is in the archive before anybody asks. Returns what it said."""
    chain = learning.doors.chain
    door = learning.of("hub", CURATOR, "curate")
    with journey.step("new patients sent, predicted on arrival", "新しい検査が届き推論"):
        send(chain, learning.inputs.newcomers)
        let_cross(chain, journey)
        until(lambda: len(_reports(door)) >= 2, "DICOM SR of the new studies")  # noqa: PLR2004 -- two newcomers
    return [
        one for study in _studies(door) for one in door.get("/api/v1/models/predictions", study=study) if one["scores"]
    ]


def _reports(door: Door) -> list[Any]:
    found: list[Any] = door.get("/dicomweb/series", limit="5000", Modality="SR")
    return found


def _studies(door: Door) -> list[str]:
    return sorted({row["0020000D"]["Value"][0] for row in _reports(door)})


def correct(learning: Learning, journey: Journey, said: list[dict[str, Any]]) -> dict[str, int]:
    """A reader looks at what the model said and writes down what is true; it goes into the next dataset."""
    hub = learning.of("hub", ADJUDICATOR, "adjudicate")
    curator = learning.of("hub", CURATOR, "curate")
    label_of = {(row["sop_instance_uid"], row["frame"]): row["label"] for one in said for row in one["scores"]}
    studies = sorted({one["study_instance_uid"] for one in said})
    with journey.step("corrected by a reader", "読影者が訂正"):
        uids = [row["0020000E"]["Value"][0] for row in lung_series(learning) if row["0020000D"]["Value"][0] in studies]
        curator.post("/api/v1/annotation/tasks", {"name": TASK, "registry": CT_REGISTRY, "series": uids})
        cases = {state: [case for study in studies for case in _cases(hub, study, state)] for state in STATES}
        truth = {case["id"]: _answer(learning, hub, case) for found in cases.values() for case in found}
        corrected = sum(
            label_of[case["sop_instance_uid"], case["frame"]] != truth[case["id"]]
            for found in cases.values()
            for case in found
        )
        readings = [
            {"case": case["id"], "marks": [{"geometry": "image", "label": truth[case["id"]]}]} for case in cases["open"]
        ]
        if readings:
            hub.post(f"/api/v1/annotation/tasks/{TASK}/readings", {"kind": "correction", "readings": readings})
        cloud = learning.of("cloud", CURATOR, "curate")
        until(lambda: progress(cloud) == progress(curator), "corrections at the cloud")
    return {"images": len(label_of), "reports": len(said), "corrected": corrected}


def _cases(door: Door, study: str, state: str) -> list[dict[str, Any]]:
    """Cases of one study; those of an earlier run are settled already."""
    path = f"/api/v1/annotation/tasks/{TASK}/cases"
    found: list[dict[str, Any]] = door.get(path, state=state, study=study, limit="100")["cases"]
    return found


def _answer(learning: Learning, door: Door, case: dict[str, Any]) -> str:
    return "present" if learning.truth(door, case) else "absent"


def withdraw(learning: Learning, journey: Journey) -> None:
    """One patient of the first dataset withdraws; every tier obeys, and the models that saw them are named."""
    chain = learning.doors.chain
    who = learning.inputs.withdrawing
    with journey.step("withdrawn at all tiers, certificate back", "撤回・全階層で削除・証明書"):
        words = ("--patient-id", who.patient_id, "--issuer", who.issuer, "--registry", CT_REGISTRY)
        (certificate,) = chain.at("gateway", "gateway", "withdraw", *words)
        journey.facts["certificate"] = certificate
    with journey.step("sent again: refused", "再送は拒否"):
        again = send(chain, learning.inputs.again)
        journey.facts["again"] = again


def compared(chain: Chain, name: str, first: int, second: int) -> dict[str, Any]:
    """Both versions on the test set that was sealed before either, less who has withdrawn."""
    found = chain.at("cloud", "model", "compare", name, str(first), str(second))
    low, high = found["difference_ci95_by_group"] or found["difference_ci95"] or (0.0, 0.0)
    return {"value": found["difference"], "low": low, "high": high}
