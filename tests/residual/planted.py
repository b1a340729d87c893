"""Invented people, and clean files that name them."""

from __future__ import annotations

from pydicom.dataset import Dataset

from kaname.residual import Forms, known_forms, search_bytes

from .clean_files import clean_file

PERSONAS = {
    "name": ["YAMADA^TAROU=山田^太郎=やまだ^たろう", "ITO^AI=伊藤^愛"],
    "person": ["髙橋^一郎", "林^学", "Abe^Ken"],
    "id": ["00123456", "3F-00291", "4711"],
    "accession": ["A2024-0077"],
    "date": ["20240501", "19600229"],
    "institution": ["東京中央病院 放射線科", "Nowhere General Hospital"],
    "text": ["03-3341-8111", "東京都新宿区西新宿1-2-3"],
}
FORMS = known_forms(PERSONAS)


def planted(data: bytes) -> bytes:
    """A clean file with bytes in an unlimited text element inside its header, between two spaces."""

    def change(ds: Dataset) -> None:
        ds.add_new(0x00204000, "UN", b"  " + data + b"  ")

    return clean_file(change=change)


def kinds(data: bytes, forms: Forms = FORMS) -> set[str]:
    """Kinds of all findings."""
    return {f.kind for f in search_bytes(data, forms)}
