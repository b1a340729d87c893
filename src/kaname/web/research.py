"""Pages of who does research: datasets with their cards, runs with their logs, models with their figures."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from kaname.access.model import Grant
from kaname.access.reach import reach
from kaname.airlock.flow import log_of
from kaname.compute.flow import find, project_of, runs
from kaname.datasets import flow as datasets
from kaname.errors import KanameError, Refused
from kaname.evaluation.kept import assessment_of
from kaname.evaluation.pictures import Picture, calibration_picture, confusion_picture, roc_picture
from kaname.evaluation.scored import Assessment
from kaname.models import flow as models
from kaname.node import Node
from kaname.registries import load
from kaname.upkeep.card import DatasetCard, Tally, card_of
from kaname.web.charts import bars
from kaname.web.datasets import VERSION_MOST
from kaname.web.frame import names_of
from kaname.web.overview import model_row
from kaname.web.pages import Language, language_of, page, words
from kaname.web.permit import may, permitted
from kaname.web.reached import reached
from kaname.web.shell import shell
from kaname.web.signin import session_of, session_routes

RUNS_MOST = 50
LOG_CHARACTERS = 20_000


def research_routes(node: Node) -> APIRouter:
    """The pages, behind a session."""
    routes = session_routes(node)

    def research(request: Request) -> Response:
        """Everything that research has made here."""
        registries, open_to = permitted(request), reached(node, request)
        named = datasets.names(node, session_of(request).grant.registries)
        facts: dict[str, Any] = {
            "datasets": [one for one in named if open_to.sees_dataset(one.question.registry, one.name)],
            "runs": runs(node, registries, RUNS_MOST, open_to.projects),
            "models": [model_row(version) for version in models.versions(node, registries, open_to.projects)],
            "deployments": models.at_work(node, registries),
        }
        return page(request, "research", **shell(node, request), **facts)

    def dataset(name: str, version: str, request: Request) -> Response:
        """One version of a dataset, counted."""
        return page(request, "dataset", **shell(node, request), **_dataset(node, request, name, version))

    def job(run_id: str, request: Request) -> Response:
        """One run, with its log once the airlock has let it go."""
        return page(request, "job", **shell(node, request), **_job(node, request, run_id))

    def job_state(run_id: str, request: Request) -> Response:
        """How a run stands, alone: its page asks for it again and again."""
        run = find(node, run_id)
        reached(node, request).need(run.registry, run.project)
        return page(request, "job_state", run=run, names=names_of(request))

    def model(name: str, version: str, request: Request) -> Response:
        """One version of a model, with its pictures."""
        return page(request, "model", **shell(node, request), **_model(node, request, name, version))

    routes.add_api_route("/research", research, methods=["GET"], dependencies=[may("browse", "research")])
    routes.add_api_route(
        "/datasets/{name}/{version}", dataset, methods=["GET"], dependencies=[may("browse", "research")]
    )
    routes.add_api_route("/jobs/{run_id}", job, methods=["GET"], dependencies=[may("browse", "research")])
    routes.add_api_route("/jobs/{run_id}/state", job_state, methods=["GET"], dependencies=[may("browse", "research")])
    routes.add_api_route("/models/{name}/{version}", model, methods=["GET"], dependencies=[may("browse", "research")])
    return routes


def _number(version: str) -> int:
    """The number of a version, as an address names it."""
    sound = version.isascii() and version.isdecimal() and len(version) <= len(str(VERSION_MOST))
    if not sound or not 0 < int(version) <= VERSION_MOST:
        raise Refused("not-found")
    return int(version)


def _dataset(node: Node, request: Request, name: str, version: str) -> dict[str, Any]:
    found = datasets.show(node, name, _number(version))
    open_to = reached(node, request)
    open_to.need_dataset(found.question.registry, name)
    card = card_of(node, found)
    theirs = {one.card.digest for one in models.versions(node, open_to.registries, open_to.projects)}
    return {
        "dataset": found,
        "versions": datasets.versions(node, name),
        "card": card,
        "labels": _labels(found.question.registry, language_of(request)),
        "pictures": _tallies(request, found.question.registry, card),
        "trained": [one for one in models.trained_on(node, (found.digest,)) if one.digest in theirs],
    }


def _tallies(request: Request, registry: str, card: DatasetCard) -> list[Picture]:
    """A picture for each way of counting that says something."""
    language = language_of(request)
    labels, asked = _labels(registry, language), load(registry)

    def said(key: str) -> str:
        return words()[key][language]

    def shown(kind: str, value: str) -> str:
        if not value:
            return said("card-unsaid")
        if kind == "age":
            return said("card-decade").format(begin=int(value), end=int(value) + 9)
        if kind == "sex":
            return said(f"sex-{value}") if f"sex-{value}" in words() else value
        if kind == "items" and value in asked.items:
            return getattr(asked.items[value], f"name_{language}")
        if kind == "marks":
            return said(f"geometry-{value}")
        return labels.get(value, value) if kind == "classes" else value

    found: list[tuple[str, str, Tally]] = [
        ("classes", "labels", card.classes),
        ("sex", "subjects", card.sex),
        ("age", "subjects", card.age),
        ("devices", "series", card.devices),
        ("modalities", "series", card.modalities),
        ("facilities", "subjects", card.facilities),
        ("marks", "marks", card.marks),
        ("items", "records", card.items),
    ]
    return [
        bars(
            kind,
            said(f"card-{kind}"),
            (said(f"card-{kind}"), said(f"column-{counted}")),
            [(shown(kind, value), number) for value, number in tally],
        )
        for kind, counted, tally in found
        if tally
    ]


def _labels(registry: str, language: Language) -> dict[str, str]:
    asked = load(registry).annotation
    return {label.value: getattr(label, language) for label in asked.labels} if asked else {}


def _job(node: Node, request: Request, run_id: str) -> dict[str, Any]:
    grant: Grant = session_of(request).grant
    run = find(node, run_id)
    reached(node, request).need(run.registry, run.project)
    log, withheld = "", ""
    try:
        if not run.project:
            grant.need("research", run.registry)
        reach(node.index, grant, ("research",), node.clock).need(run.registry, run.project)
        log = log_of(node, run.id).decode("utf-8", "replace")
    except KanameError as outcome:
        withheld = outcome.code
    return {"run": run, "log": log[:LOG_CHARACTERS], "cut": len(log) > LOG_CHARACTERS, "withheld": withheld}


def _model(node: Node, request: Request, name: str, version: str) -> dict[str, Any]:
    found = models.show(node, name, _number(version))
    reached(node, request).need_released(found.card.registry, project_of(node, found.card.run))
    judged = assessment_of(found.evaluation)
    deployed = models.at_work(node, (found.card.registry,))
    return {
        "model": found,
        "judged": judged,
        "pictures": _pictures(judged, language_of(request)),
        "at_work": [one for one in deployed if one.card.digest == found.card.digest],
    }


def _pictures(judged: Assessment, language: Language) -> list[Picture]:
    found = [roc_picture(judged, language=language), confusion_picture(judged, language=language)]
    if judged.calibration is not None:
        found.append(calibration_picture(judged.calibration, language=language))
    return found
