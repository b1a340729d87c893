"""Ultrasound files of invented patients: stills and clips, the name in the header and burned into the pixels.

The banner with the name stands outside the image region, as on real devices. Variants that must be held: the name
inside the region, and a file that does not say where its regions are.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kaname.testing import spelling
from kaname.testing.hospital import identifying, invent_uid, invent_visit
from kaname.testing.pen import Pen
from kaname.testing.personas import personas, site
from kaname.testing.plant import Visit, plant, plant_meta
from kaname.testing.sonogram import COLUMNS, ROWS, WINDOW, screens
from kaname.testing.write import CHARSETS, UTF_8, Charset, Header, Value, encode_element, part10

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STILL, CLIP = "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.3.1"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
_PIXEL_DATA, _PADDING = 0x7FE00010, 0xFFFCFFFC
_ITEM, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE0DD
Encoding = Literal["RGB", "grey", "JPEG"]


@dataclass(frozen=True, slots=True)
class Scene:
    """What is wished of one file."""

    frames: int = 1
    """One frame is a still, more are a clip."""
    encoding: Encoding = "RGB"
    """Native colour, native grey, or JPEG baseline with colours as YBR_FULL_422."""
    name_inside: bool = False
    """The patient's name also stands in the image region."""
    regions: bool = True
    """The file says where its image region lies."""

    @property
    def held_as(self) -> str:
        """The reason code with which the crossing must hold it; empty where it must pass."""
        if not self.regions:
            return "regions-missing"
        return "text-in-pixels" if self.name_inside else ""


@dataclass(frozen=True, slots=True)
class Ultrasound:
    """One made file."""

    data: bytes
    visit: Visit
    sop_instance_uid: str
    scene: Scene
    planted: tuple[str, ...]
    """Every identifying string in the header, in the spelling in which it was written."""
    burned: tuple[str, ...]
    """Every identifying string in the pixels."""


@dataclass(frozen=True, slots=True)
class UltrasoundKey:
    """What is known of one file of :func:`make_ultrasound`."""

    path: str
    """Below the folder."""
    made: Ultrasound


def ultrasound(
    visit: Visit, rng: random.Random, scene: Scene, charset: Charset = UTF_8, *, number: int = 1
) -> Ultrasound:
    """One file of a visit.

    Args:
        visit: whose examination it is.
        rng: decides the instance's UID and the tissue.
        scene: what is wished.
        charset: how the texts of the header are written.
        number: of the instance in its series.
    """
    pen, brush, uid = Pen(charset), Pen(UTF_8), invent_uid(rng)
    shown = screens(rng.getrandbits(32), scene.frames, _banner(visit, brush), _inside(visit, brush, scene))
    header = _technical(visit, scene, number)
    planted = Header()
    plant(planted, visit, pen)
    header.elements.update(planted.elements)
    header.put_all({"SOPInstanceUID": uid, "StudyDescription": pen.say(f"腹部超音波 {visit.order}", visit.order)})
    preamble, meta = plant_meta(visit, pen)
    if scene.encoding == "JPEG":
        del header.elements[_PADDING]  # it would stand behind the pixel data
        meta = {**meta, 0x0010: ("UI", JPEG_BASELINE.encode())}
        data = part10(header, charset, preamble=preamble, meta=meta)
        data += encode_element(_PIXEL_DATA, "OB", _fragments(shown), undefined=True)
    else:
        pixels = shown[..., 1] if scene.encoding == "grey" else shown
        header.put("PixelData", pixels.tobytes(), "OB")
        data = part10(header, charset, preamble=preamble, meta=meta)
    known = identifying(visit)
    return Ultrasound(data, visit, uid, scene, pen.known(known), brush.known(known))


def make_ultrasound(folder: Path, *, seed: int = 1, patients: int = 4) -> tuple[UltrasoundKey, ...]:
    """Writes the files of an invented echo room, three of each patient: ``<accession>/IMG_0001.dcm`` and so on.

    Of each patient a still in colour, a still in grey and a clip, every second clip in JPEG. The first patient has a
    still more with the name inside its region, the second one without regions: both must be held. The same arguments
    give the same bytes.

    Args:
        folder: made if absent.
        seed: who comes; the same seed gives the patients of :func:`kaname.testing.hospital.make_hospital`.
        patients: how many.
    """
    rng, place = random.Random(f"ultrasound {seed}"), site(seed)
    keys: list[UltrasoundKey] = []
    for count, persona in enumerate(personas(seed, patients)):
        visit = invent_visit(rng, persona, place)
        scenes = [Scene(), Scene(encoding="grey"), Scene(frames=8, encoding="JPEG" if count % 2 else "RGB")]
        scenes += [Scene(name_inside=True)] if count == 0 else [Scene(regions=False)] if count == 1 else []
        for number, scene in enumerate(scenes, 1):
            made = ultrasound(visit, rng, scene, CHARSETS[count % len(CHARSETS)], number=number)
            path = folder / visit.accession / f"IMG_{number:04}.dcm"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(made.data)
            keys.append(UltrasoundKey(str(path.relative_to(folder)), made))
    return tuple(keys)


