"""A day in an invented endoscopy room: stills with the patient's name in the panel beside the picture, video, records.

The video of the first patient tells the name around its pictures, the one of the second in them: that one must be held.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

from kaname.testing import spelling
from kaname.testing.clip import Around, made
from kaname.testing.export import Examined, ExportKey, Made, Wording, file_name, write_export
from kaname.testing.hospital import identifying, invent_visit
from kaname.testing.pen import Pen
from kaname.testing.personas import personas, site
from kaname.testing.photo import Camera, written_on
from kaname.testing.plant import Visit
from kaname.testing.scenery import mucosa
from kaname.testing.write import UTF_8

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

ROWS, COLUMNS, PANEL = 288, 400, 120
VIDEO_ROWS, VIDEO_COLUMNS = 192, 256
WORDING = {
    "participation_type": Wording("参加区分", {"Ⅰ": "I", "Ⅱ": "II", "Ⅲ": "III", "Ⅳ": "IV"}),
    "examination": Wording("検査種別", {"下部": "lower", "上部": "upper"}),
    "purpose": Wording("検査目的", {"便潜血精査": "positive_fobt", "経過観察": "surveillance", "症状精査": "symptoms"}),
    "antithrombotic": Wording("抗血栓薬", {"なし": "none", "アスピリン": "aspirin", "DOAC": "doac"}),
    "light_mode": Wording("観察光", {"白色光": "WLI", "ＮＢＩ": "NBI"}),
    "site": Wording("観察部位", {"右側結腸": "right_colon", "左側結腸": "left_colon", "直腸": "rectum"}),
    "diagnosis": Wording("主診断", {"潰瘍性大腸炎": "ulcerative_colitis", "ポリープ": "polyp", "異常なし": "normal"}),
    "lesion_size": Wording("病変径(mm)"),
}


def make_endoscopy(folder: Path, *, seed: int = 1, patients: int = 3, stills: int = 2) -> ExportKey:
    """Writes the export of one day: JPEG stills, two MP4 files, and the structured record as a table.

    The same arguments give the same bytes.

    Args:
        folder: made if absent.
        seed: who comes.
        patients: how many; the first two have a video.
        stills: of each, each redder than the one before or less so.
    """
    rng, place = random.Random(f"endoscopy {seed}"), site(seed)
    examined: list[Examined] = []
    for count, persona in enumerate(personas(seed, patients)):
        visit = invent_visit(rng, persona, place)
        scene = rng.getrandbits(32)
        redness = rng.sample([0.1, 0.4, 0.7, 1.0], 4)
        files = [_still(visit, scene + n, redness[n % 4], n + 1) for n in range(stills)]
        if count < 2:  # noqa: PLR2004 - one to pass and one to hold
            files.append(_video(visit, scene, stills + 1, overlaid=count == 1))
        examined.append(Examined(visit, tuple(files), _record(rng), "大腸"))
    return write_export(folder, examined, WORDING)


def _record(rng: random.Random) -> dict[str, str]:
    said = {item: rng.choice(list(wording.words)) for item, wording in WORDING.items() if wording.words}
    said["examination"] = "下部"
    if said["diagnosis"] == "ポリープ":
        said["lesion_size"] = str(rng.randint(3, 25))
    return said


def _still(visit: Visit, scene: int, redness: float, number: int) -> Made:
    """A processor's picture: the view on the right, on the left a panel with who it is."""
    import numpy as np

    brush = Pen(UTF_8)
    shown = np.zeros((ROWS, COLUMNS, 3), np.uint8)
    view = mucosa(scene, ROWS, COLUMNS - PANEL, redness=redness)
    corner = np.add.outer(np.minimum(np.arange(ROWS), np.arange(ROWS)[::-1]), _inwards(COLUMNS - PANEL))
    shown[:, PANEL:] = view * (corner > ROWS // 9)[..., None]  # cut at its corners, as apertures are
    shown = written_on(shown, _panel(visit, brush), (6, 14), 12)
    name, pen = file_name(visit, number, ".jpg")
    camera = Camera(visit)
    data = camera.jpeg(shown)
    known = identifying(visit)
    return Made(name, data, (*pen.known(known), *camera.pen.known(known)), brush.known(known))


def _inwards(size: int) -> NDArray[np.int64]:
    import numpy as np

    return np.minimum(np.arange(size), np.arange(size)[::-1])


def _panel(visit: Visit, brush: Pen) -> list[str]:
    person = visit.persona
    return [
        brush.say(" ".join(person.name.kanji)),
        f"ID {brush.say(person.patient_id)}",
        f"{person.sex}  {brush.say(spelling.dates(person.birth)['slashes'])}",
        brush.say(spelling.dates(visit.day)["slashes"]),
        f"Dr. {brush.say(' '.join(visit.site.operator.kanji))}",
    ]


def _video(visit: Visit, scene: int, number: int, *, overlaid: bool) -> Made:
    pen, brush, person = Pen(UTF_8), Pen(UTF_8), visit.persona
    pictures = [mucosa(scene, VIDEO_ROWS, VIDEO_COLUMNS, shift=step / 10) for step in range(3)]
    if overlaid:
        lines = [brush.say(" ".join(person.name.kanji)), f"ID {brush.say(person.patient_id)}"]
        pictures = [written_on(picture, lines, (8, 8), 14) for picture in pictures]
    titles = {"©nam": pen.say("　".join(person.name.kanji)), "©ART": pen.say("".join(visit.site.operator.kanji))}
    voice = f"{pen.say(visit.accession)} ".encode("utf-16-le") * 40
    data = made(pictures, 12, around=Around(titles, f"NAME={pen.say(' '.join(person.name.romaji))}", voice))
    name, named = file_name(visit, number, ".mp4")
    known = identifying(visit)
    planted = (*pen.known(known), *named.known(known))
    return Made(name, data, planted, brush.known(known), "text-in-pixels" if overlaid else "")
