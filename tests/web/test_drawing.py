import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest

from kaname.access.model import Duty, Grant
from kaname.access.sessions import check_session, make_signin
from kaname.annotation.flow import cases, make, readings, take
from kaname.annotation.model import Case, Given, Mark, Question, Reading, Sought
from kaname.archive.flow import shelve
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.registries.model import Label
from kaname.testing.deliveries import Facility, make_hub, series
from kaname.testing.tokens import make_token
from kaname.web import drawing
from kaname.web.app import READING_LIMIT_BYTES, make_app, make_viewer_app

VIEWER = "http://door:8472"
READER: tuple[Duty, ...] = ("browse", "pixels", "read")
BOX = {"label": "present", "points": [[1, 2], [5, 6]]}
MARKS = (Mark("image", "present"), Mark("box", "present", ((1.0, 2.0), (5.0, 6.0))))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A hub with two studies in j-mid and one in basic, and a task about those of j-mid."""
    folder = tmp_path_factory.mktemp("hub")
    hub = make_hub(folder / "home")
    node = replace(hub, settings=replace(hub.settings, viewer_port=8472))
    mid = Facility(folder / "mid", 1, "j-mid").admitted_to(node)
    other = Facility(folder / "other", 2, "basic").admitted_to(node)
    for parcel in (
        mid.parcel(series(study=1, slices=range(1, 9))),
        mid.parcel(series(study=2), 2),
        other.parcel(series(study=9)),
    ):
        shelve(node, accept(node, parcel).digest)
    make(node, "nodules", "j-mid")
    yield node
    node.index.dispose()


def of_study(node: Node, most: int) -> list[Case]:
    """The cases of the study of j-mid with most slices (8), or with fewest (2)."""
    found = [case for state in ("open", "disputed", "settled") for case in cases(node, "nodules", Sought(state))]
    studies: dict[str, list[Case]] = {}
    for case in sorted(found, key=lambda case: case.id):
        studies.setdefault(case.study_instance_uid, []).append(case)
    (chosen,) = (group for group in studies.values() if len(group) == most)
    return chosen


@dataclass
class Viewer:
    """A browser in which a study was opened at the viewer's origin, and the one image that its owner looks at."""

    node: Node
    case: Case
    name: str = "radiologist"
    duties: tuple[Duty, ...] = READER
    registries: tuple[str, ...] = ("j-mid",)
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies)

    def __post_init__(self) -> None:
        grant = Grant.of_program(self.name, self.registries, self.duties)
        secret = make_signin(
            self.node.index, grant, place="viewer", clock=self.node.clock, about=self.case.study_instance_uid
        )
        assert self.ask("GET", f"/open?ticket={secret}").status_code == 303

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request; redirects are not followed."""

        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(make_viewer_app(self.node), raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=VIEWER, cookies=self.cookies) as client:
                answer = await client.request(method, path, **options)
                self.cookies = client.cookies
                return answer

        return asyncio.run(go())

    def told(self) -> dict[str, Any]:
        """What the script of the page is told about readings, by study."""
        first = self.ask("GET", "/ohif/app-config.js").text.partition("\n")[0]
        told: dict[str, Any] = json.loads(first.removeprefix("window.kaname = ").removesuffix(";"))["reading"]
        return told

    def token(self) -> str:
        """The token of the session; empty when nothing is offered to it."""
        offer = self.told().get(self.case.study_instance_uid, {})
        return str(offer.get("token", ""))

    def draw(self, headers: dict[str, str] | None = None, /, **changed: Any) -> httpx.Response:
        """Sends one box and an answer, as the page does, unless told otherwise."""
        message = {
            "study": self.case.study_instance_uid,
            "task": "nodules",
            "instance": self.case.sop_instance_uid,
            "frame": self.case.frame,
            "after": 0,
            "answer": "present",
            "boxes": [BOX],
        }
        ours = {"Origin": VIEWER, "Content-Type": "application/json", "Kaname-Form": self.token()}
        sent = {name: value for name, value in (ours | (headers or {})).items() if value}
        return self.ask("POST", "/readings", content=json.dumps(message | changed), headers=sent)

    def read(self) -> list[Reading]:
        """What this person read of the image."""
        return [one for one in readings(self.node, self.case.id) if one.reader == self.name]


def test_a_box_becomes_a_reading(made: Node) -> None:
    """The answer and the box, in the owner's name; the same again changes nothing, and a change is a later reading."""
    viewer = Viewer(made, of_study(made, 8)[0])
    first = viewer.draw()
    assert (first.status_code, first.json()) == (200, {"number": 1})
    assert viewer.draw().json() == {"number": 1}
    (reading,) = viewer.read()
    assert (reading.kind, reading.marks) == ("reading", MARKS)
    changed = viewer.draw(after=1, answer="absent", boxes=[])
    assert changed.json() == {"number": 2}
    assert viewer.read()[-1].marks == (Mark("image", "absent"),)


