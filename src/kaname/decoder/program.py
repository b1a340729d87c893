"""Runs ffmpeg or ffprobe over bytes in memory: no file name, no environment, no network, and not for ever.

The video lies in an anonymous file of this process, which the program opens as its own descriptor. It may open no
other protocol, and only demuxers that read one file: no playlist can make it read another.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from threading import Timer
from typing import IO

from kaname.errors import NotYet, Refused

SECONDS = 900
"""Longest that one run may take, on the wall and of processor time."""
MEMORY_BYTES = 3 << 30
OUTPUT_BYTES = 4 << 30
PRINTED_BYTES = 1 << 26
"""Longest that a run may print: what it says of a million frames takes half of that."""
PROBE_SECONDS = 30
OLDEST, NEWEST = (5, 1), (1 << 16,)
"""The release whose options are used here."""
_RELEASE = re.compile(rb"ff\w+ version n?(\d+)\.(\d+)")
MOST_PIXELS = 8192 * 8192
_QUIET = ("-v", "error", "-nostdin")
_WALLS = ("--user", "--map-root-user", "--net")
"""A network of its own, with nobody in it, where the system lets a program have one."""
_ONE_FILE = "mov,avi,mpeg,mpegts,mpegvideo,matroska,asf,ogg,flv,gif"
_MOV = (b"ftyp", b"moov", b"mdat", b"wide", b"pnot", b"free", b"skip")


@contextmanager
def in_memory(data: bytes = b"") -> Generator[int]:
    """The descriptor of an anonymous file with these bytes, for as long as the context lasts."""
    descriptor = os.memfd_create("video", os.MFD_CLOEXEC)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def path_of(descriptor: int) -> str:
    """The name by which a program opens a descriptor that it was handed."""
    return f"/proc/self/fd/{descriptor}"


def reading(data: bytes, descriptor: int) -> list[str]:
    """The arguments that name the input. Lists of edits are not obeyed: what they hide is in the file all the same."""
    edits = ["-ignore_editlist", "1"] if data[4:8] in _MOV else []
    return [
        *("-protocol_whitelist", "file,pipe,fd", "-format_whitelist", _ONE_FILE),
        *("-max_pixels", str(MOST_PIXELS), *edits, "-i", path_of(descriptor)),
    ]


def output_of(name: str, arguments: Sequence[str], *descriptors: int) -> bytes:
    """What a run prints.

    Raises:
        Refused: ``video-broken`` when it ends with an error.
        NotYet: ``video-decoder-missing``; ``video-too-long`` when a limit ended it, or it prints without end.
    """
    with running(name, arguments, *descriptors) as (process, out_of_time):
        assert process.stdout is not None
        printed = process.stdout.read(PRINTED_BYTES + 1)
        if len(printed) > PRINTED_BYTES:
            raise NotYet("video-too-long")
        process.wait()
        judge(process.returncode, out_of_time=out_of_time())
    return printed


def judge(returncode: int, *, out_of_time: bool) -> None:
    """Turns the end of a run into an outcome; returns when it ended well.

    Raises:
        Refused: ``video-broken``.
        NotYet: ``video-too-long``.
    """
    if out_of_time or returncode in (-signal.SIGXCPU, -signal.SIGXFSZ):
        raise NotYet("video-too-long")
    if returncode:
        raise Refused("video-broken")


@contextmanager
def running(
    name: str, arguments: Sequence[str], *descriptors: int
) -> Generator[tuple[subprocess.Popen[bytes], Callable[[], bool]]]:
    """A run under way, and a way to ask whether it was stopped for its time. It does not outlive the context.

    Raises:
        NotYet: ``video-decoder-missing`` when the program is not there.
    """
    process = subprocess.Popen(
        [*_alone(), _found(name), *(_QUIET if name == "ffmpeg" else _QUIET[:2]), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
        pass_fds=descriptors,
        start_new_session=True,
    )
    _limit(process.pid)
    late: list[bool] = []
    timer = Timer(SECONDS, lambda: (late.append(True), _stop(process)))
    timer.daemon = True
    timer.start()
    try:
        yield process, lambda: bool(late)
    finally:
        timer.cancel()
        _stop(process)
        _close(process.stdout)
        process.wait()


def _limit(pid: int) -> None:
    limits = {
        resource.RLIMIT_CPU: SECONDS,
        resource.RLIMIT_AS: MEMORY_BYTES,
        resource.RLIMIT_FSIZE: OUTPUT_BYTES,
        resource.RLIMIT_CORE: 0,
    }
    with suppress(ProcessLookupError):  # it may have ended already
        for name, most in limits.items():
            resource.prlimit(pid, name, (most, most))


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _close(stream: IO[bytes] | None) -> None:
    if stream is not None:
        stream.close()


def _found(name: str) -> str:
    program = shutil.which(name)
    if program is None:
        raise NotYet("video-decoder-missing", program=name)
    if _version(program) < OLDEST:
        raise NotYet("video-decoder-missing", program=name, oldest=".".join(map(str, OLDEST)))
    return program


@cache
def _version(program: str) -> tuple[int, ...]:
    """Which release a program is; one that is no release is taken for the newest."""
    command = [program, "-version"]
    try:
        said = subprocess.run(command, capture_output=True, check=False, timeout=PROBE_SECONDS, env={}).stdout
    except (OSError, subprocess.TimeoutExpired):
        return (0,)
    found = _RELEASE.match(said)
    return (int(found[1]), int(found[2])) if found else NEWEST


@cache
def _alone() -> tuple[str, ...]:
    """How a program is started without a network; nothing where the system forbids that."""
    program = shutil.which("unshare")
    if program is None:
        return ()
    command = (program, *_WALLS, "--")
    try:
        done = subprocess.run([*command, "/bin/true"], capture_output=True, check=False, timeout=PROBE_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return command if done.returncode == 0 else ()


@cache
def codecs() -> tuple[frozenset[str], frozenset[str]]:
    """Names of the video codecs that the ffmpeg of this machine decodes, and of those that it encodes.

    Raises:
        NotYet: ``video-decoder-missing``.
    """
    lines = [
        line.split(maxsplit=2) for line in output_of("ffmpeg", ("-codecs",)).decode("ascii", "replace").splitlines()
    ]
    video = [(words[0], words[1]) for words in lines if len(words) > 1 and words[0][2:3] == "V"]
    return (
        frozenset(name for flags, name in video if flags.startswith("D")),
        frozenset(name for flags, name in video if flags[1:2] == "E"),
    )
