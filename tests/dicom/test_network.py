from __future__ import annotations

import shutil
import socket
import struct
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

import pytest

from kaname.dicom.network import CANNOT_UNDERSTAND, NOT_SUPPORTED, SUCCESS, Ended, Limits, echo, send, storage_scp
from kaname.dicom.part10 import read_meta
from kaname.errors import NotYet, Refused
from kaname.testing.data import real_ct_mr
from kaname.testing.objects import ct_slice, to_bytes
from kaname.testing.pacs import CALLING, break_off, send_folder

WAIT_SECONDS = 30


@dataclass
class Door:
    """A door of a test: what came in, and how each association ended, in the order in which it was told."""

    port: int = 0
    objects: list[bytes] = field(default_factory=list)
    ended: SimpleQueue[Ended] = field(default_factory=SimpleQueue)
    status: int = SUCCESS

    def take(self, data: bytes) -> int:
        """Keeps one object."""
        self.objects.append(data)
        return self.status

    def how(self) -> Ended:
        """How the next association ended."""
        return self.ended.get(timeout=WAIT_SECONDS)


@contextmanager
def opened(limits: Limits | None = None, guests: tuple[str, ...] = (CALLING, "STORESCU")) -> Generator[Door]:
    """A door on a port of its own."""
    door = Door()
    scp = storage_scp("127.0.0.1", 0, "KANAME", guests, on_object=door.take, on_end=door.ended.put, limits=limits)
    with scp as door.port:
        yield door


def a_file(folder: Path, name: str = "1", **attributes: str) -> Path:
    """One CT slice."""
    path = folder / name
    path.write_bytes(to_bytes(ct_slice(SOPInstanceUID=f"1.2.{name}", **attributes)))
    return path


def data_set(file: bytes) -> bytes:
    """What stands behind the File Meta Information."""
    return file[read_meta(file).end :]


def test_bytes_pass_through() -> None:
    """Real files of seven transfer syntaxes arrive byte for byte, and say in which syntax they are."""
    files = real_ct_mr()
    with opened() as door:
        sent = send_folder(*files, port=door.port)
    assert sent.statuses == (SUCCESS,) * len(files)
    came = {read_meta(data).transfer_syntax_uid: 0 for data in door.objects}
    assert len(came) == 7
    originals = [file.read_bytes() for file in files]
    assert [data_set(data) for data in door.objects] == [data_set(data) for data in originals]
    assert [read_meta(d).transfer_syntax_uid for d in door.objects] == [
        read_meta(d).transfer_syntax_uid for d in originals
    ]
    assert (door.how(), door.how()) == ("released", "released")


def test_unknown_callers_stay_outside(tmp_path: Path) -> None:
    """Neither a stranger nor somebody who asks for another door gets an association; the guest does."""
    file = a_file(tmp_path)
    with opened() as door:
        for calling, called in (("STRANGER", "KANAME"), (CALLING, "OTHER")):
            with pytest.raises(Refused, match="association-rejected"):
                send([file], "127.0.0.1", door.port, calling, called)
            assert door.how() == "rejected"
        assert send([file], "127.0.0.1", door.port, CALLING, "KANAME").stored == 1
        assert door.how() == "released"
    assert len(door.objects) == 1


@pytest.mark.parametrize("politely", [True, False])
def test_an_object_cut_short_leaves_nothing(tmp_path: Path, politely: bool) -> None:  # noqa: FBT001
    """An association that breaks off in the middle of an object brings nothing, and keeps nobody else waiting."""
    file = tmp_path / "large"
    file.write_bytes(to_bytes(ct_slice(Rows=512, Columns=512, PixelData=bytes(512 * 512 * 2))))
    with opened() as door:
        break_off(file, port=door.port, politely=politely)
        assert send_folder(file, port=door.port).stored == 1
        assert {door.how() for _ in range(3)} == {"aborted", "released"}
    assert [data_set(data) for data in door.objects] == [data_set(file.read_bytes())]


def test_a_refusal_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    """The status that the taker answers reaches the sender, for each object."""
    files = [a_file(tmp_path, name) for name in "12"]
    with opened() as door:
        door.status = CANNOT_UNDERSTAND
        sent = send(files, "127.0.0.1", door.port, CALLING, "KANAME")
    assert (sent.statuses, sent.stored) == ((CANNOT_UNDERSTAND,) * 2, 0)


