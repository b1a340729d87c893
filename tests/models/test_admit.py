"""What a job says of its network is read strictly, and what cannot be judged becomes no version."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from kaname.airlock.index import REQUESTS
from kaname.airlock.release import key_of
from kaname.database import writing
from kaname.errors import Refused
from kaname.ledger import canonical
from kaname.models import admit as admitting
from kaname.models.admit import admit, admit_release, releases_waiting
from kaname.models.flow import versions
from kaname.models.index import VERSIONS
from kaname.models.told import Told
from kaname.node import Node
from kaname.store import digest_bytes

from .conftest import Made

CARD: dict[str, Any] = {
    "format": 1,
    "modality": "CT",
    "positive": "present",
    "classes": ["absent", "present"],
    "rows": 128,
    "columns": 96,
    "scale": [-550.0, 450.0],
    "curve": [[1, 0.7, None]],
    "seed": 1,
}


def now(step: Any, *arguments: Any) -> Any:
    """Does a step at once."""
    return step(*arguments)


def test_a_description_is_read_as_it_was_written() -> None:
    """What serving needs; the course of the training may stand beside it."""
    told = Told.from_bytes(canonical(CARD))
    assert (told.positive, told.negative, told.modality) == ("present", "absent", "CT")
    assert (told.rows, told.columns, told.centre, told.width) == (128, 96, -550.0, 450.0)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"positive": "other"},
        {"classes": ["present", "present"]},
        {"classes": ["present"]},
        {"classes": ["present", "a label longer than a code value"]},
        {"rows": 0},
        {"columns": 1 << 20},
        {"rows": "128"},
        {"scale": [0.0, 0.0]},
        {"scale": [1]},
        {"modality": "C T"},
        {"modality": ""},
    ],
)
def test_a_description_that_cannot_be_is_refused(change: dict[str, Any]) -> None:
    """Whichever entry it is."""
    with pytest.raises(Refused) as refused:
        Told.from_bytes(canonical(CARD | change))
    assert refused.value.code == "model-format"


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"[" * 100_000, json.dumps({"scale": [1e999, 1]}).encode()])
def test_what_is_no_description_is_refused(data: bytes) -> None:
    """Nor any other JSON."""
    with pytest.raises(Refused, match="model-format"):
        Told.from_bytes(data)


def unregister(hub: Node, made: Made) -> None:
    """Makes the release wait again, as before it was admitted."""
    with writing(hub.index) as connection:
        connection.execute(VERSIONS.delete())
        connection.execute(update(REQUESTS).where(REQUESTS.c.id == made.request).values(handed="due"))
    assert releases_waiting(hub) == (made.request,)


def test_admitting_again_comes_to_the_same(hub: Node, made: Made) -> None:
    """Killed before its row was written, the release is judged again: the same figures under the same digest."""
    (before,) = versions(hub, ["j-mid"])
    unregister(hub, made)
    assert admit_release(hub, now, made.request) == made.admitted
    (after,) = versions(hub, ["j-mid"])
    assert replace(after, made_at=before.made_at) == before


@pytest.mark.parametrize(
    ("names", "code"),
    [(("model.onnx",), "model-format"), (("model.json",), "model-format"), (("figures.json",), "model-format")],
)
def test_a_release_that_is_no_model_becomes_no_version(
    hub: Node, made: Made, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], code: str
) -> None:
    """Nothing waits for it any longer, and the ledger says why."""
    unregister(hub, made)
    whole = admitting.released

    def some(node: Node, request: str) -> Any:
        items = whole(node, request)
        return [replace(item, name=name) for item, name in zip(items, names, strict=False)]

    monkeypatch.setattr(admitting, "released", some)
    assert refused_with(hub, made) == code


def test_weights_that_are_no_network_become_no_version(hub: Node, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be run cannot be judged."""
    unregister(hub, made)
    hub.store.put(key_of(digest_bytes(b"nonsense")), b"nonsense")
    whole = admitting.released

    def other(node: Node, request: str) -> Any:
        return [
            replace(item, digest=digest_bytes(b"nonsense")) if item.name == "model.onnx" else item
            for item in whole(node, request)
        ]

    monkeypatch.setattr(admitting, "released", other)
    assert refused_with(hub, made) == "model-damaged"


def refused_with(hub: Node, made: Made) -> str:
    """The reason for which a release is not admitted."""
    told: Any = admit(hub, made.request)
    assert (releases_waiting(hub), versions(hub, ["j-mid"])) == ((), ())
    *_, event = hub.ledger.events(action="model-refused")
    assert (event.about, event.facts["reason"]) == (made.request, told["reason"])
    return str(told["reason"])
