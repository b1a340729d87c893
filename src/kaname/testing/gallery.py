"""A hub with an image of every kind on its shelf, put there directly: for looking at pages, not for journeys.

Nothing of it has crossed a gateway or passed intake, and nothing needs ffmpeg.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kaname.annotation.flow import make
from kaname.archive.model import Origin
from kaname.archive.shelf import make_index
from kaname.archive.shelve import add_packs
from kaname.database import writing
from kaname.dicomize.flow import dicomize
from kaname.dicomize.header import Examination
from kaname.node import Node
from kaname.pack import pack_key, write_pack
from kaname.registries import load
from kaname.testing.clip import shipped
from kaname.testing.deliveries import make_hub
from kaname.testing.hospital import invent_visit
from kaname.testing.objects import ct_slice, to_bytes
from kaname.testing.personas import personas, site
from kaname.testing.scenery import fundus, mucosa, skin
from kaname.testing.slides import Scan, slide

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

TASKS: Mapping[str, str] = {
    "nodules": "j-mid",
    "severity": "jed",
    "fundus": "joi",
    "lesions": "nsdd",
    "phases": "s-access",
    "tumour": "jp-aid",
}
"""Registry of each task, one for each way of marking: a box, a pair, a form, an outline, phases, tissue."""
CLIP_FRAMES, CLIP_RATE, CLIP_ROWS, CLIP_COLUMNS = 90, 15, 192, 256
PHOTOGRAPH = (300, 400)
"""Rows and columns."""
_PARCEL = "0" * 64
_VIDEO, _H264 = "1.2.840.10008.5.1.4.1.1.77.1.1.1", "1.2.840.10008.1.2.4.102"


def make_gallery(home: Path, folder: Path, *, name: str = "") -> Node:
    """Fills a new hub and makes a task of each registry.

    Args:
        home: The hub's home, made.
        folder: Where packs are written on their way to the store.
        name: Patient's Name of everything, whatever stands in it.
    """
    node = make_hub(home)
    found = {
        "j-mid": [_slice(name)],
        "jed": _photographs("jed", name, [mucosa(1, *PHOTOGRAPH), mucosa(2, *PHOTOGRAPH, redness=0.9)]),
        "joi": _photographs("joi", name, [fundus(3, *PHOTOGRAPH)], laterality="R"),
        "nsdd": _photographs("nsdd", name, [skin(4, *PHOTOGRAPH)]),
        "s-access": [_film(name)],
        "jp-aid": _slide(name),
    }
    for registry, files in found.items():
        shelve_directly(node, folder, registry, files)
    for task, registry in TASKS.items():
        make(node, task, registry)
    return node


def shelve_directly(node: Node, folder: Path, registry: str, files: Iterable[bytes]) -> str:
    """Puts the files of one series on the shelf as they are; returns its Series Instance UID."""
    place = folder / registry
    place.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    for number, data in enumerate(files):
        paths.append(place / f"{number}.dcm")
        paths[-1].write_bytes(data)
    packed = write_pack(paths, place / "series.tar")
    node.store.put(pack_key(packed.digest), packed.path)
    index = make_index(node, packed.digest)
    with writing(node.index) as connection:
        origin = Origin(registry, f"{registry.upper():0<16}"[:16], _PARCEL)
        add_packs(connection, node.store, origin, (index,), node.clock.stamp())
    return index.index.series_instance_uid


def _photographs(registry: str, name: str, pictures: Sequence[Picture], **said: Any) -> list[bytes]:
    examination = Examination("1", accession="A-1", study_date="2026-05-01", **said)
    files: list[bytes] = []
    for number, picture in enumerate(pictures, 1):
        files += dicomize(_jpeg(picture), examination, load(registry), {}, number)
    return [_named(data, name) for data in files]


def _jpeg(picture: Picture) -> bytes:
    from PIL import Image

    out = BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=85)
    return out.getvalue()


def _slice(name: str) -> bytes:
    import numpy as np

    rows, columns = np.mgrid[0:128, 0:128]
    lung = 1000 * np.exp(-((rows - 64) ** 2 + (columns - 64) ** 2) / 900)
    values = {"Rows": 128, "Columns": 128, "PixelData": lung.astype("<u2").tobytes()}
    return _named(to_bytes(ct_slice(**values)), name)


def _film(name: str) -> bytes:
    """The clip that ships as one fragment of a video instance."""
    from pydicom.encaps import encapsulate

    clip = shipped()
    ds = ct_slice(
        SOPClassUID=_VIDEO,
        SOPInstanceUID="1.2.3.4.5.9",
        SeriesInstanceUID="1.2.3.4.5.8",
        StudyInstanceUID="1.2.3.4.7",
        Modality="ES",
        KVP=None,
        Rows=CLIP_ROWS,
        Columns=CLIP_COLUMNS,
        SamplesPerPixel=3,
        PhotometricInterpretation="YBR_PARTIAL_420",
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        NumberOfFrames=str(CLIP_FRAMES),
        FrameTime=f"{1000 / CLIP_RATE:.6f}",
        PixelData=encapsulate([clip + b"\0" * (len(clip) % 2)], has_bot=True),
    )
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return _named(to_bytes(ds, transfer_syntax_uid=_H264), name)


def _slide(name: str) -> list[bytes]:
    rng = random.Random("gallery")
    visit = invent_visit(rng, personas(1, 1)[0], site(1))
    made = slide(visit, rng, Scan(size=1024))
    examination = Examination("1", accession="A-1", study_date="2026-05-01")
    return [_named(data, name) for data in dicomize(made.data, examination, load("jp-aid"), {}, 1)]


def _named(data: bytes, name: str) -> bytes:
    """The same file with another Patient's Name."""
    import pydicom

    ds = pydicom.dcmread(BytesIO(data))  # pyright: ignore[reportUnknownMemberType] - PathLike without its type
    ds.SpecificCharacterSet = "ISO_IR 192"
    out = BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the name may be longer than names are
        ds.PatientName = name
        ds.save_as(out)
    return out.getvalue()
