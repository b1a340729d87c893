"""The pages of who looks after people: accounts, organisations, projects, tokens, and why somebody may do something."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from kaname.access.accounts import account, accounts, add_account
from kaname.access.model import PEOPLE, Grant, Part
from kaname.access.projects import find, members
from kaname.access.tokens import check_token, issue, tokens
from kaname.clock import Clock
from kaname.database import reading
from kaname.errors import Forbidden, Refused
from kaname.node import Node
from kaname.testing.deliveries import make_hub
from kaname.web.app import make_app

DIGEST = "a" * 64
ALL = ("j-mid", "basic")
HOSTILE = "<script>alert(1)</script> / ?#%"
Browser = Any
Browse = Callable[[Node], Browser]
GETS = ("/people", "/people/mori", "/organisations", "/projects", "/projects/lungs", "/tokens", "/pairs", "/audit")
POSTS = (
    "/people/add",
    "/people/give",
    "/people/take",
    "/people/address",
    "/people/training",
    "/people/end",
    "/organisations",
    "/organisations/univ/end",
    "/projects",
    *(
        f"/projects/lungs/{what}"
        for what in ("close", "state", "agreement", "courses", "quota", "open", "shut", "join", "leave")
    ),
    "/tokens",
    "/tokens/x/revoke",
    "/pairs/x",
    "/pairs/x/do",
)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A hub of two registries with an operator of all, an auditor and somebody in each registry."""
    made = make_hub(tmp_path / "home")
    for name, *parts in (
        ("root", *(Part("operator", one) for one in ALL)),
        ("mori", Part("reader", "j-mid")),
        ("abe", Part("reader", "basic"), Part("researcher", "j-mid")),
        (HOSTILE, Part("desk", "j-mid")),
    ):
        add_account(made.index, name, parts, None, made.clock)
    yield made
    made.index.dispose()


def of(node: Node, browse: Browse, name: str, *registries: str, roles: tuple[str, ...] = ("operator",)) -> Browser:
    """A browser of somebody with these roles."""
    browser = browse(node)
    grant = Grant.of_person(name, registries or ALL, [role for role in PEOPLE if role in roles])
    assert browser.sign_in_as(grant).status_code == 303
    return browser


def fill(browser: Browser, path: str, **fields: str) -> Any:
    """Sends a form of that session."""
    return browser.send(path, form=browser.form_token(), **fields)


def said(answer: Any) -> str:
    """The code of an answer that is a page of a reason; empty for any other."""
    found = re.search(r'class="quiet">[^<]*?([a-z]+(?:-[a-z]+)+)', answer.text)
    return found[1] if answer.status_code >= 400 and found else ""


@pytest.fixture
def root(node: Node, browse: Browse) -> Browser:
    """An operator and auditor of all registries, with an organisation and a draft of a project."""
    browser = of(node, browse, "root", roles=("operator", "auditor"))
    assert fill(browser, "/organisations", id="univ", title="A 大学", kind="university").status_code == 303
    made = fill(browser, "/projects", id="lungs", title="肺結節", registry="j-mid", organisation="univ")
    assert (made.status_code, made.headers["location"]) == (303, "/projects/lungs")
    return browser


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_page_in_both_languages(root: Browser, language: str) -> None:
    """With a heading, and nothing that a name could run."""
    for path in (*GETS, f"/people/{HOSTILE.replace('%', '%25').replace('?', '%3F').replace('#', '%23')}"):
        answer = root.get(f"{path}?lang={language}")
        assert answer.status_code == 200, path
        assert "<script>alert" not in answer.text, path
    assert unescape(root.get("/people").text).count(HOSTILE) == 1


def test_who_has_not_the_duty_gets_nothing(node: Node, browse: Browse, root: Browser) -> None:
    """No page, and no form does anything; the menu does not name them."""
    assert root.get("/people").status_code == 200
    stranger = of(node, browse, "x", roles=tuple(role for role in PEOPLE if role not in {"operator", "auditor"}))
    token = stranger.form_token()
    for path in GETS:
        assert stranger.get(path).status_code == 403, path
    for path in POSTS:
        assert stranger.send(path, form=token, name="mori").status_code == 403, path
    home = stranger.get("/").text
    assert not any(f'href="{path}"' in home for path in GETS)
    nobody = browse(node)
    for path in GETS:
        assert nobody.get(path).status_code == 401, path


def test_a_form_of_another_session_does_nothing(node: Node, browse: Browse, root: Browser) -> None:
    """Without the session's own token, or from another origin."""
    foreign = of(node, browse, "other").form_token()
    for path in POSTS:
        for fields in ({}, {"form": foreign}):
            assert root.send(path, name="mori", **fields).status_code == 403, path
        assert root.send(path, "http://elsewhere", form=root.form_token(), name="mori").status_code == 403, path
    assert {one.name for one in accounts(node.index, node.clock)} == {"root", "mori", "abe", HOSTILE}


