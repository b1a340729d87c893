"""The API of readers: each duty sees what it needs, and nobody sees another reader's answer."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from kaname.access.model import Duty
from kaname.archive.flow import shelve
from kaname.intake.flow import accept
from kaname.node import Node, open_node
from kaname.settings import Settings
from kaname.testing.deliveries import Facility, make_hub, series
from kaname.testing.tokens import make_token
from kaname.web.app import make_app

TASKS = "/api/v1/annotation/tasks"
WANTED = {"name": "nodules", "registry": "j-mid", "modality": "CT"}


@pytest.fixture(scope="module")
def shelved(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Three slices are in the archive."""
    folder = tmp_path_factory.mktemp("shelved")
    node = make_hub(folder / "home")
    facility = Facility(folder / "facility").admitted_to(node)
    shelve(node, accept(node, facility.parcel(series(slices=(1, 2, 3)))).digest)
    node.index.dispose()
    return node.settings


@pytest.fixture
def hub(tmp_path: Path, shelved: Settings) -> Iterator[Node]:
    """A copy of that hub."""
    node = open_node(replace(shelved, home=Path(shutil.copytree(shelved.home, tmp_path / "hub"))))
    yield node
    node.index.dispose()


class Person:
    """Somebody with a token."""

    def __init__(self, node: Node, name: str, *duties: Duty, registries: Sequence[str] = ("j-mid",)) -> None:
        secret = make_token(node.index, name=name, registries=registries, days=1, clock=node.clock, duties=duties)
        self._headers = {"Authorization": f"Bearer {secret}"}
        self._app = make_app(node)

    def ask(self, path: str, body: Any = None) -> httpx.Response:
        """The answer to a POST of a body, or to a GET without one."""

        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://door", headers=self._headers) as client:
                return await (client.get(path) if body is None else client.post(path, json=body))

        return asyncio.run(go())

    def told(self, path: str, body: Any = None) -> Any:
        """The same as JSON, of a good answer."""
        answer = self.ask(path, body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, path: str, body: Any = None) -> tuple[int, str]:
        """Status and code of a bad answer."""
        answer = self.ask(path, body)
        return answer.status_code, answer.json()["code"]


@pytest.fixture
def curator(hub: Node) -> Person:
    """Who makes tasks."""
    return Person(hub, "curator", "curate")


@pytest.fixture
def readers(hub: Node) -> tuple[Person, Person]:
    """Who reads."""
    return Person(hub, "reader-1", "read"), Person(hub, "reader-2", "read")


@pytest.fixture
def chief(hub: Node) -> Person:
    """Who adjudicates."""
    return Person(hub, "chief", "adjudicate")


def marks(label: str) -> list[dict[str, Any]]:
    """An answer with the place that it rests on."""
    return [
        {"geometry": "image", "label": label},
        {"geometry": "box", "label": label, "points": [[1, 1], [4.5, 6]]},
    ]


def many(cases: Sequence[dict[str, Any]], *labels: str) -> dict[str, Any]:
    """Answers about many cases."""
    return {
        "readings": [{"case": case["id"], "marks": marks(label)} for case, label in zip(cases, labels, strict=True)]
    }


