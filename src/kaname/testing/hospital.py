"""A synthetic hospital: a folder of CT studies and reports of invented patients, and the key to all that is planted."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from kaname.testing import spelling
from kaname.testing.answer import AnswerKey, PatientKey, SliceKey, StudyKey, kept_values
from kaname.testing.ct import KEPT, KERNELS, Scan, technical
from kaname.testing.pen import Pen
from kaname.testing.personas import Persona, Site, personas, site
from kaname.testing.phantom import Phantom
from kaname.testing.plant import Visit, plant, plant_meta
from kaname.testing.report import radiology_report
from kaname.testing.write import CHARSETS, UTF_8, Charset, Header, part10

_FIRST_DAY = date(2024, 5, 1)
_DAYS = 28
"""All studies lie within four weeks: a date moved by a month or more never becomes another one that was planted."""
_CAPPED = "090Y"


@dataclass(frozen=True, slots=True)
class _Plan:
    """How one study is to be made."""

    visit: Visit
    scan: Scan
    charset: Charset
    number: int
    """Counts the studies of the hospital from 1."""
    slices: int

    @property
    def implicit(self) -> bool:
        """Every third study has implicit VRs."""
        return self.number % 3 == 0

    @property
    def undefined(self) -> bool:
        """Every second study has sequences of undefined length."""
        return self.number % 2 == 0


def make_hospital(  # noqa: PLR0913 - each one is a wish that a test has
    folder: Path,
    *,
    seed: int = 1,
    patients: int = 3,
    studies: int = 2,
    slices: int = 3,
    size: int = 128,
    charsets: Sequence[Charset] = CHARSETS,
) -> AnswerKey:
    """Writes the files of an invented hospital: ``patient/study/NAME_0001.dcm`` and ``patient/study/report_1.json``.

    CT slices of one series per study, uncompressed 16 bits; every third study in implicit VR, every second with
    sequences of undefined length, each study in the next way of writing text. The same arguments give the same bytes.

    Args:
        folder: made if absent.
        seed: who lives there.
        patients: how many; from the thirteenth on family names repeat. The fourth of every eight is over ninety.
        studies: how many of each patient.
        slices: how many of each study.
        size: rows and columns of a slice; 512 gives files of 530 KB.
        charsets: in which ways text is written, in turn.

    Returns:
        What was planted and what must survive. It is not written down; see :meth:`AnswerKey.to_json`.
    """
    rng, place, made = random.Random(f"hospital {seed}"), site(seed), 0
    keys: list[PatientKey] = []
    for persona in personas(seed, patients):
        done: list[StudyKey] = []
        planted: set[str] = set()
        for _ in range(studies):
            made += 1
            visit = invent_visit(rng, persona, place)
            plan = _Plan(visit, _scan(rng, visit, size), charsets[(made - 1) % len(charsets)], made, slices)
            study, said = _write_study(folder, rng, plan)
            done.append(study)
            planted |= said
        keys.append(PatientKey(persona.patient_id, persona.issuer, tuple(sorted(planted)), tuple(done)))
    return AnswerKey(seed, tuple(keys))


def invent_visit(rng: random.Random, persona: Persona, place: Site) -> Visit:
    """A study of a patient in May 2024, with numbers and UIDs of its own."""
    return Visit(
        persona=persona,
        site=place,
        day=_FIRST_DAY + timedelta(days=rng.randrange(_DAYS)),
        time=f"{rng.randint(8, 17):02}{rng.randint(0, 59):02}{rng.randint(0, 59):02}.{rng.randint(0, 999):03}",
        accession=f"ACC{rng.randint(10**8, 10**9 - 1)}",
        order=f"ORD{rng.randint(10**7, 10**8 - 1)}",
        study_instance_uid=invent_uid(rng),
        series_instance_uid=invent_uid(rng),
        frame_of_reference_uid=invent_uid(rng),
    )


def _scan(rng: random.Random, visit: Visit, size: int) -> Scan:
    spacing, thickness = rng.choice(((0.78125, 5.0), (0.6875, 1.0), (0.9765625, 2.0)))
    return Scan(
        day=visit.day,
        time=visit.time,
        size=size,
        spacing_mm=round(spacing * 512 / size, 6),
        thickness_mm=thickness,
        kvp=rng.choice((100, 120)),
        current_ma=rng.randint(180, 420),
        kernel=rng.choice(KERNELS),
        body_part="CHEST",
        series=2,
    )


def invent_uid(rng: random.Random) -> str:
    """A UID of a UUID (PS3.5 section B.2), always 39 digits behind the root."""
    return f"2.25.{1 << 127 | rng.getrandbits(126)}"


def _write_study(folder: Path, rng: random.Random, plan: _Plan) -> tuple[StudyKey, set[str]]:
    """Writes a study and its report; returns its key and every identifying string that was written."""
    visit, pen, names = plan.visit, Pen(plan.charset), Pen(UTF_8)
    patient = names.say(f"{''.join(visit.persona.name.kanji)}_{visit.persona.patient_id}")
    home = folder / patient / names.say(f"{visit.day_da}_{visit.accession}_CT")
    home.mkdir(parents=True, exist_ok=True)
    slices = _write_slices(folder, home / names.say("_".join(visit.persona.name.romaji)), rng, plan, pen)
    report = home / f"report_{plan.number}.json"
    text = json.dumps(radiology_report(visit, plan.number, names), ensure_ascii=False, indent=1)
    report.write_text(text + "\n", encoding="utf-8")
    study = StudyKey(
        study_instance_uid=visit.study_instance_uid,
        accession=visit.accession,
        date=visit.day_da,
        time=visit.time,
        charset=plan.charset.name,
        implicit=plan.implicit,
        report=str(report.relative_to(folder)),
        slices=slices,
    )
    candidates = identifying(visit)
    return study, {*pen.known(candidates), *names.known(candidates)}


def _write_slices(folder: Path, stem: Path, rng: random.Random, plan: _Plan, pen: Pen) -> tuple[SliceKey, ...]:
    """Writes the slices as ``stem_0001.dcm`` and so on."""
    phantom, planted = Phantom(plan.visit.study_instance_uid, plan.scan.size), Header()
    plant(planted, plan.visit, pen)
    preamble, meta = plant_meta(plan.visit, pen)
    made: list[SliceKey] = []
    for number in range(1, plan.slices + 1):
        uid, pixels = invent_uid(rng), phantom.slice((number - 0.5) / plan.slices)
        header = technical(plan.scan, number, plan.slices)
        header.elements.update(planted.elements)
        header.put("SOPInstanceUID", uid)
        header.put("PixelData", pixels, "OW")
        path = stem.with_name(f"{stem.name}_{number:04}.dcm")
        path.write_bytes(
            part10(header, plan.charset, implicit=plan.implicit, undefined=plan.undefined, preamble=preamble, meta=meta)
        )
        keep = kept_values(path, KEPT)
        keep["PatientAge"] = min(keep["PatientAge"], _CAPPED)
        digest = hashlib.sha256(pixels).hexdigest()
        made.append(SliceKey(str(path.relative_to(folder)), plan.visit.series_instance_uid, uid, digest, keep))
    return tuple(made)


def identifying(visit: Visit) -> set[str]:
    """Every string that would identify, in every spelling: what was really said of it goes into the key."""
    numbers = {visit.accession, visit.order, visit.study_instance_uid, visit.series_instance_uid}
    numbers.add(visit.frame_of_reference_uid)
    days = set(spelling.dates(visit.day).values())
    return {*visit.persona.spellings(), *visit.site.spellings(), *numbers, *days}