def test_a_page_that_does_not_know_the_last_answer_is_refused(made: Node) -> None:
    """An answer that was given in another window is never overwritten unseen."""
    viewer = Viewer(made, of_study(made, 8)[1])
    take(made, "nodules", viewer.name, "reading", [Given(viewer.case.id, (Mark("image", "absent"),))])
    assert viewer.draw().json()["code"] == "read-elsewhere"
    assert len(viewer.read()) == 1
    assert viewer.draw(after=1).json() == {"number": 2}


def test_a_reader_is_told_their_own_answers_alone(made: Node) -> None:
    """The question, its labels in their language and what they drew before; nothing of what anybody else answered."""
    case = of_study(made, 8)[2]
    Viewer(made, case, "first").draw()
    take(made, "nodules", "second", "reading", [Given(case.id, (Mark("image", "absent"),))])
    (own,) = Viewer(made, case, "first").told()[case.study_instance_uid]["own"]
    assert (own["instance"], own["answer"], own["boxes"]) == (case.sop_instance_uid, "present", [BOX])
    third = Viewer(made, case, "third").told()[case.study_instance_uid]
    assert third["own"] == []
    assert [label["text"] for label in third["tasks"][0]["labels"]] == ["あり", "なし"]
    assert "second" not in json.dumps(third)


def test_two_eyes_stay_two(made: Node) -> None:
    """Who adjudicated a case cannot read it here, either."""
    case = of_study(made, 8)[3]
    for name, label in (("one", "present"), ("two", "absent")):
        take(made, "nodules", name, "reading", [Given(case.id, (Mark("image", label),))])
    take(made, "nodules", "judge", "adjudication", [Given(case.id, (Mark("image", "absent"),))])
    answer = Viewer(made, case, "judge").draw(after=readings(made, case.id)[-1].number)
    assert (answer.status_code, answer.json()["code"]) == (403, "own-reading")


@pytest.mark.parametrize("duties", [("browse", "pixels"), ("browse", "pixels", "adjudicate", "curate")])
def test_who_is_no_reader_is_offered_nothing(made: Node, duties: tuple[Duty, ...]) -> None:
    """The page says that it is for looking, and an answer is refused even with the right token."""
    case = of_study(made, 8)[4]
    looker = Viewer(made, case, "looker", duties)
    assert looker.told() == {}
    (secret,) = looker.cookies.values()
    session = check_session(made.index, secret, place="viewer", clock=made.clock)
    answer = looker.draw({"Kaname-Form": session.form_token})
    assert (answer.status_code, answer.json()["code"]) == (403, "duty-missing")
    assert looker.read() == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://door:8471"},
        {"Origin": "http://elsewhere"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Kaname-Form": "0" * 64},
        {"Kaname-Form": ""},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    ],
)
def test_no_other_page_can_answer_for_a_reader(made: Node, headers: dict[str, str]) -> None:
    """Neither from another origin, nor without the session's token, nor in a form that a browser sends unasked."""
    viewer = Viewer(made, of_study(made, 8)[4], "strict")
    answer = viewer.draw(headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "form-foreign")
    assert viewer.read() == []


def test_only_the_opened_study_can_be_answered_about(made: Node) -> None:
    """An image of another study, task or frame does not exist here, whoever may read it elsewhere."""
    viewer = Viewer(made, of_study(made, 8)[5])
    other = of_study(made, 2)[0]
    for changed in (
        {"instance": other.sop_instance_uid},
        {"study": other.study_instance_uid},
        {"study": other.study_instance_uid, "instance": other.sop_instance_uid},
        {"task": "none"},
        {"task": 7},
        {"instance": "1.2.3"},
        {"frame": 0},
        {"frame": 2},
        {"frame": True},
        {"frame": "1"},
        {"study": ""},
        {"study": ["1.2"]},
    ):
        answer = viewer.draw(None, **changed)
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found"), changed
    assert not [one for case in (viewer.case, other) for one in readings(made, case.id) if one.reader == viewer.name]