def test_somebody_is_registered_and_signs_in_once_by_the_address(node: Node, browse: Browse, root: Browser) -> None:
    """With their part; the address is shown once and stands in no ledger."""
    answer = fill(root, "/people/add", name="sato", organisation="univ", role="reader", registry="j-mid", until="")
    secret = re.search(r"/signin\?once=([\w~-]+)", answer.text)
    assert secret is not None
    assert account(node.index, "sato", node.clock).parts == (Part("reader", "j-mid"),)
    sato = browse(node)
    assert sato.send("/signin", once=secret[1]).status_code == 303
    assert sato.get("/tasks").status_code == 200
    assert browse(node).send("/signin", once=secret[1]).status_code == 403
    events = [event for event in node.ledger.events() if event.about == "sato"]
    assert [event.action for event in events] == ["user-added", "signin-made", "signed-in"]
    assert secret[1] not in f"{events}"
    assert said(fill(root, "/people/add", name="sato", role="", registry="")) == "account-exists"
    for name in ("", " x", "x" * 65, "x\ty"):
        assert fill(root, "/people/add", name=name, role="reader", registry="j-mid").status_code in {422, 200}
    assert said(fill(root, "/people/add", name="kato", role="program", registry="j-mid")) == "entry-invalid"
    assert said(fill(root, "/people/add", name="kato", role="reader", registry="jed")) == "entry-invalid"
    assert said(fill(root, "/people/add", name="kato", organisation="none", role="")) == "not-found"
    with pytest.raises(Refused, match="not-found"):
        account(node.index, "kato", node.clock)


def test_parts_are_given_and_taken(node: Node, root: Browser) -> None:
    """Each is an event; what is not theirs cannot be taken."""
    assert fill(root, "/people/give", name="mori", role="checker", registry="basic").status_code == 303
    assert fill(root, "/people/take", name="mori", role="reader", registry="j-mid").status_code == 303
    assert account(node.index, "mori", node.clock).parts == (Part("checker", "basic"),)
    assert said(fill(root, "/people/take", name="mori", role="reader", registry="j-mid")) == "not-found"
    assert [event.action for event in node.ledger.events(about="mori")] == ["part-given", "part-taken"]
    assert said(fill(root, "/people/give", name="root", role="checker", registry="basic")) == "own-part"
    assert said(fill(root, "/people/give", name="nobody", role="checker", registry="basic")) == "not-found"
    assert said(fill(root, "/people/take", name="root", role="operator", registry="basic")) == "last-operator"
    assert said(fill(root, "/people/end", name="root")) == "last-operator"
    assert said(fill(root, "/people/address", name="root")) == "own-part"


def test_an_operator_of_one_registry_touches_nothing_of_another(node: Node, browse: Browse, root: Browser) -> None:
    """Other people are not there; a person of both is theirs in part; the highest roles and the node are not theirs."""
    one = of(node, browse, "one", "basic")
    listed = one.get("/people").text
    assert "/people/abe" in listed
    assert "/people/mori" not in listed
    assert said(one.get("/people/mori")) == "not-found"
    for path in ("/people/give", "/people/take", "/people/training", "/people/address", "/people/end"):
        assert said(fill(one, path, name="mori", role="reader", registry="j-mid")) == "not-found", path
    assert "研究者" not in one.get("/people/abe").text.split("<select")[0]
    for path, fields in (
        ("/people/give", {"role": "reader", "registry": "j-mid"}),
        ("/people/take", {"role": "researcher", "registry": "j-mid"}),
        ("/people/give", {"role": "operator", "registry": "basic"}),
        ("/people/give", {"role": "auditor", "registry": "basic"}),
        ("/people/address", {}),
        ("/people/end", {}),
    ):
        assert said(fill(one, path, name="abe", **fields)) == "not-permitted", (path, fields)
    assert fill(one, "/people/take", name="abe", role="reader", registry="basic").status_code == 303
    assert account(node.index, "abe", node.clock).parts == (Part("researcher", "j-mid"),)
    for path in ("/projects/lungs", "/projects/none"):
        assert said(one.get(path)) == "not-found"
    for what in ("close", "state", "agreement", "courses", "quota", "open", "shut", "join", "leave"):
        assert said(fill(one, f"/projects/lungs/{what}", name="abe", state="open", reason="x")) == "not-found", what
    assert said(fill(one, "/projects", id="x", title="x", registry="j-mid", organisation="univ")) == "not-found"
    assert said(fill(one, "/organisations", id="x", title="x", kind="hospital")) == "not-permitted"
    assert said(fill(one, "/organisations/univ/end", reason="x")) == "not-permitted"
    assert "/projects/lungs" in root.get("/projects").text


