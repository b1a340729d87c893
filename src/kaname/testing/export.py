"""What a department's system exports: pictures that are no DICOM, and beside them its own table of examinations.

The table is what such systems write: CP932, Japanese headings, names and free text in it, codes in the department's own
words. A mapping beside it says which column is which, and what the words mean.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kaname.testing import spelling
from kaname.testing.department import CP932, MAPPING, TABLE, RowKey
from kaname.testing.hospital import identifying
from kaname.testing.pen import Pen
from kaname.testing.plant import Visit

_KEYS: Mapping[str, str] = {
    "accession": "受付番号",
    "patient_id": "患者番号",
    "issuer": "発行者",
    "patient_name": "氏名",
    "birth_date": "生年月日",
    "sex": "性別",
    "study_date": "検査日",
    "body_part": "部位",
    "laterality": "左右",
    "file": "ファイル",
}
_SEXES = {"M": "男性", "F": "女性"}
_SIDES = {"R": "右", "L": "左", "B": "両", "": ""}
_FREE = "所見"


@dataclass(frozen=True, slots=True)
class Made:
    """One file of an examination."""

    name: str
    """With the patient's name in it, as such files are called."""
    data: bytes
    planted: tuple[str, ...]
    """Every identifying string in its bytes and its name, in the spelling in which it was written."""
    burned: tuple[str, ...] = ()
    """Every identifying string in its pixels."""
    held_as: str = ""
    """The reason code with which it must be held; empty where it must pass."""


@dataclass(frozen=True, slots=True)
class Examined:
    """One examination: one row of the table, and the files that it names."""

    visit: Visit
    files: tuple[Made, ...]
    said: Mapping[str, str]
    """Items by name, in the department's words."""
    body_part: str
    """In the department's words."""
    laterality: str = ""
    """R, L, B or nothing."""
    listed: str = "names"
    """How the row tells its files: by their ``names``, by their ``folder``, or, ``""``, not at all."""


@dataclass(frozen=True, slots=True)
class Wording:
    """How a department's table says one item."""

    heading: str
    words: Mapping[str, str] = field(default_factory=dict[str, str])
    """Code by word; empty where the words are the codes, or numbers."""


@dataclass(frozen=True, slots=True)
class FileKey:
    """What is known of one exported file."""

    path: str
    """Below the folder."""
    accession: str
    held_as: str


@dataclass(frozen=True, slots=True)
class ExportKey:
    """What is known of one export."""

    files: tuple[FileKey, ...]
    rows: tuple[RowKey, ...]
    planted: tuple[str, ...]
    """Every identifying string in the table, in files and in their names."""
    burned: tuple[str, ...]
    """Every identifying string in pixels."""


def write_export(folder: Path, examined: Sequence[Examined], wording: Mapping[str, Wording]) -> ExportKey:
    """Writes ``検査一覧.csv``, ``mapping.toml`` and, in a folder for each examination, its files.

    Args:
        folder: made if absent.
        examined: what was done.
        wording: how the table says each item, by name of the item.
    """
    pen = Pen(CP932)
    folder.mkdir(parents=True, exist_ok=True)
    out = io.StringIO()
    headings = [*_KEYS.values(), *(one.heading for one in wording.values()), _FREE]
    csv.writer(out).writerows([headings, *(_row(one, wording, pen) for one in examined)])
    (folder / TABLE).write_bytes(CP932.encode(out.getvalue()))
    (folder / MAPPING).write_text(_mapping(wording), encoding="utf-8")
    files: list[FileKey] = []
    for one in examined:
        for made in one.files:
            path = folder / one.visit.accession / made.name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(made.data)
            files.append(FileKey(str(path.relative_to(folder)), one.visit.accession, made.held_as))
    known = pen.known({form for one in examined for form in identifying(one.visit)})
    said = {word for one in examined for made in one.files for word in made.planted}
    burned = {word for one in examined for made in one.files for word in made.burned}
    rows = tuple(_key(one, wording) for one in examined)
    return ExportKey(tuple(files), rows, tuple(sorted({*known, *said})), tuple(sorted(burned)))


def file_name(visit: Visit, number: int, ending: str) -> tuple[str, Pen]:
    """What a department's system calls a file: patient, day, number; with the pen that wrote it."""
    pen, person = Pen(CP932), visit.persona
    who = pen.say("".join(person.name.kanji), "".join(person.name.romaji))
    return f"{who}_{pen.say(person.patient_id)}_{pen.say(visit.day_da)}_{number:03}{ending}", pen


def _row(one: Examined, wording: Mapping[str, Wording], pen: Pen) -> list[str]:
    visit, person, day = one.visit, one.visit.persona, spelling.dates(one.visit.day)
    name = pen.say("　".join(person.name.kanji), " ".join(person.name.half_kana))
    doctor = pen.say("".join(visit.site.operator.kanji))
    files = {
        "names": ";".join(f"{visit.accession}/{made.name}" for made in one.files),
        "folder": visit.accession,
    }.get(one.listed, "")
    return [
        pen.say(visit.accession),
        pen.say(person.patient_id),
        pen.say(person.issuer),
        name,
        pen.say(spelling.dates(person.birth)["slashes"]),
        _SEXES[person.sex],
        pen.say(day["slashes"]),
        one.body_part,
        _SIDES[one.laterality],
        files,
        *(one.said.get(item, "") for item in wording),
        pen.say(f"{name}様、{day['wareki']}。術者 {doctor}。", f"{person.patient_id} {day['iso']}"),
    ]


def _key(one: Examined, wording: Mapping[str, Wording]) -> RowKey:
    """What of a row may travel."""
    items: dict[str, str | float] = {}
    for item, word in one.said.items():
        code = wording[item].words.get(word, word)
        number = not wording[item].words and code.translate(str.maketrans("", "", ".-")).isdigit()
        items[item] = float(code) if number else code
    return RowKey(one.visit.accession, one.visit.persona.patient_id, items)


def _mapping(wording: Mapping[str, Wording]) -> str:
    lines = ["# Which column of the department's table is which item of the registry.", "[columns]"]
    lines += [f'{key} = "{heading}"' for key, heading in _KEYS.items()]
    for name, words in (("sex", _SEXES), ("laterality", _SIDES)):
        lines += ["", f"[words.{name}]", *(f'"{word}" = "{code}"' for code, word in words.items() if word)]
    for item, said in wording.items():
        lines += ["", f"[items.{item}]", f'column = "{said.heading}"']
        if said.words:
            lines.append("values = { " + ", ".join(f'"{word}" = "{code}"' for word, code in said.words.items()) + " }")
    return "\n".join(lines) + "\n"
