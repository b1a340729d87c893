from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from kaname.access.model import Duty, Grant
from kaname.access.sessions import make_signin
from kaname.annotation.flow import case_of, cases, make, readings
from kaname.annotation.model import Mark, Reading, Sought
from kaname.node import Node
from kaname.testing.gallery import shelve_directly
from kaname.testing.hospital import invent_visit
from kaname.testing.personas import personas, site
from kaname.testing.ultrasound import Scene, ultrasound
from kaname.web.viewer import prepared

DRAWN = """async least => {
  const greys = () => {
    const [shown] = window.cornerstone?.getEnabledElements?.() ?? [];
    const canvas = shown?.viewport.getCanvas();
    if (!canvas?.width) return 0;
    const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const levels = new Set();
    for (let at = 0; at < data.length; at += 4 * 31) levels.add(data[at]);
    return levels.size;
  };
  const late = performance.now() + 60_000;
  while (greys() <= least && performance.now() < late) await new Promise(requestAnimationFrame);
  return greys();
}"""
"""Waits until the first viewport shows more than so many different greys; returns how many."""
GREYS = 50
EN_US = re.compile(r"var en_US_(\w+)_namespaceObject = JSON\.parse\('((?:[^'\\]|\\.)*)'\)")
"""A table of English words in the published bundle: its name, and JSON in a string of JavaScript."""
NEVER_SHOWN = {"DataSourceConfiguration", "Modes", "StudyList"}

TASK = "chest"
SHOWN_AT = """() => {
  const [{viewport}] = window.cornerstone.getEnabledElements();
  const {left, top} = viewport.getCanvas().getBoundingClientRect();
  const at = pixel => viewport.worldToCanvas(viewport.getImageData().imageData.indexToWorld([...pixel, 0]));
  const [first, next] = [at([0, 0]), at([1, 1])];
  return {left: left + first[0], top: top + first[1], scale: next[0] - first[0]};
}"""
"""Where the middle of the first pixel stands in the window, and how large a pixel is: the picture's own geometry."""
RECTANGLES = """async wanted => {
  const drawn = () => window.cornerstoneTools.annotation.state.getAllAnnotations();
  const count = () => drawn().filter(one => one.metadata.toolName === 'RectangleROI').length;
  const late = performance.now() + 60_000;
  while (count() !== wanted && performance.now() < late) await new Promise(requestAnimationFrame);
  return count();
}"""
"""Waits until there are so many rectangles in the viewer; returns how many."""

pytestmark = pytest.mark.usefixtures("ohif")


def signed_in(window: BrowserContext, served: Any, name: str, *duties: Duty, registry: str = "j-mid") -> Page:
    """A page of somebody with these duties in a registry."""
    grant = Grant.of_program(name, (registry,), duties)
    secret = make_signin(served.node.index, grant, place="console", clock=served.node.clock)
    shown = window.new_page()
    shown.goto(f"{served.console}/signin?once={secret}")
    shown.get_by_role("main").get_by_role("button").click()
    shown.wait_for_url(f"{served.console}/")
    return shown


@pytest.fixture
def page(window: BrowserContext, served: Any) -> Page:
    """A page of somebody who may look and no more."""
    return signed_in(window, served, "looker", "browse", "pixels")


@pytest.fixture
def reader(window: BrowserContext, served: Any) -> Page:
    """A page of a reader."""
    return signed_in(window, served, "radiologist", "browse", "pixels", "read")


def opened(page: Page, served: Any, registry: str = "j-mid", instances: str = "6") -> Page:
    """The viewer's page, as the button on the page of the study with so many instances opens it."""
    page.goto(f"{served.console}/studies?registry={registry}&lang=ja")
    row = page.locator("tbody tr").filter(has=page.get_by_role("cell", name=instances, exact=True).last)
    row.get_by_role("link").first.click()
    with page.context.expect_page() as viewer:
        page.get_by_role("button", name="ビューアで見る").click()
    shown = viewer.value
    shown.set_viewport_size({"width": 1400, "height": 900})
    return shown


def test_a_ct_study_opens_in_the_viewer(page: Page, served: Any, picture: Callable[[Page, str], Path]) -> None:
    """The first slice is drawn in many greys, the wheel brings the next one, and what a model says can be read."""
    failed: list[str] = []
    page.context.on("response", lambda r: failed.append(f"{r.status} {r.url}") if r.status >= 400 else None)
    errors: list[str] = []
    page.context.on("weberror", lambda error: errors.append(str(error.error)))
    viewer = opened(page, served)
    assert viewer.evaluate(DRAWN, GREYS) > GREYS
    assert viewer.url.startswith(f"{served.viewer}/ohif/viewer?StudyInstanceUIDs=")
    viewer.get_by_text("(1/5)").wait_for()
    assert viewer.get_by_text("閲覧専用").is_visible()
    assert viewer.get_by_text("Studies", exact=True).count() == 0
    picture(viewer, "viewer-ct")
    viewer.locator("canvas").first.hover()
    viewer.mouse.wheel(0, 100)
    viewer.get_by_text("(2/5)").wait_for()
    viewer.get_by_text("AI prediction").dblclick()
    viewer.get_by_text("Imaging Measurement Report").wait_for()
    assert viewer.get_by_text("threshold=0.500000").is_visible()
    picture(viewer, "viewer-report")
    assert (failed, errors) == ([], [])


