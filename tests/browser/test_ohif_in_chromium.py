from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

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

pytestmark = pytest.mark.usefixtures("ohif")


def opened(page: Page, served: Any) -> Page:
    """The viewer's page, as the button of the largest study in the console's list opens it."""
    page.goto(f"{served.console}/studies?registry=j-mid&lang=ja")
    row = page.locator("tbody tr").filter(has=page.get_by_role("cell", name="6", exact=True))
    with page.context.expect_page() as viewer:
        row.get_by_role("button").click()
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
    listed = {row.get_attribute("action").split("/")[2] for row in page.locator("form[action$=look]").all()}
    for other in listed - {viewer.url.rpartition("=")[2]}:
        assert viewer.evaluate(f"fetch('/dicomweb/studies/{other}/metadata').then(answer => answer.status)") == 404
    viewer.evaluate("document.head.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))")
    viewer.evaluate("() => { setTimeout('window.ran = 1', 0) }")
    assert viewer.evaluate("new Promise(done => setTimeout(() => done(window.ran ?? 'stopped'), 50))") == "stopped"


def test_every_word_of_the_viewer_has_its_japanese() -> None:
    """What the published viewer says in English stands in our table, but for pages that are never shown here."""
    (bundle,) = prepared().glob("app.bundle.*.js")
    found = EN_US.findall(bundle.read_text(encoding="utf-8"))
    english = {name: json.loads(text.replace("\\'", "'").replace("\\\\", "\\")) for name, text in found}
    japanese = json.loads(prepared().with_name("viewer-ja.json").read_text(encoding="utf-8"))
    assert len(english) > 20
    for name in english.keys() - NEVER_SHOWN:
        assert japanese[name].keys() >= english[name].keys(), name