def test_leaving_counts_at_once(node: Node, browse: Browse, root: Browser) -> None:
    """Their open session and token open nothing any more."""
    grant = Grant("mori", (Part("reader", "j-mid"),))
    token = issue(node.index, grant, days=1, clock=node.clock, owner="mori")
    address = fill(root, "/people/address", name="mori").text
    secret = re.search(r"once=([\w~-]+)", address)
    assert secret is not None
    mori = browse(node)
    mori.send("/signin", once=secret[1])
    assert mori.get("/tasks").status_code == 200
    assert fill(root, "/people/end", name="mori").headers["location"] == "/people"
    assert mori.get("/tasks").status_code == 401
    with pytest.raises(Forbidden, match="token-invalid"):
        check_token(node.index, token, registry=None, clock=node.clock)


def test_whoever_showed_long_ago_who_they_are_shows_it_again(node: Node, root: Browser) -> None:
    """A page that somebody left open gives nobody anything; the menu still names the pages."""
    after = Clock(now=lambda: node.clock.now() + timedelta(minutes=20), new_id=node.clock.new_id)
    token = root.form_token()
    root.app = make_app(replace(node, clock=after))
    for path in GETS[:-1]:
        assert said(root.get(path)) == "proof-old", path
    for path in POSTS:
        assert said(root.send(path, form=token, name="mori")) == "proof-old", path
    assert 'href="/people"' in root.get("/").text


def test_a_project_from_draft_to_closed(node: Node, browse: Browse, root: Browser) -> None:
    """Agreement, training, members, quota; and closing by two persons."""
    at = "/projects/lungs"
    assert said(fill(root, f"{at}/state", state="open")) == "agreement-missing"
    assert fill(root, f"{at}/agreement", agreement=DIGEST, until="2999-01-01").status_code == 303
    assert fill(root, f"{at}/state", state="open").status_code == 303
    assert fill(root, f"{at}/courses", courses="ethics, safety").status_code == 303
    assert said(fill(root, f"{at}/join", name="mori", role="researcher")) == "training-missing"
    for course in ("ethics", "safety"):
        assert fill(root, "/people/training", name="mori", course=course, proof=DIGEST, until="").status_code == 303
    assert fill(root, f"{at}/join", name="mori", role="researcher").status_code == 303
    assert said(fill(root, f"{at}/join", name="mori", role="operator")) == "entry-invalid"
    for oneself in ("root", "Root", " ｒｏｏｔ"):
        assert said(fill(root, f"{at}/join", name=oneself, role="researcher")) == "own-part"
    assert fill(root, f"{at}/quota", seconds="100", bytes="").status_code == 303
    for bad in ("-1", "1.5", "x", "9" * 30):
        assert said(fill(root, f"{at}/quota", seconds=bad)) == "entry-invalid"
    assert said(fill(root, f"{at}/open", dataset="none")) == "not-found"
    for state in ("closed", "draft", ""):
        assert said(fill(root, f"{at}/state", state=state)) == "query-invalid"
    with reading(node.index) as connection:
        assert members(connection, "lungs") == (("mori", ("researcher",)),)
        assert find(connection, "lungs").state == "open"
    page = root.get(at).text
    assert "mori" in page
    assert "ethics safety" in page
    assert fill(root, f"{at}/close", reason="Done.").headers["location"] == "/pairs"
    (pair,) = {*re.findall(r'action="/pairs/(\w+)', of(node, browse, "second").get("/pairs").text)}
    assert said(fill(root, f"/pairs/{pair}", decision="agree")) == "two-persons"
    assert said(fill(root, f"/pairs/{pair}/do")) == "pair-waiting"
    second = of(node, browse, "second")
    assert fill(second, f"/pairs/{pair}", decision="agree").status_code == 303
    assert said(fill(second, f"/pairs/{pair}/do")) == "not-found"
    assert fill(root, f"/pairs/{pair}/do").status_code == 303
    assert said(fill(root, f"/pairs/{pair}/do")) == "pair-state"
    with reading(node.index) as connection:
        assert find(connection, "lungs").state == "closed"
    for what in ("state", "agreement", "courses", "quota", "join", "close"):
        more = {"state": "open", "agreement": DIGEST, "name": "mori", "role": "researcher", "reason": "x"}
        assert said(fill(root, f"{at}/{what}", **more)) == "project-state", what
    assert fill(root, f"{at}/leave", name="mori").status_code == 303
    actions = [event.action for event in node.ledger.events() if event.about == "lungs"]
    assert actions[-4:] == ["pair-asked", "pair-agreed", "pair-used", "project-closed"]
    assert "Done." not in f"{[*node.ledger.events()]}"


