"""Reception: whatever lies below some paths comes in, tables before the images beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from kaname.deid.engine import Engine
from kaname.deid.identified import Identified
from kaname.dicomize import Kind, kind_of
from kaname.gateway.claims import Department, claims_on, read_department
from kaname.gateway.foreign import receive_foreign
from kaname.gateway.hospital import Hospital
from kaname.gateway.mapping import FILE as MAPPING_FILE
from kaname.gateway.receive import Received, receive
from kaname.gateway.records import is_report, is_table, receive_report, receive_rows
from kaname.gateway.sources import Arrived, Source, files_below, walk
from kaname.work import Outcome, shielded

Departments = Mapping[Path, Sequence[Department]]
"""Tables that could be read, by their folders."""


def take_in(hospital: Hospital, paths: Sequence[Path], engine: Engine) -> Iterator[tuple[Path, Received]]:
    """Takes in every file below the paths, one after the other; yields each with what became of it.

    A folder with a department's table is an export of that department: its rows come first, and an image in it, at any
    depth, that no row names is held. Files that are no DICOM become objects by their row, where the registry takes any.
    Rows of a table are yielded one by one, a mapping not at all; a file, once for each object that it becomes.
    """
    tables = [file for path in paths for file in files_below(path) if is_table(file)]
    departments: dict[Path, list[Department]] = {}
    exports: set[Path] = set()
    for table in tables:
        read = shielded(read_department, table, engine)
        if not isinstance(read, Outcome):
            departments.setdefault(table.parent, []).append(read)
        if not isinstance(read, Outcome) or table.with_name(MAPPING_FILE).is_file():
            exports.add(table.parent)
        for received in receive_rows(hospital, read, engine):
            yield table, received
    aside = {*tables, *(table.with_name(MAPPING_FILE) for table in tables)}
    for source in walk(paths):
        if source.path in aside:
            continue
        if not source.member and is_report(source.path):
            yield source.path, receive_report(hospital, source.path, engine)
            continue
        listed = not exports.isdisjoint(source.path.parents)
        for received in _take_file(hospital, source, engine, departments, listed=listed):
            yield source.path, received


def _take_file(
    hospital: Hospital, source: Source, engine: Engine, departments: Departments, *, listed: bool
) -> Iterator[Received]:
    """One file, opened once: an object of DICOM, or a file that becomes some."""
    with ExitStack() as stack:
        opened = shielded(_open, stack, source, engine)
        if isinstance(opened, Outcome):
            yield Received("", "refused" if opened.state == "refused" else "held", opened.reason)
            return
        identified, kind = opened
        if kind:
            claims = claims_on(source.place, departments)
            yield from receive_foreign(hospital, identified.buffer, kind, claims, engine)
        else:
            yield receive(hospital, Arrived(identified.buffer), engine, listed=listed)


def _open(stack: ExitStack, source: Source, engine: Engine) -> tuple[Identified, Kind]:
    """The file, and which kind of foreign file it is; where the registry takes none, it is no DICOM, that is all."""
    identified = stack.enter_context(source.open())
    return identified, kind_of(identified.buffer, source.place.name) if engine.registry.sources else ""
