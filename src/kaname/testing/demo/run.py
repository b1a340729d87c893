"""The demonstration from end to end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kaname.evaluation.kept import assessment_of
from kaname.evaluation.pictures import confusion_picture, roc_picture
from kaname.testing.chain import Chain, make_chain
from kaname.testing.demo import collect, learn, mark, work
from kaname.testing.demo.client import Doors
from kaname.testing.demo.hospital import Inputs, Size, make_inputs
from kaname.testing.demo.journey import Journey
from kaname.testing.demo.told import Picture, page
from kaname.testing.supervisor import Supervisor

REPORT = "report.html"


def prepare(root: Path, size: Size, journey: Journey) -> tuple[Chain, Inputs]:
    """The hospital and the three homes, made or found."""
    with journey.step("hospital made", "病院を用意"):
        inputs = make_inputs(root / "hospital", size)
    with journey.step("three sites made and enrolled", "三つの拠点を作成・登録"):
        chain = make_chain(root)
    return chain, inputs


def travel(sites: Supervisor, chain: Chain, inputs: Inputs, journey: Journey, data: Sequence[Path] = ()) -> None:
    """Takes everything through three serving sites, and writes the report.

    Raises:
        AssertionError: when a step does not end as it must.
    """
    doors = Doors(chain, sites)
    learning = learn.Learning(doors, inputs)
    collect.bring_in(chain, inputs, data, journey)
    collect.let_cross(chain, journey)
    mark.mark_all(doors, journey)
    learn.label(learning, journey, learn.lung_series(learning))
    first = _trained(learning, journey, 1)
    work.deploy(learning, journey, first["model"])
    said = work.predict(learning, journey)
    journey.facts["predicted"] = work.correct(learning, journey, said)
    second = _trained(learning, journey, 2)
    work.withdraw(learning, journey)
    collect.let_cross(chain, journey)
    with journey.step("compared on the set sealed before", "封印済み集合で比較"):
        difference = work.compared(chain, first["model"]["name"], first["model"]["version"], second["model"]["version"])
    _tell(learning, journey, first, second, difference)
    collect.look_for_leaks(chain, inputs, journey)
    with journey.step("counted, ledgers verified", "集計・台帳の検証"):
        collect.count(chain, doors, journey)
        journey.facts["ledgers"] = {site: bool(chain.at(site, "audit", "verify")) for site in chain.homes}
    (chain.root / REPORT).write_text(page(journey, _pictures(first["model"], second["model"])), encoding="utf-8")


def _trained(learning: learn.Learning, journey: Journey, version: int) -> dict[str, Any]:
    with journey.step(f"dataset v{version} frozen", f"データセット v{version} を凍結"):
        dataset = learn.frozen(learning, version)
    return {"dataset": dataset, **learn.trained(learning, journey, version)}


def _tell(
    learning: learn.Learning,
    journey: Journey,
    first: dict[str, Any],
    second: dict[str, Any],
    difference: dict[str, Any],
) -> None:
    facts = journey.facts
    certificate = facts["certificate"]
    facts["agreement"] = learn.agreement(learning)
    facts["dataset"] = _dataset(first["dataset"])
    facts["run"] = {"sandbox": first["run"]["sandbox"], "airlock": first["airlock"]["state"]}
    facts["model"] = learn.figures(first["model"])
    facts["baseline_auc"] = learning.inputs.baseline_auc
    facts["retrained"] = {
        "dataset_version": second["dataset"]["version"],
        "splits": _dataset(second["dataset"])["splits"],
        "model": learn.figures(second["model"]),
        "difference": difference,
    }
    facts["withdrawn"] = _withdrawn(certificate) | {"again": f"{facts['again']['sent']} → {facts['again']['stored']}"}


def _dataset(shown: dict[str, Any]) -> dict[str, Any]:
    return {"name": shown["name"], "version": shown["version"], "splits": shown["splits"]}


def _withdrawn(certificate: dict[str, Any]) -> dict[str, Any]:
    """What hub and cloud say they deleted, and which models saw the patient."""
    (cloud,) = certificate["upstream"]
    told = {
        site: {
            "deleted": one["deleted_objects"],
            "holes": [f"{hole['name']} v{hole['version']}" for hole in one["dataset_versions"]],
        }
        for site, one in (("hub", certificate), ("cloud", cloud))
    }
    models = [f"{model['name']} v{model['version']}" for model in (*certificate["models"], *cloud["models"])]
    return {**told, "models": sorted(set(models))}


def _pictures(*models: dict[str, Any]) -> tuple[Picture, ...]:
    """ROC curve and confusion table of each model."""
    made: list[Picture] = []
    for model in models:
        name = f"{model['name']} v{model['version']}"
        found = assessment_of(model["evaluation"])
        for draw, ja, en in (
            (roc_picture, "ROC 曲線", "ROC curve"),
            (confusion_picture, "混同行列", "confusion table"),
        ):
            drawn = draw(found, f"{draw.__name__}-{model['version']}")
            made.append(Picture(f"{name} {ja}", f"{name} {en}", drawn.svg))
    return tuple(made)


def invite(chain: Chain, sites: Supervisor) -> str:
    """Where people sign in: each site's door, its first administrator and the password that was made up for it."""
    lines = [
        f"{site:<8} {sites.doors(site)['door']}/  {chain.password(site).read_text()}"
        for site in ("gateway", "hub", "cloud")
    ]
    return "\n".join(lines)
