"""Files that are no DICOM: linked to their row, made into objects, or held whole with a reason."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from PIL import Image
from sqlalchemy import select

from kaname.database import reading
from kaname.gateway import foreign
from kaname.gateway.batches import form_batches
from kaname.gateway.consent import read_list
from kaname.gateway.deidentify import deidentify
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import FOREIGN, OBJECTS
from kaname.gateway.ingest import Night, receive_all
from kaname.gateway.receive import Received
from kaname.gateway.records import forget_records
from kaname.gateway.seal import seal
from kaname.gateway.status import held, status
from kaname.gateway.watch import DONE, HELD, take_watched
from kaname.gateway.withdraw import request
from kaname.parcel.open import open_parcel, unpack
from kaname.testing.bytesearch import find_planted
from kaname.testing.data import test_data

from .hospitals import make_gateway, records, states, table_file

HEADINGS = (
    "accession",
    "patient_id",
    "file",
    "patient_name",
    "birth_date",
    "sex",
    "study_date",
    "body_part",
    "capture",
    "diagnosis",
    "body_site",
)
NAME = "Yamada^Taro"


def row(accession: str = "A-1", patient: str = "P1", file: str = "", capture: str = "clinical") -> tuple[str, ...]:
    """One line of a skin department's table."""
    return (accession, patient, file, NAME, "1960-01-02", "M", "2026-11-20", "手背", capture, "melanoma", "hand")


def photo(folder: Path, name: str, shade: int = 120) -> Path:
    """A plain JPEG of 64 × 48 pixels with a comment that names the patient."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    out = BytesIO()
    Image.new("RGB", (64, 48), (shade, 90, 80)).save(out, "JPEG", quality=90, comment=f"photo of {NAME}".encode())
    path.write_bytes(out.getvalue())
    return path


@pytest.fixture
def hospital(tmp_path: Path) -> Hospital:
    """A gateway that is enrolled with nobody and takes skin pictures."""
    return make_gateway(tmp_path, registries=("nsdd",), watched=(f"nsdd={tmp_path / 'watched'}",))


def take(hospital: Hospital, *paths: Path) -> list[Received]:
    """Everything below the paths arrives for the skin registry."""
    return list(receive_all(hospital, paths, "nsdd", Night()))


def files(hospital: Hospital) -> list[tuple[str, str, str, int]]:
    """Kind, state, reason and number of objects of each foreign file, sorted."""
    columns = (FOREIGN.c.kind, FOREIGN.c.state, FOREIGN.c.reason, FOREIGN.c.objects)
    with reading(hospital.node.index) as connection:
        return sorted(tuple(found) for found in connection.execute(select(*columns)))


def originals(hospital: Hospital) -> list[pydicom.Dataset]:
    """The objects that were made, as they lie in the spool."""
    with reading(hospital.node.index) as connection:
        names = connection.scalars(select(OBJECTS.c.id)).all()
    made = [pydicom.dcmread(BytesIO(hospital.spool.open(name).buffer)) for name in names]
    return sorted(made, key=lambda ds: int(ds.InstanceNumber))


def test_photographs_become_objects(hospital: Hospital, tmp_path: Path) -> None:
    """A row's photographs become objects of its examination, linked to it by accession number; nothing else is kept."""
    for number in "12":
        photo(tmp_path / "in", f"{number}.jpg", shade=100 + int(number))
    table_file(tmp_path / "in", row(file="1.jpg; 2.jpg"), headings=HEADINGS)
    assert [(r.kind, r.state, r.reason) for r in take(hospital, tmp_path / "in")] == [
        ("row", "received", ""), ("image", "received", ""), ("image", "received", ""),
    ]  # fmt: skip
    assert (states(hospital), records(hospital)) == ([("received", "")] * 2, [("linked", "")])
    assert files(hospital) == [("photo", "taken", "", 1)] * 2
    first, second = originals(hospital)
    assert (first.PatientID, str(first.PatientName), first.AccessionNumber, first.PatientBirthDate) == (
        "P1", NAME, "A-1", "19600102",
    )  # fmt: skip
    assert (first.StudyDate, first.PatientSex, first.BodyPartExamined, first.InstanceNumber) == (
        "20261120", "M", "HAND", 1,
    )  # fmt: skip
    assert first.SOPClassUID == "1.2.840.10008.5.1.4.1.1.77.1.4"
    assert (second.StudyInstanceUID, second.InstanceNumber) == (first.StudyInstanceUID, 2)
    assert status(hospital)["originals"] == 3
    assert not find_planted(hospital.node.settings.home, ("Yamada", "19600102"))


