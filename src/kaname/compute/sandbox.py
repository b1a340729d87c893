"""The walls around a job: bubblewrap, with nothing inside but an interpreter, this package, the data and one folder.

No network, no other processes, no capabilities, no environment; everything is read-only but ``/out`` and a small
``/tmp``. The store, the index and the keys of the node are not there at all: not forbidden, absent.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import kaname

NOBODY = "65534"
SCRATCH, SHARED_MEMORY = "/tmp", "/dev/shm"  # noqa: S108 -- the sandbox's own, in memory
TMP_BYTES = 256 << 20
PROBE_SECONDS = 30
LINKS = ("/lib", "/lib32", "/lib64", "/libx32")
"""Where the loader looks for libraries: links into ``/usr`` on most systems of today."""
LOADER = ("/etc/ld.so.cache", "/etc/alternatives")
WALLS = ("--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv")
TIGHTER = ("--disable-userns",)
"""Bubblewrap 0.8: no user namespaces inside, where a process would have capabilities again."""


@dataclass(frozen=True, slots=True)
class Place:
    """The folders of one attempt at a run, on this machine."""

    root: Path

    @property
    def data(self) -> Path:
        """What the job may read."""
        return self.root / "data"

    @property
    def out(self) -> Path:
        """What it may write to."""
        return self.root / "out"

    @property
    def code(self) -> Path:
        """Holds ``job.py`` when somebody submitted one."""
        return self.root / "code"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A bubblewrap that works here."""

    program: str
    """Its path."""
    walls: tuple[str, ...]
    """The options that it understands and the system permits."""


def find_sandbox() -> Sandbox | None:
    """The sandbox of this machine; ``None`` where bubblewrap is absent, or where the system forbids what it does."""
    program = shutil.which("bwrap")
    if program is None:
        return None
    return next((Sandbox(program, walls) for walls in (WALLS + TIGHTER, WALLS) if _stand(program, walls)), None)


def _stand(program: str, walls: Sequence[str]) -> bool:
    probe = [program, *walls, "--ro-bind", "/", "/", "--proc", "/proc", sys.executable, "-I", "-S", "-c", ""]
    try:
        return subprocess.run(probe, capture_output=True, check=False, timeout=PROBE_SECONDS).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def confined(
    sandbox: Sandbox, place: Place, program: Sequence[str], environment: Mapping[str, str], hidden: Iterable[Path] = ()
) -> list[str]:
    """The command line that runs ``program`` between the walls.

    Args:
        sandbox: What :func:`find_sandbox` found.
        place: Whose data are at ``/data``, whose code at ``/code``, whose outputs go to ``/out``.
        program: Absolute path of the interpreter, and its arguments.
        environment: All that the program will find in its environment.
        hidden: Folders that must not be seen even when they lie inside something that is bound.
    """
    bound = tuple(_roots())
    return [
        *(sandbox.program, *sandbox.walls, "--uid", NOBODY, "--gid", NOBODY, "--hostname", "job"),
        *_in_memory(SCRATCH),  # before what is bound: an installation may lie in a temporary folder
        *(word for path in bound for word in ("--ro-bind", str(path), str(path))),
        *(word for link in LINKS for word in _library(Path(link))),
        *(word for path in LOADER for word in ("--ro-bind-try", path, path)),
        # Read-only too: to root's files there, a job of a platform that runs as root would be root.
        *("--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev", "--remount-ro", "/dev"),
        *_in_memory(SHARED_MEMORY),
        *(
            word
            for path in hidden
            if _within(path, bound)
            for word in ("--tmpfs", str(path), "--remount-ro", str(path))
        ),
        *("--ro-bind", str(place.data), "/data", "--ro-bind", str(place.code), "/code"),
        *("--bind", str(place.out), "/out", "--chdir", "/out", "--remount-ro", "/"),
        *(word for name, value in environment.items() for word in ("--setenv", name, value)),
        *("--", *program),
    ]


def _in_memory(path: str) -> tuple[str, ...]:
    return "--size", str(TMP_BYTES), "--tmpfs", path


def _roots() -> Iterator[Path]:
    """What an interpreter needs, each folder once: the system's libraries, Python, its packages, this package."""
    package = Path(kaname.__file__).parent
    wanted = [
        Path("/usr"),
        Path(sys.base_prefix),
        Path(sys.executable).resolve().parent.parent,
        Path(sys.prefix),
        package,
    ]
    seen: list[Path] = []
    for path in wanted:
        if not _within(path, seen):
            seen.append(path)
            yield path


def _within(path: Path, roots: Iterable[Path]) -> bool:
    return any(path.is_relative_to(root) for root in roots)


def _library(path: Path) -> list[str]:
    if path.is_symlink():
        return ["--symlink", str(path.readlink()), str(path)]
    return ["--ro-bind", str(path), str(path)] if path.is_dir() else []
