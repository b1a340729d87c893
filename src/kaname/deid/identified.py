"""``Identified``: an object that still names a patient. Exists in ``gateway/`` and ``testing/`` only."""

from __future__ import annotations

import mmap
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kaname.dicom.part10 import Buffer
from kaname.errors import NotYet, Refused

READ_WHOLE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, repr=False)
class Identified:
    """The bytes of one object as the hospital made it. Prints nothing, is never written down, never sent."""

    buffer: Buffer = field(compare=False)

    def __repr__(self) -> str:
        return "Identified(…)"


@contextmanager
def open_identified(path: Path) -> Generator[Identified]:
    """A file of the hospital, for as long as the context lasts: read whole up to 64 MiB, mapped beyond.

    A mapped file that somebody cuts short meanwhile kills the process; the many small ones are spared that.

    Raises:
        Refused: ``empty-file``.
        NotYet: ``unreadable-file``.
    """
    try:
        with path.open("rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            # A map is not closed by hand: views of it may outlive an error; the last reference unmaps it.
            buffer = file.read() if size <= READ_WHOLE_BYTES else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise NotYet("unreadable-file") from error
    if not buffer:
        raise Refused("empty-file")
    yield Identified(buffer)
