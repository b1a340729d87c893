"""A day in an invented eye clinic: fundus with the patient's number burned in, front of the eye, OCT, values."""

from __future__ import annotations

import random
from pathlib import Path

from kaname.testing import spelling
from kaname.testing.export import Examined, ExportKey, Made, Wording, file_name, write_export
from kaname.testing.hospital import identifying, invent_visit
from kaname.testing.pen import Pen
from kaname.testing.personas import personas, site
from kaname.testing.photo import Camera, written_on
from kaname.testing.plant import Visit
from kaname.testing.scenery import anterior_segment, fundus, retina
from kaname.testing.write import UTF_8

ROWS, COLUMNS = 288, 384
SECTIONS, SECTION_ROWS, SECTION_COLUMNS = 6, 160, 256
WORDING = {
    "eye": Wording("眼", {"右眼": "R", "左眼": "L"}),
    "acuity_uncorrected": Wording("裸眼視力"),
    "acuity_corrected": Wording("矯正視力"),
    "iop": Wording("眼圧(mmHg)"),
    "iop_device": Wording("眼圧計", {"GAT": "goldmann", "NCT": "non_contact"}),
    "oct_central_thickness": Wording("中心網膜厚(μm)"),
    "diagnosis": Wording("診断", {"正常": "normal", "緑内障": "glaucoma", "糖尿病網膜症": "diabetic_retinopathy"}),
}


def make_eye(folder: Path, *, seed: int = 1, patients: int = 3) -> ExportKey:
    """Writes the export of one day: photographs, and the values as a table. The same arguments give the same bytes.

    Of each patient the fundus (JPEG), the front of the eye (PNG) and sections of the retina (TIFF of several pages).

    Args:
        folder: made if absent.
        seed: who comes.
        patients: how many.
    """
    rng, place = random.Random(f"eye {seed}"), site(seed)
    examined: list[Examined] = []
    for count, persona in enumerate(personas(seed, patients)):
        visit, scene, side = invent_visit(rng, persona, place), rng.getrandbits(32), "RL"[count % 2]
        files = (_fundus(visit, scene), _front(visit, scene), _sections(visit, scene))
        examined.append(Examined(visit, files, _record(rng, side), "眼", side, listed="folder"))
    return write_export(folder, examined, WORDING)


def _record(rng: random.Random, side: str) -> dict[str, str]:
    return {
        "eye": {"R": "右眼", "L": "左眼"}[side],
        "acuity_uncorrected": rng.choice(("0.1", "0.3", "0.7")),
        "acuity_corrected": rng.choice(("0.8", "1.0", "1.2")),
        "iop": str(rng.randint(10, 24)),
        "iop_device": rng.choice(list(WORDING["iop_device"].words)),
        "oct_central_thickness": str(rng.randint(210, 420)),
        "diagnosis": rng.choice(list(WORDING["diagnosis"].words)),
    }


def _fundus(visit: Visit, scene: int) -> Made:
    brush, person, camera = Pen(UTF_8), visit.persona, Camera(visit)
    day = brush.say(spelling.dates(visit.day)["slashes"])
    strip = f"{brush.say(' '.join(person.name.kanji))}  ID:{brush.say(person.patient_id)}  {day}"
    data = camera.jpeg(written_on(fundus(scene, ROWS, COLUMNS), [strip], (8, ROWS - 18), 13))
    return _made(visit, 1, ".jpg", data, camera, brush)


def _front(visit: Visit, scene: int) -> Made:
    camera = Camera(visit)
    return _made(visit, 2, ".png", camera.png(anterior_segment(scene, ROWS, COLUMNS)), camera, Pen(UTF_8))


def _sections(visit: Visit, scene: int) -> Made:
    camera = Camera(visit)
    data = camera.tiff(list(retina(scene, SECTIONS, SECTION_ROWS, SECTION_COLUMNS)))
    return _made(visit, 3, ".tif", data, camera, Pen(UTF_8))


def _made(visit: Visit, number: int, ending: str, data: bytes, camera: Camera, brush: Pen) -> Made:
    name, pen = file_name(visit, number, ending)
    known = identifying(visit)
    return Made(name, data, (*pen.known(known), *camera.pen.known(known)), brush.known(known))
