import json
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import httpx
import pytest
from dicomweb_client import DICOMwebClient

from kaname.access.certificates import client_context, issue, make_authority, make_request, self_issue
from kaname.archive import retrieve
from kaname.errors import NotYet, Refused
from kaname.intake.flow import accept, find
from kaname.node import Node
from kaname.parcel.enrolment import signing_key
from kaname.parcel.open import open_parcel
from kaname.parcel.transfer import Partner, ask_receipt, deliver, send_withdrawal
from kaname.settings import Settings, load, write
from kaname.testing.deliveries import Facility, make_hub, series
from kaname.testing.sites import start_serving
from kaname.testing.tokens import make_token
from kaname.upkeep.home import make_home
from kaname.web.serve import serve

WAIT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Running:
    """A serving node."""

    door: str
    peer: str
    process: subprocess.Popen[str]


@dataclass(frozen=True, slots=True)
class Site:
    """A hub with everything that serving takes, and a facility with a certificate of it."""

    node: Node
    facility: Facility
    gateway_keys: Path

    @property
    def home(self) -> Path:
        """Home of the hub."""
        return self.node.settings.home

    def partner(self, url: str, keys: Path | None = None) -> Partner:
        """The hub, as the facility sees it."""
        key = signing_key(self.node.settings.keys).public
        return Partner(url, client_context(keys or self.gateway_keys), key)

    def deliver(self, parcel: Path, url: str) -> str:
        """Delivers a parcel; returns its outcome."""
        keys = {self.facility.signing.public.id: self.facility.signing.public}
        return deliver(open_parcel(parcel, keys), self.partner(url)).outcome


def make_site(folder: Path) -> Site:
    """Authority, certificates for both ends, a home whose doors take any free port."""
    node = make_hub(folder / "hub")
    keys = node.settings.keys
    make_authority(keys, "society")
    self_issue(keys, "society", ["127.0.0.1"])
    write(replace(node.settings, port=0, peer_port=0))
    gateway_keys = certified(folder / "gateway-keys", keys)
    facility = Facility(folder / "facility").admitted_to(node, shown=gateway_keys / "tls.crt")
    return Site(node, facility, gateway_keys)


def certified(folder: Path, authority: Path) -> Path:
    """A folder of keys with a client certificate of that authority."""
    request = make_request(folder, "facility-1")
    (folder / "tls.crt").write_bytes(issue(authority, request, 1))
    (folder / "authority.crt").write_bytes((authority / "authority.crt").read_bytes())
    return folder


@contextmanager
def running(home: Path) -> Generator[Running]:
    """``kaname serve`` in a process of its own, until the context ends."""
    process = start_serving(home)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        told = json.loads(line)
        assert told["ready"] is True
        yield Running(told["door"], told.get("peer", ""), process)
    finally:
        process.terminate()
        assert process.wait(WAIT_SECONDS) == 0, process.communicate()[1]
        process.communicate()


def client(site: Site, door: str) -> DICOMwebClient:
    """A client that none of us wrote, with a token."""
    secret = make_token(site.node.index, name="reader", registries=("j-mid",), days=1, clock=site.node.clock)
    return DICOMwebClient(f"{door}/dicomweb", headers={"Authorization": f"Bearer {secret}"})


def until_shelved(node: Node, digest: str) -> None:
    """Waits for the worker of the other process."""
    deadline = time.monotonic() + WAIT_SECONDS
    while find(node, digest).state != "shelved":
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all tests of this file."""
    made = make_site(tmp_path_factory.mktemp("site"))
    yield made
    made.node.index.dispose()


@pytest.fixture(scope="module")
def served(site: Site) -> Iterator[Running]:
    """The hub serves, and has one study of two series."""
    parcel = site.facility.parcel([*series(number=1, slices=(1, 2, 3)), *series(number=2, slices=(1,))])
    with running(site.home) as running_hub:
        assert site.deliver(parcel, running_hub.peer) == "accepted"
        until_shelved(site.node, parcel.stem)
        yield running_hub


def test_a_foreign_client_searches(site: Site, served: Running) -> None:
    """dicomweb-client finds the study, its series and its instances."""
    reader = client(site, served.door)
    (study,) = reader.search_for_studies()
    uid = study["0020000D"]["Value"][0]
    assert len(reader.search_for_series(uid)) == 2
    assert len(reader.search_for_instances(uid)) == 4
    assert reader.search_for_studies(search_filters={"PatientID": "NOBODY"}) == []
    assert len(reader.search_for_studies(fields=["PatientID"], limit=1)) == 1


def test_a_foreign_client_retrieves(site: Site, served: Running) -> None:
    """dicomweb-client reads metadata, instances, series, study and frames, and they agree with each other."""
    reader = client(site, served.door)
    study = reader.search_for_studies()[0]["0020000D"]["Value"][0]
    longest = max(reader.search_for_series(study), key=lambda found: found["00201209"]["Value"][0])
    one = longest["0020000E"]["Value"][0]
    uids = [document["00080018"]["Value"][0] for document in reader.retrieve_series_metadata(study, one)]
    whole = reader.retrieve_instance(study, one, uids[0])
    (frame,) = reader.retrieve_instance_frames(study, one, uids[0], [1])
    (octets,) = reader.retrieve_instance_frames(
        study, one, uids[0], [1], media_types=(("application/octet-stream", "1.2.840.10008.1.2.1"),)
    )
    assert whole.SOPInstanceUID == uids[0]
    assert frame == octets == whole.PixelData
    assert [ds.SOPInstanceUID for ds in reader.retrieve_series(study, one)] == uids
    assert [ds.SOPInstanceUID for ds in reader.iter_series(study, one)] == uids
    assert len(reader.retrieve_study(study)) == len(reader.retrieve_study_metadata(study)) == 4
    assert reader.retrieve_instance_metadata(study, one, uids[0])["00080018"]["Value"] == [uids[0]]


def test_the_file_comes_as_it_lies_in_the_pack(site: Site, served: Running) -> None:
    """Over the wire, too, an instance is byte for byte what was sealed at the gateway."""
    reader = client(site, served.door)
    study = reader.search_for_studies()[0]["0020000D"]["Value"][0]
    for located in retrieve.instances(site.node, ("j-mid",), study):
        path = f"studies/{study}/series/{located.series_instance_uid}/instances/{located.member.sop_instance_uid}"
        answer = httpx.get(
            f"{served.door}/dicomweb/{path}", headers={**reader_headers(site), "Accept": "application/dicom"}
        )
        assert answer.content == b"".join(retrieve.stream(site.node, located))


def reader_headers(site: Site) -> dict[str, str]:
    """Headers with a fresh token."""
    secret = make_token(site.node.index, name="reader", registries=("j-mid",), days=1, clock=site.node.clock)
    return {"Authorization": f"Bearer {secret}"}


def test_nothing_is_told_about_the_server(served: Running) -> None:
    """No header names the software, and health needs no token."""
    answer = httpx.get(f"{served.door}/healthz")
    assert answer.json()["status"] == "ok"
    assert "server" not in answer.headers


def test_the_doors_do_not_mix(site: Site, served: Running) -> None:
    """Partners' routes are not on the users' door, nor the other way round."""
    assert httpx.post(f"{served.door}/peer/v1/parcels").status_code == 404
    with httpx.Client(verify=client_context(site.gateway_keys)) as partner:
        assert partner.get(f"{served.peer}/dicomweb/studies").status_code == 404


def test_who_has_no_certificate_of_ours_does_not_get_in(site: Site, served: Running, tmp_path: Path) -> None:
    """The partners' door ends the connection of a client without a certificate, or with one of another authority."""
    make_authority(tmp_path / "other", "other")
    strange = certified(tmp_path / "strange", tmp_path / "other")
    (strange / "authority.crt").write_bytes((site.node.settings.keys / "authority.crt").read_bytes())
    parcel = site.facility.parcel(series(study=5), 5)
    keys = {site.facility.signing.public.id: site.facility.signing.public}
    with pytest.raises(NotYet, match="receiver-"):
        deliver(open_parcel(parcel, keys), site.partner(served.peer, strange))
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{served.peer}/peer/v1/receipts/x", verify=_trusting(site.gateway_keys))


