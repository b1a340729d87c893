"""The tool that prepares the viewer, on invented tarballs."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import io
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

TOOL = Path(__file__).parent.parent.parent / "tools" / "make_viewer.py"
PAGE = (
    '<meta name="application-name" content="x"><script>window.PUBLIC_URL="/"</script><link rel="a" href="/b.css">'
    '<script rel="preload" as="script" type="module" src="/init-service-worker.js"></script>'
    '<script>window.PUBLIC_URL="/"</script><script src="/app.js"></script>'
)


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The tool, with the patches that fit :data:`PAGE`."""
    spec = importlib.util.spec_from_file_location("make_viewer", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(__import__("sys").modules, "make_viewer", module)
    spec.loader.exec_module(module)
    kept = [patch for patch in module.PATCHES if patch.files == "index.html"]
    counts = {'window.PUBLIC_URL="/"': 2, 'href="/': 1, 'src="/': 1}
    fitting = tuple(module.Patch(p.files, p.old, p.new, counts.get(p.old, p.count)) for p in kept)
    monkeypatch.setattr(module, "PATCHES", fitting)
    monkeypatch.setattr(module, "PICTURES_COUNT", 0)
    return module


def tarball(folder: Path, **files: str) -> Path:
    """A published package with these files in ``dist``, by name."""
    path = folder / "package.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in {"package/LICENSE": "MIT", **{f"package/dist/{n}": t for n, t in files.items()}}.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


def test_the_viewer_stands_under_its_own_path(tool: ModuleType, tmp_path: Path) -> None:
    """Every address begins with the base, no script is inline, and what fetches from elsewhere is left out."""
    files = {"index.html": PAGE, "sw.js": "worker", "ort/a.wasm": "runtime", "b.css": "b"}
    tool.prepare(tarball(tmp_path, **files), tmp_path / "draft", tmp_path / "out")
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        "LICENSE",
        "b.css",
        "index.html",
        "inline-1.js",
        "inline-2.js",
    ]
    assert page.count('"/ohif/') == 4
    assert "service-worker" not in page
    assert "<script>" not in page
    assert (tmp_path / "out" / "inline-2.js").read_text(encoding="utf-8") == 'window.PUBLIC_URL="/ohif/"'


def test_another_version_stops_the_tool(tool: ModuleType, tmp_path: Path) -> None:
    """A text that stands there more often than it did is looked at by a person, and the old viewer stays."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "index.html").write_text("old", encoding="utf-8")
    changed = PAGE + '<link href="/c.css">'
    with pytest.raises(SystemExit, match="stands there 2 times, expected 1"):
        tool.prepare(tarball(tmp_path, **{"index.html": changed}), tmp_path / "draft", tmp_path / "out")
    assert (tmp_path / "out" / "index.html").read_text(encoding="utf-8") == "old"


def test_a_path_that_leads_out_stops_the_tool(tool: ModuleType, tmp_path: Path) -> None:
    """A package cannot write beside its folder."""
    with pytest.raises(SystemExit, match="leads out"):
        tool.prepare(tarball(tmp_path, **{"../../evil": "x"}), tmp_path / "draft", tmp_path / "out")
    assert not (tmp_path / "evil").exists()


def test_other_bytes_are_not_unpacked(tool: ModuleType, tmp_path: Path) -> None:
    """Only the tarball whose SHA-512 was written down passes."""
    path = tarball(tmp_path, **{"index.html": PAGE})
    digest = base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    assert tool.checked(tool.Published("x", "1", digest), path) == path
    with pytest.raises(SystemExit, match="its SHA-512 is"):
        tool.checked(tool.OHIF, path)
