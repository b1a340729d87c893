"""How much memory this process and all that it started take together, at most (Linux: PSS of ``/proc``)."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Self

from kaname.compute.watch import family

LOOK_SECONDS = 0.5
PROC = Path("/proc")


class PeakMemory:
    """Looks twice a second while its context lasts. Pages that processes share count once between them."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._step = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kaname-memory", daemon=True)

    def __enter__(self) -> Self:
        """Begins to look."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Looks no more."""
        self._stopping.set()
        self._thread.join()

    def since(self) -> int:
        """The peak since this was last asked, in bytes."""
        peak, self._step = self._step, 0
        return peak

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            now = sum(_pss_bytes(pid) for pid in family(os.getpid()))
            self.peak_bytes = max(self.peak_bytes, now)
            self._step = max(self._step, now)


def _pss_bytes(pid: int) -> int:
    try:
        text = (PROC / str(pid) / "smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")), 0)
