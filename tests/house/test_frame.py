"""The frame around the code: versions, programs, generated pages, links."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from .sources import ROOT, place, python_files, tree

LINK = re.compile(r"(?<!!)\[(?P<text>[^\]\[]*)\]\((?P<target>[^)\s]+)\)")
ALWAYS_THERE = {"bash", "sh", "tar", "git", "make"}


def pages() -> list[Path]:
    """Every page of the project that a person reads."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def pinned() -> dict[str, str]:
    """Version by name, from constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def anchors(page: Path) -> set[str]:
    """The anchors that the headings of a page make."""
    headings = re.findall(r"^#+ +(.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def definitions(module: Path) -> set[str]:
    """Names of the functions and classes of a module, methods as ``Class.method``."""
    found: set[str] = set()
    for node in tree(module).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{m.name}" for m in node.body if isinstance(m, ast.FunctionDef)}
    return found


def problem(page: Path, text: str, target: str) -> str | None:
    """What is wrong with one link; ``None`` when it leads somewhere."""
    if re.match(r"[a-z]+:", target):
        return None
    path, _, anchor = target.partition("#")
    to = (page.parent / path).resolve() if path else page
    if not to.exists():
        return "leads nowhere"
    if anchor and to.suffix == ".md" and anchor not in anchors(to):
        return "has no such heading"
    name = re.fullmatch(r"`([A-Za-z_][\w.]*)(?:\(\))?`", text)
    if to.suffix == ".py" and name and name[1] != to.name and name[1] not in definitions(to):
        return "defines no such thing"
    return None


def test_every_link_of_every_page_leads_somewhere() -> None:
    """Files, headings, and functions that a link names in backticks."""
    broken = [
        f"{place(page)}: [{link['text']}]({link['target']}) {wrong}"
        for page in pages()
        for link in LINK.finditer(page.read_text(encoding="utf-8"))
        if (wrong := problem(page, link["text"], link["target"]))
    ]
    assert not broken, "\n".join(broken)


def test_the_readme_shows_exactly_two_commands() -> None:
    """``make demo`` and ``make test``, nothing before them."""
    shown = re.findall(r"^(?:\$ |    )?(make \w+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert shown == ["make demo", "make test"]


def test_generated_pages_are_current() -> None:
    """``tools/make_reference.py`` was run after the last change."""
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "make_reference.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_requirement_is_pinned() -> None:
    """Base, extras, test group and build backend each have one exact version; so has torch for the jobs to come."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *(line for lines in project["project"]["optional-dependencies"].values() for line in lines),
        *project["dependency-groups"]["test"],
        "torch",
    ]
    names = {re.split(r"[\[<>=!~; ]", line)[0].lower().replace("_", "-") for line in wanted} - {"kaname"}
    assert sorted(names - pinned().keys()) == []
    assert pinned()["torch"] == "2.13.0"


def test_what_is_installed_is_what_is_pinned() -> None:
    """The tests speak about the versions that constraints.txt names."""
    code = "from importlib.metadata import distributions as d\nfor x in d(): print(x.name, x.version)"
    listed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    rows = (line.split() for line in listed.splitlines())
    installed = {re.sub(r"[-_.]+", "-", name).lower(): version.partition("+")[0] for name, version in rows}
    other = {name: version for name, version in installed.items() if pinned().get(name, version) != version}
    assert other == {}


def test_make_system_installs_what_the_tests_look_for() -> None:
    """Each program that tests find with ``shutil.which`` stands in tools/system.sh, and nothing else does."""
    script = (ROOT / "tools" / "system.sh").read_text(encoding="utf-8")
    (table,) = re.findall(r"PROGRAMS='\n(.*?)'", script, re.DOTALL)
    listed = {line.split()[0] for line in table.splitlines() if line.strip()}
    looked_for = {
        argument.value
        for path in python_files("tests", "src/kaname/testing")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"shutil.which", "which"}
        for argument in node.args[:1]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }
    assert listed == looked_for - ALWAYS_THERE


@pytest.mark.parametrize(
    ("text", "target", "wrong"),
    [
        ("a page", "nowhere.md", "leads nowhere"),
        ("a heading", "README.md#nothing-of-that-name", "has no such heading"),
        ("`nothing`", "src/kaname/errors.py", "defines no such thing"),
        ("`reasons`", "src/kaname/errors.py", None),
        ("`KanameError.code`", "src/kaname/errors.py", None),
    ],
)
def test_a_broken_link_is_recognised(text: str, target: str, wrong: str | None) -> None:
    """Missing file, missing heading, missing function."""
    assert problem(ROOT / "README.md", text, target) == wrong
