"""Prepares the viewer: fetches OHIF as its makers publish it and makes it stand under ``/ohif/`` without foreign hosts.

    python tools/make_viewer.py [--tarball FILE]     the viewer, into the package
    python tools/make_viewer.py --axe                axe-core, which the accessibility tests run

``npm pack`` fetches a published tarball; its SHA-512 stands here and nothing else is unpacked. The published viewer is
already built, for ``/``: each place that says so is rewritten and counted, and a count that is not the expected one
stops the script, so that another version is looked at by a person. What is left out: the ONNX runtime that fetches
weights from elsewhere, the service worker, sign-in with other people's servers, and the slide viewer, which evaluates
text as code. Nothing is fetched when Kaname runs.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parent.parent
OUT = ROOT / "src" / "kaname" / "web" / "static" / "ohif"
DRAFT = ROOT / "build" / "ohif"
AXE_OUT = ROOT / "build" / "axe"
BASE = "/ohif/"


@dataclass(frozen=True, slots=True)
class Published:
    """One exact package of the npm registry."""

    name: str
    version: str
    sha512: str
    """Base64, as the registry prints it."""


OHIF = Published(
    "@ohif/app", "3.13.2", "WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA=="
)
AXE = Published(
    "axe-core", "4.14.1", "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
)

LEFT_OUT = re.compile(
    r"ort/|dicom-microscopy-viewer/|customizations/|_headers$|_redirects$|serve\.json$|.*\.map$|app-config\.js$"
    r"|sw\.js$|init-service-worker\.js$|google\.js$|polyfill\.min\.js$|es6-shim\.min\.js$|silent-refresh\.html$"
    r"|oidc-client\.min\.js$|assets/(?:apple-touch-startup|firefox|mstile|yandex|coast|browserconfig)"
)
"""Paths below ``dist`` that are not served."""
SERVICE_WORKER = "init-service-worker.js"
PICTURES = re.compile(
    r'<(?:link rel|meta name)="[^"]*"[^>]*"/assets/(?:apple-touch-startup|yandex|coast|mstile|browserconfig)[^>]*>'
)
PICTURES_COUNT = 14
"""Of the page: those that go with what is left out."""
INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)
INLINE_COUNT = 2


@dataclass(frozen=True, slots=True)
class Patch:
    """One text that is rewritten, in files of one name, so many times in all."""

    files: str
    """A glob below the folder of the viewer."""
    old: str
    new: str
    count: int


PATCHES = (
    Patch("index.html", 'window.PUBLIC_URL="/"', f'window.PUBLIC_URL="{BASE}"', 2),
    Patch(
        "index.html", '<script rel="preload" as="script" type="module" src="/init-service-worker.js"></script>', "", 1
    ),
    Patch("index.html", 'href="/', f'href="{BASE}', 16),
    Patch("index.html", 'src="/', f'src="{BASE}', 2),
    Patch("*.js", '__webpack_require__.p = "/"', f'__webpack_require__.p = "{BASE}"', 8),
    Patch("app.bundle.*.js", "'/dicom-microscopy-viewer/", f"'{BASE}dicom-microscopy-viewer/", 1),
    Patch("*.css", "url(/", f"url({BASE}", 5),
    Patch("manifest.json", '"/assets', f'"{BASE}assets', 9),
    # a report without coordinates is text: the viewer for measurements fails on one
    Patch(
        "*.js",
        "CodeNameCodeSequenceValues.ImagingMeasurementReport */.n7.ImagingMeasurementReport;\n  const displaySet = {",
        "CodeNameCodeSequenceValues.ImagingMeasurementReport */.n7.ImagingMeasurementReport\n"
        "    && (JSON.stringify(instance.ContentSequence) ?? '').includes('\"SCOORD');\n  const displaySet = {",
        1,
    ),
    # a table of words that the page brings: the published Japanese one has an eighth of them
    Patch("app.bundle.*.js", "  ...test_LNG\n});", "  ...test_LNG,\n  ...(window.ohifLocales ?? {})\n});", 1),
)


def fetch(package: Published, folder: Path) -> Path:
    """The tarball of a package, as ``npm pack`` brings it.

    Raises:
        SystemExit: when there is no npm.
    """
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is needed once, to fetch what is published there: install nodejs and npm")
    wanted = f"{package.name}@{package.version}"
    done = subprocess.run([npm, "pack", "--silent", wanted], cwd=folder, check=True, capture_output=True, text=True)
    return folder / done.stdout.split()[-1]


def checked(package: Published, tarball: Path) -> Path:
    """The same tarball, when its bytes are the ones that were looked at.

    Raises:
        SystemExit: when they are others.
    """
    with tarball.open("rb") as file:
        digest = base64.b64encode(hashlib.file_digest(file, "sha512").digest()).decode()
    if digest != package.sha512:
        sys.exit(f"{tarball.name} is not {package.name} {package.version}: its SHA-512 is {digest}")
    return tarball


def members(tarball: Path, below: str) -> Iterator[tuple[str, bytes]]:
    """Path and content of each regular file below a folder of the tarball; paths that lead out of it stop the script.

    Raises:
        SystemExit: on such a path.
    """
    with tarfile.open(tarball) as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            if not path.is_relative_to(below) or not member.isfile():
                continue
            if ".." in path.parts:
                sys.exit(f"{member.name} leads out of its folder")
            content = archive.extractfile(member)
            assert content is not None
            yield path.relative_to(below).as_posix(), content.read()


def prepare(tarball: Path, draft: Path, out: Path) -> int:
    """Writes the viewer's folder ``out``, whole or not at all, by way of ``draft`` beside it; returns its bytes."""
    shutil.rmtree(draft, ignore_errors=True)
    for path, content in members(tarball, "package/dist"):
        if not LEFT_OUT.match(path):
            target = draft / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    (draft / "LICENSE").write_bytes(dict(members(tarball, "package"))["LICENSE"])
    strip(draft / "index.html")
    for patch in PATCHES:
        apply(patch, draft)
    undress(draft)
    out.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(out, ignore_errors=True)
    draft.rename(out)
    return sum(file.stat().st_size for file in out.rglob("*") if file.is_file())


