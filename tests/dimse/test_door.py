"""The DICOM door of a gateway: what comes through it is spooled, counted and answered."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kaname.dicom.network import CANNOT_UNDERSTAND, OUT_OF_RESOURCES, SUCCESS, send
from kaname.dicom.part10 import read_meta
from kaname.dimse.door import listening
from kaname.errors import NotYet, Refused
from kaname.gateway.batches import form_batches
from kaname.gateway.hospital import Hospital, open_hospital
from kaname.gateway.status import status
from kaname.settings import Settings
from kaname.testing.bytesearch import find_planted
from kaname.testing.data import real_ct_mr
from kaname.testing.hospital import make_hospital
from kaname.testing.objects import ct_slice, to_bytes
from kaname.testing.pacs import CALLING, break_off, send_folder
from kaname.upkeep.home import make_home


@pytest.fixture
def hospital(tmp_path: Path) -> Hospital:
    """A gateway that knows one PACS."""
    settings = Settings(tmp_path / "gateway", "gateway", "facility-1", calling_aes=(CALLING, "STORESCU"))
    return open_hospital(make_home(settings))


def a_file(folder: Path, name: str, **attributes: object) -> Path:
    """One CT slice."""
    path = folder / name
    path.write_bytes(to_bytes(ct_slice(SOPInstanceUID=f"1.2.{name}", **attributes)))
    return path


def test_a_pacs_sends(hospital: Hospital, tmp_path: Path) -> None:
    """A synthetic hospital's PACS sends its studies: originals rest encrypted, batches wait, the associations count."""
    key = make_hospital(tmp_path / "pacs", patients=2, studies=1, slices=2, size=32)
    with listening(hospital, port=0) as port:
        assert send_folder(tmp_path / "pacs", port=port).statuses == (SUCCESS,) * 4
        assert send_folder(tmp_path / "pacs", port=port).stored == 4
    counted = status(hospital)
    assert counted["objects"] == {"received": 4}
    assert counted["originals"] == 4
    assert counted["associations"] == {"released": 4}
    assert len(form_batches(hospital)) == 2
    assert not find_planted(hospital.node.settings.home, key.strings())


def test_every_transfer_syntax_rests_as_it_came(hospital: Hospital) -> None:
    """What rests in the spool of a real file is the data set that was sent, byte for byte."""
    files = real_ct_mr(distinct=True)
    with listening(hospital, port=0) as port:
        assert send_folder(*files, port=port).stored == len(files)
    originals = [bytes(hospital.spool.open(name).buffer) for name in hospital.spool.names()]
    assert {one[read_meta(one).end :] for one in originals} == {
        data[read_meta(data).end :] for data in (file.read_bytes() for file in files)
    }


def test_held_is_kept_and_refused_is_told(hospital: Hospital, tmp_path: Path) -> None:
    """Success means that the original is kept, held ones too; what is refused is answered with a failure."""
    good, other, gone = (a_file(tmp_path, name) for name in ("1", "2", "3"))
    again = a_file(tmp_path, "4")
    again.write_bytes(to_bytes(ct_slice(SOPInstanceUID="1.2.1", KVP="80")))
    gone.write_bytes(to_bytes(ct_slice(SOPInstanceUID="1.2.3", StudyInstanceUID=None)))
    with listening(hospital, port=0) as port:
        sent = send([good, other, again, gone], "127.0.0.1", port, CALLING, "KANAME")
    assert sent.statuses == (SUCCESS, SUCCESS, SUCCESS, CANNOT_UNDERSTAND)
    assert status(hospital)["objects"] == {"received": 2, "held": 1, "refused": 1}


def test_a_full_disk(hospital: Hospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While nothing can be kept the sender is told to try later, and then everything arrives."""
    file = a_file(tmp_path, "1")

    def full(*_: object) -> str:
        raise NotYet("storage-full")

    with listening(hospital, port=0) as port:
        with monkeypatch.context() as patch:
            patch.setattr("kaname.gateway.spool.Spool.put", full)
            assert send_folder(file, port=port).statuses == (OUT_OF_RESOURCES,)
        assert send_folder(file, port=port).stored == 1


@pytest.mark.parametrize("bug", [ZeroDivisionError("Yamada"), Refused("object-missing")])
def test_what_cannot_be_kept_is_no_success(
    hospital: Hospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bug: Exception
) -> None:
    """When taking in fails, nobody is told that the object is safe."""

    def fail(*_: object) -> str:
        raise bug

    monkeypatch.setattr("kaname.gateway.spool.Spool.put", fail)
    with listening(hospital, port=0) as port:
        assert send_folder(a_file(tmp_path, "1"), port=port).statuses == (CANNOT_UNDERSTAND,)


def cut_off(file: Path, port: int) -> None:
    """A PACS that is switched off in the middle of an object."""
    break_off(file, port=port, politely=False)


def unknown(file: Path, port: int) -> None:
    """A machine that nobody listed."""
    with pytest.raises(Refused, match="association-rejected"):
        send([file], "127.0.0.1", port, "STRANGER", "KANAME")


@pytest.mark.parametrize(("trouble", "ended"), [(cut_off, "aborted"), (unknown, "rejected")])
def test_trouble_leaves_nothing(
    hospital: Hospital, tmp_path: Path, trouble: Callable[[Path, int], None], ended: str
) -> None:
    """Of a stranger and of an object cut off nothing stays but a number; the next sender gets through."""
    file = a_file(tmp_path, "1", Rows=256, Columns=256, PixelData=bytes(256 * 256 * 2))
    with listening(hospital, port=0) as port:
        trouble(file, port)
        assert status(hospital)["originals"] == 0
        assert send_folder(file, port=port).stored == 1
    counted = status(hospital)
    assert (counted["originals"], counted["objects"]) == (1, {"received": 1})
    assert counted["associations"] == {ended: 1, "released": 2}
    assert not [path for path in hospital.node.settings.home.rglob("*") if b"STRANGER" in _content(path)]


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def test_a_door_without_guests(tmp_path: Path) -> None:
    """A gateway whose settings list no PACS opens no door."""
    hospital = open_hospital(make_home(Settings(tmp_path / "g", "gateway", "facility-1")))
    with pytest.raises(Refused, match="settings-invalid"), listening(hospital, port=0):
        pass


@pytest.mark.skipif(shutil.which("storescu") is None, reason="dcmtk is not on this machine: make system")
def test_dcmtk_sends(hospital: Hospital, tmp_path: Path) -> None:
    """A folder sent by another house's storescu arrives, each file of it."""
    files = [a_file(tmp_path, name) for name in "123"]
    with listening(hospital, port=0) as port:
        command = ("storescu", "-aec", "KANAME", "-aet", "STORESCU", "127.0.0.1", str(port), *map(str, files))
        subprocess.run(command, check=True, capture_output=True)
    assert status(hospital)["objects"] == {"received": 3}
