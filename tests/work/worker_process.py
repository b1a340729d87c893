"""A worker that tests start as a process of its own and kill: three steps, each leaves a line in a journal.

Arguments: database URL, journal file, hold file, lanes. While the hold file is there, step 2 does not come to
its end. Lines: ``<id> <step> begin`` and ``<id> <step> end``.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from kaname.errors import NotYet
from kaname.ledger import Json
from kaname.work import Do, Work

URL, JOURNAL, HOLD, LANES = sys.argv[1:]


def write(line: str) -> None:
    """Adds a line to the journal, on the disk before it returns."""
    descriptor = os.open(JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{line}\n".encode())
    os.fsync(descriptor)
    os.close(descriptor)


def first(name: str) -> str:
    """Step 1."""
    write(f"{name} 1 begin")
    write(f"{name} 1 end")
    return name.upper()


def second(name: str) -> list[str]:
    """Step 2, which waits for the hold to go."""
    write(f"{name} 2 begin")
    while Path(HOLD).exists():
        time.sleep(0.005)
    write(f"{name} 2 end")
    return [name]


def third(name: str, upper: str, names: list[str]) -> dict[str, Json]:
    """Step 3."""
    write(f"{name} 3 begin")
    write(f"{name} 3 end")
    return {"name": name, "upper": upper, "names": list(names)}


def journey(do: Do, payload: dict[str, str]) -> Json:
    """The flow."""
    upper = do(first, payload["name"])
    names = do(second, payload["name"])
    return do(third, payload["name"], upper, names)


def main() -> None:
    """Works until it is killed."""
    work = Work(URL, "killed", retry_seconds=0.05)
    work.flow("journey", journey, lanes=int(LANES))
    while True:
        try:
            work.start()
        except NotYet:  # the killed one's lock falls when the kernel has buried it
            time.sleep(0.05)
        else:
            break
    while True:
        time.sleep(1)


if __name__ == "__main__":
    main()
