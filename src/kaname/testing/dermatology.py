"""A day in an invented skin clinic: photographs with place and owner around them, dermoscopy, a telephone's video.

The last patient's photograph shows a face: it must be held, whatever is in it.
"""

from __future__ import annotations

import random
from pathlib import Path

from kaname.testing import spelling
from kaname.testing.clip import Around, made
from kaname.testing.export import Examined, ExportKey, Made, Wording, file_name, write_export
from kaname.testing.hospital import identifying, invent_visit
from kaname.testing.pen import Pen
from kaname.testing.personas import personas, site
from kaname.testing.photo import Camera, written_on
from kaname.testing.plant import Visit
from kaname.testing.scenery import face, skin
from kaname.testing.write import UTF_8

ROWS, COLUMNS = 288, 384
VIDEO_ROWS, VIDEO_COLUMNS = 192, 256
LESION, CLOSE = 0.3, 0.62
"""Radius of a lesion in half pictures, and through a dermatoscope."""
WORDING = {
    "capture": Wording("撮影", {"臨床写真": "clinical", "ダーモスコピー": "dermoscopy"}),
    "diagnosis": Wording("診断", {"悪性黒色腫": "melanoma", "色素性母斑": "naevus"}),
    "basis": Wording("診断根拠", {"病理": "pathology", "臨床": "clinical"}),
    "body_site": Wording("皮疹部位", {"前腕": "forearm", "背部": "back", "下腿": "lower_leg", "顔面": "face"}),
    "lesion_size": Wording("径(mm)"),
}


def make_dermatology(folder: Path, *, seed: int = 1, patients: int = 3) -> ExportKey:
    """Writes the export of one day: photographs, and the diagnoses as a table. The same arguments give the same bytes.

    Of each patient a clinical photograph and a dermoscopy under numbers of their own, of the first one a video, of the
    last one a face more.

    Args:
        folder: made if absent.
        seed: who comes.
        patients: how many; every second one has a malignant lesion.
    """
    rng, place = random.Random(f"dermatology {seed}"), site(seed)
    examined: list[Examined] = []
    people = personas(seed, patients)
    for count, persona in enumerate(people):
        scene, where = rng.getrandbits(32), ("前腕", "背部", "下腿")[count % 3]
        malignant = count % 2 == 0
        record = {
            "diagnosis": "悪性黒色腫" if malignant else "色素性母斑",
            "basis": "病理" if malignant else "臨床",
            "lesion_size": str(rng.randint(3, 18)),
        }
        visit, closer = (invent_visit(rng, persona, place) for _ in range(2))
        files = [_photograph(visit, scene, malignant=malignant)]
        if count == 0:
            files.append(_video(visit, scene, malignant=malignant))
        said = {"capture": "臨床写真", **record, "body_site": where}
        examined.append(Examined(visit, tuple(files), said, where, listed=""))
        close = (_dermoscopy(closer, scene, malignant=malignant),)
        examined.append(Examined(closer, close, {**said, "capture": "ダーモスコピー"}, where, listed="folder"))
    shown = invent_visit(rng, people[-1], place)
    examined.append(Examined(shown, (_face(shown),), {"capture": "臨床写真", "body_site": "顔面"}, "顔面"))
    return write_export(folder, examined, WORDING)


def _photograph(visit: Visit, scene: int, *, malignant: bool) -> Made:
    """Held sideways: the picture is to be turned."""
    camera = Camera(visit, orientation=6)
    data = camera.jpeg(skin(scene, COLUMNS, ROWS, lesion=LESION, malignant=malignant))
    return _made(visit, 1, ".jpg", data, camera.pen, Pen(UTF_8))


def _dermoscopy(visit: Visit, scene: int, *, malignant: bool) -> Made:
    """The device writes number and day into a corner."""
    camera, brush = Camera(visit), Pen(UTF_8)
    corner = f"{brush.say(visit.persona.patient_id)} {brush.say(spelling.dates(visit.day)['iso'])}"
    shown = skin(scene + 1, ROWS, COLUMNS, lesion=CLOSE, malignant=malignant)
    data = camera.jpeg(written_on(shown, [corner], (8, 6), 13, (20, 20, 30)))
    return _made(visit, 1, ".jpg", data, camera.pen, brush)


def _face(visit: Visit) -> Made:
    camera = Camera(visit)
    return _made(visit, 1, ".jpg", camera.jpeg(face(1, ROWS, COLUMNS)), camera.pen, Pen(UTF_8), "face-may-identify")


def _video(visit: Visit, scene: int, *, malignant: bool) -> Made:
    """A telephone comes closer; it writes down where it is and whose it is."""
    pen = Pen(UTF_8)
    pictures = [
        skin(scene, VIDEO_ROWS, VIDEO_COLUMNS, lesion=LESION + step / 12, malignant=malignant) for step in range(3)
    ]
    titles = {"©xyz": "+35.6580+139.7016/", "©nam": pen.say(" ".join(visit.persona.name.romaji))}
    return _made(visit, 2, ".mp4", made(pictures, 12, around=Around(titles)), pen, Pen(UTF_8))


def _made(visit: Visit, number: int, ending: str, data: bytes, pen: Pen, brush: Pen, held_as: str = "") -> Made:  # noqa: PLR0913, PLR0917 - one file
    name, named = file_name(visit, number, ending)
    known = identifying(visit)
    return Made(name, data, (*pen.known(known), *named.known(known)), brush.known(known), held_as)