def test_they_cross_with_their_items(hospital: Hospital, tmp_path: Path) -> None:
    """The objects leave with age and sex, diagnosis and site beside them, of the class that an item decides."""
    photo(tmp_path / "in" / "A-1", "x.jpg")
    table_file(tmp_path / "in", row(capture="dermoscopy"), headings=HEADINGS)
    take(hospital, tmp_path / "in")
    (batch,) = form_batches(hospital)
    treated = deidentify(hospital, batch)
    assert (treated, states(hospital)) == ({"cleaned": 1}, [("cleaned", "")])
    keys = {hospital.signing.public.id: hospital.signing.public}
    parcel = open_parcel(hospital.outbox / f"{seal(hospital, batch)}.parcel", keys)
    opened = unpack(parcel, tmp_path / "opened")
    kinds = {entry.kind: opened.records[entry.digest].read_bytes() for entry in parcel.manifest.records}
    for item in (b'"capture":"dermoscopy"', b'"diagnosis":"melanoma"', b'"body_site":"hand"'):
        assert item in kinds["items"]
    data = b"".join(path.read_bytes() for path in (tmp_path / "opened").rglob("*") if path.is_file())
    assert b"1.2.840.10008.5.1.4.1.1.77.1.7" in data
    assert b"AS\x04\x00066Y" in data
    assert b"Yamada" not in data


def test_the_same_export_again_changes_nothing(hospital: Hospital, tmp_path: Path) -> None:
    """Taken in again, as a whole or a file alone, everything is known and no row or original is added."""
    alone = photo(tmp_path / "in" / "A-1", "x.jpg")
    photo(tmp_path / "in", "nobody.jpg", shade=3)
    table_file(tmp_path / "in", row(), headings=HEADINGS)
    take(hospital, tmp_path / "in")
    before = (files(hospital), states(hospital), status(hospital))
    again = take(hospital, tmp_path / "in")
    assert all(result.known for result in again)
    (known,) = take(hospital, alone)
    assert (known.known, known.state) == (True, "received")
    assert (files(hospital), states(hospital), status(hospital)) == before


def test_a_file_without_a_row(hospital: Hospital, tmp_path: Path) -> None:
    """It is held whole and encrypted; once its row is there, taking it in again takes it across and closes it."""
    photo(tmp_path / "in", "x.jpg")
    (alone,) = take(hospital, tmp_path / "in")
    assert (alone.state, alone.reason, alone.known) == ("held", "file-without-record", False)
    assert (files(hospital), status(hospital)["files"]) == (
        [("photo", "held", "file-without-record", 0)],
        {"held": 1},
    )
    (told,) = held(hospital)
    assert isinstance(told, dict)
    assert (told["kind"], told["reason"], told["objects"]) == ("file", "file-without-record", 1)
    assert bytes(hospital.spool.open(alone.id).buffer) == (tmp_path / "in" / "x.jpg").read_bytes()
    table_file(tmp_path / "in", row(file="x.jpg"), headings=HEADINGS)
    assert [r.reason for r in take(hospital, tmp_path / "in")] == ["", ""]
    assert files(hospital) == [("photo", "taken", "", 1)]
    assert alone.id not in set(hospital.spool.names())
    assert states(hospital) == [("received", "")]


def test_two_examinations_claim_a_file(hospital: Hospital, tmp_path: Path) -> None:
    """A file that rows of two examinations name is held until the table is right."""
    photo(tmp_path / "in", "x.jpg")
    table_file(tmp_path / "in", row(file="x.jpg"), row("A-2", "P2", "x.jpg"), headings=HEADINGS)
    assert [r.reason for r in take(hospital, tmp_path / "in")] == ["", "", "file-claimed-twice"]
    table_file(tmp_path / "in", row(file="x.jpg"), row("A-2", "P2", "y.jpg"), headings=HEADINGS)
    take(hospital, tmp_path / "in")
    assert files(hospital) == [("photo", "taken", "", 1)]


def test_a_file_of_two_examinations_of_one_patient_goes_with_them(hospital: Hospital, tmp_path: Path) -> None:
    """It is held, and it is theirs: it goes when they withdraw, and does not come back.

    The same holds for the file of a row without an accession number.
    """
    photo(tmp_path / "in", "x.jpg")
    photo(tmp_path / "in", "y.jpg", shade=5)
    rows = (row(file="x.jpg"), row("A-2", "P1", "x.jpg"), row("", "P1", "y.jpg"))
    table_file(tmp_path / "in", *rows, headings=HEADINGS)
    photo(tmp_path / "in" / "A-1", "z.jpg", shade=9)
    take(hospital, tmp_path / "in")
    assert [(kind, state, reason) for kind, state, reason, _ in files(hospital)] == [
        ("photo", "held", "file-claimed-twice"), ("photo", "refused", "record-incomplete"), ("photo", "taken", ""),
    ]  # fmt: skip
    (who,) = request(hospital, "P1", None, ["nsdd"])
    forget_records(hospital, *who.split(":"))
    assert files(hospital) == []
    left = set(hospital.spool.names())
    assert len(left) == 1, "the object that z.jpg became goes with the objects"
    assert {r.reason for r in take(hospital, tmp_path / "in") if r.kind == "image"} == {"withdrawn"}
    assert set(hospital.spool.names()) == left


