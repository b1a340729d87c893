"""Where images are, what did not pass, what was withdrawn, what the ledger says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from kaname.database import writing
from kaname.governance.withdraw import obey
from kaname.ledger.index import LEDGER
from kaname.node import Node
from kaname.testing.busy import busy_hub
from kaname.testing.deliveries import Facility

Browser = Any


def cells(page: str, facility: str) -> list[str]:
    """The numbers of a facility's row."""
    (row,) = re.findall(rf">{facility}</a></th>(.*?)</tr>", page, re.DOTALL)
    return re.findall(r'<td class="number">(?:<span[^>]*>)?([^<]+)', row)


def test_the_board_counts_each_facility(looker: Browser) -> None:
    """Came in, held by the hospital (not told yet), received, held, refused, passed on, usable; charts have tables."""
    page = looker.get("/collection").text
    assert cells(page, "facility-1") == ["–", "–", "7", "0", "2", "0", "5"]
    assert cells(page, "facility-2") == ["–", "–", "2", "0", "0", "0", "2"]
    assert page.count("<svg") == 2
    assert page.count("<table") == 3


def test_the_board_of_one_registry(looker: Browser, stranger: Browser) -> None:
    """The others are not counted, and one that the session does not open does not exist."""
    assert "facility-2" not in looker.get("/collection?registry=j-mid").text
    assert "facility-1" not in stranger.get("/collection").text
    assert stranger.get("/collection?registry=j-mid").status_code == 404


def test_what_did_not_pass_is_told_one_by_one(looker: Browser, stranger: Browser) -> None:
    """With its sentence and its code; another registry's is not shown."""
    page = looker.get("/held").text
    assert "<code>inspection-failed</code>" in page
    assert page.count("到着後の検査で個人情報の疑いが見つかりました") == 2
    assert "inspection-failed" not in stranger.get("/held").text


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Node]:
    """A hub that may be changed."""
    node = busy_hub(tmp_path / "home", tmp_path)
    yield node
    node.index.dispose()


def test_a_withdrawal_is_told_without_saying_whose(
    own: Node, tmp_path: Path, browse: Callable[[Node], Browser]
) -> None:
    """Where it stands and who sent it; the pseudonym is not shown. A broken ledger is told in a sentence."""
    browser = browse(own)
    browser.sign_in("j-mid", "basic", duties=("browse", "audit"))
    assert "取り消しの申し出はありません" in browser.get("/withdrawals").text
    facility = Facility(tmp_path / "mid", 1, "j-mid")
    obey(own, facility.withdrawal("00012345"))
    page = browser.get("/withdrawals").text
    assert "完了（証明書あり）" in page
    assert "facility-1" in page
    assert facility.subject("00012345") not in page
    with writing(own.index) as connection:
        connection.execute(update(LEDGER).where(LEDGER.c.sequence == 3).values(actor="somebody else"))
    broken = browser.send("/ledger", form=browser.form_token())
    assert 'role="alert"' in broken.text


def test_the_ledger_is_shown_and_checked(everything: Browser) -> None:
    """The newest event first, by action where one is chosen; the whole chain is walked when somebody asks for it."""
    page = everything.get("/ledger").text
    assert page.index("signed-in") < page.index("parcel-accepted")
    only = everything.get("/ledger?action=parcel-refused").text
    assert set(re.findall(r'href="/ledger\?action=([a-z-]+)"', only)) == {"parcel-refused"}
    assert "parcel-accepted" in everything.get("/ledger?before=3").text
    checked = everything.send("/ledger", form=everything.form_token())
    assert "正しいことを確かめました" in checked.text
    assert everything.send("/ledger").status_code == 403


def test_the_ledger_is_for_who_may_see_every_registry(looker: Browser, stranger: Browser) -> None:
    """Its events tell of all of them: neither without the duty nor with some registries only."""
    assert looker.get("/ledger").status_code == 403
    assert stranger.get("/ledger").status_code == 403
    assert stranger.send("/ledger", form=stranger.form_token()).status_code == 403


@pytest.mark.parametrize("number", ["x", "-1", "1" * 10, "٣"])
def test_a_place_in_the_ledger_that_is_none_is_refused(everything: Browser, number: str) -> None:
    """What is no number, or too long a one."""
    assert everything.get(f"/ledger?before={number}").status_code == 400


@pytest.mark.parametrize("path", ["/collection", "/held", "/withdrawals"])
def test_without_the_duty_nothing_is_shown(busy: Node, browse: Callable[[Node], Browser], path: str) -> None:
    """Who only reads has no page of the archive."""
    browser = browse(busy)
    browser.sign_in("j-mid", duties=("read",))
    assert browser.get(path).status_code == 403
