"""What a job's process does first: it gives up what it must not have, and becomes the job.

Run as ``python -m kaname.compute.start DATA_BYTES FILE_BYTES PROGRAM…``, inside the sandbox where there is one. Limits
set here are hard ones: the job cannot raise them again.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Sequence

OPEN_FILES = 1024
PR_SET_PDEATHSIG = 1
"""``prctl(2)``: the signal that comes when the parent dies."""


def become(arguments: Sequence[str]) -> None:
    """Sets the limits and replaces this process by the program.

    - ``RLIMIT_DATA``: memory that the process may write to. Memory beyond it is refused (``MemoryError``).
    - ``RLIMIT_FSIZE``: the longest file.
    - no core dumps: they would hold the data.
    """
    data_bytes, file_bytes, *program = arguments
    for limit, value in (
        (resource.RLIMIT_DATA, int(data_bytes)),
        (resource.RLIMIT_FSIZE, int(file_bytes)),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    _die_with_parent()
    os.execv(program[0], program)  # noqa: S606 -- no shell is wanted


def _die_with_parent() -> None:
    """A platform that is killed takes its jobs along: the next start runs them again, and two would be one too many."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


if __name__ == "__main__":
    become(sys.argv[1:])
