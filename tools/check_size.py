"""How much disk an installed Kaname takes: the package and everything it requires, tests and tools left out.

    .venv/bin/python tools/check_size.py [EXTRA…] [--limit MB] [--fresh]

Adds up the files of every distribution that ``kaname`` (with the extras named) requires, compiled modules included.
``--fresh`` makes a new environment, installs into it with ``constraints.txt`` and measures that folder instead, ``pip``
included. 1 MB is 1,000,000 bytes. Answers 1 above the limit.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

BASE_LIMIT_MB = 400
ROOT = Path(__file__).parent.parent


def required(root: str, extras: Iterable[str]) -> dict[str, Distribution]:
    """The closure of ``root[extras]`` over the installed metadata, by normalised name.

    Raises:
        importlib.metadata.PackageNotFoundError: when a requirement is not installed.
    """
    closure: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    waiting: list[tuple[str, str]] = [(root, extra) for extra in ("", *extras)]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        closure[name] = found = closure.get(name) or distribution(name)
        for line in found.requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                needed = re.sub(r"[-_.]+", "-", requirement.name).lower()
                waiting += [(needed, wanted) for wanted in ("", *requirement.extras)]
    return closure


def size_bytes(found: Distribution) -> int:
    """Bytes on disk of one distribution; for an editable install of ours, of its sources."""
    files = [Path(str(found.locate_file(file))) for file in found.files or ()]
    if found.name == "kaname" and not any(file.name == "errors.py" for file in files):
        files += ROOT.joinpath("src", "kaname").rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def installed_freshly(extras: Sequence[str]) -> dict[str, int]:
    """Bytes of each folder of a new environment's site-packages after installing ``kaname[extras]``."""
    target = f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = Path(folder, "bin", "python")
        subprocess.run([python, "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", target], check=True)
        (packages,) = Path(folder).glob("lib/python3*/site-packages")
        return {
            place.name: sum(file.stat().st_size for file in (place, *place.rglob("*")) if file.is_file())
            for place in packages.iterdir()
        }


def main(arguments: Sequence[str]) -> int:
    """Prints the largest and the sum; 1 above the limit."""
    parser = argparse.ArgumentParser(description="Disk that an installed Kaname takes.")
    parser.add_argument("extras", nargs="*", help="extras to count with the base")
    parser.add_argument("--limit", type=int, default=BASE_LIMIT_MB, help="MB")
    parser.add_argument("--fresh", action="store_true", help="measure a new environment")
    options = parser.parse_args(arguments)
    if options.fresh:
        sizes = installed_freshly(options.extras)
    else:
        sizes = {name: size_bytes(found) for name, found in required("kaname", options.extras).items()}
    for name, size in sorted(sizes.items(), key=lambda item: -item[1])[:8]:
        print(f"{size / 1e6:8.1f} MB  {name}")
    total_mb = sum(sizes.values()) / 1e6
    print(f"size: {total_mb:.1f} MB in {len(sizes)} places, limit {options.limit} MB")
    return int(total_mb > options.limit)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
