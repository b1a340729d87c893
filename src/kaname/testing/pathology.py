"""A day in an invented department of pathology: whole slides with label and macro, and the diagnoses as a table."""

from __future__ import annotations

import random
from pathlib import Path

from kaname.testing.export import Examined, ExportKey, Made, Wording, write_export
from kaname.testing.hospital import invent_visit
from kaname.testing.personas import personas, site
from kaname.testing.plant import Visit
from kaname.testing.slides import SIZE, Scan, slide

_READABLE = 1024
"""Edge of a slide, pixels, on whose smallest level a name over the tissue can still be made out."""
WORDING = {
    "organ": Wording("臓器", {"胃": "stomach", "大腸": "colorectum"}),
    "procedure": Wording("採取方法", {"生検": "biopsy", "手術": "surgery"}),
    "stain": Wording("染色", {"HE": "HE"}),
    "group": Wording("Group"),
    "diagnosis": Wording("診断", {"腺癌": "adenocarcinoma", "炎症": "inflammation"}),
    "tumour": Wording("腫瘍", {"あり": "yes", "なし": "no"}),
}


def make_pathology(folder: Path, *, seed: int = 1, patients: int = 3, size: int = SIZE) -> ExportKey:
    """Writes the export of one day: of each patient a slide (SVS, OME-TIFF, in turn), and the diagnoses as a table.

    Over the tissue of the last slide the patient's name is written: it must be held. The same arguments give the same
    bytes.

    Args:
        folder: made if absent.
        seed: whose specimens.
        patients: how many.
        size: edge of the largest level of an SVS file, pixels; OME-TIFF is half as large.
    """
    rng, place = random.Random(f"pathology {seed}"), site(seed)
    examined: list[Examined] = []
    for count, persona in enumerate(personas(seed, patients)):
        visit, written_on = invent_visit(rng, persona, place), count == patients - 1 and count > 0
        edge = max(size, _READABLE) if written_on else size
        scan = (
            Scan("OME", "YCbCr", edge // 2) if count % 2 and not written_on else Scan(size=edge, written_on=written_on)
        )
        tumour = count % 2 == 0
        said = {
            "organ": rng.choice(list(WORDING["organ"].words)),
            "procedure": "生検",
            "stain": "HE",
            "group": "5" if tumour else "1",
            "diagnosis": "腺癌" if tumour else "炎症",
            "tumour": "あり" if tumour else "なし",
        }
        examined.append(Examined(visit, (_slide(visit, rng, scan),), said, said["organ"], listed="folder"))
    return write_export(folder, examined, WORDING)


def _slide(visit: Visit, rng: random.Random, scan: Scan) -> Made:
    made = slide(visit, rng, scan)
    return Made(made.name, made.data, made.planted, made.burned, "text-in-pixels" if scan.written_on else "")
