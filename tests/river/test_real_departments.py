"""What becomes of real public files that six departments export: usable at the society, or kept inside with a reason.

Whose they are is invented: that stands in the departments' tables and in the names of the files.
"""

from __future__ import annotations

import csv
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from kaname.access.partners import Partner as Admitted
from kaname.access.partners import admit as write_partner_down
from kaname.archive import films
from kaname.archive.flow import shelve, unshelved
from kaname.archive.model import Located
from kaname.archive.retrieve import frame, instance
from kaname.archive.slides import slide, tile
from kaname.database import reading
from kaname.datasets import flow as datasets
from kaname.errors import Refused
from kaname.gateway import send as sending
from kaname.gateway.batches import form_batches
from kaname.gateway.flow import Journey
from kaname.gateway.hospital import open_hospital
from kaname.gateway.index import OBJECTS
from kaname.gateway.reception import take_in
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.parcel.enrolment import accept_answer, admit, make_request, signing_key
from kaname.parcel.seal import Parcel
from kaname.parcel.statements import Receipt
from kaname.settings import Settings
from kaname.testing.bytesearch import find_planted
from kaname.testing.data import test_data
from kaname.upkeep.home import make_home

NAME, NUMBER, ACCESSION = PLANTED = ("架空真名子", "KJ-5520-8817", "RX-261120-")
"""Of nobody: the patient, the hospital's number, and what accession numbers begin with."""
WHO = {"patient_id": NUMBER, "patient_name": NAME, "birth_date": "1960-01-02", "sex": "F", "study_date": "2026-11-20"}
TABLE = "検査一覧.csv"
PANEL = "gi-endoscopy-polyp/images/02e05e0f-5335-4d25-b41b-8f3181fa8941.jpg"
GLARE = "gi-endoscopy-polyp/images/03e15c74-4234-4074-bd5b-b4b81834d3d6.jpg"
ANGIOMA, MELANOMA = "dermoscopy-ham10000/ISIC_0024669.jpg", "dermoscopy-ham10000/ISIC_0024688.jpg"
FUNDUS, SLIDE = "fundus-chase-db1/Image_01R.jpg", "wsi/CMU-1-Small-Region.svs"
OPERATION = "surgical-endoscopy-video/laparoscopy_6s_h264.mp4"
CHART = "surgical-endoscopy-video/camera_testchart_mpeg2.mpeg"
ALOKA, UNLISTED = "dicom/us/gdcm-US-ALOKA-16.dcm", "dicom/us/examples_jpeg2k.dcm"
USABLE = {PANEL, ANGIOMA, MELANOMA, FUNDUS, SLIDE, OPERATION}
FROM_DEVICES = {
    "dicom/us/examples_rgb_color.dcm": ("held", "regions-missing"),
    "dicom/us/examples_ybr_color.dcm": ("held", "regions-missing"),  # its pixels were made fewer, its regions not
    "dicom/us/no-pixel-spacing.dcm": ("held", "pixels-may-identify"),  # a palette
    "dicom/us/IM00001.fragmented_no_bot_jpeg_baseline.50.dcm": ("refused", "no-frames"),
    "dicom/us/US-YBR_FULL_422-EVRLE.dcm": ("held", "text-in-pixels"),
}
"""Ultrasound that comes without a table, and what becomes of it."""
KEPT_INSIDE = FROM_DEVICES | dict.fromkeys((GLARE, CHART), ("held", "text-in-pixels"))
KEPT_INSIDE |= {ALOKA: ("held", "pixels-may-identify"), UNLISTED: ("held", "image-without-record")}
EXPORTS: Mapping[str, Sequence[tuple[Sequence[str], Mapping[str, str | float]]]] = {
    "jed": [((PANEL, GLARE), {"site": "left_colon", "light_mode": "WLI", "diagnosis": "polyp"})],
    "nsdd": [
        ((ANGIOMA,), {"capture": "dermoscopy", "diagnosis": "haemangioma"}),
        ((MELANOMA,), {"capture": "dermoscopy", "diagnosis": "melanoma"}),
    ],
    "joi": [((FUNDUS,), {"eye": "R", "photograph": "fundus", "iop": 14.5})],
    "jp-aid": [((SLIDE,), {"organ": "pancreas_biliary", "stain": "HE", "tumour": "yes"})],
    "s-access": [((OPERATION,), {"organ": "colon", "operation_time": 185}), ((CHART,), {"organ": "colon"})],
    "jsum": [((ALOKA,), {"organ": "liver"}), ((UNLISTED,), {"organ": "breast"})],
}
"""What each department exports: the files of each examination, and the items of its row."""
BESIDES = {ANGIOMA: {"body_part": "腹部"}, MELANOMA: {"body_part": "下腿"}, FUNDUS: {"laterality": "R"}}
BESIDES |= {ALOKA: {"accession": "7", "patient_id": "98279"}}  # as its header says
"""What a row has to say besides, by its first file."""


