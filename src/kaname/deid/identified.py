"""``Identified``: an object that still names a patient. Exists in ``gateway/`` and ``testing/`` only."""

from __future__ import annotations

import mmap
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kaname.dicom.part10 import Buffer
from kaname.errors import NotYet, Refused


@dataclass(frozen=True, slots=True, repr=False)
class Identified:
    """The bytes of one object as the hospital made it. Prints nothing, is never written down, never sent."""

    buffer: Buffer = field(compare=False)

    def __repr__(self) -> str:
        return "Identified(…)"


@contextmanager
def open_identified(path: Path) -> Generator[Identified]:
    """Maps a file of the hospital, so that only the pages that are looked at are read.

    Raises:
        Refused: ``empty-file``.
        NotYet: ``unreadable-file``.
    """
    try:
        with path.open("rb") as file:
            if path.stat().st_size == 0:
                raise Refused("empty-file")
            # Not closed by hand: views of it may outlive an error; the last reference unmaps it.
            yield Identified(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise NotYet("unreadable-file") from error
