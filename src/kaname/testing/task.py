"""A synthetic learning task: CT files of invented patients, planted with identities, and the truth about each image.

Nothing but the shapes in the pixels tells which images show a nodule (:mod:`kaname.testing.nodules`). The truth is
known by the digest of the pixels, which cross unchanged; by no name, number, order or attribute.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from kaname.testing.answer import AnswerKey, PatientKey, SliceKey, StudyKey, kept_values
from kaname.testing.ct import KEPT, KERNELS, Scan, technical
from kaname.testing.hospital import identifying, invent_uid, invent_visit
from kaname.testing.nodules import lung_images
from kaname.testing.pen import Pen
from kaname.testing.personas import personas, site
from kaname.testing.plant import Visit, plant, plant_meta
from kaname.testing.write import CHARSETS, Charset, Header, part10

PATIENTS, IMAGES, SIZE = 80, 6, 128
FIELD_MM = 160.0
"""Edge of an image: one lung, reconstructed alone."""
_CAPPED = "090Y"


@dataclass(frozen=True, slots=True)
class LearningTask:
    """What is known of the patients that were made."""

    answer: AnswerKey
    """What was planted of them. Names everybody: keep it where their files are."""
    truth: Mapping[str, bool]
    """Whether an image shows a nodule, by the SHA-256 (hex) of the value of its Pixel Data."""

    def has_nodule(self, pixels: bytes) -> bool:
        """The truth about one image.

        Args:
            pixels: The value of Pixel Data, or its one native frame.

        Raises:
            KeyError: when it is no image of this task.
        """
        return self.truth[sha256(pixels).hexdigest()]


def nodule_patients(
    folder: Path, seed: int = 1, *, patients: int = PATIENTS, images: int = IMAGES, size: int = SIZE
) -> LearningTask:
    """Writes one CT study of one series for each patient: ``patient/study/NAME_0001.dcm``.

    The same arguments give the same bytes. Half of each patient's images (rounded down) show a nodule, in no order.

    Args:
        folder: Made if absent.
        seed: Who the patients are, and what their lungs look like.
        patients: How many.
        images: How many of each.
        size: Rows and columns.
    """
    rng, place = random.Random(f"nodules {seed}"), site(seed)
    keys: list[PatientKey] = []
    truth: dict[str, bool] = {}
    for number, persona in enumerate(personas(seed, patients)):
        visit, charset = invent_visit(rng, persona, place), CHARSETS[number % len(CHARSETS)]
        pen, names = Pen(charset), Pen(CHARSETS[1])
        stem = _stem(folder, visit, names)
        found = lung_images(seed, number, images, size)
        made = tuple(
            _write(folder, stem, rng, _Shot(visit, _scan(visit, number, size), charset, n, images), image.pixels, pen)
            for n, image in enumerate(found, 1)
        )
        truth |= {key.pixel_digest: image.nodule for key, image in zip(made, found, strict=True)}
        study = StudyKey(
            study_instance_uid=visit.study_instance_uid,
            accession=visit.accession,
            date=visit.day_da,
            time=visit.time,
            charset=charset.name,
            implicit=False,
            report="",
            slices=made,
        )
        said = {*pen.known(identifying(visit)), *names.known(identifying(visit))}
        keys.append(PatientKey(persona.patient_id, persona.issuer, tuple(sorted(said)), (study,)))
    return LearningTask(AnswerKey(seed, tuple(keys)), truth)


@dataclass(frozen=True, slots=True)
class _Shot:
    """Which image of which series."""

    visit: Visit
    scan: Scan
    charset: Charset
    number: int
    """From 1."""
    count: int


def _scan(visit: Visit, patient: int, size: int) -> Scan:
    """Acquisition parameters that vary with the patient alone, and so with no answer."""
    return Scan(
        day=visit.day,
        time=visit.time,
        size=size,
        spacing_mm=round(FIELD_MM / size, 6),
        thickness_mm=(1.0, 2.0)[patient % 2],
        kvp=(100, 120)[patient // 2 % 2],
        current_ma=200 + 10 * (patient % 20),
        kernel=KERNELS[patient % len(KERNELS)],
        body_part="CHEST",
        series=2,
    )


def _stem(folder: Path, visit: Visit, names: Pen) -> Path:
    """Folder and beginning of the file names of a study, as hospitals name them: by patient."""
    patient = names.say(f"{''.join(visit.persona.name.kanji)}_{visit.persona.patient_id}")
    home = folder / patient / names.say(f"{visit.day_da}_{visit.accession}_CT")
    home.mkdir(parents=True, exist_ok=True)
    return home / names.say("_".join(visit.persona.name.romaji))


def _write(folder: Path, stem: Path, rng: random.Random, shot: _Shot, pixels: bytes, pen: Pen) -> SliceKey:
    header, uid = technical(shot.scan, shot.number, shot.count), invent_uid(rng)
    plant(header, shot.visit, pen)
    preamble, meta = plant_meta(shot.visit, pen)
    header.put("SOPInstanceUID", uid)
    header.put("PixelData", pixels, "OW")
    path = stem.with_name(f"{stem.name}_{shot.number:04}.dcm")
    path.write_bytes(_file(header, shot.charset, preamble, meta))
    keep = kept_values(path, KEPT)
    keep["PatientAge"] = min(keep["PatientAge"], _CAPPED)
    digest = sha256(pixels).hexdigest()
    return SliceKey(str(path.relative_to(folder)), shot.visit.series_instance_uid, uid, digest, keep)


def _file(header: Header, charset: Charset, preamble: bytes, meta: dict[int, tuple[str, bytes]]) -> bytes:
    return part10(header, charset, preamble=preamble, meta=meta)
