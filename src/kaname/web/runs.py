"""``/api/v1/runs``: jobs on frozen datasets. Nothing of a job is answered here but how it went."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response

from kaname.airlock.flow import log_of
from kaname.compute.flow import JOB, find, keep_code, runs, submit
from kaname.compute.model import MEMORY_BYTES, SECONDS, Run, RunSpec
from kaname.datasets.flow import show
from kaname.datasets.model import Split
from kaname.errors import Refused
from kaname.node import Node
from kaname.web.datasets import VERSION_MOST
from kaname.web.permit import may, permitted
from kaname.web.reached import reached
from kaname.web.token import grant_of, guarded_routes

SPLITS: tuple[Split, ...] = ("train", "validation")


def run_routes(node: Node) -> APIRouter:
    """Listing and asking is for who does research; so is submitting."""
    routes = guarded_routes(node, "/api/v1/runs")

    def all_runs(request: Request) -> list[dict[str, Any]]:
        """Runs on datasets of the token's registries, or in its projects, the newest first."""
        return [asdict(run) for run in runs(node, permitted(request), projects=reached(node, request).projects)]

    def one_run(run_id: str, request: Request) -> dict[str, Any]:
        """One run."""
        return asdict(_mine(node, run_id, request))

    def log(run_id: str, request: Request) -> Response:
        """What its job printed, once it has passed the airlock."""
        return Response(log_of(node, _mine(node, run_id, request).id), media_type="text/plain; charset=utf-8")

    def new_run(  # noqa: PLR0913, PLR0917 -- the entries of the JSON body
        request: Request,
        name: Annotated[str, Body()],
        dataset: Annotated[str, Body()],
        code: Annotated[str, Body()],
        version: Annotated[int | None, Body(ge=1, le=VERSION_MOST)] = None,
        splits: Annotated[list[Split] | None, Body()] = None,
        arguments: Annotated[list[str] | None, Body()] = None,
        seed: Annotated[int, Body()] = 0,
        memory_bytes: Annotated[int, Body()] = MEMORY_BYTES,
        seconds: Annotated[int, Body()] = SECONDS,
        project: Annotated[str, Body()] = "",
    ) -> dict[str, Any]:
        """Submits ``code``, one Python file, on a dataset version (the newest by default). Again: the same run.

        Who is a member of projects alone names one of them.
        """
        grant = grant_of(request)
        found = show(node, dataset, version)
        open_to = reached(node, request)
        open_to.need_dataset(found.question.registry, dataset)
        if not project and found.question.registry not in open_to.registries:
            raise Refused("project-needed")
        open_to.need(found.question.registry, project)
        spec = RunSpec(
            name=name,
            command=("python", JOB, *(arguments or ())),
            dataset=dataset,
            version=found.version,
            splits=tuple(splits) if splits is not None else SPLITS,
            code_digest=keep_code(node, code.encode()),
            seed=seed,
            memory_bytes=memory_bytes,
            seconds=seconds,
        )
        return asdict(find(node, submit(node, spec, grant.name, project)))

    routes.add_api_route("", all_runs, methods=["GET"], dependencies=[may("research")])
    routes.add_api_route("", new_run, methods=["POST"], dependencies=[may("research")])
    routes.add_api_route("/{run_id}", one_run, methods=["GET"], dependencies=[may("research")])
    routes.add_api_route("/{run_id}/log", log, methods=["GET"], dependencies=[may("research")])
    return routes


def _mine(node: Node, run_id: str, request: Request) -> Run:
    """A run of the token's registries or projects; another one does not exist for it."""
    run = find(node, run_id)
    reached(node, request).need(run.registry, run.project)
    return run
