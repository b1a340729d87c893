"""Whole slides of invented patients, as scanners export them: a pyramid of JPEG tiles, thumbnail, label and macro.

The patient's name is drawn on the label, which the macro shows too, and stands in the scanner's own words. A variant
that must be held has the name written on the glass, over the tissue.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from xml.sax.saxutils import escape

from kaname.testing import spelling
from kaname.testing.hospital import identifying, invent_visit
from kaname.testing.pen import Pen
from kaname.testing.personas import personas, site
from kaname.testing.plant import Visit
from kaname.testing.pyramid import Colour, Directory, stripped, text, tiled, written
from kaname.testing.sonogram import font
from kaname.testing.write import UTF_8

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

Shape = Literal["SVS", "OME"]
"""Directories one behind the other, as Aperio writes them; or levels below the first one in BigTIFF (OME-TIFF)."""

SIZE, TILE, STEP, LEVELS = 2048, 256, 4, 3
"""Edge of the largest level and of a tile in pixels; how much smaller each level is; how many there are."""
UM_PER_PIXEL = 0.499
_NUCLEI = 2600
_RIM, _FADE = 140, 24
"""Where tissue ends, and how softly, on a landscape of heights from 0 to 255."""
_TISSUE, _STROMA, _NUCLEUS, _GLASS = (224, 150, 190), (238, 190, 214), (92, 52, 130), (243, 242, 244)
_REDUCED, _LABEL, _MACRO = (4, b"\1\0\0\0"), (4, b"\1\0\0\0"), (4, b"\x09\0\0\0")


@dataclass(frozen=True, slots=True)
class Scan:
    """What is wished of one slide."""

    shape: Shape = "SVS"
    colour: Colour = "RGB"
    """How the JPEG streams hold their colours; Aperio's hold RGB and do not say so."""
    size: int = SIZE
    """Edge of the largest level, pixels."""
    written_on: bool = False
    """The patient's name is written over the tissue: the crossing must hold the slide or black it out."""


@dataclass(frozen=True, slots=True)
class MadeSlide:
    """One made file."""

    data: bytes
    visit: Visit
    scan: Scan
    name: str
    """File name, with the patient's name and number in it."""
    planted: tuple[str, ...]
    """Every identifying string in the file's words and in its name, in the spelling in which it was written."""
    burned: tuple[str, ...]
    """Every identifying string in the pixels of label and macro; of the tissue too where ``scan.written_on``."""


@dataclass(frozen=True, slots=True)
class SlideKey:
    """What is known of one file of :func:`make_slides`."""

    path: str
    """Below the folder."""
    made: MadeSlide


def slide(visit: Visit, rng: random.Random, scan: Scan | None = None, *, number: int = 1) -> MadeSlide:
    """One slide of a visit.

    Args:
        visit: whose specimen it is.
        rng: decides the tissue.
        scan: what is wished.
        number: of the slide in its case.
    """
    scan, pen, brush = scan or Scan(), Pen(UTF_8), Pen(UTF_8)
    base = _tissue(rng.getrandbits(32), scan.size)
    if scan.written_on:
        base = _lettered(base, scan.size // 8, [brush.say("".join(visit.persona.name.kanji))], scan.size // 10)
    label = _lettered(_blank(300, 300, (250, 250, 246)), 10, _label_lines(visit, brush, number), 26)
    macro = _macro(base, label)
    name = pen.say(f"{''.join(visit.persona.name.kanji)}_{visit.persona.patient_id}_{number}")
    make = _svs if scan.shape == "SVS" else _ome
    data = make(visit, pen, scan, base, (label, macro))
    ending = ".svs" if scan.shape == "SVS" else ".ome.tiff"
    known = {*identifying(visit), _tiff_day(visit)}
    return MadeSlide(data, visit, scan, name + ending, pen.known(known), brush.known(known))


def make_slides(folder: Path, *, seed: int = 1, patients: int = 2, size: int = SIZE) -> tuple[SlideKey, ...]:
    """Writes the slides of an invented department of pathology: ``<accession>/<name>.svs`` and ``.ome.tiff``.

    Of each patient one slide: SVS in RGB, OME-TIFF in YCbCr, SVS in YCbCr, in turn. The same arguments give the same
    bytes.

    Args:
        folder: made if absent.
        seed: who comes; the same seed gives the patients of :func:`kaname.testing.hospital.make_hospital`.
        patients: how many.
        size: edge of the largest level, pixels.
    """
    rng, place = random.Random(f"slides {seed}"), site(seed)
    scans = (Scan(size=size), Scan("OME", "YCbCr", size), Scan("SVS", "YCbCr", size))
    keys: list[SlideKey] = []
    for count, persona in enumerate(personas(seed, patients)):
        made = slide(invent_visit(rng, persona, place), rng, scans[count % len(scans)])
        path = folder / made.visit.accession / made.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made.data)
        keys.append(SlideKey(str(path.relative_to(folder)), made))
    return tuple(keys)


