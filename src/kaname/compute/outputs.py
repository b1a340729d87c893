"""What a job left behind: plain files of its own, few and not too large, kept by run and digest.

Each run has its own, also where two runs leave the same bytes: what one has to give up, the other keeps.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path

from kaname.compute.model import Output
from kaname.errors import Refused
from kaname.store import Store, digest_bytes, digest_file

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
MOST_FILES = 32
MOST_BYTES = 512 << 20


def key_of(run_id: str, digest: str) -> str:
    """Where an output or the log of a run rests in the store."""
    return f"runs/{run_id}/{digest}"


def collect(store: Store, run_id: str, out: Path) -> tuple[Output, ...]:
    """Keeps every file of ``out`` in the store; all of them, or none. To be called when no process of the job is left.

    Raises:
        Refused: ``output-not-allowed`` with the ``number`` of the first entry, by name, that is a folder, a link, a
            device or anything else but a plain file with one name of plain characters; ``output-too-large``.
        NotYet: ``storage-full``, ``storage-unreachable``.
    """
    names = sorted(path.name for path in out.iterdir())
    if len(names) > MOST_FILES:
        raise Refused("output-too-large", files=len(names), most_files=MOST_FILES)
    total_bytes = 0
    for number, name in enumerate(names, 1):
        found = (out / name).lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or not NAME.fullmatch(name):
            raise Refused("output-not-allowed", number=number)
        total_bytes += found.st_size
    if total_bytes > MOST_BYTES:
        raise Refused("output-too-large", bytes=total_bytes, most_bytes=MOST_BYTES)
    return tuple(_keep(store, run_id, out / name) for name in names)


def keep_log(store: Store, run_id: str, log: bytes) -> str:
    """Keeps what a job printed; returns its digest, or an empty text when it printed nothing."""
    if not log:
        return ""
    digest = digest_bytes(log)
    store.put(key_of(run_id, digest), log)
    return digest


def _keep(store: Store, run_id: str, path: Path) -> Output:
    path.chmod(0o400)  # the job may have taken the right to read it from everybody
    digest = digest_file(path)
    store.put(key_of(run_id, digest), path)
    return Output(path.name, digest, path.stat().st_size)