class Day(NamedTuple):
    """What became of it all."""

    data: Path
    exports: Path
    hub: Node
    states: Mapping[str, tuple[str, str]]
    """State and reason in the hospital, by file."""
    usable: Mapping[str, Located]
    """Where it lies in the society's archive, by file."""


def write_exports(data: Path, folder: Path) -> dict[Path, str]:
    """Each department's table with its files beside it, named as such files are; and whence each came."""
    placed: dict[Path, str] = {}
    for registry, rows in EXPORTS.items():
        (folder / registry).mkdir(parents=True)
        table: list[dict[str, object]] = []
        for files, items in rows:
            said: dict[str, object] = {**WHO, "accession": f"{ACCESSION}{len(placed):03}", "file": "", **items}
            for file in files:
                target = folder / registry / f"{NAME}_{NUMBER}_{len(placed):03}{Path(file).suffix}"
                placed[target] = file
                said["file"] = f"{said['file']};{target.name}"
                if file in (OPERATION, CHART):  # the first second: to look through all takes half a minute
                    ffmpeg("-t", "1", "-i", str(data / file), "-c", "copy", str(target))
                else:
                    shutil.copyfile(data / file, target)
            table.append(said | BESIDES.get(files[0], {}))
        with (folder / registry / TABLE).open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, list(dict.fromkeys(key for line in table for key in line)))
            writer.writeheader()
            writer.writerows(table)
    return placed | {data / file: file for file in FROM_DEVICES}


def enrol(hub: Node, gateway: Node, patch: pytest.MonkeyPatch) -> None:
    """Makes gateway and hub known to each other; what would be a request between them is a call."""
    request = make_request(gateway.settings.keys, gateway.settings.name, [*EXPORTS])
    key = signing_key(hub.settings.keys)
    admission = admit(request, hub.settings.keys, key, hub.settings.name, "https://127.0.0.1:1")
    known = Admitted(admission.name, "gateway", admission.key, admission.registries, admission.certificate)
    write_partner_down(hub.index, known, clock=hub.clock)
    accept_answer(gateway.settings.keys, admission.answer)

    def deliver(parcel: Parcel, _partner: object) -> Receipt:
        arriving = hub.settings.home / "arriving.parcel"
        arriving.write_bytes(parcel.path.read_bytes())
        return Receipt.open(accept(hub, arriving).receipt, {key.public.id: key.public})

    patch.setattr(sending, "deliver", deliver)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """A day on which everything is exported, taken in, taken across and shelved."""
    data, folder = test_data(), tmp_path_factory.mktemp("day")
    if data is None or shutil.which("ffmpeg") is None:
        pytest.skip("no public test data or no ffmpeg on this machine")
    hub = make_home(Settings(folder / "hub", "hub", "society", registries=(*EXPORTS,)))
    hospital = open_hospital(make_home(Settings(folder / "gateway", "gateway", "facility-1", registries=(*EXPORTS,))))
    placed, became = write_exports(data, folder / "exports"), dict[str, str]()
    with pytest.MonkeyPatch.context() as patch:
        enrol(hub, hospital.node, patch)
        for registry in EXPORTS:
            paths = [folder / "exports" / registry, *(data / file for file in FROM_DEVICES if registry == "jsum")]
            taken = take_in(hospital, paths, hospital.engine(registry))
            became |= {received.id: placed[path] for path, received in taken if received.kind == "image"}
        for batch in form_batches(hospital):
            Journey(hospital).cross_study(lambda step, *arguments: step(*arguments), batch)
    for parcel in unshelved(hub):
        shelve(hub, parcel)
    with reading(hospital.node.index) as connection:
        rows = {became[row.id]: row for row in connection.execute(select(OBJECTS)).all()}
    assert len(rows) == len(became) == len(placed), "each of these files becomes one object"
    sent = {file: row for file, row in rows.items() if row.state == "sent"}
    usable = {f: instance(hub, [row.registry], row.study, row.series, row.instance) for f, row in sent.items()}
    return Day(data, folder / "exports", hub, {f: (row.state, row.reason) for f, row in rows.items()}, usable)


def ffmpeg(*arguments: str) -> bytes:
    """What an independent program says."""
    return subprocess.run(("ffmpeg", "-v", "error", "-nostdin", *arguments), check=True, capture_output=True).stdout


