import asyncio
import errno
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pydicom
import pytest
import uvicorn
from dicomweb_client import DICOMwebClient
from pydicom.dataset import Dataset
from requests import HTTPError

from kaname.access.model import Duty
from kaname.archive import retrieve
from kaname.archive.flow import shelve
from kaname.dicom.objects.prediction import Judged, PredictingModel, prediction_report, read_prediction
from kaname.errors import NotYet
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.testing.deliveries import REGISTRY, Facility, make_hub, series
from kaname.testing.objects import ct_slice, to_bytes
from kaname.testing.tokens import make_token
from kaname.web import stow
from kaname.web.app import make_app
from kaname.web.multipart import Part, write_parts
from kaname.web.parts import PartReader
from kaname.web.peer import inbox

MODEL = PredictingModel("nodule", "1", "ab" * 32, "present", 0.5)
TYPE = 'multipart/related; type="application/dicom"; boundary=abc'
BOTH: tuple[Duty, ...] = ("browse", "pixels", "store")


class Site:
    """A hub with one study of two slices, and its door."""

    def __init__(self, folder: Path) -> None:
        self.node: Node = make_hub(folder / "home")
        facility = Facility(folder / "facility").admitted_to(self.node)
        shelve(self.node, accept(self.node, facility.parcel(series())).digest)
        self.study = facility.identity.uid("1.2.1")
        self.images = list(retrieve.instances(self.node, [REGISTRY], self.study))
        self.app = make_app(self.node)

    def token(self, *duties: Duty, registry: str = REGISTRY) -> dict[str, str]:
        """Headers of somebody with these duties."""
        secret = make_token(
            self.node.index, name="reader-1", registries=[registry], days=1, clock=self.node.clock, duties=duties
        )
        return {"Authorization": f"Bearer {secret}"}

    def report(self, score: float = 0.5, change: Callable[[Dataset], object] | None = None) -> bytes:
        """A report on the first slice, with something changed."""
        data = prediction_report([Judged(self.images[0].member.metadata, "present", score)], MODEL)
        if change is None:
            return data
        ds = pydicom.dcmread(BytesIO(data))
        change(ds)
        out = BytesIO()
        ds.save_as(out, enforce_file_format=True)
        return out.getvalue()

    def post(self, content: Any, path: str = "", headers: dict[str, str] | None = None, **more: str) -> httpx.Response:
        """The answer to one request to store."""
        sent = {"Content-Type": TYPE, **(headers or self.token(*BOTH)), **more}

        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
                return await client.post(f"/dicomweb/studies{path}", content=content, headers=sent)

        return asyncio.run(go())

    def left(self) -> list[Path]:
        """What lies in the inbox."""
        return list(inbox(self.node).glob("*"))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site of its own for each test."""
    made = Site(tmp_path)
    yield made
    made.node.index.dispose()


def body(*instances: bytes) -> bytes:
    """The body that brings these instances."""
    return b"".join(write_parts((Part("application/dicom", "/", (data,)) for data in instances), "abc"))


def other_subject(ds: Dataset) -> None:
    """The report of somebody else."""
    ds.PatientID = ds.PatientName = "A" * 16


def test_instances_are_stored_and_told(site: Site) -> None:
    """All stored: 200, and of each where it can be had; again: the same answer."""
    content = body(site.report(0.1), site.report(0.2))
    answer = site.post(content)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/dicom+json")
    document = answer.json()
    assert document["00081190"]["Value"] == [f"/dicomweb/studies/{site.study}"]
    assert len(document["00081199"]["Value"]) == 2
    assert "00081198" not in document
    assert site.post(content).json() == document
    found = list(retrieve.instances(site.node, [REGISTRY], site.study))
    assert len(found) == 4
    locations = {item["00081190"]["Value"][0].rpartition("/")[2] for item in document["00081199"]["Value"]}
    assert locations <= {located.member.sop_instance_uid for located in found}
    (event, *_) = site.node.ledger.events(action="derived-stored")
    assert event.actor == "reader-1"
    assert not site.left()


def test_partial_failure_is_told_of_each(site: Site) -> None:
    """Some stored: 202; each failed one with the Standard's number and our reason, what cannot be named apart."""
    answer = site.post(body(site.report(change=other_subject), site.report(0.2), b"nonsense", to_bytes(ct_slice())))
    assert answer.status_code == 202
    document = answer.json()
    told = [(item["00081197"]["Value"], item["00091001"]["Value"]) for item in document["00081198"]["Value"]]
    assert told == [([0x0112], ["derived-subject"]), ([0x0122], ["derived-class"])]
    (other,) = document["0008119A"]["Value"]
    assert (other["00081197"]["Value"], other["00091001"]["Value"]) == ([0xC000], ["not-dicom"])
    assert len(document["00081199"]["Value"]) == 1
    read = Dataset.from_json(document)
    assert read.FailedSOPSequence[0].ReferencedSOPInstanceUID == read_prediction(site.report()).sop_instance_uid
    assert not site.left()


def test_nothing_stored_is_a_conflict(site: Site) -> None:
    """None stored: 409, and nothing is kept."""
    before = set(site.node.store.keys(""))
    answer = site.post(body(site.report(change=other_subject)))
    assert answer.status_code == 409
    assert "00081199" not in answer.json()
    assert set(site.node.store.keys("")) == before
    assert not site.left()


def test_the_study_of_the_path_holds(site: Site) -> None:
    """An instance of another study is not stored under this one; a path that is no UID does not exist."""
    assert site.post(body(site.report()), f"/{site.study}").status_code == 200
    answer = site.post(body(site.report(0.2)), "/2.25.1")
    assert answer.status_code == 409
    assert answer.json()["00081198"]["Value"][0]["00091001"]["Value"] == ["derived-reference"]
    assert site.post(body(site.report()), "/not-a-uid").status_code == 404


