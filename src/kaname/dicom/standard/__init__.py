"""Tables of the DICOM Standard: PS3.6 attributes and UIDs, PS3.15 Table E.1-1. Generated; ``EDITION.toml`` says whence.

Each table is read on first use and kept. ``tools/make_standard.py`` writes the files; nobody edits them.
"""

from kaname.dicom.standard.tables import (
    EDITION,
    Attribute,
    RangeRule,
    Rule,
    confidentiality,
    confidentiality_ranges,
    dictionary,
    keyword,
    sop_classes,
    transfer_syntaxes,
)

__all__ = [
    "EDITION",
    "Attribute",
    "RangeRule",
    "Rule",
    "confidentiality",
    "confidentiality_ranges",
    "dictionary",
    "keyword",
    "sop_classes",
    "transfer_syntaxes",
]