def _trusting(keys: Path) -> ssl.SSLContext:
    """TLS that trusts the hub and shows no certificate."""
    return ssl.create_default_context(cafile=str(keys / "authority.crt"))


def test_a_subject_comes_and_goes(site: Site, served: Running) -> None:
    """Delivered, found, withdrawn, no longer found; the certificate is checked, and sending again is refused."""
    parcel = site.facility.parcel(series(patient="999", study=7), 7)
    keys = {site.facility.signing.public.id: site.facility.signing.public}
    assert site.deliver(parcel, served.peer) == "accepted"
    receipt = ask_receipt(open_parcel(parcel, keys), site.partner(served.peer))
    assert receipt is not None
    until_shelved(site.node, parcel.stem)
    reader = client(site, served.door)
    subject = site.facility.subject("999")
    assert len(reader.search_for_studies(search_filters={"PatientID": subject})) == 1
    certificate = send_withdrawal(site.facility.withdrawal("999"), site.partner(served.peer))
    assert certificate.subject == subject
    assert reader.search_for_studies(search_filters={"PatientID": subject}) == []
    assert site.deliver(site.facility.parcel(series(patient="999", study=8), 8), served.peer) == "refused"


def test_a_second_worker_of_the_same_home_waits(site: Site, served: Running) -> None:
    """One process does a node's work; the second one says so and ends."""
    assert served.process.poll() is None
    with pytest.raises(NotYet, match="work-elsewhere"):
        serve(load(site.home), StringIO(), {})


def test_what_was_accepted_before_a_crash_is_shelved_after_it(tmp_path: Path) -> None:
    """A process that died between the receipt and the shelf leaves nothing undone, and no half parcel behind."""
    site = make_site(tmp_path)
    taken = accept(site.node, site.facility.parcel(series()))
    (site.home / "inbox").mkdir()
    (site.home / "inbox" / "half.parcel").write_bytes(b"half")
    with running(site.home):
        until_shelved(site.node, taken.digest)
        assert not list((site.home / "inbox").iterdir())


def test_a_gateway_shows_its_health_and_nothing_else(tmp_path: Path) -> None:
    """In a hospital the door has no data behind it."""
    make_home(Settings(tmp_path, "gateway", "facility-1", port=0))
    with running(tmp_path) as gateway:
        assert httpx.get(f"{gateway.door}/healthz").json() == {"status": "ok", "role": "gateway"}
        assert httpx.get(f"{gateway.door}/dicomweb/studies").status_code == 404
        assert httpx.get(f"{gateway.door}/api/v1/datasets").status_code == 404
        assert not gateway.peer
        os.kill(gateway.process.pid, signal.SIGINT)
        assert gateway.process.wait(WAIT_SECONDS) == 0


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    """Nothing is started when somebody else listens there."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings = Settings(tmp_path, "gateway", "facility-1", port=other.getsockname()[1])
        with pytest.raises(Refused, match="port-taken"):
            serve(settings, StringIO(), {})


def test_a_hub_without_its_keys_does_not_open(tmp_path: Path) -> None:
    """The partners' door is never opened without an authority to check them by."""
    with pytest.raises(Refused, match="key-missing"):
        serve(Settings(tmp_path, "hub", "society", port=0, peer_port=0), StringIO(), {})