def test_the_viewer_can_do_no_more_than_show_its_study(page: Page, served: Any) -> None:
    """It gets nothing of another study, and runs neither a script that was put together nor a text given to a timer."""
    viewer = opened(page, served)
    assert viewer.evaluate(DRAWN, GREYS) > GREYS
    page.goto(f"{served.console}/studies")
    links = page.locator("tbody a[href^='/studies/']").all()
    listed = {str(link.get_attribute("href")).split("/")[2] for link in links}
    assert len(listed) > 1
    for other in listed - {viewer.url.rpartition("=")[2]}:
        assert viewer.evaluate(f"fetch('/dicomweb/studies/{other}/metadata').then(answer => answer.status)") == 404
    viewer.evaluate("document.head.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))")
    viewer.evaluate("() => { setTimeout('window.ran = 1', 0) }")
    assert viewer.evaluate("new Promise(done => setTimeout(() => done(window.ran ?? 'stopped'), 50))") == "stopped"


def test_a_rectangle_drawn_in_the_viewer_is_a_reading(
    reader: Page, served: Any, picture: Callable[[Page, str], Path]
) -> None:
    """Drawn with the mouse and labelled, it is saved in pixels of its slice; opened again it can be moved.

    A slice with nothing on it is answered without a rectangle.
    """
    make(served.node, TASK, "j-mid")
    viewer = opened(reader, served)
    assert viewer.evaluate(DRAWN, GREYS) > GREYS
    draw(viewer, (100, 80), (160, 120))
    viewer.get_by_role("dialog").wait_for()
    picture(viewer, "viewer-label")
    answer_with(viewer, "あり")
    picture(viewer, "viewer-drawn")
    (first,) = read(served.node, TASK)
    answer, box = first.marks
    assert (first.reader, first.kind, answer) == ("radiologist", "reading", Mark("image", "present"))
    assert (box.geometry, box.label) == ("box", "present")
    assert box.points == (near(100, 80), near(160, 120))
    viewer.reload()
    assert viewer.evaluate(DRAWN, GREYS) > GREYS
    assert viewer.evaluate(RECTANGLES, 1) == 1
    with viewer.expect_response("**/readings"):
        drag(viewer, (160, 120), (180, 140))
    _, moved = read(served.node, TASK)
    assert moved.marks[1].points == (box.points[0], near(180, 140))
    viewer.mouse.wheel(0, 100)
    viewer.get_by_text("(2/5)").wait_for()
    viewer.get_by_role("button", name="この画像に答える").click()
    answer_with(viewer, "なし")
    (none,) = (one for one in read(served.node, TASK) if one.case != first.case)
    assert none.marks == (Mark("image", "absent"),)


def test_a_frame_of_an_ultrasound_clip_is_read(
    window: BrowserContext, served: Any, picture: Callable[[Page, str], Path], tmp_path: Path
) -> None:
    """An image without a place in the patient has pixels all the same; the frame that is shown is the one meant."""
    rng = random.Random(7)  # noqa: S311 -- invented
    clip = ultrasound(invent_visit(rng, personas(7, 1)[0], site(7)), rng, Scene(frames=3)).data
    shelve_directly(served.node, tmp_path, "jsum", [clip])
    make(served.node, "masses", "jsum")
    page = signed_in(window, served, "sonographer", "browse", "pixels", "read", registry="jsum")
    viewer = opened(page, served, "jsum", "1")
    assert viewer.evaluate(DRAWN, GREYS) > GREYS
    viewer.locator("canvas").first.hover()
    viewer.mouse.wheel(0, 100)
    viewer.get_by_text("(2/3)").wait_for()
    draw(viewer, (100, 80), (160, 120))
    answer_with(viewer, "あり")
    picture(viewer, "viewer-ultrasound")
    (reading,) = read(served.node, "masses")
    assert case_of(served.node, reading.case).frame == 2
    assert reading.marks[1].points == (near(100, 80), near(160, 120))


def read(node: Node, task: str) -> list[Reading]:
    """What was read of a task so far, image by image."""
    found = [case for state in ("open", "disputed", "settled") for case in cases(node, task, Sought(state))]
    return [one for case in found for one in readings(node, case.id)]


def near(column: float, row: float) -> Any:
    """A point that a mouse can hit: it moves in pixels of the window, of which one of the image has at least two."""
    return pytest.approx((column, row), abs=0.6)


def answer_with(viewer: Page, label: str) -> None:
    """Chooses a label and waits until the answer is saved."""
    with viewer.expect_response("**/readings") as sent:
        viewer.get_by_role("dialog").get_by_role("button", name=label).click()
    assert sent.value.status == 200
    expect(viewer.get_by_role("status").filter(has_text="保存しました")).to_be_visible()


def draw(viewer: Page, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Draws a rectangle between two pixels with the viewer's own tool."""
    viewer.locator('[data-cy="MeasurementTools-split-button-secondary"]').click()
    viewer.locator('[data-cy="RectangleROI"]').click()
    drag(viewer, start, end)


def drag(viewer: Page, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Moves the mouse from the corner of one pixel to that of another, with its button down."""
    at = viewer.evaluate(SHOWN_AT)
    corners = [(at["left"] + (x - 0.5) * at["scale"], at["top"] + (y - 0.5) * at["scale"]) for x, y in (start, end)]
    viewer.mouse.move(*corners[0])
    viewer.mouse.down()
    viewer.mouse.move(*corners[1], steps=6)
    viewer.mouse.up()


def test_every_word_of_the_viewer_has_its_japanese() -> None:
    """What the published viewer says in English stands in our table, but for pages that are never shown here."""
    (bundle,) = prepared().glob("app.bundle.*.js")
    found = EN_US.findall(bundle.read_text(encoding="utf-8"))
    english = {name: json.loads(text.replace("\\'", "'").replace("\\\\", "\\")) for name, text in found}
    japanese = json.loads(prepared().with_name("viewer-ja.json").read_text(encoding="utf-8"))
    assert len(english) > 20
    for name in english.keys() - NEVER_SHOWN:
        assert japanese[name].keys() >= english[name].keys(), name
