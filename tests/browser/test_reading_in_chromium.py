"""A mark drawn in each annotator, by mouse or by keys alone, ends in a reading and in the frozen dataset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from kaname.annotation.flow import cases, make, readings, take
from kaname.annotation.model import Case, Given, Mark, Sought
from kaname.datasets.flow import content, freeze
from kaname.node import Node
from kaname.pack import pack_key
from kaname.testing.gallery import CLIP_FRAMES, CLIP_RATE, TASKS
from kaname.web.islands import built

CRITERIA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SHOWN_TIME = """() => new Promise(done => {
  const film = document.querySelector('video');
  film.requestVideoFrameCallback((now, about) => done(about.mediaTime));
  film.currentTime = film.currentTime + 1e-4;
})"""
"""The time of the frame that the browser says it shows, in seconds."""

pytestmark = [
    pytest.mark.skipif(not built().is_dir(), reason="the elements are not built: make web"),
    pytest.mark.xdist_group("gallery"),  # one hub for all tests of this file
]


@pytest.fixture
def page(window: Any, gallery: Any) -> Page:
    """A page of a doctor who may read and decide in every registry."""
    opened = window.new_page()
    opened.goto(gallery.signin(*TASKS.values()))
    opened.get_by_role("main").get_by_role("button").first.click()
    opened.wait_for_url(f"{gallery.console}/")
    return opened


def case_of(node: Node, task: str) -> Case:
    """The one case of a task."""
    found = [case for state in ("open", "disputed", "settled") for case in cases(node, task, Sought(state))]
    return found[0]


def show(page: Page, served: Any, task: str, kind: str = "reading", language: str = "ja") -> Any:
    """Opens the case of a task; returns where its image is."""
    case = case_of(served.node, task)
    page.goto(f"{served.console}/cases/{case.id}?kind={kind}&lang={language}")
    page.locator(".annotator[data-ready=true]").wait_for()
    return page.locator(".stage")


def saved(page: Page, node: Node, task: str) -> tuple[Mark, ...]:
    """Saves by keys and waits for what comes next; returns what was read.

    A second reader agrees, and what the doctor drew in the browser is in the frozen dataset, mark by mark.
    """
    page.keyboard.press("Control+Enter")
    page.wait_for_url(f"**/tasks?done={task}*")
    expect(page.get_by_role("status").filter(has_text="保存しました")).to_be_visible()
    case = case_of(node, task)
    drawn = next(one.marks for one in readings(node, case.id) if one.reader == "doctor")
    take(node, task, "second", "reading", [Given(case.id, drawn)])
    (label,) = content(node, freeze(node, f"all-{task}", TASKS[task], task=task)).labels
    assert (label.settled, label.sop_instance_uid) == ("agreed", case.sop_instance_uid)
    assert [marked.mark for marked in label.marks if marked.reader == 1] == list(drawn)
    return drawn


def test_a_box_is_drawn_with_the_mouse(page: Page, gallery: Any, picture: Callable[[Page, str], Path]) -> None:
    """A nodule in a CT slice, in pixels of the slice, with the answer about the whole; undone and done again."""
    stage = show(page, gallery, "nodules")
    page.keyboard.press("b")
    place = stage.bounding_box()
    page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    page.mouse.down()
    page.mouse.move(place["x"] + place["width"] / 2 + 80, place["y"] + place["height"] / 2 + 60, steps=4)
    page.mouse.up()
    page.keyboard.press("1")
    expect(page.locator(".marks li")).to_have_count(1)
    page.keyboard.press("z")
    expect(page.get_by_text("まだ印はありません。")).to_be_visible()
    page.keyboard.press("y")
    picture(page, "case-box")
    answer, box = saved(page, gallery.node, "nodules")
    assert (answer.geometry, answer.label, box.geometry, box.label) == ("image", "present", "box", "present")
    (left, top), (right, bottom) = box.points
    scale = 128 / place["height"]
    assert (left, top) == pytest.approx((64, 64), abs=1)
    assert (right - left, bottom - top) == pytest.approx((80 * scale, 60 * scale), abs=1)


def test_an_outline_is_drawn_by_keys_alone(page: Page, gallery: Any, picture: Callable[[Page, str], Path]) -> None:
    """Arrow keys move the cross, Enter sets a point, C closes; a point that would cross the outline is not set."""
    show(page, gallery, "lesions")
    page.keyboard.press("2")
    page.keyboard.press("p")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft"):
        for _ in range(4):
            page.keyboard.press(f"Shift+{key}")
        page.keyboard.press("Enter")
    for key in ("ArrowUp", "ArrowRight"):
        for _ in range(6):
            page.keyboard.press(f"Shift+{key}")
    page.keyboard.press("Enter")
    expect(page.locator(".annotator .status")).to_contain_text("交わっています")
    page.keyboard.press("c")
    picture(page, "case-outline")
    (mark,) = saved(page, gallery.node, "lesions")
    assert (mark.geometry, mark.label, len(mark.points)) == ("polygon", "malignant", 4)
    assert mark.points[0] == (200, 150)


def test_two_images_are_compared_by_one_key(page: Page, gallery: Any, picture: Callable[[Page, str], Path]) -> None:
    """Arrow right: the right one; both are shown."""
    show(page, gallery, "severity")
    expect(page.locator("figure")).to_have_count(2)
    picture(page, "case-pair")
    page.keyboard.press("ArrowRight")
    (mark,) = saved(page, gallery.node, "severity")
    assert (mark.geometry, mark.label) == ("pair", "right")


def test_a_form_is_filled_in(page: Page, gallery: Any, picture: Callable[[Page, str], Path]) -> None:
    """A refusal leaves everything on the page and says why in a sentence; corrected, it is saved."""
    show(page, gallery, "fundus")
    page.keyboard.press("1")
    page.get_by_label("画質").select_option("fair")
    field = page.get_by_label("陥凹比")
    field.evaluate("field => field.removeAttribute('pattern')")
    field.fill("about a half")
    page.get_by_role("button", name="保存して次へ").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("記入項目に読み取れない値があります。")
    picture(page, "case-refused")
    field.fill("0.5")
    (mark,) = saved(page, gallery.node, "fundus")
    assert (mark.geometry, mark.label) == ("form", "gradable")
    assert dict(mark.values) == {"cup_disc_ratio": 0.5, "quality": "fair"}


def test_phases_of_a_film(page: Page, gallery: Any, picture: Callable[[Page, str], Path]) -> None:
    """A digit begins a phase at the frame that is shown; the browser shows just that frame; none overlap."""
    show(page, gallery, "phases")
    page.keyboard.press("1")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    page.locator(".annotator[data-frame='31']").wait_for()
    assert page.evaluate(SHOWN_TIME) == pytest.approx(30 / CLIP_RATE, abs=0.01)
    page.keyboard.press("2")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("3")
    page.keyboard.press("Backspace")
    page.keyboard.press("[")
    page.locator(".annotator[data-frame='31']").wait_for()
    expect(page.locator(".marks li")).to_have_count(2)
    picture(page, "case-phases")
    marks = saved(page, gallery.node, "phases")
    assert [(mark.label, mark.frames) for mark in marks] == [
        ("preparation", (1, 30)),
        ("dissection", (31, CLIP_FRAMES)),
    ]


def test_tissue_is_outlined_on_a_slide(page: Page, gallery: Any, picture: Callable[[Page, str], Path]) -> None:
    """Clicks become pixels of the largest level at whatever magnification; tiles, scale and overview are shown."""
    stage = show(page, gallery, "tumour")
    expect(page.locator(".scale")).to_contain_text("µm")
    page.keyboard.press("p")
    place = stage.bounding_box()
    middle = (place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    for dx, dy in ((-100, -100), (100, -100), (100, 100), (-100, 100), (-100, -99)):
        page.mouse.click(middle[0] + dx, middle[1] + dy)
    picture(page, "case-slide")
    (mark,) = saved(page, gallery.node, "tumour")
    scale = 1024 / place["height"]
    wanted = [512 - 100 * scale, 512 + 100 * scale]
    assert (mark.geometry, mark.label, len(mark.points)) == ("polygon", "tumour", 4)
    assert [list(mark.points[0]), list(mark.points[2])] == [pytest.approx([one, one], abs=2) for one in wanted]


def test_leaving_with_unsaved_marks_asks_first(page: Page, gallery: Any) -> None:
    """The browser asks before drawn marks are lost, and does not where nothing was drawn or all of it is saved."""
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    show(page, gallery, "nodules")
    page.goto(f"{gallery.console}/tasks")
    assert asked == []
    stage = show(page, gallery, "nodules")
    page.keyboard.press("b")
    place = stage.bounding_box()
    for distance in (200, 260):
        page.mouse.click(place["x"] + distance, place["y"] + distance)
    expect(page.locator(".marks select").last).to_be_visible()
    page.goto(f"{gallery.console}/tasks")
    assert asked == ["beforeunload"]


def test_readers_who_differ_are_told_apart_but_not_named(
    page: Page, gallery: Any, picture: Callable[[Page, str], Path]
) -> None:
    """Who decides sees what each of two others answered and drew, and no name."""
    make(gallery.node, "differing", TASKS["severity"])
    case = case_of(gallery.node, "differing")
    for reader, label in (("aoki", "left"), ("baba", "same")):
        take(gallery.node, "differing", reader, "reading", [Given(case.id, (Mark("pair", label),))])
    show(page, gallery, "differing", "adjudication")
    told = page.locator(".others li")
    assert told.all_inner_texts()[-2:] == ["左が重い", "同程度"]
    assert "aoki" not in page.content()
    picture(page, "case-adjudication")


@pytest.mark.parametrize("language", ["ja", "en"])
def test_no_page_of_reading_breaks_a_rule_of_accessibility(
    page: Page, gallery: Any, axe: str, language: str, picture: Callable[[Page, str], Path]
) -> None:
    """WCAG 2.2 A and AA as far as axe-core can tell, with every annotator, and every image without a question."""
    for task in TASKS:
        show(page, gallery, task, language=language)
        page.locator("details summary").click()
        assert _violations(page, axe) == [], task
        picture(page, f"reading-{task}-{language}")
    for task in ("phases", "tumour", "lesions"):
        page.goto(f"{gallery.console}/images/{case_of(gallery.node, task).series_instance_uid}?lang={language}")
        page.locator(".annotator[data-ready=true]").wait_for()
        assert _violations(page, axe) == [], f"images of {task}"
    picture(page, f"images-{language}")
    page.goto(f"{gallery.console}/tasks?lang={language}")
    assert _violations(page, axe) == []
    picture(page, f"tasks-{language}")


def test_a_name_is_text_whatever_stands_in_it(page: Page, gallery: Any) -> None:
    """Markup, right-to-left and ten thousand letters are shown as they are; nothing runs and nothing overflows."""
    show(page, gallery, "lesions")
    page.locator("details summary").click()
    name = page.locator(".facts dd").nth(1)
    assert name.inner_text().startswith("<script>ran()</script><b>")
    assert len(name.inner_text()) > 10_000
    assert page.locator("main script, main b").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") == 1280


def test_the_keys_of_a_page_are_told(page: Page, gallery: Any, picture: Callable[[Page, str], Path]) -> None:
    """The sheet that `?` opens has the annotator's own keys on top, and closed it hides nothing."""
    show(page, gallery, "phases", language="en")
    page.keyboard.press("?")
    sheet = page.locator("dialog#keys")
    expect(sheet).to_contain_text("begin a phase at this frame")
    picture(page, "keys-en")
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()


def test_a_missing_frame_shows_as_a_missing_frame(
    page: Page, gallery: Any, picture: Callable[[Page, str], Path]
) -> None:
    """The page stands, says which frame cannot be shown and why, and another task goes on. Last: it takes data away."""
    case = case_of(gallery.node, "fundus")
    gallery.node.store.delete(pack_key(case.pack))
    show(page, gallery, "fundus")
    expect(page.locator(".notice")).to_contain_text("フレーム 1 を表示できません。")
    assert len(page.locator(".notice").inner_text()) > len("フレーム 1 を表示できません。") + 5
    expect(page.get_by_role("button", name="保存して次へ")).to_be_visible()
    picture(page, "case-missing")


def _violations(page: Page, axe: str) -> list[tuple[str, list[str]]]:
    page.evaluate(axe)
    found: dict[str, Any] = page.evaluate("tags => axe.run(document, {runOnly: tags})", CRITERIA)
    assert found["passes"], "axe looked at nothing"
    return [(rule["id"], [node["html"][:300] for node in rule["nodes"]]) for rule in found["violations"]]
