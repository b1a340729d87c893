"""``/api/v1/models``: what may be asked about models, by whom."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import insert

from kaname.database import writing
from kaname.models import rows
from kaname.models.index import DEPLOYMENTS, PREDICTIONS
from kaname.models.model import Card, ModelVersion
from kaname.node import Node
from kaname.testing.deliveries import make_hub
from kaname.testing.tokens import make_token
from kaname.web.answer import tell_outcomes
from kaname.web.models import model_routes

AT = "2026-11-21T12:00:00Z"
STUDY = "2.25.1"
CARD = Card(
    name="lungs-classify",
    version=0,
    weights="aa" * 32,
    dataset="bb" * 32,
    dataset_name="lungs",
    dataset_version=1,
    code="cc" * 32,
    run="dd" * 16,
    registry="j-mid",
    modality="CT",
    target="present",
    other="absent",
    threshold=0.5,
    rows=128,
    columns=128,
    centre=-550.0,
    width=450.0,
)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Node]:
    """A hub with one version, at work, that has spoken of one study."""
    node = make_hub(tmp_path / "home")
    with writing(node.index) as connection:
        made = rows.add(connection, ModelVersion(CARD, "ee" * 32, {"auc": 0.9}, AT))
        text = rows.card_text(made.card)
        deployment = {"model": CARD.digest, "registry": "j-mid", "card": text, "signer": "cloud"}
        connection.execute(insert(DEPLOYMENTS).values(**deployment, deployed_at=AT, seen_until=AT))
        said = {"model": CARD.digest, "pack": "ff" * 32, "registry": "j-mid", "subject": "A" * 16}
        scores = '[["2.25.3", 1, "present", 0.75]]'
        connection.execute(
            insert(PREDICTIONS).values(
                **said, study_instance_uid=STUDY, state="predicted", report="2.25.2", scores=scores, at=AT
            )
        )
    yield node
    node.index.dispose()


def ask(node: Node, path: str, registry: str = "j-mid") -> httpx.Response:
    """One request below ``/api/v1/models``, by somebody who may browse a registry; by nobody for an empty one."""
    app = FastAPI(openapi_url=None)
    tell_outcomes(app)
    app.include_router(model_routes(node))
    headers: dict[str, str] = {}
    if registry:
        secret = make_token(
            node.index, name="reader", registries=[registry], days=1, clock=node.clock, duties=["browse"]
        )
        headers = {"Authorization": f"Bearer {secret}"}

    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://door/api/v1") as client:
            return await client.get(f"/models{path}", headers=headers)

    return asyncio.run(go())


def test_versions_come_with_what_they_were_judged_to_be(hub: Node) -> None:
    """All of a registry, and one by its number."""
    listed: Any = ask(hub, "").json()
    assert [(one["name"], one["version"], one["digest"], one["evaluation"]) for one in listed] == [
        ("lungs-classify", 1, CARD.digest, {"auc": 0.9})
    ]
    assert ask(hub, "/lungs-classify/1").json() == listed[0]
    (work,) = ask(hub, "/deployed").json()
    assert (work["digest"], work["signer"], work["deployed_at"]) == (CARD.digest, "cloud", AT)


def test_what_was_said_of_a_study_is_told(hub: Node) -> None:
    """Report and scores, by image and frame."""
    (said,) = ask(hub, f"/predictions?study={STUDY}").json()
    assert (said["state"], said["report"]) == ("predicted", "2.25.2")
    assert said["scores"] == [{"sop_instance_uid": "2.25.3", "frame": 1, "label": "present", "score": 0.75}]
    assert ask(hub, "/predictions?study=2.25.9").json() == []


@pytest.mark.parametrize("path", ["", "/deployed", f"/predictions?study={STUDY}"])
def test_another_registry_sees_nothing(hub: Node, path: str) -> None:
    """For its token these models and studies do not exist."""
    assert ask(hub, path, "basic").json() == []


@pytest.mark.parametrize(("path", "registry"), [("/lungs-classify/1", "basic"), ("/lungs-classify/2", "j-mid")])
def test_a_version_that_is_not_yours_is_not_found(hub: Node, path: str, registry: str) -> None:
    """As one that is not there."""
    answer = ask(hub, path, registry)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


@pytest.mark.parametrize("path", ["", "/deployed", "/predictions?study=1", "/lungs-classify/1"])
def test_nothing_is_told_without_a_token(hub: Node, path: str) -> None:
    """Whatever is asked."""
    assert ask(hub, path, "").status_code == 401
