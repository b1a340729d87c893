"""Reception: whatever lies below some paths comes in, tables before the images beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from kaname.deid.engine import Engine
from kaname.gateway.hospital import Hospital
from kaname.gateway.mapping import FILE as MAPPING_FILE
from kaname.gateway.receive import Received, receive
from kaname.gateway.records import is_department_table, is_report, is_table, receive_report, receive_table
from kaname.gateway.sources import files_below, walk


def take_in(hospital: Hospital, paths: Sequence[Path], engine: Engine) -> Iterator[tuple[Path, Received]]:
    """Takes in every file below the paths, one after the other; yields each with what became of it.

    A folder with a department's table is an export of that department: its rows come first, and an image in it, at any
    depth, that no row names is held. Rows of a table are yielded one by one, a mapping not at all.
    """
    tables = [file for path in paths for file in files_below(path) if is_table(file)]
    exports = {table.parent for table in tables if is_department_table(table, engine)}
    for table in tables:
        for received in receive_table(hospital, table, engine):
            yield table, received
    aside = {*tables, *(table.with_name(MAPPING_FILE) for table in tables)}
    for source in walk(paths):
        if source.path in aside:
            continue
        if not source.member and is_report(source.path):
            yield source.path, receive_report(hospital, source.path, engine)
        else:
            listed = not exports.isdisjoint(source.path.parents)
            yield source.path, receive(hospital, source, engine, listed=listed)
