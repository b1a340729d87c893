"""A hospital with things that wait for a person: one of each kind, hostile words among them."""

from __future__ import annotations

import random
from pathlib import Path

from kaname.gateway.batches import form_batches
from kaname.gateway.deidentify import deidentify
from kaname.gateway.hospital import Hospital, open_hospital
from kaname.gateway.ingest import Night, receive_all
from kaname.settings import Settings
from kaname.testing.hospital import invent_visit
from kaname.testing.objects import ct_slice, to_bytes
from kaname.testing.personas import personas, site
from kaname.testing.ultrasound import Scene, ultrasound
from kaname.upkeep.home import make_home

REGISTRIES = ("jsum", "j-mid", "nsdd")
HOSTILE = "<script>alert(1)</script>"
RIGHT_TO_LEFT = "عبد\u202eالله"
LONG = "Z" * 10_000
_SCREEN = ("DERIVED", "SECONDARY", "SCREEN SAVE")


def waiting_gateway(folder: Path, **settings: int) -> Hospital:
    """Makes a gateway, enrolled with nobody, in ``folder/home``.

    An ultrasound still with the name inside its region and a clip without regions; two screens of a CT and a file that
    is no DICOM; a table's row without images; a photograph of a face; a photograph and a document that no row names.

    Args:
        folder: an existing one; the files are left in it.
        settings: numbers of the node's settings, e.g. its port.
    """
    made = Settings(folder / "home", "gateway", "facility-1", registries=REGISTRIES, second_factor=(), **settings)  # pyright: ignore[reportArgumentType] - numbers alone
    hospital = open_hospital(make_home(made))
    _take(hospital, _echo(folder / "jsum"), "jsum")
    _take(hospital, _screens(folder / "j-mid"), "j-mid")
    _take(hospital, _loose(folder / "nsdd"), "nsdd")
    return hospital


def _take(hospital: Hospital, folder: Path, registry: str) -> None:
    list(receive_all(hospital, [folder], registry, Night()))
    for batch in form_batches(hospital):
        deidentify(hospital, batch)


def _echo(folder: Path) -> Path:
    folder.mkdir()
    rng = random.Random("waiting")
    (person,) = personas(1, 1)
    visit = invent_visit(rng, person, site(1))
    for number, scene in enumerate((Scene(name_inside=True), Scene(frames=3, regions=False)), start=1):
        (folder / f"{number}.dcm").write_bytes(ultrasound(visit, rng, scene, number=number).data)
    return folder


def _screens(folder: Path) -> Path:
    folder.mkdir()
    for number, name in enumerate((HOSTILE, RIGHT_TO_LEFT), start=1):
        ds = ct_slice(ImageType=list(_SCREEN), SpecificCharacterSet="ISO_IR 192", PatientName=name)
        ds.SOPInstanceUID = f"1.2.3.4.5.{number}"
        (folder / f"{number}.dcm").write_bytes(to_bytes(ds))
    (folder / "note.txt").write_bytes(b"no DICOM at all")
    (folder / "table.csv").write_text(f"accession,patient_id,note\nA-9,P9,{HOSTILE}{LONG}\n", encoding="utf-8")
    return folder


def _loose(folder: Path) -> Path:
    from PIL import Image

    folder.mkdir()
    for name, red in (("x", 200), ("face", 210)):
        Image.new("RGB", (60, 40), (red, 150, 140)).save(folder / f"{name}.jpg")
    row = f"A-7,P7,face.jpg,{HOSTILE},顔"
    (folder / "t.csv").write_text(f"accession,patient_id,file,patient_name,body_part\n{row}\n", encoding="utf-8")
    (folder / "letter.pdf").write_bytes(b"%PDF-1.4\nnothing")
    return folder
