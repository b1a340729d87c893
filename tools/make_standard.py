"""Generates the tables in ``src/kaname/dicom/standard`` from the sources that carry them.

    python tools/make_standard.py confidentiality_profile_attributes.json [--out FOLDER]

Sources: pydicom's dictionaries (PS3.6: attributes, UIDs), the 2026c list of dicom-anonymizer (PS3.15 Table E.1-1,
Basic Profile column only) and, given as the argument, the 2024b JSON of innolitics/dicom-standard (the same table
with its option columns). The script stops on any line that it does not understand: a rule read wrongly is a leak.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from pydicom._dicom_dict import DicomDictionary
from pydicom._uid_dict import UID_dictionary

EDITION = "2026c"
OPTIONS_EDITION = "2024b"
OUT = Path(__file__).parent.parent / "src" / "kaname" / "dicom" / "standard"
NOTICE = (
    "Derived from PS3.6 and PS3.15 of the DICOM Standard, copyright National Electrical Manufacturers Association "
    "(NEMA). DICOM is the registered trademark of NEMA for its Standards publications relating to digital "
    "communications of medical information. The Standard as published by NEMA is authoritative, these tables are not."
)
NOTE = (
    "Basic Profile column: edition 2026c, every row. Option columns: edition 2024b, because no source of 2026c that "
    "is packaged carries them. The rows new since 2024b (listed below) therefore have no option column: no option "
    "changes what happens to them, the Basic Profile applies. No row of 2024b is absent from 2026c or differs in it."
)
ACTIONS = {
    "D_TAGS": "D",
    "Z_TAGS": "Z",
    "X_TAGS": "X",
    "U_TAGS": "U",
    "Z_D_TAGS": "Z/D",
    "X_Z_TAGS": "X/Z",
    "X_D_TAGS": "X/D",
    "X_Z_D_TAGS": "X/Z/D",
    "X_Z_U_STAR_TAGS": "X/Z/U*",
}
OPTIONS = {
    "rtnSafePrivOpt": "safe_private",
    "rtnUIDsOpt": "uids",
    "rtnDevIdOpt": "device_identity",
    "rtnInstIdOpt": "institution_identity",
    "rtnPatCharsOpt": "patient_characteristics",
    "rtnLongFullDatesOpt": "full_dates",
    "rtnLongModifDatesOpt": "modified_dates",
    "cleanDescOpt": "descriptors",
    "cleanStructContOpt": "structured_content",
    "cleanGraphOpt": "graphics",
}
ODD_GROUPS = "ggggeeee-where-gggg-is-odd"
_ROW = re.compile(r"    \((0x[0-9A-F]{4}(?:, 0x[0-9A-F]{4}){1,3})\),(?:  # (.+))?")
_WRAPPED = re.compile(r"\(\s+(0x[0-9A-F]{4}),\s+(0x[0-9A-F]{4}),\s+\)")
"""A row that a formatter broke over four lines."""


class NotUnderstoodError(Exception):
    """A source says something that this script has no reading for."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of Table E.1-1. ``tag`` is the number as 8 hex digits, ``x`` where any digit matches."""

    tag: str
    name: str
    basic: str


def read_basic(source: str) -> list[Row]:
    """Every row of dicom-anonymizer's module, in the order of its tags."""
    rows: list[Row] = []
    action = ""
    for line in _WRAPPED.sub(r"(\1, \2)", source).splitlines():
        if line.startswith("ALL_TAGS"):
            break
        if line.endswith("_TAGS = ["):
            action = ACTIONS[line.removesuffix(" = [")]
        elif match := _ROW.fullmatch(line):
            rows.append(Row(_tag([int(n, 16) for n in match[1].split(", ")]), match[2] or "", action))
        elif line.strip() not in ("", "]") and not line.startswith("#"):
            raise NotUnderstoodError(line)
    if len({row.tag for row in rows}) != len(rows):
        msg = "a tag is listed twice"
        raise NotUnderstoodError(msg)
    return sorted(rows, key=lambda row: row.tag)


def _tag(numbers: list[int]) -> str:
    """``(group, element)`` or ``(group, element, group mask, element mask)`` as a pattern of 8 digits."""
    group, element, *masks = numbers
    tag, mask = f"{group:04X}{element:04X}", "FFFFFFFF"
    if masks:
        mask = f"{masks[0]:04X}{masks[1]:04X}"
    if set(mask) - {"F", "0"}:
        raise NotUnderstoodError(mask)
    return "".join(digit if m == "F" else "x" for digit, m in zip(tag, mask, strict=True))


def read_options(text: str) -> dict[str, dict[str, str]]:
    """Basic action and option columns of the 2024b table by tag pattern; absent columns are left out."""
    table: dict[str, dict[str, str]] = {}
    for row in json.loads(text):
        unknown = set(row) - {"id", "name", "tag", "stdCompIOD", "basicProfile", *OPTIONS}
        if unknown or any(row.get(column, "K") not in ("K", "C") for column in OPTIONS):
            raise NotUnderstoodError(row["tag"])
        tag = row["id"] if row["id"] == ODD_GROUPS else row["id"].upper().replace("X", "x")
        table[tag] = {"basic": row["basicProfile"]} | {o: row[c] for c, o in OPTIONS.items() if c in row}
    return table


