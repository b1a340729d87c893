"""Dataset versions over HTTP: numbers, never subjects."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from kaname.archive.flow import shelve
from kaname.datasets.flow import freeze
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.testing.deliveries import Facility, make_hub, series
from kaname.testing.tokens import make_token
from kaname.web.app import make_app


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A hub with a dataset of one patient's two slices."""
    folder = tmp_path_factory.mktemp("hub")
    node = make_hub(folder / "home")
    facility = Facility(folder / "facility").admitted_to(node)
    shelve(node, accept(node, facility.parcel(series())).digest)
    freeze(node, "lungs", "j-mid")
    yield node
    node.index.dispose()


def get(hub: Node, path: str, registry: str = "j-mid") -> httpx.Response:
    """The answer to who may see a registry."""
    secret = make_token(hub.index, name="somebody", registries=(registry,), days=1, clock=hub.clock)

    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(make_app(hub), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
            return await client.get(path, headers={"Authorization": f"Bearer {secret}"})

    return asyncio.run(go())


def test_a_version_is_told_by_its_splits(hub: Node) -> None:
    """How many subjects, instances and labels each split has, and whose they are nowhere."""
    answer = get(hub, "/api/v1/datasets/lungs/1")
    told = answer.json()
    assert (told["version"], told["question"]["task"], told["labels"]) == (1, "", 0)
    assert told["splits"] == [
        {"split": "train", "subjects": 1, "instances": 2, "labels": {}},
        {"split": "validation", "subjects": 0, "instances": 0, "labels": {}},
        {"split": "test", "subjects": 0, "instances": 0, "labels": {}},
    ]
    assert "members" not in told


@pytest.mark.parametrize(
    ("path", "registry", "status", "code"),
    [
        (f"lungs/{2**63}", "j-mid", 400, "query-invalid"),
        ("lungs/2", "j-mid", 404, "not-found"),
        ("brains/1", "j-mid", 404, "not-found"),
        ("lungs/1", "basic", 404, "not-found"),
        ("lungs/one", "j-mid", 400, "query-invalid"),
    ],
)
def test_what_is_not_there_is_not_found(hub: Node, path: str, registry: str, status: int, code: str) -> None:
    """Another number, another name, another registry's token."""
    answer = get(hub, f"/api/v1/datasets/{path}", registry)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_what_the_door_offers_is_described(hub: Node) -> None:
    """Readers' routes and datasets stand in the OpenAPI description."""
    paths = get(hub, "/api/v1/openapi.json").json()["paths"]
    assert {"/api/v1/annotation/tasks/{name}/cases", "/api/v1/datasets/{name}/{version}"} <= paths.keys()