def test_a_file_that_somebody_who_opted_out_may_own_is_not_kept(hospital: Hospital, tmp_path: Path) -> None:
    """Rows of two patients name it, one of them opted out: nobody can tell whose it is, so nothing of it stays."""
    listed = tmp_path / "consent.csv"
    listed.write_text("patient_id,registry,decision\nP2,nsdd,opt-out\n", encoding="utf-8")
    read_list(hospital, listed)
    photo(tmp_path / "in", "x.jpg")
    table_file(tmp_path / "in", row(file="x.jpg"), row("A-2", "P2", "x.jpg"), headings=HEADINGS)
    assert [r.reason for r in take(hospital, tmp_path / "in")] == ["", "opted-out", "opted-out"]
    assert files(hospital) == []


def test_a_file_that_was_cut_off_keeps_its_number(hospital: Hospital, tmp_path: Path, monkeypatch: Any) -> None:
    """Killed when its object had come in: another file that is taken before it gets another number, and it its own."""
    late = photo(tmp_path / "in", "b.jpg", shade=3)
    table_file(tmp_path / "in", row(file="a.jpg; b.jpg"), headings=HEADINGS)
    with monkeypatch.context() as killing:
        killing.setattr(foreign, "_write_down", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            take(hospital, late, tmp_path / "in")
    photo(tmp_path / "in", "a.jpg", shade=4)
    assert {(r.state, r.reason) for r in take(hospital, tmp_path / "in")} == {("received", "")}
    assert [int(ds.InstanceNumber) for ds in originals(hospital)] == [1, 2]
    assert files(hospital) == [("photo", "taken", "", 1)] * 2


def test_bad_files_and_the_rest(hospital: Hospital, tmp_path: Path) -> None:
    """What cannot become an object is kept whole with its reason; what is empty is refused; the rest goes on."""
    folder = tmp_path / "in" / "A-1"
    good = photo(folder, "good.jpg")
    (folder / "cut.jpg").write_bytes(good.read_bytes()[:200])
    (folder / "empty.mp4").touch()
    (folder / "scan.e2e").write_bytes(b"CMDb" + bytes(64))
    (folder / "evil.pdf").write_bytes(b"%PDF-1.4\n1 0 obj<</OpenAction 2 0 R/JavaScript(x)>>endobj\n%%EOF")
    (folder / "note.txt").write_text("no image")
    table_file(tmp_path / "in", row(), headings=HEADINGS)
    results = take(hospital, tmp_path / "in")
    assert sorted((r.state, r.reason) for r in results) == [
        ("held", "vendor-format"), ("received", ""), ("received", ""), ("refused", "empty-file"),
        ("refused", "not-dicom"), ("refused", "pdf-active"), ("refused", "photo-broken"),
    ]  # fmt: skip
    assert [(kind, state) for kind, state, _, _ in files(hospital)] == [
        ("document", "refused"), ("photo", "refused"), ("photo", "taken"), ("vendor", "held"),
    ]  # fmt: skip
    again = take(hospital, tmp_path / "in")
    assert all(result.known or not result.id for result in again)


def test_a_wrong_row_holds_its_files(hospital: Hospital, tmp_path: Path) -> None:
    """A row that says no date holds its files; the corrected row takes them across."""
    photo(tmp_path / "in", "x.jpg")
    wrong = (*row(file="x.jpg")[:4], "born in spring", *row()[5:])
    table_file(tmp_path / "in", wrong, headings=HEADINGS)
    assert [r.reason for r in take(hospital, tmp_path / "in")] == ["", "examination-invalid"]
    photo(tmp_path / "right", "x.jpg")
    table_file(tmp_path / "right", row(file="x.jpg"), headings=HEADINGS)
    take(hospital, tmp_path / "right")
    assert files(hospital) == [("photo", "taken", "", 1)]


def test_an_archive(hospital: Hospital, tmp_path: Path) -> None:
    """Members of an archive beside the table belong to the row as if they were unpacked there."""
    import zipfile

    data = photo(tmp_path / "elsewhere", "x.jpg").read_bytes()
    table_file(tmp_path / "in", row(), headings=HEADINGS)
    with zipfile.ZipFile(tmp_path / "in" / "pictures.zip", "w") as archive:
        archive.writestr("A-1/x.jpg", data)
    take(hospital, tmp_path / "in")
    assert files(hospital) == [("photo", "taken", "", 1)]


def test_who_withdrew_or_opted_out(hospital: Hospital, tmp_path: Path) -> None:
    """Nothing is kept of their files: those that wait go, those that come are turned away."""
    folder = tmp_path / "in" / "A-1"
    photo(folder, "good.jpg")
    (folder / "scan.e2e").write_bytes(b"CMDb" + bytes(64))
    table_file(tmp_path / "in", row(), headings=HEADINGS)
    take(hospital, tmp_path / "in")
    (who,) = request(hospital, "P1", None, ["nsdd"])
    assert forget_records(hospital, *who.split(":")) == 3
    assert files(hospital) == []
    results = take(hospital, tmp_path / "in")
    assert {(r.state, r.reason, r.id) for r in results} == {("refused", "withdrawn", "")}
    assert files(hospital) == []
    photo(tmp_path / "two" / "A-2", "x.jpg", shade=9)
    (tmp_path / "two" / "A-2" / "scan.e2e").write_bytes(b"CMDb" + bytes(65))
    table_file(tmp_path / "two", row("A-2", "P2"), headings=HEADINGS)
    take(hospital, tmp_path / "two")
    out = tmp_path / "out.csv"
    out.write_text("patient_id,registry,decision\nP2,nsdd,opt-out\n")
    read_list(hospital, out)
    assert files(hospital) == []
    assert {r.reason for r in take(hospital, tmp_path / "two")} == {"opted-out"}


def test_a_watched_folder(hospital: Hospital, tmp_path: Path) -> None:
    """Files that became objects move to the done, those that are held to the held; nothing happens twice."""
    folder = tmp_path / "watched"
    photo(folder / "A-1", "x.jpg")
    (folder / "A-1" / "scan.e2e").write_bytes(b"CMDb" + bytes(64))
    table_file(folder, row(), headings=HEADINGS)
    take_watched(hospital, still_seconds=0)
    assert take_watched(hospital, still_seconds=0) == 3
    assert sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()) == sorted(
        [f"{DONE}/A-1/x.jpg", f"{DONE}/table.csv", f"{HELD}/A-1/scan.e2e"]
    )
    assert states(hospital) == [("received", "")]
    assert take_watched(hospital, still_seconds=0) == 0