def test_from_a_task_to_its_labels(curator: Person, readers: tuple[Person, Person], chief: Person) -> None:
    """Two readers, one dispute, one adjudication, one correction; agreement is for the curator."""
    made = curator.told(TASKS, WANTED)
    assert (made["cases"], made["added"], made["readers"], made["question"]["labels"][0]["value"]) == (
        3,
        3,
        2,
        "present",
    )
    first, second = readers
    found = first.told(f"{TASKS}/nodules/cases?state=open")["cases"]
    assert [sorted(case) for case in found] == [
        [
            *("columns", "frame", "frames", "id", "other_frame", "other_sop_instance_uid", "rows"),
            *("series_instance_uid", "sop_instance_uid", "study_instance_uid", "unit"),
        ]
    ] * 3
    assert [
        row["new"] for row in first.told(f"{TASKS}/nodules/readings", many(found, "present", "present", "absent"))
    ] == [True] * 3
    assert first.told(f"{TASKS}/nodules/cases")["cases"] == []
    assert second.told(f"{TASKS}/nodules/cases")["cases"] == found
    for case, label in zip(found, ("present", "absent", "absent"), strict=True):
        answer = second.told(f"/api/v1/annotation/cases/{case['id']}/readings", {"marks": marks(label)})
        assert answer == {"case": case["id"], "number": 2, "new": True}
    (disputed,) = chief.told(f"{TASKS}/nodules/cases?state=disputed")["cases"]
    assert [answer["marks"][0]["label"] for answer in disputed["answers"]] == ["present", "absent"]
    assert "reader-1" not in str(disputed)
    decision = {"kind": "adjudication", "marks": marks("absent")}
    chief.told(f"/api/v1/annotation/cases/{disputed['id']}/readings", decision)
    other = next(case for case in found if case["id"] != disputed["id"])
    correction = {"kind": "correction", "marks": marks("absent")}
    chief.told(f"/api/v1/annotation/cases/{other['id']}/readings", correction)
    settled = chief.told(f"{TASKS}/nodules/cases?state=settled&instance={other['sop_instance_uid']}")["cases"]
    assert [case["verdict"] for case in settled] == [{"state": "settled", "label": "absent", "settled": "corrected"}]
    (pair,) = curator.told(f"{TASKS}/nodules/agreement")
    assert (pair["readers"], pair["cases"], pair["agreed"]) == (["reader-1", "reader-2"], 3, 2)
    assert 0 < pair["kappa"] < pair["high"] <= 1
    (listed,) = curator.told(TASKS)
    assert listed["progress"] == {"open": 0, "disputed": 0, "settled": 3}


def test_the_same_request_again_changes_nothing(curator: Person, readers: tuple[Person, Person]) -> None:
    """A task made again adds nothing; readings sent again are not new."""
    curator.told(TASKS, WANTED)
    assert curator.told(TASKS, WANTED)["added"] == 0
    reader, _ = readers
    found = reader.told(f"{TASKS}/nodules/cases")["cases"]
    for new in (True, False):
        answers = reader.told(f"{TASKS}/nodules/readings", many(found, *["present"] * 3))
        assert [row["new"] for row in answers] == [new] * 3


def test_a_list_of_cases_comes_in_pages(curator: Person, readers: tuple[Person, Person]) -> None:
    """Every page names where the next one begins, until there is none."""
    curator.told(TASKS, WANTED)
    seen: list[str] = []
    after = ""
    while True:
        page = readers[0].told(f"{TASKS}/nodules/cases?limit=2&after={after}")
        seen += [case["id"] for case in page["cases"]]
        after = page["next"]
        if not after:
            break
    assert len(seen) == len(set(seen)) == 3
    assert seen == sorted(seen)


def test_nobody_learns_what_another_reader_answered(curator: Person, readers: tuple[Person, Person]) -> None:
    """Not by counts, not by agreement, not by states, not by the answer to one's own reading."""
    curator.told(TASKS, WANTED)
    first, second = readers
    found = first.told(f"{TASKS}/nodules/cases")["cases"]
    first.told(f"{TASKS}/nodules/readings", many(found, "present", "present", "absent"))
    assert second.told(f"{TASKS}/nodules/cases")["cases"] == found
    assert "progress" not in second.told(TASKS)[0]
    for path in (
        f"{TASKS}/nodules/agreement",
        f"{TASKS}/nodules/cases?state=disputed",
        f"{TASKS}/nodules/cases?state=settled",
    ):
        assert second.refused(path) == (403, "duty-missing")
    same = second.told(f"{TASKS}/nodules/readings", many(found[:1], "present"))
    differs = second.told(f"{TASKS}/nodules/readings", many(found[1:2], "absent"))
    assert [{**row, "case": ""} for row in same] == [{**row, "case": ""} for row in differs]


