"""Tasks, cases and answers as pages and forms, without any script."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from kaname.annotation.flow import cases, readings
from kaname.annotation.model import Case, Sought
from kaname.node import Node
from kaname.testing.gallery import TASKS
from kaname.web.islands import built

BOX_OUTSIDE = '[{"geometry": "box", "label": "present", "points": [[5, 5], [500, 500]]}]'


def case_of(node: Node, task: str) -> Case:
    """The one case of a task, whatever became of it."""
    return next(case for state in ("open", "disputed", "settled") for case in cases(node, task, Sought(state)))


def setting_of(page: str) -> dict[str, Any]:
    """What the element of a page is told."""
    (written,) = re.findall(r'setting="([^"]*)"', page)
    return json.loads(written.replace("&#34;", '"').replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


@pytest.mark.parametrize(
    ("task", "element"),
    [
        ("nodules", "photo-annotator"),
        ("severity", "photo-annotator"),
        ("fundus", "photo-annotator"),
        ("phases", "video-annotator"),
        ("tumour", "slide-annotator"),
    ],
)
def test_the_image_decides_the_element(reader: Any, gallery: Node, task: str, element: str) -> None:
    """A film, a slide, or pictures: the registry is not asked."""
    page = reader.fetch(f"/cases/{case_of(gallery, task).id}")
    assert page.status_code == 200
    assert f"<{element} " in page.text
    assert len(setting_of(page.text)["pictures"]) == (2 if task == "severity" else 1)


def test_a_slide_is_as_large_as_its_matrix(reader: Any, gallery: Node) -> None:
    """Marks are in pixels of the whole slide, not of a tile."""
    (picture,) = setting_of(reader.fetch(f"/cases/{case_of(gallery, 'tumour').id}").text)["pictures"]
    assert (picture["rows"], picture["columns"], picture["count"]) == (1024, 1024, 1)


def test_nothing_of_an_image_becomes_markup(reader: Any, gallery: Node) -> None:
    """A name with markup in it stands escaped in the page."""
    page = reader.fetch(f"/cases/{case_of(gallery, 'nodules').id}").text
    assert "<b>Name</b>" not in page
    assert "&lt;b&gt;Name&lt;/b&gt;" in page


def test_from_my_work_to_the_next_case(guest: Any, gallery: Node) -> None:
    """The list leads to a case, the answer to the next one, and the last answer back to the list, saying when."""
    reader = guest.named("ito")
    assert "/tasks/fundus/next?kind=reading" in reader.fetch("/tasks").text
    opened = reader.fetch("/tasks/fundus/next").headers["location"]
    case = case_of(gallery, "fundus")
    assert opened == f"/cases/{case.id}?kind=reading"
    after = reader.fill(f"/cases/{case.id}", kind="reading", answer="gradable", **{"item-cup_disc_ratio": "0.25"})
    assert after.status_code == 303
    last = reader.fetch(after.headers["location"])
    assert re.match(r"/tasks\?done=fundus&kind=reading&saved=\d{4}-", last.headers["location"])
    assert "保存しました" in reader.fetch(last.headers["location"]).text
    (mark,) = next(one.marks for one in readings(gallery, case.id) if one.reader == "ito")
    assert (mark.geometry, mark.label, mark.values) == ("form", "gradable", (("cup_disc_ratio", 0.25),))
    page = reader.fetch(f"/cases/{case.id}").text
    assert 'value="gradable" required checked' in page
    assert 'value="0.25"' in page


def test_readers_do_not_see_each_other(guest: Any, gallery: Node) -> None:
    """What one drew is in their own page, not in another reader's, may they also decide.

    Who decides a dispute between others sees it without a name; of what is no dispute, or their own, nothing.
    """
    case = case_of(gallery, "lesions")
    drawn = [{"geometry": "polygon", "label": "benign", "points": [[1, 1], [50, 1], [50, 50]]}]
    ueda = guest.named("ueda", duties=("read",))
    assert ueda.fill(f"/cases/{case.id}", kind="reading", marks=json.dumps(drawn)).status_code == 303
    own = setting_of(ueda.fetch(f"/cases/{case.id}").text)["asked"]
    assert [mark["label"] for mark in own["marks"]] == ["benign"]
    other = guest.named("endo", duties=("read",)).fetch(f"/cases/{case.id}").text
    assert setting_of(other)["asked"]["marks"] == []
    assert setting_of(other)["asked"]["readings"] == []
    asking = guest.named("judge", duties=("adjudicate",))
    assert asking.fetch(f"/cases/{case.id}?kind=adjudication").status_code == 422
    differing = json.dumps([{**drawn[0], "label": "malignant"}])
    there = guest.named("endo", duties=("read", "adjudicate"))
    before = there.fetch(f"/cases/{case.id}?kind=adjudication")
    assert before.status_code == 422
    assert "benign" not in before.text
    assert there.fill(f"/cases/{case.id}", kind="reading", marks=differing).status_code == 303
    assert there.fetch(f"/cases/{case.id}?kind=adjudication").status_code == 403
    judge = guest.named("judge", duties=("adjudicate",)).fetch(f"/cases/{case.id}?kind=adjudication").text
    assert [len(marks) for marks in setting_of(judge)["asked"]["readings"]][-1] == 1
    assert "ueda" not in judge


@pytest.mark.parametrize(
    ("task", "fields", "said"),
    [
        ("nodules", {"answer": "perhaps"}, "ラベル"),
        ("nodules", {}, "ラベル"),
        ("nodules", {"answer": "present", "marks": "["}, "印の数か形式"),
        ("nodules", {"answer": "present", "marks": "{}"}, "印の数か形式"),
        ("nodules", {"answer": "present", "marks": "[" * 100_000}, "印の数か形式"),
        ("nodules", {"answer": "present", "marks": '[{"geometry": "box", "label": "present"}]'}, "印の形式"),
        ("nodules", {"answer": "present", "marks": BOX_OUTSIDE}, "画像の外"),
        ("lesions", {"marks": "[]"}, "答えがありません"),
        ("fundus", {"answer": "gradable", "item-cup_disc_ratio": "a half"}, "記入項目"),
        ("fundus", {"answer": "gradable", "item-quality": "splendid"}, "記入項目"),
    ],
)
def test_an_answer_that_is_none(guest: Any, gallery: Node, task: str, fields: dict[str, str], said: str) -> None:
    """Refused in a sentence that names what is wrong, and nothing is kept of it."""
    case = case_of(gallery, task)
    answer = guest.named("ono").fill(f"/cases/{case.id}", kind="reading", **fields)
    assert answer.status_code == 422
    assert "reading-invalid" in answer.text
    assert said in "".join(re.findall(r'class="part">(.*?)<', answer.text))
    assert not [one for one in readings(gallery, case.id) if one.reader == "ono"]


def test_who_may_not_read_is_told_so(guest: Any, gallery: Node) -> None:
    """Without the duty 403, of another registry nothing exists, and a form of elsewhere is not taken."""
    case = case_of(gallery, "lesions")
    browsing = guest.named("visitor", duties=("browse", "pixels"))
    assert browsing.fetch("/tasks").status_code == 403
    assert browsing.fetch(f"/cases/{case.id}").status_code == 403
    foreign = guest.named("foreign", "joi")
    assert foreign.fetch(f"/cases/{case.id}").status_code == 404
    assert foreign.fetch("/tasks/lesions/next").status_code == 404
    assert "lesions" not in foreign.fetch("/tasks").text
    judging = guest.named("only-reads", duties=("read",))
    assert judging.fetch(f"/cases/{case.id}?kind=adjudication").status_code == 403
    assert judging.ask("POST", f"/cases/{case.id}", data={"kind": "reading"}).status_code == 403


def test_what_an_address_says_is_not_believed(reader: Any) -> None:
    """A task that is none and a time that is none are not repeated on the page."""
    page = reader.fetch("/tasks?done=%3Cb%3E&saved=%3Ci%3E").text
    assert "保存しました" not in page
    assert "<b>" not in page
    assert reader.fetch("/cases/none").status_code == 404


@pytest.mark.parametrize("task", TASKS)
def test_images_are_looked_at_without_a_question(guest: Any, gallery: Node, task: str) -> None:
    """Whoever may browse sees a series, one image at a time; the ledger tells that it was opened."""
    case = case_of(gallery, task)
    viewer = guest.named("visitor", duties=("browse", "pixels"))
    before = gallery.ledger.head().sequence
    page = viewer.fetch(f"/images/{case.series_instance_uid}")
    assert page.status_code == 200
    assert setting_of(page.text)["asked"] is None
    assert gallery.ledger.head().sequence == before + 1
    if task == "severity":
        assert "2 枚中 1 枚目" in page.text
        (after,) = re.findall(r'href="(/images/[^"]*)" rel="next"', page.text)
        assert "2 枚中 2 枚目" in viewer.fetch(after).text


def test_images_that_are_not_there(guest: Any, gallery: Node) -> None:
    """Neither a UID that is none, nor another registry's series, nor an instance of another series."""
    series = case_of(gallery, "lesions").series_instance_uid
    viewer = guest.named("eyes", "joi")
    for place in ("/images/x", "/images/1.2.3", f"/images/{series}"):
        assert viewer.fetch(place).status_code == 404
    assert guest.named("skin", "nsdd").fetch(f"/images/{series}/1.2.3").status_code == 404
    assert guest.named("keeper", "nsdd", duties=("curate",)).fetch(f"/images/{series}").status_code == 403


@pytest.mark.skipif(not built().is_dir(), reason="the elements are not built: make web")
def test_the_files_of_the_elements(guest: Any) -> None:
    """A script, a style sheet and htmx, each with a tag; nothing else is read from the folder."""
    for name, kind in (("islands.js", "text/javascript"), ("islands.css", "text/css"), ("htmx.js", "text/javascript")):
        answer = guest.fetch(f"/static/islands/{name}")
        assert answer.headers["content-type"].startswith(kind)
        assert guest.fetch(f"/static/islands/{name}", **{"If-None-Match": answer.headers["etag"]}).status_code == 304
    assert guest.fetch("/static/islands/LICENSES.txt").status_code == 404
    assert guest.fetch("/static/islands/..%2fconsole.js").status_code == 404


def test_elements_that_are_not_built_are_told(reader: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Without them the script is "not yet", with a sentence."""
    monkeypatch.setattr("kaname.web.islands.built", lambda: tmp_path / "none")
    answer = reader.fetch("/static/islands/islands.js")
    assert answer.status_code == 503
    assert "make web" in answer.text