def test_another_registrys_pair_is_not_there(node: Node, browse: Browse, root: Browser) -> None:
    """Neither seen nor decided; what is about the whole node takes an operator of all of it."""
    fill(root, "/projects/lungs/close", reason="x")
    fill(root, "/organisations/univ/end", reason="x")
    second = of(node, browse, "second")
    pairs = {*re.findall(r'action="/pairs/(\w+)', second.get("/pairs").text)}
    assert len(pairs) == 2
    stranger, half = of(node, browse, "stranger", "basic"), of(node, browse, "half", "j-mid")
    assert not any(pair in stranger.get("/pairs").text for pair in pairs)
    assert sum(pair in half.get("/pairs").text for pair in pairs) == 1
    for pair in pairs:
        for path in (f"/pairs/{pair}", f"/pairs/{pair}/do"):
            assert said(fill(stranger, path, decision="agree")) == "not-found"
    for pair in pairs:
        assert fill(second, f"/pairs/{pair}", decision="agree").status_code == 303
        assert fill(root, f"/pairs/{pair}/do").status_code in {303, 422}
    with reading(node.index) as connection:
        assert find(connection, "lungs").state == "closed"


def test_tokens_of_programs_are_made_and_revoked(node: Node, browse: Browse, root: Browser) -> None:
    """Shown once, with no duty that asks for a person, and only within one's own registries."""
    made = fill(root, "/tokens", name="loader", days="9", **{"duty-store": "on", "registry-basic": "on"})
    secret = re.search(r"kaname_[\w-]+", made.text)
    assert secret is not None
    assert check_token(node.index, secret[0], registry="basic", clock=node.clock).duties == ("store",)
    assert secret[0] not in f"{[*node.ledger.events()]}"
    for duty in ("people", "identity", "withdraw", "release", "audit", "operate", "read"):
        bad = fill(root, "/tokens", name="x", days="9", **{f"duty-{duty}": "on", "registry-basic": "on"})
        assert said(bad) == "entry-invalid", duty
    one = of(node, browse, "one", "j-mid")
    assert (
        said(fill(one, "/tokens", name="x", days="9", **{"duty-store": "on", "registry-basic": "on"}))
        == "entry-invalid"
    )
    for days in ("0", "367", "x", "-1", "9" * 12):
        answer = fill(root, "/tokens", name="x", days=days, **{"duty-store": "on", "registry-basic": "on"})
        assert said(answer) == "query-invalid", days
    (token,) = tokens(node.index)
    assert "loader" not in one.get("/tokens").text
    assert said(fill(one, f"/tokens/{token.id}/revoke")) == "not-found"
    assert fill(root, f"/tokens/{token.id}/revoke").status_code == 303
    assert tokens(node.index) == ()


def test_why_somebody_may_or_may_not_is_told_in_the_words_of_the_policies(root: Browser) -> None:
    """Also for a project, whose state counts."""
    may = root.get("/audit?name=mori&duty=read&registry=j-mid&project=&channel=console&lang=en").text
    assert "Allowed." in may
    assert "@id(&#34;reader&#34;)" in may
    may_not = root.get("/audit?name=mori&duty=read&registry=basic&project=&channel=console&lang=en").text
    assert "Denied." in may_not
    assert "No policy permits it" in may_not
    fill(root, "/projects/lungs/agreement", agreement=DIGEST, until="")
    fill(root, "/projects/lungs/join", name="mori", role="researcher")
    asked = "/audit?name=mori&duty=research&registry=j-mid&project=lungs&channel=console&lang=en"
    assert "project-closed" in root.get(asked).text
    fill(root, "/projects/lungs/state", state="open")
    assert "Allowed." in root.get(asked).text
    fill(root, "/projects/lungs/courses", courses="ethics")
    assert "Denied." in root.get(asked).text
    for wrong in (
        "name=nobody&duty=read&registry=j-mid",
        "name=mori&duty=x&registry=j-mid",
        "name=mori&duty=read&registry=jed",
    ):
        assert root.get(f"/audit?{wrong}").status_code in {400, 404}


def test_the_ledger_is_filtered_by_who_did_it(node: Node, root: Browser) -> None:
    """And by what, together."""
    node.ledger.append("looked", "x", actor="mori")
    whole, hers = root.get("/ledger").text, root.get("/ledger?actor=mori").text
    assert "organisation-made" in whole
    assert "organisation-made" not in hers.split("<tbody>")[1]
    assert "looked" in hers
    assert "looked" not in root.get("/ledger?actor=mori&action=signed-in").text.split("<tbody>")[1]