def slices(path: Path) -> bytes:
    """The pictures of an H.264 stream, without parameter sets and messages."""
    only = "h264_mp4toannexb,filter_units=pass_types=1-5"
    return ffmpeg("-i", str(path), "-map", "0:v:0", "-c", "copy", "-bsf:v", only, "-f", "h264", "-")


def coded(jpeg: bytes) -> bytes:
    """The coded picture of a baseline JPEG: what stands behind its tables."""
    return jpeg[jpeg.rindex(b"\xff\xda") : jpeg.rindex(b"\xff\xd9")]


def shown(jpeg: bytes) -> np.ndarray:
    """A JPEG as its pixels."""
    return np.asarray(Image.open(BytesIO(jpeg)).convert("RGB"))


def test_nothing_is_lost(day: Day) -> None:
    """Every file that came is usable at the society, or stays in the hospital for the one reason that it must."""
    assert set(day.usable) == USABLE
    assert day.states == KEPT_INSIDE | dict.fromkeys(USABLE, ("sent", ""))


@pytest.mark.parametrize("file", [ANGIOMA, MELANOMA, FUNDUS])
def test_a_photograph_without_writing(day: Day, file: str) -> None:
    """A real photograph in which nothing is written arrives with the coded picture of its file, byte for byte."""
    kept, source = frame(day.hub, day.usable[file], 1), (day.data / file).read_bytes()
    assert coded(kept) == coded(source)
    assert np.array_equal(shown(kept), shown(source))


def test_a_still_with_the_processors_panel(day: Day) -> None:
    """What the processor wrote into a real still is black at the society, and no other pixel has changed."""
    located, source = day.usable[PANEL], shown((day.data / PANEL).read_bytes())
    kept = np.frombuffer(frame(day.hub, located, 1), np.uint8)[: source.size].reshape(source.shape)
    black = ~kept.any(axis=2)
    assert 0 < (black & (source.max(axis=2) > 99)).mean() < 0.2
    assert np.abs(kept[~black].astype(int) - source[~black]).max() <= 3, "two decoders may round differently"
    assert located.member.metadata["00280301"]["Value"] == ["NO"]


def test_a_slide_has_the_scanners_tiles(day: Day) -> None:
    """Every tile of a real slide is a JPEG whose coded picture stands in the scanner's file, in the same order."""
    uid, source = day.usable[SLIDE].series_instance_uid, (day.data / SLIDE).read_bytes()
    found = slide(day.hub, ["jp-aid"], uid)
    (level,) = found.levels
    assert (level.columns, level.rows, found.um_per_pixel) == (2220, 2967, 0.499)
    where = [(column, row) for row in range(level.down) for column in range(level.across)]
    places = [source.find(coded(tile(day.hub, ["jp-aid"], uid, 0, column, row)[0])) for column, row in where]
    assert places[0] > 0
    assert places == sorted(set(places))


def test_a_video_is_what_the_camera_wrote(day: Day, tmp_path: Path) -> None:
    """The pictures of a real operation arrive as the stream that was recorded, each with its time."""
    film = films.film(day.hub, day.usable[OPERATION])
    (tmp_path / "kept.mp4").write_bytes(b"".join(films.stream(day.hub, film, 0, film.length)))
    kept = slices(tmp_path / "kept.mp4")
    assert len(kept) > 100_000
    assert slices(day.data / OPERATION).startswith(kept)
    times = films.frame_times(day.usable[OPERATION])
    assert times == tuple(40.0 * number for number in range(max(25, len(times))))


@pytest.mark.parametrize("registry", EXPORTS)
def test_their_records_came_with_them(day: Day, registry: str) -> None:
    """What can be frozen has the items of its rows, codes and numbers; where no picture arrived, nothing can be."""
    expected = {day.usable[f].study_instance_uid: i for files, i in EXPORTS[registry] for f in files if f in day.usable}
    if not expected:
        with pytest.raises(Refused, match="dataset-empty"):
            datasets.freeze(day.hub, registry, registry)
        return
    content = datasets.content(day.hub, datasets.freeze(day.hub, registry, registry))
    assert {recorded.study_instance_uid: dict(recorded.items) for recorded in content.items} == expected


def test_nobody_is_named_at_the_society(day: Day) -> None:
    """What the tables say of whom is in no byte of the hub, however packed, and the search would find it."""
    assert {hit.form_index for hit in find_planted(day.exports / "jed" / TABLE, PLANTED)} == {0, 1, 2}
    assert find_planted(day.hub.settings.home, PLANTED) == []
