"""What stands in the demonstration's hospital: made once beside the sites, from packages and invention alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kaname.testing.chain import CT_REGISTRY
from kaname.testing.data import real_ct_mr, real_file
from kaname.testing.department import make_department
from kaname.testing.dermatology import make_dermatology
from kaname.testing.endoscopy import make_endoscopy
from kaname.testing.export import ExportKey
from kaname.testing.eye import make_eye
from kaname.testing.hospital import make_hospital
from kaname.testing.pathology import make_pathology
from kaname.testing.surgery import make_surgery
from kaname.testing.task import LearningTask, nodule_patients

SEED = 20260401
NEWCOMERS_SEED = 20260402
REAL_ULTRASOUND = (
    "examples_ybr_color.dcm", "examples_rgb_color.dcm", "examples_palette.dcm", "examples_jpeg2k.dcm",
)  # fmt: skip
"""Of pydicom: a clip in JPEG with regions; stills in colour, palette and JPEG 2000."""
ECHO_REGISTRY = "jsum"
DAYS: Mapping[str, Callable[..., ExportKey]] = {
    "jed": make_endoscopy,
    "joi": make_eye,
    "nsdd": make_dermatology,
    "s-access": make_surgery,
}
"""Who makes a day of which registry; slides are made apart, in a size of their own."""
KEY = "key.json"


@dataclass(frozen=True, slots=True)
class Size:
    """How much of it there is."""

    patients: int = 64
    """Who come for a CT of the lung."""
    images: int = 6
    """Of each."""
    echo_patients: int = 3
    department_patients: int = 3
    """Who come to each of the other departments on that day."""
    slide_edge: int = 768
    """Of the largest level of a slide, pixels."""


@dataclass(frozen=True, slots=True)
class Patient:
    """One patient, as the hospital knows them."""

    patient_id: str
    issuer: str


@dataclass(frozen=True, slots=True)
class Inputs:
    """Where everything lies, and what is known of it that nobody else knows."""

    root: Path
    planted: tuple[str, ...] = field(repr=False)
    """Every identifying string in headers, tables, reports and file names."""
    burned: tuple[str, ...] = field(repr=False)
    """Every identifying string in pixels."""
    truth: Mapping[str, bool] = field(repr=False)
    """Whether an image shows a nodule, by SHA-256 of its pixels."""
    withdrawing: Patient = field(repr=False)
    """Who takes everything back in the end."""
    baseline_auc: float
    """What the mean intensity of an image alone tells of a nodule."""

    @property
    def pacs(self) -> Path:
        """What the PACS sends first."""
        return self.root / "pacs"

    @property
    def newcomers(self) -> Path:
        """What it sends once a model is at work."""
        return self.root / "newcomers"

    @property
    def again(self) -> Path:
        """Files of who has withdrawn, for trying to send them once more."""
        return self.root / "again"

    @property
    def departments(self) -> Path:
        """What departments export, by registry and export: tables with their files, reports, real ultrasound."""
        return self.root / "departments"

    @property
    def consents(self) -> Path:
        """The list of who opted out."""
        return self.root / "consents.csv"


def make_inputs(root: Path, size: Size) -> Inputs:
    """Makes the hospital, or finds the one that was made before. The same size gives the same bytes."""
    key = root / KEY
    if not key.exists():
        if root.exists():  # a run was cut off in the middle of it
            shutil.rmtree(root)
        draft = _make(root, size)
        key.write_text(json.dumps(draft, ensure_ascii=False), encoding="utf-8")
    known: dict[str, Any] = json.loads(key.read_text(encoding="utf-8"))
    return Inputs(
        root,
        tuple(known["planted"]),
        tuple(known["burned"]),
        known["truth"],
        Patient(**known["withdrawing"]),
        known["baseline_auc"],
    )


def _make(root: Path, size: Size) -> dict[str, Any]:
    general = make_hospital(root / "pacs" / "general", seed=SEED)
    lungs = nodule_patients(root / "pacs" / "lungs", SEED, patients=size.patients, images=size.images)
    later = nodule_patients(root / "newcomers", NEWCOMERS_SEED, patients=2, images=size.images)
    echo_room = root / "departments" / ECHO_REGISTRY / "echo"
    echo = make_department(echo_room, seed=SEED + 1, patients=size.echo_patients, unlisted=1)
    days = _departments(root / "departments", size)
    _copy_real(root)
    _move_reports(root)
    first, out = lungs.answer.patients[1], general.patients[0]
    _copy_again(root, lungs)
    consents = f"patient_id,issuer,registry,decision\n{out.patient_id},{out.issuer},j-mid,opt-out\n"
    (root / "consents.csv").write_text(consents, encoding="utf-8")
    strings = {*general.strings(), *lungs.answer.strings(), *later.answer.strings(), *echo.planted}
    strings |= {word for image in echo.images for word in image.made.planted}
    strings |= {word for day in days for word in day.planted}
    drawn = {word for image in echo.images for word in image.made.burned}
    return {
        "planted": sorted(strings),
        "burned": sorted(drawn.union(*(day.burned for day in days))),
        "truth": dict(lungs.truth) | dict(later.truth),
        "withdrawing": asdict(Patient(first.patient_id, first.issuer)),
        "baseline_auc": _baseline(root / "pacs" / "lungs", lungs),
    }


def _departments(folder: Path, size: Size) -> list[ExportKey]:
    """A day of each department that exports files without a header; other people come to each."""
    made = [
        make(folder / registry / "day", seed=SEED + number, patients=size.department_patients)
        for number, (registry, make) in enumerate(DAYS.items(), start=2)
    ]
    slides = make_pathology(
        folder / "jp-aid" / "day", seed=SEED + 7, patients=size.department_patients, size=size.slide_edge
    )
    return [*made, slides]


def _baseline(folder: Path, lungs: LearningTask) -> float:
    """AUC of the mean intensity, in whichever direction it is better."""
    import numpy as np
    import pydicom

    from kaname.evaluation.classify import assess

    library: Any = pydicom
    pixels: list[bytes] = [library.dcmread(path).PixelData for path in files_below(folder) if path.suffix == ".dcm"]
    truth = [lungs.has_nodule(one) for one in pixels]
    means = [float(np.frombuffer(one, "<u2").mean()) for one in pixels]
    groups = [str(number) for number in range(len(means))]
    auc = assess(truth, means, groups, threshold=0.0).auc
    return max(auc, 1 - auc)


def _copy_real(root: Path) -> None:
    for folder, files in (
        (root / "pacs" / "real", real_ct_mr(distinct=True)),
        (root / "departments" / ECHO_REGISTRY / "real", [real_file(name) for name in REAL_ULTRASOUND]),
    ):
        folder.mkdir(parents=True)
        for number, file in enumerate(files):
            shutil.copyfile(file, folder / f"{number:03d}.dcm")


def _move_reports(root: Path) -> None:
    """Reports come from another system than the images."""
    target = root / "departments" / CT_REGISTRY / "reports"
    target.mkdir(parents=True)
    for report in (root / "pacs" / "general").rglob("report_*.json"):
        report.rename(target / report.name)


def _copy_again(root: Path, lungs: LearningTask) -> None:
    """One file of who withdraws, as it will be sent again."""
    (root / "again").mkdir()
    first = lungs.answer.patients[1].studies[0].slices[0]
    shutil.copyfile(root / "pacs" / "lungs" / first.path, root / "again" / "again.dcm")


def files_below(folder: Path) -> Iterator[Path]:
    """Every file below a folder, in the order of their names."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
