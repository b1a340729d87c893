"""Running a job's process to its end, or to the first limit that it breaks.

What single processes may not do, the kernel forbids (:mod:`kaname.compute.start`). What they may not do together is
looked after here: time, memory of all of them, their number, what they leave behind.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

LOOK_SECONDS = 0.05
DRAIN_SECONDS = 5.0
"""How long what was printed is read after the process has ended."""
PIECE_BYTES = 1 << 16
TAKEN_AWAY = "run-data-withdrawn"
CUT = b"\n[...]\n"
"""Stands at the end of a log that was longer than it may be."""
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a job may use."""

    seconds: float
    memory_bytes: int
    """Resident memory of all its processes."""
    processes: int = 64
    output_files: int = 64
    output_bytes: int = 1 << 30
    log_bytes: int = 1 << 18


@dataclass(frozen=True, slots=True)
class Watched:
    """How it went."""

    exit_code: int
    """As the system says it; minus the signal when one ended it."""
    broken: str
    """Reason code of the limit that it broke, and was killed for; empty when it ended by itself."""
    seconds: float
    peak_bytes: int
    """Most that its processes held together whenever they were looked at, or one of them ever alone."""
    log: bytes


def watched(
    command: Sequence[str], environment: Mapping[str, str], out: Path, limits: Limits, may_go_on: Callable[[], bool]
) -> Watched:
    """Runs ``command`` and returns once no process of it is left.

    Args:
        command: Program (absolute path) and arguments.
        environment: Its whole environment.
        out: Where it writes.
        limits: Beyond which it is killed.
        may_go_on: Asked again and again; when it says no, the job is killed, too.
    """
    started = time.monotonic()
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(environment),
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        log = _Log(process.stdout, limits.log_bytes)
        peak_bytes, broken = 0, ""
        try:
            while process.poll() is None and not broken:
                count, held_bytes, most_bytes = _usage(process.pid)
                peak_bytes = max(peak_bytes, held_bytes, most_bytes)
                broken = _broken(limits, time.monotonic() - started, count, held_bytes, out)
                broken = broken if may_go_on() else TAKEN_AWAY
                log.read(LOOK_SECONDS)
        finally:  # also when this thread is asked to stop: no job outlives its watch
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        log.drain(time.monotonic() + DRAIN_SECONDS)
    return Watched(process.returncode, broken, time.monotonic() - started, peak_bytes, log.text)


class _Log:
    """What a job prints: the beginning is kept, the rest is read and thrown away, so that the job never waits."""

    def __init__(self, pipe: IO[bytes], most_bytes: int) -> None:
        self._pipe = pipe
        self._left = most_bytes
        self._parts: list[bytes] = []
        self._open = True
        self._ready = selectors.DefaultSelector()
        self._ready.register(pipe, selectors.EVENT_READ)

    @property
    def text(self) -> bytes:
        """What was kept."""
        return b"".join(self._parts)

    def read(self, seconds: float) -> None:
        """Takes what is there, or waits so long for something."""
        if not self._open:
            time.sleep(seconds)
        elif self._ready.select(seconds):
            piece = os.read(self._pipe.fileno(), PIECE_BYTES)
            self._open = bool(piece)
            self._keep(piece)

    def drain(self, until: float) -> None:
        """Takes what is left, to its end or until then."""
        while self._open and (left := until - time.monotonic()) > 0:
            self.read(left)
        self._ready.close()

    def _keep(self, piece: bytes) -> None:
        if self._left:
            self._parts.append(piece[: self._left])
            if len(piece) > self._left:
                self._parts.append(CUT)
            self._left = max(0, self._left - len(piece))


def _broken(limits: Limits, seconds: float, processes: int, held_bytes: int, out: Path) -> str:
    """Reason code of the first limit that is broken; empty when none is."""
    if seconds > limits.seconds:
        return "job-time"
    if held_bytes > limits.memory_bytes:
        return "job-memory"
    if processes > limits.processes:
        return "job-processes"
    return "job-output" if _left_behind(out, limits) else ""


def _left_behind(out: Path, limits: Limits) -> bool:
    """Whether there are more files or bytes than may be; looks at no more of them than needed to know."""
    files = size_bytes = 0
    for folder, folders, names in os.walk(out):
        files += len(folders) + len(names)
        if files > limits.output_files:
            return True
        for name in names:
            with suppress(FileNotFoundError):  # it was removed since
                size_bytes += os.lstat(Path(folder, name)).st_size
    return size_bytes > limits.output_bytes


def _usage(pid: int) -> tuple[int, int, int]:
    """Number of processes from ``pid`` down, their resident bytes together, and the most that one of them ever had."""
    count = held_bytes = most_bytes = 0
    for process in family(pid):
        held, most = _memory(process)
        count, held_bytes, most_bytes = count + 1, held_bytes + held, max(most_bytes, most)
    return count, held_bytes, most_bytes


def family(pid: int) -> Iterator[int]:
    """A process and everything that it or its descendants started."""
    children: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal() and (parent := _parent(entry.name)) is not None:
            children.setdefault(parent, []).append(int(entry.name))
    unvisited = [pid]
    while unvisited:
        process = unvisited.pop()
        unvisited += children.get(process, [])
        yield process


def _parent(pid: str) -> int | None:
    """The parent's id (proc(5): two fields behind the name in brackets); ``None`` when the process is gone."""
    try:
        stat = Path("/proc", pid, "stat").read_bytes()
    except OSError:
        return None
    return int(stat.rpartition(b")")[2].split()[1])


def _memory(pid: int) -> tuple[int, int]:
    """Resident bytes now, and the most there ever were; nothing of a process that is gone."""
    try:
        resident = int(Path("/proc", str(pid), "statm").read_bytes().split()[1]) * PAGE_BYTES
        status = Path("/proc", str(pid), "status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0, 0
    most = next((line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")), "0")
    return resident, int(most) << 10