def test_what_is_no_storage_is_not_taken(tmp_path: Path) -> None:
    """A class that stores nothing is not agreed on; the objects beside it arrive."""
    odd = a_file(tmp_path, "1", SOPClassUID="1.2.840.10008.5.1.4.31")
    retired = a_file(tmp_path, "2", SOPClassUID="1.2.840.10008.5.1.4.1.1.6")
    with opened() as door:
        sent = send([odd, retired], "127.0.0.1", door.port, CALLING, "KANAME")
    assert sent.statuses == (NOT_SUPPORTED, SUCCESS)


def test_more_contexts_than_an_association_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of more kinds than one association can name are sent over several."""
    monkeypatch.setattr("kaname.dicom.network.CONTEXTS_MAX", 3)
    files = real_ct_mr()
    with opened() as door:
        assert send(files, "127.0.0.1", door.port, CALLING, "KANAME").stored == len(files)
    assert len(door.objects) == len(files)


def test_an_object_beyond_the_limit(tmp_path: Path) -> None:
    """An object larger than the door has room for ends its association before it is whole."""
    small, large = a_file(tmp_path, "1"), tmp_path / "2"
    large.write_bytes(to_bytes(ct_slice(Rows=1024, Columns=1024, PixelData=bytes(1024 * 1024 * 2))))
    with opened(Limits(object_bytes=1 << 20)) as door:
        with pytest.raises(NotYet, match="peer-unreachable"):
            send([large], "127.0.0.1", door.port, CALLING, "KANAME")
        assert door.how() == "aborted"
        assert send([small], "127.0.0.1", door.port, CALLING, "KANAME").stored == 1
    assert len(door.objects) == 1


def test_a_pdu_that_claims_too_much() -> None:
    """A connection whose first PDU claims 4 GiB is closed at once."""
    with opened() as door, socket.create_connection(("127.0.0.1", door.port), timeout=WAIT_SECONDS) as connection:
        connection.sendall(struct.pack(">BBL", 1, 0, 0xFFFFFFF0) + b"\0" * 64)
        assert connection.recv(1) in (b"", b"\x07")
        echo("127.0.0.1", door.port, CALLING, "KANAME")


def test_a_silent_peer_is_shown_out() -> None:
    """A peer that stops in the middle of a PDU loses its connection when its time is up."""
    with (
        opened(Limits(silence_seconds=0.2)) as door,
        socket.create_connection(("127.0.0.1", door.port), timeout=WAIT_SECONDS) as connection,
    ):
        connection.sendall(struct.pack(">BBL", 1, 0, 1000) + b"\0" * 10)
        assert connection.recv(1) in (b"", b"\x07")


def test_only_so_many_at_once() -> None:
    """Beyond the number of associations agreed on the next one is rejected, and let in when there is room."""
    from pynetdicom import AE

    with opened(Limits(associations=1)) as door:
        ae = AE(CALLING)
        ae.add_requested_context("1.2.840.10008.1.1")
        first = ae.associate("127.0.0.1", door.port, ae_title="KANAME")
        with pytest.raises(Refused, match="association-rejected"):
            echo("127.0.0.1", door.port, CALLING, "KANAME")
        assert door.how() == "rejected"
        first.release()
        assert door.how() == "released"


def test_nobody_may_call() -> None:
    """A door without guests does not open; nor does one on a port that is taken."""
    for guests in ((), (" ",), ("AN AE TITLE THAT IS TOO LONG",)):
        with pytest.raises(Refused, match="settings-invalid"), opened(guests=guests):
            pass
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        scp = storage_scp("127.0.0.1", port, "KANAME", ("A",), on_object=len, on_end=print)
        with pytest.raises(Refused, match="port-taken"), scp:
            pass
    with pytest.raises(NotYet, match="peer-unreachable"):
        echo("127.0.0.1", port, CALLING, "KANAME")


@pytest.mark.skipif(shutil.which("storescu") is None, reason="dcmtk is not on this machine: make system")
def test_dcmtk(tmp_path: Path) -> None:
    """The programs of another house get through: echoscu and storescu, and a stranger's storescu does not."""
    file = a_file(tmp_path)
    with opened() as door:
        address = ("127.0.0.1", str(door.port))
        names = ("-aec", "KANAME", "-aet")
        for command in (
            ("echoscu", *names, "STORESCU", *address),
            ("storescu", *names, "STORESCU", *address, str(file)),
        ):
            subprocess.run(command, check=True, capture_output=True)
        assert (door.how(), door.how()) == ("released", "released")
        stranger = subprocess.run(("storescu", *names, "WHO", *address, str(file)), check=False, capture_output=True)
        assert stranger.returncode != 0
        assert door.how() == "rejected"
    assert len(door.objects) == 1
