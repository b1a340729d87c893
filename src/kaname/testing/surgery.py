"""A day in an invented operating theatre: laparoscopic video with the patient's and the operator's name around it."""

from __future__ import annotations

import random
from pathlib import Path

from kaname.testing.clip import Around, made, shipped, titled
from kaname.testing.export import Examined, ExportKey, Made, Wording, file_name, write_export
from kaname.testing.hospital import identifying, invent_visit
from kaname.testing.operation import PHASES, operation
from kaname.testing.pen import Pen
from kaname.testing.personas import personas, site
from kaname.testing.plant import Visit
from kaname.testing.write import UTF_8

FRAMES_PER_PHASE = 12
WORDING = {
    "organ": Wording("臓器", {"結腸": "colon", "直腸": "rectum", "胃": "stomach"}),
    "procedure": Wording("術式", {"S状結腸切除": "sigmoidectomy", "低位前方切除": "low_anterior_resection"}),
    "approach": Wording("到達法", {"腹腔鏡": "laparoscopic", "ロボット支援": "robotic"}),
    "t": Wording("T"),
    "n": Wording("N"),
    "bmi": Wording("BMI"),
    "operation_time": Wording("手術時間(分)"),
    "blood_loss": Wording("出血量(mL)"),
    "operator_years": Wording("術者経験年数"),
    "operator_qualified": Wording("技術認定", {"有": "yes", "無": "no"}),
    "instrument": Wording("主な術具", {"超音波凝固切開": "ultrasonic", "バイポーラ": "bipolar"}),
}


def make_surgery(folder: Path, *, seed: int = 1, patients: int = 3) -> ExportKey:
    """Writes the export of one day: an MP4 file of each patient and the record of the operation as a table.

    The first video is the clip that ships, the others are made frame by frame: each of :data:`PHASES` lasts
    :data:`FRAMES_PER_PHASE` frames. The same arguments give the same bytes.

    Args:
        folder: made if absent.
        seed: who is operated on.
        patients: how many.
    """
    rng, place = random.Random(f"surgery {seed}"), site(seed)
    examined: list[Examined] = []
    for count, persona in enumerate(personas(seed, patients)):
        visit, scene = invent_visit(rng, persona, place), rng.getrandbits(32)
        video = _clip(visit) if count == 0 else _video(visit, scene)
        examined.append(Examined(visit, (video,), _record(rng), "腹部"))
    return write_export(folder, examined, WORDING)


def _record(rng: random.Random) -> dict[str, str]:
    said = {item: rng.choice(list(wording.words)) for item, wording in WORDING.items() if wording.words}
    return said | {
        "t": rng.choice(("T1", "T2", "T3")),
        "n": rng.choice(("N0", "N1")),
        "bmi": f"{rng.uniform(19, 29):.1f}",
        "operation_time": str(rng.randint(120, 320)),
        "blood_loss": str(rng.randint(5, 200)),
        "operator_years": str(rng.randint(4, 30)),
    }


def _clip(visit: Visit) -> Made:
    pen = Pen(UTF_8)
    return _made(visit, titled(shipped(), _titles(visit, pen)), pen)


def _video(visit: Visit, scene: int) -> Made:
    pen = Pen(UTF_8)
    note = f"{pen.say(visit.accession)} {pen.say(visit.site.name)}"
    voice = f"{pen.say(''.join(visit.persona.name.kanji))}、".encode("utf-16-le") * 60
    around = Around(_titles(visit, pen), note, voice)
    return _made(visit, made(operation(scene), FRAMES_PER_PHASE, around=around), pen)


def _titles(visit: Visit, pen: Pen) -> dict[str, str]:
    person = visit.persona
    return {
        "©nam": pen.say(f"{''.join(person.name.kanji)} {person.patient_id}"),
        "©ART": pen.say("".join(visit.site.operator.kanji)),
        "©day": pen.say(visit.day.isoformat()),
    }


def _made(visit: Visit, data: bytes, pen: Pen) -> Made:
    name, named = file_name(visit, 1, ".mp4")
    known = identifying(visit)
    return Made(name, data, (*pen.known(known), *named.known(known)))


__all__ = ["FRAMES_PER_PHASE", "PHASES", "WORDING", "make_surgery"]