def strip(page: Path) -> None:
    """Takes the start-up pictures of telephones out of the page.

    Raises:
        SystemExit: when there are more or fewer of them.
    """
    text, found = PICTURES.subn("", page.read_text(encoding="utf-8"))
    if found != PICTURES_COUNT:
        sys.exit(f"index.html: {found} pictures to leave out, expected {PICTURES_COUNT}")
    page.write_text(text, encoding="utf-8")


def undress(folder: Path) -> None:
    """Puts the two inline scripts of the page into files, so that no policy has to allow any.

    Raises:
        SystemExit: when the page is not the one that was looked at.
    """
    page = folder / "index.html"
    text = page.read_text(encoding="utf-8")
    scripts = INLINE.findall(text)
    if len(scripts) != INLINE_COUNT:
        sys.exit(f"index.html: {len(scripts)} inline scripts, expected {INLINE_COUNT}")
    for number, script in enumerate(scripts, 1):
        (folder / f"inline-{number}.js").write_text(script, encoding="utf-8")
        text = text.replace(f"<script>{script}</script>", f'<script src="{BASE}inline-{number}.js"></script>')
    page.write_text(text, encoding="utf-8")


def apply(patch: Patch, folder: Path) -> None:
    """Rewrites one text everywhere.

    Raises:
        SystemExit: when it stands there more or less often than it did.
    """
    found = 0
    for file in sorted(folder.glob(patch.files)):
        text = file.read_bytes()
        here = text.count(patch.old.encode())
        if here:
            file.write_bytes(text.replace(patch.old.encode(), patch.new.encode()))
        found += here
    if found != patch.count:
        sys.exit(f"{patch.files}: {patch.old!r} stands there {found} times, expected {patch.count}")


def main() -> None:
    """Fetches, checks and prepares."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tarball", type=Path, help="a tarball that was fetched before")
    parser.add_argument("--axe", action="store_true", help="fetch axe-core instead, for the tests")
    arguments = parser.parse_args()
    package = AXE if arguments.axe else OHIF
    with tempfile.TemporaryDirectory() as folder:
        tarball = checked(package, arguments.tarball or fetch(package, Path(folder)))
        if arguments.axe:
            AXE_OUT.mkdir(parents=True, exist_ok=True)
            (AXE_OUT / "axe.min.js").write_bytes(dict(members(tarball, "package"))["axe.min.js"])
            print(f"{package.name} {package.version}: {AXE_OUT}")
        else:
            size = prepare(tarball, DRAFT, OUT)
            print(f"{package.name} {package.version}: {size / 1e6:.1f} MB in {OUT}")


if __name__ == "__main__":
    main()