@pytest.mark.parametrize(
    ("duties", "registry", "status", "code"),
    [
        (("browse", "read"), REGISTRY, 403, "duty-missing"),
        (("store",), "basic", 409, "derived-reference"),
        (("store",), REGISTRY, 200, ""),
    ],
)
def test_who_may_store_where(site: Site, duties: tuple[Duty, ...], registry: str, status: int, code: str) -> None:
    """Storing is a duty of its own, and a token opens its registries alone."""
    answer = site.post(body(site.report()), headers=site.token(*duties, registry=registry))
    assert answer.status_code == status
    assert code in answer.text
    assert site.post(b"", headers={"Authorization": "Bearer nothing"}).status_code == 401


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"", {}, 400, "multipart-invalid"),
        (b"--abc\r\nContent-Type: application/dicom\r\n\r\ncut", {}, 400, "multipart-invalid"),
        (body(b"x")[:-4], {}, 400, "multipart-invalid"),
        (body(b"x"), {"Content-Type": "application/dicom"}, 415, "media-type"),
        (body(b"x").replace(b"application/dicom", b"application/pdf"), {}, 415, "media-type"),
        (body(b"x"), {"Content-Type": 'multipart/related; boundary="a "'}, 400, "multipart-invalid"),
        (body(b"x"), {"Accept": "application/dicom+xml"}, 406, "not-acceptable"),
    ],
)
def test_a_hostile_request_stores_nothing(
    site: Site, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    """What is no lawful request is refused as a whole, with its reason."""
    answer = site.post(content, **headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not site.left()


def test_a_request_without_end_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body beyond the limit of the door is refused, told or not; the door for everything else stays narrow."""
    monkeypatch.setattr(stow, "STOW_LIMIT_BYTES", 4 << 20)
    site.app = make_app(site.node)

    async def drops() -> AsyncIterator[bytes]:
        yield body(b"x").partition(b"x\r\n--abc--")[0]
        for _ in range(64):
            yield bytes(1 << 17)

    for content in (drops(), bytes(5 << 20)):
        answer = site.post(content)
        assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert not site.left()


def test_one_that_is_too_large_fails_alone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its neighbours are stored."""
    good = site.report()
    monkeypatch.setattr(stow, "LIMIT_BYTES", len(good))
    answer = site.post(body(good + bytes(2), good))
    assert answer.status_code == 202
    (other,) = answer.json()["0008119A"]["Value"]
    assert (other["00081197"]["Value"], other["00091001"]["Value"]) == ([0xA700], ["too-large"])


def test_what_cannot_be_stored_now_may_come_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is "not yet", and leaves nothing in the inbox."""

    def full(*_: Any) -> None:
        raise NotYet("storage-full")

    with monkeypatch.context() as patched:
        patched.setattr(type(site.node.store), "put", full)
        answer = site.post(body(site.report()))
        assert (answer.status_code, answer.json()["code"]) == (503, "storage-full")
    assert not site.left()
    assert site.post(body(site.report())).status_code == 200


@pytest.mark.parametrize(("number", "status", "code"), [(errno.ENOSPC, 503, "storage-full"), (errno.EIO, 500, "bug")])
def test_a_full_inbox_is_no_fault_of_the_sender(
    site: Site, monkeypatch: pytest.MonkeyPatch, number: int, status: int, code: str
) -> None:
    """The sender is told to come again; any other error of the disk is a fault here."""

    def full(*_: Any) -> None:
        raise OSError(number, "injected")

    monkeypatch.setattr(PartReader, "feed", full)
    answer = site.post(body(b"x"))
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_sender_who_hangs_up_leaves_nothing(site: Site) -> None:
    """Half a request stores nothing, also of the instances that came whole."""
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": body(site.report())[:-9], "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    given = {"content-type": TYPE, **site.token(*BOTH)}
    headers = [(name.lower().encode(), value.encode()) for name, value in given.items()]
    scope = {"type": "http", "method": "POST", "path": "/dicomweb/studies", "headers": headers, "query_string": b""}
    asyncio.run(site.app(scope, receive, send))
    assert sent[0]["status"] == 422
    assert len(list(retrieve.instances(site.node, [REGISTRY], site.study))) == 2
    assert not site.left()


@contextmanager
def served(site: Site) -> Iterator[str]:
    """The door on a real socket."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(site.app, log_config=None, lifespan="off", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def test_a_client_that_none_of_us_wrote_stores_and_finds(site: Site) -> None:
    """dicomweb-client stores a report, finds it and retrieves the same bytes; a refusal reaches it as a status."""
    data = site.report()
    with served(site) as door:
        client = DICOMwebClient(f"{door}/dicomweb", headers=site.token(*BOTH))
        answer = client.store_instances([pydicom.dcmread(BytesIO(data))], site.study)
        (told,) = answer.ReferencedSOPSequence
        (found,) = client.search_for_series(site.study, search_filters={"Modality": "SR"})
        uid = found["0020000E"]["Value"][0]
        report = client.retrieve_instance(site.study, uid, told.ReferencedSOPInstanceUID)
        metadata = client.retrieve_instance_metadata(site.study, uid, told.ReferencedSOPInstanceUID)
        with pytest.raises(HTTPError, match="409"):
            client.store_instances([pydicom.dcmread(BytesIO(site.report(change=other_subject)))])
    assert report.ContentSequence == pydicom.dcmread(BytesIO(data)).ContentSequence
    assert metadata["00080060"]["Value"] == ["SR"]
