"""How a department's table is read: which column says what, and how its words become the registry's codes.

``mapping.toml`` beside the table says it; without one, the usual headings are known and an item's column is headed by
its name. What neither names stays in the hospital. Beside the items a table says of files that are no DICOM which row
they belong to, and what goes into the header of the objects that are made of them.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping as Table
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast, get_args

from kaname.errors import NotYet, Refused
from kaname.registries import Registry
from kaname.registries.model import Item

FILE = "mapping.toml"
NUMBER_LIMIT = 1_000_000
"""Items are measurements: numbers from here on may be somebody's."""
Key = Literal[
    "accession", "accession_issuer", "patient_id", "issuer",
    "file", "patient_name", "birth_date", "sex", "study_date", "body_part", "laterality",
]  # fmt: skip
"""The second line is for files that are no DICOM: which they are, and what they cannot say themselves."""
KEYS: tuple[Key, ...] = get_args(Key)
USUAL: Table[Key, tuple[str, ...]] = {
    "accession": ("accession", "accession_number", "accession number", "受付番号", "検査番号", "アクセッション番号"),
    "accession_issuer": ("accession_issuer", "issuer of accession number", "受付番号発行者"),
    "patient_id": ("patient_id", "patient id", "患者id", "患者番号"),
    "issuer": ("issuer", "issuer_of_patient_id", "issuer of patient id", "患者番号発行者"),
    "file": ("file", "files", "file_name", "file name", "filename", "ファイル", "ファイル名", "画像ファイル"),
    "patient_name": ("patient_name", "patient name", "name", "氏名", "患者名", "患者氏名"),
    "birth_date": ("birth_date", "birth date", "date of birth", "生年月日"),
    "sex": ("sex", "性別"),
    "study_date": ("study_date", "study date", "検査日", "撮影日", "施行日"),
    "body_part": ("body_part", "body part", "部位", "撮影部位", "検査部位"),
    "laterality": ("laterality", "eye", "左右", "左右眼", "眼"),
}
"""Headings known without a mapping; width and case do not matter."""
WORDED: tuple[Key, ...] = ("sex", "body_part", "laterality")
"""Keys for which a mapping may say what a department's own words mean."""
_INTEGER = re.compile(r"[+-]?[0-9]{1,7}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,7}(\.[0-9]{1,6})?")

Value = str | int | float


@dataclass(frozen=True, slots=True)
class ItemColumn:
    """Where an item stands, and which words mean which code."""

    item: Item
    column: str
    words: Table[str, str]

    def value(self, text: str) -> Value | None:
        """What a cell says; ``None`` for an empty one.

        Raises:
            NotYet: ``record-value``: not one of the codes, no number, or too large for a measurement.
        """
        word = _plain(text)
        if not word:
            return None
        if self.item.type == "code":
            code = self.words.get(word, word)
            if code in self.item.values:
                return code
        elif self.item.type == "integer" and _INTEGER.fullmatch(word) and abs(int(word)) < NUMBER_LIMIT:
            return int(word)
        elif self.item.type == "decimal" and _DECIMAL.fullmatch(word) and abs(float(word)) < NUMBER_LIMIT:
            return float(word)
        raise NotYet("record-value", item=self.item.name)


@dataclass(frozen=True, slots=True)
class Mapping:
    """Columns of one table, by its own headings."""

    keys: Table[Key, str]
    items: tuple[ItemColumn, ...]
    words: Table[Key, Table[str, str]] = field(default_factory=dict[Key, Table[str, str]])
    """What a department's own words mean, by key."""

    def key(self, row: Table[str, str], key: Key) -> str:
        """What a row says of that key, empty where it has no such column; the department's own words are replaced."""
        said = row.get(self.keys.get(key, ""), "").strip()
        return self.words.get(key, {}).get(_plain(said), said)


def mapping_for(headings: Sequence[str], registry: Registry, file: Path) -> Mapping:
    """The mapping of a table with these headings; ``file`` is its ``mapping.toml``, which may be absent.

    Raises:
        Refused: ``record-columns`` when accession number or patient number has no column; ``mapping-invalid``.
    """
    declared = _read(file)
    by_word = {_heading(heading): heading for heading in headings}
    keys: dict[Key, str] = {}
    for key in KEYS:
        named = _named(declared, "columns", key)
        found = [
            by_word[word]
            for word in ([named] if named else USUAL[key])
            if _heading(word) in by_word
            for word in [_heading(word)]
        ]
        if found:
            keys[key] = found[0]
    if not {"accession", "patient_id"} <= keys.keys():
        raise Refused("record-columns")
    columns = [_column(item, declared, by_word) for item in registry.items.values()]
    unknown = _part(declared, "items").keys() - registry.items.keys()
    if unknown:
        raise Refused("mapping-invalid", line=f"items.{min(unknown)}")
    return Mapping(keys, tuple(column for column in columns if column is not None), _words(declared))


def _column(item: Item, declared: Table[str, Any], by_word: Table[str, str]) -> ItemColumn | None:
    """Where an item stands; ``None`` where the table does not have it."""
    own = _part(_part(declared, "items"), item.name)
    _only(own, {"column", "values"}, f"items.{item.name}.")
    words = {_plain(str(word)): str(code) for word, code in _part(own, "values").items()}
    if not set(words.values()) <= set(item.values):
        raise Refused("mapping-invalid", line=f"items.{item.name}.values")
    named = own.get("column", "")
    for name in [named] if named else [item.name, item.name_ja, item.name_en]:
        if _heading(str(name)) in by_word:
            return ItemColumn(item, by_word[_heading(str(name))], words)
    return None


def _read(file: Path) -> Table[str, Any]:
    if not file.is_file():  # reading from a pipe would never end
        return {}
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused("mapping-invalid", line="") from error
    _only(table, {"columns", "items", "words"}, "")
    _only(_part(table, "columns"), set(KEYS), "columns.")
    _only(_part(table, "words"), set(WORDED), "words.")
    return table


def _words(declared: Table[str, Any]) -> dict[Key, Table[str, str]]:
    """``[words.body_part]`` and its like: what a department's own words mean."""
    words = _part(declared, "words")
    return {key: {_plain(word): str(code) for word, code in _part(words, key).items()} for key in WORDED}


def _named(declared: Table[str, Any], part: str, name: str) -> str:
    value = _part(declared, part).get(name, "")
    if not isinstance(value, str):
        raise Refused("mapping-invalid", line=f"{part}.{name}")
    return value


def _part(table: Table[str, Any], name: str) -> Table[str, Any]:
    part = table.get(name, {})
    if not isinstance(part, dict):
        raise Refused("mapping-invalid", line=name)
    return cast("dict[str, Any]", part)


def _only(table: Table[str, Any], known: set[str], where: str) -> None:
    for name in table.keys() - known:
        raise Refused("mapping-invalid", line=where + name)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()


def _heading(text: str) -> str:
    return _plain(text).casefold()
