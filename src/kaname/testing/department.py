"""An export of an invented echo room: ultrasound files, and beside them the department's own table of findings.

The table is what such systems write: CP932, Japanese headings, names and free text in it, codes in the department's own
words. A mapping beside it says which column is which item of the registry.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kaname.testing import spelling
from kaname.testing.pen import Pen
from kaname.testing.plant import Visit
from kaname.testing.ultrasound import UltrasoundKey, make_ultrasound
from kaname.testing.write import Charset

CP932 = Charset("CP932", "", "cp932")
TABLE, MAPPING = "検査一覧.csv", "mapping.toml"
HEADINGS = ("受付番号", "患者番号", "氏名", "検査日", "脂肪肝", "病変", "最大径(mm)", "所見")
GRADES: Mapping[str, str] = {"なし": "0", "軽度": "1", "中等度": "2", "高度": "3"}
LESIONS: Mapping[str, str] = {"なし": "none", "嚢胞": "cyst", "良性": "benign", "悪性": "malignant"}
_MAPPING = """# Which column of the department's table is which item of the registry.
[columns]
accession = "受付番号"
patient_id = "患者番号"

[items.fatty_liver_grade]
column = "脂肪肝"
values = { %s }

[items.lesion]
column = "病変"
values = { %s }

[items.lesion_size]
column = "最大径(mm)"
"""
ALONE = "ACC000000001"
"""Accession number of the row whose images never come."""


@dataclass(frozen=True, slots=True)
class RowKey:
    """What is known of one row."""

    accession: str
    patient_id: str
    items: Mapping[str, str | float]
    """What of it may travel."""


@dataclass(frozen=True, slots=True)
class DepartmentKey:
    """What is known of one export."""

    images: tuple[UltrasoundKey, ...]
    rows: tuple[RowKey, ...]
    """Rows whose images are there."""
    unlisted: tuple[str, ...]
    """Accession numbers of images that no row names."""
    planted: tuple[str, ...]
    """Every identifying string in the table, in the spelling in which it was written."""


def make_department(folder: Path, *, seed: int = 1, patients: int = 4, unlisted: int = 0) -> DepartmentKey:
    """Writes ``検査一覧.csv``, ``mapping.toml`` and the ultrasound files of :func:`make_ultrasound` into a folder.

    One row more has no image. The same arguments give the same bytes.

    Args:
        folder: made if absent.
        seed: who comes.
        patients: how many.
        unlisted: how many of them, the last ones, the table forgets.
    """
    folder.mkdir(parents=True, exist_ok=True)
    images = make_ultrasound(folder, seed=seed, patients=patients)
    rng, pen = random.Random(f"department {seed}"), Pen(CP932)
    visits = {image.made.visit.accession: image.made.visit for image in images}
    named = list(visits.values())[: len(visits) - unlisted]
    made = [_row(rng, pen, visit, visit.accession) for visit in named]
    alone, _ = _row(rng, pen, named[0], ALONE)
    out = io.StringIO()
    csv.writer(out).writerows([HEADINGS, *(row for row, _ in made), alone])
    (folder / TABLE).write_bytes(CP932.encode(out.getvalue()))
    (folder / MAPPING).write_text(_MAPPING % (_inline(GRADES), _inline(LESIONS)), encoding="utf-8")
    forms = {form for visit in named for form in (*visit.persona.spellings(), visit.accession, visit.day_da)}
    return DepartmentKey(
        images, tuple(key for _, key in made), tuple(visits)[len(named) :], tuple(sorted({*pen.known(forms), ALONE}))
    )


def _row(rng: random.Random, pen: Pen, visit: Visit, accession: str) -> tuple[list[str], RowKey]:
    """One line of the table, and what is known of it."""
    person = visit.persona
    grade, lesion, size_mm = rng.choice(list(GRADES)), rng.choice(list(LESIONS)), rng.randint(30, 900) / 10
    # Width as the department's input method left it.
    said_mm = "" if lesion == "なし" else str(size_mm).translate(str.maketrans("0123456789.", "０１２３４５６７８９．"))
    items: dict[str, str | float] = {"fatty_liver_grade": GRADES[grade], "lesion": LESIONS[lesion]}
    if said_mm:
        items["lesion_size"] = size_mm
    name = pen.say("　".join(person.name.kanji), " ".join(person.name.half_kana))
    day = spelling.dates(visit.day)["slashes"]
    finding = pen.say(f"{name}様、{day}。脂肪肝{grade}、病変{lesion}。", f"{person.patient_id} {day}")
    row = [pen.say(accession), pen.say(person.patient_id), name, pen.say(day), grade, lesion, said_mm, finding]
    return row, RowKey(accession, person.patient_id, items)


def _inline(words: Mapping[str, str]) -> str:
    return ", ".join(f'"{word}" = "{code}"' for word, code in words.items())


__all__ = ["ALONE", "CP932", "MAPPING", "TABLE", "DepartmentKey", "RowKey", "make_department"]
