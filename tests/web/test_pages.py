import re
import tomllib
from importlib.resources import files
from typing import Any, get_args

import pytest

from kaname.access.model import DUTIES, Channel
from kaname.access.model import ROLES as ROLES_OF_PEOPLE
from kaname.access.organisations import KINDS
from kaname.access.projects import QUOTAS
from kaname.access.projects import State as ProjectState
from kaname.access.sessions import Factor
from kaname.airlock.model import MOVES
from kaname.compute.model import RunState
from kaname.datasets.model import SPLITS
from kaname.intake.model import State
from kaname.registries.model import Geometry
from kaname.settings import ROLES
from kaname.upkeep.holdings import JUDGED
from kaname.web.overview import LABELLING_STATES
from kaname.web.pages import LANGUAGES, words
from kaname.web.shell import PAGES
from kaname.web.viewer import SAID

JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
TEMPLATES = {
    file.name: file.read_text(encoding="utf-8") for file in files("kaname.web").joinpath("templates").iterdir()
}
BUILT = (
    *("airlock-", "card-", "column-", "filter-", "flow-", "geometry-", "header-", "island-", "outcome-", "part-"),
    *("picture-", "request-", "role-", "run-", "sandbox-", "sex-", "split-", "state-", "task-", "waiting-"),
    *("withdrawal-", "plays-", "duty-", "shown-", "channel-", "organisation-", "pair-", "pairs-", "project-"),
    *("projects-to-", "quota-"),
)
"""Keys that templates put together from a word of ours and a value of a room."""
ELSEWHERE = {
    *("viewer-note", "home", "board-usable", "board-days", "board-hospitals"),
    *(word for _, word, _ in PAGES),
    *(key for key in words() if key.startswith(SAID)),
}
"""Words that no template names: the viewer's scripts show some, pictures others, the menu the rest."""


def test_every_word_is_there_in_both_languages() -> None:
    """Nothing is left untranslated, Japanese is Japanese, and both take the same values."""
    for key, word in words().items():
        assert word.keys() == set(LANGUAGES), key
        assert JAPANESE.search(word["ja"]), key
        assert not JAPANESE.search(word["en"]), key
        assert sorted(re.findall(r"{\w+}", word["ja"])) == sorted(re.findall(r"{\w+}", word["en"])), key


def test_every_word_is_used_and_every_used_word_is_there() -> None:
    """A page never shows a key, and no word outlives its page."""
    used = {key for text in TEMPLATES.values() for key in re.findall(r'say\("([\w-]+)"', text)}
    named = {word for text in TEMPLATES.values() for word in re.findall(r'"([\w-]+)"', text)}
    put_together = {key for key in words() if key.startswith(BUILT)}
    assert {key for key in used if not key.endswith("-")} <= words().keys()
    assert words().keys() - put_together - named <= ELSEWHERE
    tiers = {f"{name}-{tier}" for name in ("received", "held") for tier in ("society", "cloud")}
    columns = {f"column-{name}" for name in (*named, *LABELLING_STATES, *tiers, "day", "marks", "records")}
    assert {key for key in put_together if key.startswith("column-")} <= columns | named


@pytest.mark.parametrize(
    ("begin", "values"),
    [
        ("state-", {*JUDGED, "withdrawn"}),
        ("role-", {*ROLES}),
        ("run-", {*get_args(RunState)}),
        ("request-", {state for state, following in MOVES.items() if not following}),
        ("sandbox-", {"bubblewrap", "none", "unstarted"}),
        ("outcome-", {"held", "refused", "stranger"}),
        ("split-", {*SPLITS}),
        ("geometry-", {*get_args(Geometry)}),
        ("withdrawal-", {"open", "stopped", "certified"}),
        ("plays-", {*ROLES_OF_PEOPLE}),
        ("duty-", {*DUTIES}),
        ("shown-", {*get_args(Factor)}),
        ("channel-", {*get_args(Channel)}),
        ("organisation-", {*KINDS}),
        ("project-", {*get_args(ProjectState)}),
        ("quota-", {*QUOTAS}),
        ("waiting-", {"held", "check", "read", "adjudicate", "title", "none"}),
    ],
)
def test_every_value_of_a_room_has_its_word(begin: str, values: set[str]) -> None:
    """A state or role that a room knows never ends a page with an error."""
    assert {key.removeprefix(begin) for key in words() if key.startswith(begin)} == values
    assert set(JUDGED) <= set(get_args(State))


def test_templates_hold_no_text_of_their_own() -> None:
    """What a reader sees stands in words.toml; the only Japanese here is the mark and the name of the language."""
    for name, text in TEMPLATES.items():
        assert set(JAPANESE.findall(text)) <= set("要日本語"), name


def test_the_words_are_a_plain_table() -> None:
    """A person without Python can correct a sentence."""
    table = tomllib.loads(files("kaname.web").joinpath("words.toml").read_text(encoding="utf-8"))
    assert all(set(map(type, row.values())) == {str} for row in table.values())


@pytest.mark.parametrize("asked", ["//elsewhere.example/", "/%5Celsewhere.example", "/%2F%2Felsewhere.example/%3Fx"])
def test_an_address_leads_to_no_other_host(everything: Any, asked: str) -> None:
    """The page that says there is nothing at an address offers it in the other language: here, not elsewhere."""
    answer = everything.ask("GET", f"http://door{asked}", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    links = re.findall(r'href="([^"]*)" lang="en"', answer.text)
    assert links
    assert not [link for link in links if link.startswith(("//", "/\\", "http"))]