def levels(base: Picture) -> list[Picture]:
    """The pyramid of a picture, the largest first: means of squares of ``STEP`` pixels."""
    import numpy as np

    out = [base]
    for _ in range(LEVELS - 1):
        rows, columns = (edge // STEP * STEP for edge in out[-1].shape[:2])
        whole = out[-1][:rows, :columns].reshape(rows // STEP, STEP, columns // STEP, STEP, 3)
        out.append(whole.mean((1, 3)).astype(np.uint8))
    return out


def _tiff_day(visit: Visit) -> str:
    return f"{visit.day:%Y:%m:%d}"


def _svs(visit: Visit, pen: Pen, scan: Scan, base: Picture, beside: tuple[Picture, Picture]) -> bytes:
    """As Aperio orders it: largest level, thumbnail, smaller levels, label, macro."""
    size, day = scan.size, visit.day
    person, place = visit.persona, visit.site
    head = f"Aperio Image Library v11.2.1 \r\n{size}x{size} [0,0 {size}x{size}] ({TILE}x{TILE}) JPEG/RGB Q=80"
    said = {
        "AppMag": "20",
        "ScanScope ID": pen.say(place.device_serial),
        "Filename": pen.say(f"{''.join(person.name.kanji)}_{person.patient_id}"),
        "Title": pen.say(f"{' '.join(person.name.romaji)} {visit.accession}"),
        "Date": pen.say(spelling.dates(day)["slashes"]),
        "Time": f"{visit.time[:2]}:{visit.time[2:4]}:{visit.time[4:6]}",
        "User": pen.say("".join(place.operator.kanji)),
        "Barcode": pen.say(visit.accession),
        "MPP": f"{UM_PER_PIXEL:.4f}",
        "Left": "25.691574",
        "Top": "23.449873",
    }
    words = "|".join([head, *(f"{key} = {value}" for key, value in said.items())])
    first, *smaller = levels(base)
    own = {
        270: text(words),
        306: text(f"{pen.say(_tiff_day(visit))} 10:00:00"),
        315: text(pen.say("".join(place.operator.kanji))),
        316: text(pen.say(place.station)),
        269: text(pen.say(person.patient_id)),
    }
    macro = {270: text(f"Aperio Image Library v11.2.1 \r\nmacro {pen.say(visit.accession)}"), 254: _MACRO}
    return written(
        [
            tiled(first, TILE, colour=scan.colour, tags=own),
            stripped(smaller[-1], tags={270: text(f"Aperio thumbnail |Filename = {pen.say(person.patient_id)}")}),
            *(tiled(level, TILE, colour=scan.colour, tags={270: text(words)}) for level in smaller),
            stripped(beside[0], tags={270: text("Aperio Image Library v11.2.1 \r\nlabel 300x300"), 254: _LABEL}),
            stripped(beside[1], tags=macro),
        ]
    )


def _ome(visit: Visit, pen: Pen, scan: Scan, base: Picture, beside: tuple[Picture, Picture]) -> bytes:
    """As Bio-Formats writes it: each image one directory, the smaller levels below it, words as XML on the first."""
    person, names = visit.persona, ("slide", "label", "macro")
    first, *smaller = levels(base)
    below = tuple(tiled(level, TILE, colour=scan.colour, tags={254: _REDUCED}) for level in smaller)
    whole = tiled(first, TILE, colour=scan.colour)
    images: list[str] = []
    for number, (name, picture) in enumerate(zip(names, (first, *beside), strict=True)):
        size = f'PhysicalSizeX="{UM_PER_PIXEL}" PhysicalSizeY="{UM_PER_PIXEL}" ' if not number else ""
        images.append(
            f'<Image ID="Image:{number}" Name="{name}"><AcquisitionDate>{visit.day}T10:00:00</AcquisitionDate>'
            f'<Pixels ID="Pixels:{number}" DimensionOrder="XYCZT" Type="uint8" SizeX="{picture.shape[1]}" '
            f'SizeY="{picture.shape[0]}" SizeC="3" SizeZ="1" SizeT="1" {size}Interleaved="true">'
            f'<Channel ID="Channel:{number}:0" SamplesPerPixel="3"/><TiffData IFD="{number}"/></Pixels></Image>'
        )
    who = escape(pen.say(f"{''.join(person.name.kanji)} {person.patient_id} {visit.accession}"))
    operator = escape(pen.say(visit.site.operator.romaji[0]))
    pen.say(visit.day.isoformat())
    words = (
        '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        f'<Experimenter ID="Experimenter:0" LastName="{operator}"/>{"".join(images)}'
        f'<StructuredAnnotations><CommentAnnotation ID="Annotation:0"><Value>{who}</Value></CommentAnnotation>'
        "</StructuredAnnotations></OME>"
    )
    main = Directory(whole.columns, whole.rows, {**whole.tags, 270: text(words)}, whole.pieces, TILE, below)
    return written([main, stripped(beside[0]), stripped(beside[1])], big=True)


def _label_lines(visit: Visit, brush: Pen, number: int) -> list[str]:
    person = visit.persona
    return [
        brush.say("".join(person.name.kanji)),
        f"ID {brush.say(person.patient_id)}",
        brush.say(visit.accession),
        brush.say(spelling.dates(visit.day)["slashes"]),
        f"HE  #{number}",
    ]


@lru_cache(maxsize=4)
def _tissue(seed: int, size: int) -> Picture:
    """Pink tissue with gaps of glass and violet nuclei, as haematoxylin and eosin stain it."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFilter

    rng = np.random.default_rng(seed)
    coarse = Image.fromarray((rng.random((9, 9)) * 255).astype(np.uint8)).resize((size, size), Image.Resampling.BICUBIC)
    fine = Image.fromarray((rng.random((64, 64)) * 255).astype(np.uint8)).resize((size, size), Image.Resampling.BICUBIC)
    where, grain = np.asarray(coarse, np.float32), np.asarray(fine, np.float32)[..., np.newaxis] / 255
    picture = np.array(_TISSUE, np.float32) * grain + np.array(_STROMA, np.float32) * (1 - grain)
    # About a third of the slide is empty; tissue fades out at its rim.
    glass = np.clip((where - _RIM) / _FADE, 0, 1)[..., np.newaxis]
    image = Image.fromarray((picture * (1 - glass) + np.array(_GLASS, np.float32) * glass).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    scale = size / SIZE
    for x, y, wide, high, dark in zip(*(rng.random((5, int(_NUCLEI * scale * scale)))), strict=True):
        left, top = int(x * (size - 1)), int(y * (size - 1))
        if not glass[top, left]:
            fill = tuple(int(value + 60 * dark) for value in _NUCLEUS)
            pen.ellipse((left, top, left + 6 + int(wide * 10), top + 6 + int(high * 10)), fill=fill)
    soft = np.asarray(image.filter(ImageFilter.GaussianBlur(1.2)), np.float32)
    made = np.clip(soft + rng.normal(0, 5, (size, size, 1)), 0, 255).astype(np.uint8)
    made.flags.writeable = False
    return made


def _blank(rows: int, columns: int, colour: tuple[int, int, int]) -> Picture:
    import numpy as np

    return np.full((rows, columns, 3), colour, np.uint8)


def _lettered(picture: Picture, place: int, lines: list[str], height: int) -> Picture:
    import numpy as np
    from PIL import Image, ImageDraw

    image = Image.fromarray(picture)
    pen = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        pen.text((place, place + number * height * 2), line, fill=(20, 20, 24), font=font(height))
    return np.asarray(image)


def _macro(base: Picture, label: Picture) -> Picture:
    """The whole glass from above: the label on the left, the tissue small on the right."""
    import numpy as np
    from PIL import Image

    small = np.asarray(Image.fromarray(base).resize((300, 300), Image.Resampling.BOX))
    return np.concatenate([label, small, _blank(300, 200, _GLASS)], axis=1)


__all__ = [
    "LEVELS", "SIZE", "STEP", "TILE", "UM_PER_PIXEL", "MadeSlide", "Scan", "SlideKey", "levels", "make_slides", "slide",
]  # fmt: skip