def confidentiality(
    rows: Sequence[Row], options: Mapping[str, Mapping[str, str]]
) -> tuple[list[str], list[str], list[str]]:
    """Lines of the two tables (single attributes; ranges) and the tags that 2024b does not list."""
    if left := set(options) - {row.tag for row in rows} - {ODD_GROUPS}:
        raise NotUnderstoodError(str(left))
    single: list[str] = []
    ranges: list[str] = []
    new: list[str] = []
    for row in rows:
        columns = options.get(row.tag)
        if columns is None:
            new.append(row.tag)
        elif columns["basic"] != row.basic:
            raise NotUnderstoodError(row.tag)
        (ranges if "x" in row.tag else single).append(_line(row, columns))
    odd = Row("odd", "Private Attributes", options[ODD_GROUPS]["basic"])
    return single, [*ranges, _line(odd, options[ODD_GROUPS])], new


def _line(row: Row, columns: Mapping[str, str] | None) -> str:
    options = [(columns or {}).get(option, "") for option in OPTIONS.values()]
    return "\t".join([row.tag, row.name, row.basic, *options, OPTIONS_EDITION if columns else ""])


def attributes(new: Iterable[str], rows: Iterable[Row]) -> list[str]:
    """PS3.6 as pydicom has it, and by number what only Table E.1-1 knows."""
    lines = {
        tag: f"{tag:08X}\t{vr}\t{vm}\t{keyword}\t{name}\t{'R' if retired else ''}"
        for tag, (vr, vm, name, retired, keyword) in DicomDictionary.items()
    }
    names = {row.tag: row.name for row in rows}
    for tag in new:
        lines.setdefault(int(tag, 16), f"{tag}\tUN\t\t\t{names[tag]}\t")
    return [lines[tag] for tag in sorted(lines)]


def storage_classes() -> list[str]:
    """Storage SOP classes, also retired ones. Not among them: Storage Commitment, and DICOMDIR, which is no image."""
    found = (
        (uid, name)
        for uid, (name, kind, *_) in UID_dictionary.items()
        if kind == "SOP Class" and "Storage" in name and "Storage Commitment" not in name
    )
    return [f"{uid}\t{name}" for uid, name in sorted(found) if name != "Media Storage Directory Storage"]


def transfer_syntaxes() -> list[str]:
    """Transfer syntaxes, also retired ones."""
    return [f"{uid}\t{row[0]}" for uid, row in sorted(UID_dictionary.items()) if row[1] == "Transfer Syntax"]


def make(profile_json: bytes) -> dict[str, bytes]:
    """Every generated file by name."""
    anonymizer = _anonymizer().read_bytes()
    rows = read_basic(anonymizer.decode("utf-8"))
    single, ranges, new = confidentiality(rows, read_options(profile_json.decode("utf-8")))
    header = "\t".join(["tag", "name", "basic", *OPTIONS.values(), "options_edition"])
    tables = {
        "attributes.tsv": ("tag\tvr\tvm\tkeyword\tname\tretired", attributes(new, rows)),
        "confidentiality.tsv": (header, single),
        "confidentiality_ranges.tsv": (header, ranges),
        "sop_classes.tsv": ("uid\tname", storage_classes()),
        "transfer_syntaxes.tsv": ("uid\tname", transfer_syntaxes()),
    }
    made = {name: "\n".join([head, *lines, ""]).encode() for name, (head, lines) in tables.items()}
    sources = [
        (f"pydicom {version('pydicom')}", "MIT", "PS3.6", b""),
        (f"dicom-anonymizer {version('dicom-anonymizer')}, {_anonymizer().name}", "BSD-3-Clause", EDITION, anonymizer),
        ("innolitics/dicom-standard, confidentiality_profile_attributes.json", "MIT", OPTIONS_EDITION, profile_json),
    ]
    made["EDITION.toml"] = _edition(made, rows, new, sources).encode()
    return made


def _edition(
    made: Mapping[str, bytes], rows: Iterable[Row], new: Iterable[str], sources: Iterable[tuple[str, str, str, bytes]]
) -> str:
    lines = [
        "# Generated by tools/make_standard.py. Do not edit.",
        f'edition = "{EDITION}"',
        f'options_edition = "{OPTIONS_EDITION}"',
        f'notice = "{NOTICE}"',
        f'note = "{NOTE}"',
        "without_option_columns = [",
        *(f'  "{tag}",' for tag in new),
        "]",
        "",
        "[actions]",
        *(f'"{action}" = {n}' for action, n in sorted(Counter(row.basic for row in rows).items())),
    ]
    for name, licence, edition, content in sources:
        lines += ["", "[[source]]", f'name = "{name}"', f'licence = "{licence}"', f'edition = "{edition}"']
        lines += [f'sha256 = "{hashlib.sha256(content).hexdigest()}"'] if content else []
    for file, content in made.items():
        lines += ["", f'[file."{file}"]', f"rows = {_rows(content)}"]
        lines += [f'sha256 = "{hashlib.sha256(content).hexdigest()}"']
    return "\n".join([*lines, ""])


def _rows(content: bytes) -> int:
    """Lines below the heading."""
    return content.count(b"\n") - 1


def _anonymizer() -> Path:
    """The 2026c module of the installed dicom-anonymizer, found without running it."""
    package = importlib.util.find_spec("dicomanonymizer")
    if package is None or package.origin is None:
        msg = "dicom-anonymizer is not installed"
        raise NotUnderstoodError(msg)
    return Path(package.origin).parent / "dicom_anonymization_databases" / f"dicomfields_{EDITION}.py"


def main() -> None:
    """Writes the tables and says how many rows each has."""
    parser = argparse.ArgumentParser(description="Generates the tables of the Standard.")
    parser.add_argument("profile_json", type=Path, help="confidentiality_profile_attributes.json, edition 2024b")
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    for name, content in make(arguments.profile_json.read_bytes()).items():
        (arguments.out / name).write_bytes(content)
        print(f"{name}: {_rows(content)} rows")


if __name__ == "__main__":
    main()