def _banner(visit: Visit, brush: Pen) -> tuple[str, ...]:
    person, born = visit.persona, spelling.dates(visit.persona.birth)
    return (
        f"{brush.say(' '.join(person.name.kanji))}  ID:{brush.say(person.patient_id)}  {brush.say(born['slashes'])}",
        f"{brush.say(visit.site.name)}  {brush.say(spelling.dates(visit.day)['slashes'])}",
        brush.say(" ".join(person.name.romaji)),
    )


def _inside(visit: Visit, brush: Pen, scene: Scene) -> str:
    return brush.say(" ".join(visit.persona.name.kanji)) if scene.name_inside else ""


def _technical(visit: Visit, scene: Scene, number: int) -> Header:
    """The header as a device writes it, without identity."""
    header, day = Header(), visit.day_da
    values: dict[str, Value] = {
        "ImageType": "ORIGINAL\\PRIMARY\\ABDOMINAL",
        "SOPClassUID": STILL if scene.frames == 1 else CLIP,
        "StudyDate": day,
        "SeriesDate": day,
        "ContentDate": day,
        "AcquisitionDateTime": f"{day}{visit.time}",
        "StudyTime": visit.time,
        "ContentTime": visit.time,
        "Modality": "US",
        "Manufacturer": "KANATEC",
        "ManufacturerModelName": "Ogi U9",
        "SoftwareVersions": "V2.1SP3",
        "SeriesNumber": 1,
        "InstanceNumber": number,
        "BodyPartExamined": "ABDOMEN",
        "TransducerType": "CURVED LINEAR",
        "MechanicalIndex": "1.1",
        "BurnedInAnnotation": "YES",
        "LossyImageCompression": "00",
        "Rows": ROWS,
        "Columns": COLUMNS,
        "SamplesPerPixel": 3,
        "PhotometricInterpretation": "RGB",
        "PlanarConfiguration": 0,
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelRepresentation": 0,
    }
    if scene.frames > 1:
        pointer = struct.pack("<HH", 0x0018, 0x1063)
        values |= {
            "NumberOfFrames": scene.frames,
            "FrameTime": "33.3",
            "CineRate": 30,
            "FrameIncrementPointer": pointer,
        }
    if scene.encoding == "JPEG":
        values |= {"PhotometricInterpretation": "YBR_FULL_422", "LossyImageCompression": "01"}
        values |= {"LossyImageCompressionRatio": "9.5", "LossyImageCompressionMethod": "ISO_10918_1"}
    header.put_all(values)
    if scene.encoding == "grey":
        header.put_all({"SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2"})
        del header.elements[0x00280006]
    if scene.regions:
        header.put_items("SequenceOfUltrasoundRegions", _region())
    return header


def _region() -> Header:
    left, top, right, bottom = WINDOW
    item = Header()
    item.put_all(
        {
            "RegionSpatialFormat": 1,
            "RegionDataType": 1,
            "RegionFlags": 2,
            "RegionLocationMinX0": left,
            "RegionLocationMinY0": top,
            "RegionLocationMaxX1": right,
            "RegionLocationMaxY1": bottom,
            "PhysicalUnitsXDirection": 3,
            "PhysicalUnitsYDirection": 3,
            "PhysicalDeltaX": 0.035,
            "PhysicalDeltaY": 0.035,
            "TransducerFrequency": 3500,
        }
    )
    return item


def _fragments(shown: NDArray[np.uint8]) -> bytes:
    """Each frame as JPEG baseline in one fragment, behind an empty offset table."""
    from PIL import Image

    out = [struct.pack("<HHI", _ITEM >> 16, _ITEM & 0xFFFF, 0)]
    for frame in shown:
        stream = BytesIO()
        Image.fromarray(frame).save(stream, "JPEG", quality=92, subsampling="4:2:2")
        value = stream.getvalue() + b"\0" * (stream.tell() % 2)
        out += [struct.pack("<HHI", _ITEM >> 16, _ITEM & 0xFFFF, len(value)), value]
    return b"".join([*out, struct.pack("<HHI", _SEQUENCE_END >> 16, _SEQUENCE_END & 0xFFFF, 0)])
