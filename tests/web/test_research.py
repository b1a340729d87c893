"""Datasets, runs and models as pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from kaname.airlock.flow import requests, review
from kaname.compute.flow import runs
from kaname.node import Node

Browser = Any
PATHS = ("/datasets/thorax/1", "/models/nodules/1")


def test_everything_that_research_made_is_listed(looker: Browser, stranger: Browser) -> None:
    """With links to each; another registry sees nothing of it."""
    page = looker.get("/research").text
    assert {*PATHS} <= set(re.findall(r'href="([^"]+)"', page))
    assert "0.713 (0.548–0.877)" in page
    assert "完了" in page
    assert "thorax" not in stranger.get("/research").text


def test_a_dataset_is_counted(looker: Browser) -> None:
    """Splits, sex, age, devices and facilities, each picture with its table."""
    page = looker.get("/datasets/thorax/1").text
    headings = re.findall(r'<h2 id="picture-\d">([^<]+)</h2>', page)
    assert headings == ["性別", "年齢", "装置", "種別", "施設"]
    assert page.count('role="img"') == 5
    assert "70〜79 歳" in page
    assert "試験（封印）" in page


def test_a_model_is_shown_with_what_it_was_judged_to_be(looker: Browser) -> None:
    """ROC curve, confusion table and calibration, in the reader's language alone."""
    page = looker.get("/models/nodules/1").text
    assert page.count('role="img"') == 3
    assert "ROC曲線" in page
    assert "ROC curve" not in page
    english = looker.get("/models/nodules/1?lang=en").text
    assert set(re.findall(r"[\u3040-\u30ff\u4e00-\u9fff]+", english)) == {"要", "日本語"}


@pytest.mark.parametrize(
    "path", [*PATHS, "/datasets/thorax/2", "/datasets/thorax/0", "/datasets/thorax/x", "/models/none/1", "/jobs/none"]
)
def test_what_is_not_theirs_does_not_exist(stranger: Browser, path: str) -> None:
    """Neither versions that are not there nor those of another registry."""
    answer = stranger.get(path)
    assert answer.status_code == 404
    assert "<h1>" in answer.text


def test_a_log_is_shown_once_the_airlock_let_it_go(
    busy: Node, everything: Browser, looker: Browser, stranger: Browser
) -> None:
    """Before that the page says why not; afterwards it is text, and only for who does research."""
    (waiting,) = requests(busy, ["j-mid"], "in-review")
    path = f"/jobs/{waiting.run}"
    assert "学習を始めます" not in everything.get(path).text
    review(busy, waiting.id, approve=True, actor="second person", reason="数値のみ。")
    page = everything.get(path).text
    assert "学習を始めます" in page
    assert "&lt;b&gt;done&lt;/b&gt;" in page
    assert "学習を始めます" not in looker.get(path).text
    for browser in (stranger,):
        assert browser.get(path).status_code == 404
        assert browser.get(f"{path}/state").status_code == 404


def test_a_run_that_waits_asks_again_by_itself(busy: Node, everything: Browser) -> None:
    """Its state alone is fetched, and is no whole page."""
    waiting = next(run for run in runs(busy, ["j-mid"], 9) if not run.ended_at)
    page = everything.get(f"/jobs/{waiting.id}").text
    assert f'hx-get="/jobs/{waiting.id}/state"' in page
    part = everything.get(f"/jobs/{waiting.id}/state").text
    assert "順番待ち" in part
    assert "<html" not in part


def test_without_a_duty_of_research_nothing_is_shown(busy: Node, browse: Callable[[Node], Browser]) -> None:
    """Who only reads sees no dataset."""
    browser = browse(busy)
    browser.sign_in("j-mid", duties=("read",))
    for path in ("/research", *PATHS):
        assert browser.get(path).status_code == 403
