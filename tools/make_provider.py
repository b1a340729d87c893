"""Installs the identity provider that the tests of signing in elsewhere run against: ``oidc-provider`` from npm.

    python tools/make_provider.py

``npm ci`` installs exactly what ``tests/oidc/package-lock.json`` says, each package checked by its digest, into
``build/provider``. Nothing of it is part of Kaname.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from make_web import npm_command

ROOT = Path(__file__).parent.parent
LOCKED = ROOT / "tests" / "oidc"
OUT = ROOT / "build" / "provider"


def main() -> None:
    """Installs."""
    npm, environment = npm_command()
    OUT.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(LOCKED / name, OUT / name)
    step = [*npm, "--loglevel=error", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    subprocess.run(step, cwd=OUT, env=environment, check=True, stdout=sys.stderr)
    print(f"oidc-provider: {OUT}")


if __name__ == "__main__":
    main()
