"""Claims: which row of which department's table a file without a header belongs to, by where the file lies.

A row names its files in a column, or the folder that holds them; a folder may also bear the accession number itself.
The nearest table speaks first. Names tell patients: they stay in memory.
"""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path, PurePath, PurePosixPath
from typing import cast

from kaname.deid.engine import Engine
from kaname.dicomize.header import Examination
from kaname.gateway.mapping import FILE as MAPPING_FILE
from kaname.gateway.mapping import Mapping as Columns
from kaname.gateway.mapping import Value, mapping_for
from kaname.gateway.tables import read_table
from kaname.registries import Registry
from kaname.work import Outcome, shielded


@dataclass(frozen=True, slots=True, repr=False)
class Row:
    """One row of a department's table, read by its mapping. Prints nothing."""

    cells: Mapping[str, str]
    columns: Columns

    @property
    def accession(self) -> str:
        """Accession number; empty where the row says none."""
        return self.columns.key(self.cells, "accession")

    @property
    def accession_issuer(self) -> str:
        """Who gave the accession number; empty where nobody says."""
        return self.columns.key(self.cells, "accession_issuer")

    @property
    def patient_id(self) -> str:
        """The hospital's number; empty where the row says none."""
        return self.columns.key(self.cells, "patient_id")

    @property
    def issuer(self) -> str:
        """Who gave the patient number; empty where nobody says."""
        return self.columns.key(self.cells, "issuer")

    def items(self) -> tuple[dict[str, Value], str]:
        """The registry's items in it, and the reason code of a cell that says something else; empty where none does."""
        found: dict[str, Value] = {}
        problem = ""
        for column in self.columns.items:
            value = shielded(column.value, self.cells[column.column])
            if isinstance(value, Outcome):
                problem = value.reason
            elif value is not None:
                found[column.item.name] = value
        return found, problem

    def examination(self, registry: Registry) -> Examination:
        """What the row says of the patient and the study of its files."""
        say = self.columns.key
        return Examination(
            patient_id=self.patient_id,
            issuer=self.issuer,
            patient_name=say(self.cells, "patient_name"),
            birth_date=say(self.cells, "birth_date"),
            sex=say(self.cells, "sex"),
            accession=self.accession,
            study_date=say(self.cells, "study_date"),
            body_part=body_part(say(self.cells, "body_part"), registry),
            laterality=say(self.cells, "laterality"),
        )


@dataclass(frozen=True, slots=True, repr=False)
class Department:
    """One department's table, whole. Prints nothing."""

    rows: tuple[Row, ...]
    by_file: Mapping[str, Sequence[Row]] = field(default_factory=dict[str, Sequence[Row]])
    """Rows by the files and folders that they name, relative to the table."""
    by_accession: Mapping[str, Sequence[Row]] = field(default_factory=dict[str, Sequence[Row]])

    def claims(self, place: PurePath) -> Sequence[Row]:
        """Rows to which the file at this place below the table belongs; what is named goes before a folder's number."""
        name = PurePosixPath(_plain(place.as_posix()))
        for path in (name, *name.parents):
            if rows := self.by_file.get(str(path)):
                return rows
        for path in name.parents:
            if rows := self.by_accession.get(path.name):
                return rows
        return ()


def read_department(path: Path, engine: Engine) -> Department:
    """Reads a table with the mapping beside it.

    Raises:
        Refused, NotYet: what :func:`kaname.gateway.tables.read_table` and
            :func:`kaname.gateway.mapping.mapping_for` raise.
    """
    table = read_table(path)
    columns = mapping_for(table.headings, engine.registry, path.with_name(MAPPING_FILE))
    rows = tuple(Row(cells, columns) for cells in table.rows())
    by_file: dict[str, list[Row]] = {}
    by_accession: dict[str, list[Row]] = {}
    for row in rows:
        for name in _named(columns.key(row.cells, "file")):
            by_file.setdefault(name, []).append(row)
        if row.accession:
            by_accession.setdefault(_plain(row.accession), []).append(row)
    return Department(rows, by_file, by_accession)


def claims_on(place: Path, departments: Mapping[Path, Sequence[Department]]) -> Sequence[Row]:
    """Rows to which a file belongs, none where no table knows it.

    Args:
        place: of the file; of a member of an archive as if it were unpacked beside the archive.
        departments: by the folders of their tables.
    """
    for folder in place.parents:
        for department in departments.get(folder, ()):
            if rows := department.claims(place.relative_to(folder)):
                return rows
    return ()


def body_part(said: str, registry: Registry) -> str:
    """A value of Body Part Examined (0018,0015); empty where the word is not known, so that it proves nothing."""
    word = unicodedata.normalize("NFKC", said).strip()
    code = "".join(word.upper().replace("_", " ").replace("-", " ").split())
    known = code in _body_parts().values() or code in registry.pixels.hold_body_parts
    return code if known else _body_parts().get(word, "")


@cache
def _body_parts() -> Mapping[str, str]:
    """Value by Japanese word, and each value by itself."""
    text = files("kaname.gateway").joinpath("body_parts.toml").read_text(encoding="utf-8")
    table = cast("dict[str, list[str]]", tomllib.loads(text))
    return {word: code for code, words in table.items() for word in (code, *words)}


def _named(said: str) -> Iterator[str]:
    """The files and folders in one cell; what leads out of the table's folder names nothing below it."""
    for part in said.split(";"):
        name = _plain(part.strip().replace("\\", "/"))
        if name and ".." not in PurePosixPath(name).parts:
            yield str(PurePosixPath(name))


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name)