@pytest.mark.parametrize(
    "changed",
    [
        {"answer": "perhaps"},
        {"answer": None},
        {"answer": {}},
        {"boxes": None},
        {"boxes": {}},
        {"boxes": [[]]},
        {"boxes": [{"label": "present"}]},
        {"boxes": [BOX | {"geometry": "image"}]},
        {"boxes": [BOX | {"label": "perhaps"}]},
        {"boxes": [BOX | {"points": [[1, 2]]}]},
        {"boxes": [BOX | {"points": [[5, 6], [1, 2]]}]},
        {"boxes": [BOX | {"points": [[0, 0], [1e9, 1e9]]}]},
        {"boxes": [BOX | {"points": [[float("nan"), 0], [1, 1]]}]},
        {"boxes": [BOX] * 501},
        {"more": 1},
    ],
)
def test_what_is_no_answer_is_refused(made: Node, changed: dict[str, Any]) -> None:
    """A label that the task does not have, a box outside the image, and fields that were not asked for."""
    viewer = Viewer(made, of_study(made, 8)[6], "sloppy")
    answer = viewer.draw(**changed)
    assert (answer.status_code, answer.json()["code"]) == (422, "reading-invalid")
    assert viewer.read() == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b"7", b"[" * 20_000, b"{}"])
def test_what_is_no_message_is_refused(made: Node, body: bytes) -> None:
    """Neither broken JSON nor JSON that is too deep ends in an error of ours."""
    viewer = Viewer(made, of_study(made, 8)[6])
    headers = {"Origin": VIEWER, "Content-Type": "application/json", "Kaname-Form": viewer.token()}
    assert viewer.ask("POST", "/readings", content=body, headers=headers).json()["code"] == "reading-invalid"


def test_a_message_is_small(made: Node) -> None:
    """Nothing larger than any answer is read."""
    viewer = Viewer(made, of_study(made, 8)[6])
    assert viewer.draw(answer="x" * READING_LIMIT_BYTES).status_code == 413


def test_a_task_of_another_registry_does_not_exist(made: Node) -> None:
    """Neither is it offered to who reads for other registries alone, nor does it take an answer."""
    viewer = Viewer(made, of_study(made, 8)[6], "stranger", registries=("basic",))
    assert viewer.told() == {}
    (secret,) = viewer.cookies.values()
    session = check_session(made.index, secret, place="viewer", clock=made.clock)
    assert viewer.draw({"Kaname-Form": session.form_token}).status_code == 404
    assert viewer.read() == []


def test_an_open_study_of_somebody_else_is_of_no_use(made: Node) -> None:
    """Without the cookie of that study there is no such study; with another study's, neither."""
    case = of_study(made, 8)[7]
    viewer = Viewer(made, of_study(made, 2)[0])
    forged = {"study": case.study_instance_uid, "instance": case.sop_instance_uid}
    assert viewer.draw(None, **forged).status_code == 404
    viewer.cookies = httpx.Cookies()
    assert viewer.draw().status_code == 404


@pytest.mark.parametrize(
    ("geometries", "unit", "there"),
    [
        (("image", "box"), "frame", True),
        (("box",), "frame", True),
        (("image",), "frame", False),
        (("image", "polygon"), "frame", False),
        (("form", "box"), "frame", False),
        (("image", "box"), "instance", False),
    ],
)
def test_questions_that_can_be_answered_there(geometries: Any, unit: Any, there: bool) -> None:  # noqa: FBT001
    """Boxes on single images; all else is asked in the console."""
    question = Question("印", "mark", (Label("present", "あり", "present"),), geometries, unit)
    assert drawing._asks_for_boxes(question) is there


def test_boxes_alone_are_an_answer_where_nothing_is_asked_about_the_whole() -> None:
    """Then the answer is left out of the marks."""
    question = Question("印", "mark", (Label("present", "あり", "present"),), ("box",))
    assert drawing._marks(question, {"answer": "", "boxes": [BOX]}) == MARKS[1:]


@pytest.mark.parametrize(("duties", "there"), [(READER, True), (("browse", "pixels"), False)])
def test_a_ticket_takes_the_duty_along(made: Node, duties: tuple[Duty, ...], there: bool) -> None:  # noqa: FBT001
    """Who asks for a ticket as a reader reads there; who may only look, looks."""
    case = of_study(made, 8)[0]
    secret = make_token(made.index, name="api", registries=("j-mid",), days=1, clock=made.clock, duties=duties)

    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(make_app(made))
        async with httpx.AsyncClient(transport=transport, headers={"Authorization": f"Bearer {secret}"}) as client:
            wish = {"study": case.study_instance_uid}
            return await client.post("http://door/api/v1/viewer/tickets", json=wish)

    viewer = Viewer(made, case, "nobody", ("browse",))
    viewer.ask("GET", asyncio.run(go()).json()["url"])
    assert bool(viewer.told()) is there


def test_a_study_that_is_none_is_not_there(made: Node) -> None:
    """Neither half a letter nor any other text."""
    viewer = Viewer(made, of_study(made, 8)[0])
    for study in ("\ud800", "", "1.2\0", "1.2,3"):
        assert viewer.draw(study=study).status_code in {404, 422}, repr(study)