def test_every_duty_is_asked_for(hub: Node, curator: Person, readers: tuple[Person, Person], chief: Person) -> None:
    """Who may browse may not read; who may read may not decide; who may decide may not make tasks."""
    curator.told(TASKS, WANTED)
    reader, _ = readers
    case = reader.told(f"{TASKS}/nodules/cases?limit=1")["cases"][0]["id"]
    readings = f"/api/v1/annotation/cases/{case}/readings"
    browser = Person(hub, "browser", "browse")
    for person, path, body in (
        (browser, TASKS, None),
        (browser, f"{TASKS}/nodules/cases", None),
        (browser, readings, {"marks": marks("present")}),
        (reader, TASKS, WANTED),
        (reader, readings, {"kind": "adjudication", "marks": marks("present")}),
        (reader, readings, {"kind": "correction", "marks": marks("present")}),
        (chief, TASKS, WANTED),
        (chief, readings, {"marks": marks("present")}),
        (curator, f"{TASKS}/nodules/cases", None),
        (curator, f"{TASKS}/nodules/readings", {"readings": []}),
    ):
        assert person.refused(path, body) == (403, "duty-missing")
    nothing = f"/api/v1/annotation/cases/{'f' * 64}/readings"
    assert browser.refused(nothing, {"marks": marks("present")}) == (403, "duty-missing"), "whether it exists or not"


def test_another_registrys_task_does_not_exist(hub: Node, curator: Person) -> None:
    """For a token that does not open its registry: not listed, not found, not read."""
    curator.told(TASKS, WANTED)
    stranger = Person(hub, "stranger", "read", "adjudicate", "curate", registries=("basic",))
    case = Person(hub, "reader-3", "read").told(f"{TASKS}/nodules/cases?limit=1")["cases"][0]["id"]
    assert stranger.told(TASKS) == []
    for path, body in (
        (f"{TASKS}/nodules/cases", None),
        (f"{TASKS}/nodules/agreement", None),
        (f"{TASKS}/nodules/readings", {"readings": []}),
        (f"/api/v1/annotation/cases/{case}/readings", {"marks": marks("present")}),
        (f"/api/v1/annotation/cases/{'f' * 64}/readings", {"marks": marks("present")}),
        (f"{TASKS}/unknown/cases", None),
    ):
        assert stranger.refused(path, body) == (404, "not-found")
    assert stranger.refused(TASKS, WANTED) == (403, "not-permitted")


FAULTS: tuple[tuple[str, Any, int, str], ...] = (
    ("", {}, 400, "query-invalid"),
    ("", [], 400, "query-invalid"),
    ("", WANTED | {"series": [1]}, 400, "query-invalid"),
    ("", WANTED | {"series": "1.2"}, 400, "query-invalid"),
    ("", WANTED | {"colour": "red"}, 400, "query-invalid"),
    ("", WANTED | {"series": ["2.25.1"]}, 404, "not-found"),
    ("", WANTED | {"name": "a/b"}, 422, "task-name"),
    ("/nodules/cases?state=lost", None, 400, "query-invalid"),
    ("/nodules/cases?limit=0", None, 400, "query-invalid"),
    ("/nodules/readings", [], 422, "reading-invalid"),
    ("/nodules/readings", {"kind": "guess", "readings": []}, 422, "reading-invalid"),
    ("/nodules/readings", {"readings": {}}, 422, "reading-invalid"),
    ("/nodules/readings", {"readings": [{"case": "f"}]}, 422, "reading-invalid"),
)


def test_a_request_with_a_fault_is_refused(hub: Node) -> None:
    """Each with its reason."""
    person = Person(hub, "everybody", "read", "adjudicate", "curate")
    person.told(TASKS, WANTED)
    for path, body, status, code in FAULTS:
        assert person.refused(TASKS + path, body) == (status, code), (path, body)


def test_four_eyes_over_http(hub: Node, curator: Person, readers: tuple[Person, Person], chief: Person) -> None:
    """A reader with both duties cannot settle their own dispute; what is not disputed cannot be adjudicated."""
    curator.told(TASKS, WANTED)
    both = Person(hub, "both", "read", "adjudicate")
    found = both.told(f"{TASKS}/nodules/cases")["cases"]
    both.told(f"{TASKS}/nodules/readings", many(found[:1], "present"))
    readers[0].told(f"{TASKS}/nodules/readings", many(found[:1], "absent"))
    assert both.told(f"{TASKS}/nodules/cases?state=disputed")["cases"] == []
    decision = {"kind": "adjudication", "marks": marks("present")}
    assert both.refused(f"/api/v1/annotation/cases/{found[0]['id']}/readings", decision) == (403, "own-reading")
    assert chief.refused(f"/api/v1/annotation/cases/{found[1]['id']}/readings", decision) == (422, "case-not-disputed")
