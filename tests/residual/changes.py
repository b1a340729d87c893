"""Ways to spoil a clean file."""

from __future__ import annotations

import struct

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from kaname.residual import inspect_file
from kaname.residual.layout import read_layout

from .clean_files import Change, clean_file, code


def put(tag: int, vr: str, value: object) -> Change:
    """Adds an element on the top level."""
    return lambda ds: ds.add_new(tag, vr, value)


def inside(tag: int, vr: str, value: object) -> Change:
    """Adds an element two sequences deep."""

    def change(ds: Dataset) -> None:
        deepest, middle = Dataset(), code("121181", "Image Library")
        deepest.add_new(tag, vr, value)
        middle.ConceptCodeSequence = Sequence([deepest])
        ds.ProcedureCodeSequence = Sequence([middle])

    return change


def without(keyword: str) -> Change:
    """Removes an element of the top level."""
    return lambda ds: delattr(ds, keyword)


def kinds(data: bytes) -> set[str]:
    """Kinds of all findings."""
    return {finding.kind for finding in inspect_file(data)}


def with_element(tag: int, vr: bytes, value: bytes) -> bytes:
    """A clean file in explicit VR with a raw element at its place."""
    data = clean_file()
    place = next(s.start for s in read_layout(data).spans if not s.path and s.tag > tag)
    size = struct.pack("<HI", 0, len(value)) if vr in (b"UN", b"OB") else struct.pack("<H", len(value))
    return data[:place] + struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr) + size + value + data[place:]