def test_cut_off_before_it_is_written_down(hospital: Hospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is killed between the objects and the row makes the same objects again, which changes nothing."""
    photo(tmp_path / "in" / "A-1", "x.jpg")
    table_file(tmp_path / "in", row(), headings=HEADINGS)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(foreign, "_write_down", killed)
        with pytest.raises(KeyboardInterrupt):
            take(hospital, tmp_path / "in")
    assert (files(hospital), states(hospital)) == ([("photo", "begun", "", 1)], [("received", "")])
    assert all(result.known for result in take(hospital, tmp_path / "in"))
    assert (files(hospital), states(hospital)) == ([("photo", "taken", "", 1)], [("received", "")])


def test_real_files(tmp_path: Path) -> None:
    """A real dermoscopic photograph and a real slide become objects of the classes that their registries name."""
    data = test_data()
    if data is None:
        pytest.skip("the public test data are not on this machine")
    found: dict[str, set[str]] = {}
    for registry, pattern in (("nsdd", "dermoscopy-ham10000/*.jpg"), ("jp-aid", "wsi/**/*small.svs")):
        hospital = make_gateway(tmp_path / registry, registries=(registry,))
        (tmp_path / registry / "in" / "A-1").mkdir(parents=True)
        file = min(data.glob(pattern))
        (tmp_path / registry / "in" / "A-1" / file.name).write_bytes(file.read_bytes())
        table_file(tmp_path / registry / "in", row(capture="dermoscopy"), headings=HEADINGS)
        results = list(receive_all(hospital, [tmp_path / registry / "in"], registry, Night()))
        assert [result.reason for result in results[1:]] == [""] * (len(results) - 1)
        found[registry] = {ds.SOPClassUID for ds in originals(hospital)}
    assert found == {"nsdd": {"1.2.840.10008.5.1.4.1.1.77.1.7"}, "jp-aid": {"1.2.840.10008.5.1.4.1.1.77.1.6"}}


def test_a_registry_without_sources(tmp_path: Path) -> None:
    """Where a registry takes no foreign files a photograph is no DICOM, as before."""
    hospital = make_gateway(tmp_path)
    photo(tmp_path / "in", "x.jpg")
    (result,) = receive_all(hospital, [tmp_path / "in"], "j-mid", Night())
    assert (result.state, result.reason) == ("refused", "not-dicom")
    assert files(hospital) == []
