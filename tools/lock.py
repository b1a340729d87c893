"""Writes ``constraints.txt`` from what is installed in the interpreter that runs this.

    .venv/bin/python tools/lock.py [--check]

Every distribution of the environment with its exact version: base, extras, test group and build backend. To raise a
version, install the newer one in ``.venv``, run the tests, run this. ``--check`` changes nothing and answers 1 when the
file and the environment differ.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import distributions
from pathlib import Path

TARGET = Path(__file__).parent.parent / "constraints.txt"
OURS = "kaname"
LEFT_OUT = {OURS}
HEAD = "# Exact versions of everything: base, extras, tests, build. Made by tools/lock.py; do not edit.\n"


def locked() -> str:
    """The text of the file for this environment."""
    pins: dict[str, str] = {}
    for distribution in distributions():
        name = re.sub(r"[-_.]+", "-", distribution.name).lower()
        if name not in LEFT_OUT:
            pins[name] = distribution.version.partition("+")[0]  # any build of that version: +cpu, +cu130
    return HEAD + "".join(f"{name}=={version}\n" for name, version in sorted(pins.items()))


def main() -> int:
    """Writes or compares; 1 when ``--check`` finds a difference."""
    if sys.argv[1:] == ["--check"]:
        kept = TARGET.read_text(encoding="utf-8").splitlines()
        made = locked().splitlines()
        for line in sorted(set(kept) ^ set(made)):
            print(f"{'only in constraints.txt' if line in kept else 'only installed'}: {line}")
        return int(kept != made)
    TARGET.write_text(locked(), encoding="utf-8")
    print(f"{TARGET.name}: {len(locked().splitlines()) - 1} versions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
