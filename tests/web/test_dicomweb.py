import asyncio
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from kaname.archive import retrieve
from kaname.archive.flow import shelve
from kaname.archive.model import Located
from kaname.datasets.flow import freeze
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.store import digest_bytes
from kaname.testing.deliveries import Facility, make_hub, series
from kaname.testing.tokens import make_token
from kaname.web.app import make_app

BOTH = ("j-mid", "basic")
MULTIPART = 'multipart/related; type="application/dicom"'
OCTETS = 'multipart/related; type="application/octet-stream"'
EXPLICIT = "1.2.840.10008.1.2.1"
PIXELS = 8 * 8 * 2
"""Bytes of a slice."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A hub with one study of two series in j-mid, and one study in basic."""
    folder = tmp_path_factory.mktemp("hub")
    node = make_hub(folder / "home")
    mid = Facility(folder / "mid", 1, "j-mid").admitted_to(node)
    other = Facility(folder / "other", 2, "basic").admitted_to(node)
    two_frames: dict[str, Any] = {"NumberOfFrames": "2", "Rows": 4}
    slices = [*series(number=1, slices=(1, 2, 3)), *series(number=2, slices=(1,), **two_frames)]
    for parcel in (mid.parcel(slices), other.parcel(series(patient="77", study=9))):
        shelve(node, accept(node, parcel).digest)
    freeze(node, "mid", "j-mid")
    freeze(node, "other", "basic")
    yield node
    node.index.dispose()


class Door:
    """Asks the app of a hub with a token."""

    def __init__(self, node: Node, *registries: str) -> None:
        self.app = make_app(node)
        secret = make_token(node.index, name="reader", registries=registries, days=1, clock=node.clock)
        self.headers = {"Authorization": f"Bearer {secret}"}

    def get(self, path: str, accept: str = "", **headers: str) -> httpx.Response:
        """The answer to one GET."""
        sent = {**self.headers, **headers} | ({"Accept": accept} if accept else {})
        return self.bare_get(path, {name.replace("_", "-"): value for name, value in sent.items()})

    def bare_get(self, path: str, headers: dict[str, str]) -> httpx.Response:
        """The answer to one GET with these headers and no others of ours."""

        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
                return await client.get(path, headers=headers)

        return asyncio.run(go())


@pytest.fixture(scope="module")
def door(hub: Node) -> Door:
    """The door for who may see j-mid alone."""
    return Door(hub, "j-mid")


@pytest.fixture(scope="module")
def found(hub: Node) -> list[Located]:
    """The four instances of the j-mid study: three of the first series, one of the second."""
    (study,) = Door(hub, "j-mid").get("/dicomweb/studies").json()
    instances = retrieve.instances(hub, BOTH, study["0020000D"]["Value"][0])
    return sorted(instances, key=lambda i: (len(i.member.frames), i.member.sop_instance_uid))


def study_path(located: Located) -> str:
    """Path of the study."""
    return f"/dicomweb/studies/{located.study_instance_uid}"


def series_path(located: Located) -> str:
    """Path of the series."""
    return f"{study_path(located)}/series/{located.series_instance_uid}"


def instance_path(located: Located) -> str:
    """Path of the instance."""
    return f"{series_path(located)}/instances/{located.member.sop_instance_uid}"


def parts(answer: httpx.Response) -> list[tuple[str, bytes]]:
    """Content-Type and bytes of each part, cut at the boundary."""
    boundary = answer.headers["content-type"].rpartition("boundary=")[2].encode()
    opening, *middle, closing = answer.content.split(b"--" + boundary)
    assert (opening, closing) == (b"", b"--\r\n")
    cut = [part.removeprefix(b"\r\n").removesuffix(b"\r\n").partition(b"\r\n\r\n") for part in middle]
    return [(message_from_bytes(head)["content-type"], body) for head, _, body in cut]


def test_the_study_has_the_shape_that_the_tests_want(found: list[Located]) -> None:
    """Three slices, and one object of two frames."""
    assert [len(located.member.frames) for located in found] == [1, 1, 1, 2]


@pytest.mark.parametrize(
    "path", ["/dicomweb/studies", "/api/v1/datasets", "/api/v1/openapi.json", "/dicomweb/studies/1.2/metadata"]
)
@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "token-missing"),
        ("Basic abc", "token-missing"),
        ("Bearer ", "token-missing"),
        ("Bearer wrong", "token-invalid"),
    ],
)
def test_nothing_is_shown_without_a_token(door: Door, path: str, header: str, code: str) -> None:
    """Every route that shows data asks for a good token first."""
    answer = door.bare_get(path, {"Authorization": header} if header else {})
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_health_asks_for_no_token(door: Door) -> None:
    """Whoever watches over the node learns that it works, and its role."""
    assert door.bare_get("/healthz", {}).json() == {"status": "ok", "role": "hub"}


@pytest.mark.parametrize(
    ("below", "count"),
    [
        ("/studies", 1),
        ("/series", 2),
        ("/studies/{study}/series", 2),
        ("/studies/{study}/instances", 4),
        ("/studies/{study}/series/{series}/instances", 3),
        ("/instances", 4),
        ("/series?Modality=CT", 2),
        ("/series?Modality=MR", 0),
        ("/studies?limit=1", 1),
        ("/instances?limit=3&offset=3", 1),
    ],
)
def test_search_answers_on_every_level(door: Door, found: list[Located], below: str, count: int) -> None:
    """Studies, series and instances are found by path and by query, in the token's registries alone."""
    path = below.format(study=found[0].study_instance_uid, series=found[0].series_instance_uid)
    answer = door.get(f"/dicomweb{path}")
    assert answer.headers["content-type"] == "application/dicom+json"
    assert len(answer.json()) == count


def test_a_search_says_when_there_is_more(door: Door) -> None:
    """An answer that was cut at its limit says so, a whole one does not."""
    assert door.get("/dicomweb/instances?limit=3").headers["warning"].startswith("299 ")
    assert "warning" not in door.get("/dicomweb/instances?limit=4").headers


@pytest.mark.parametrize("query", ["?Nonsense=1", "?limit=many", "?StudyDate=soon", "?00100030=19501231"])
def test_a_search_that_cannot_be_understood_is_refused(door: Door, query: str) -> None:
    """A term that cannot be matched is never ignored."""
    answer = door.get(f"/dicomweb/studies{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "query-invalid")


def test_another_registry_does_not_exist_for_this_token(hub: Node, found: list[Located]) -> None:
    """What a token does not open is not found, on every path, as if it were not there."""
    stranger = Door(hub, "basic")
    located = found[0]
    one = instance_path(located)
    below = [study_path(located), series_path(located), one, f"{one}/frames/1", f"{one}/bulkdata/7FE00010"]
    below += [f"{path}/metadata" for path in below[:3]]
    for path in below:
        answer = stranger.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert stranger.get(f"{study_path(located)}/series").json() == []
    assert len(stranger.get("/dicomweb/studies").json()) == 1
    assert len(Door(hub, *BOTH).get("/dicomweb/studies").json()) == 2


def test_what_was_never_there_is_not_found(door: Door, found: list[Located]) -> None:
    """Another UID, or the series of another study, is not found."""
    for path in (
        "/dicomweb/studies/1.2.3",
        f"/dicomweb/studies/1.2.3/series/{found[0].series_instance_uid}",
        f"{series_path(found[0])}/instances/1.2.3",
        f"{study_path(found[0])}/series/..%2f1.2/metadata",
    ):
        assert door.get(path).status_code == 404


@pytest.mark.parametrize(
    ("accept", "shape"), [("", "multipart"), (MULTIPART, "multipart"), ("application/dicom", "single")]
)
def test_an_instance_comes_byte_for_byte(door: Door, found: list[Located], accept: str, shape: str) -> None:
    """What comes out is the file that went into the pack."""
    located = found[0]
    answer = door.get(instance_path(located), accept)
    if shape == "single":
        content_type, body = answer.headers["content-type"], answer.content
        assert answer.headers["content-length"] == str(located.member.length)
    else:
        ((content_type, body),) = parts(answer)
    assert content_type == f"application/dicom; transfer-syntax={EXPLICIT}"
    assert digest_bytes(body) == located.member.digest


@pytest.mark.parametrize(("path", "count"), [(study_path, 4), (series_path, 3)])
def test_studies_and_series_come_whole(door: Door, found: list[Located], path: Any, count: int) -> None:
    """Every instance is a part, each the file that went into its pack."""
    came = parts(door.get(path(found[0])))
    digests = {located.member.digest for located in found}
    assert len(came) == count
    assert {digest_bytes(body) for _, body in came} <= digests


@pytest.mark.parametrize(
    "accept", ["image/jpeg", f"{MULTIPART}; transfer-syntax=1.2.840.10008.1.2.4.90", "application/dicom+xml"]
)
def test_forms_that_are_not_kept_are_not_made(door: Door, found: list[Located], accept: str) -> None:
    """Rendering, transcoding and XML are refused with what is offered instead."""
    for path in (study_path(found[0]), instance_path(found[0]), f"{instance_path(found[0])}/frames/1"):
        answer = door.get(path, accept)
        assert (answer.status_code, answer.json()["code"]) == (406, "not-acceptable")
        assert answer.json()["facts"]["offered"]


@pytest.mark.parametrize(("path", "count"), [(study_path, 4), (series_path, 3), (instance_path, 1)])
def test_metadata_names_bulk_data_from_where_it_stands(door: Door, found: list[Located], path: Any, count: int) -> None:
    """On each level the data sets come as an array, and a bulk data URI leads to the instance it is of."""
    located = found[0]
    url = f"{path(located)}/metadata"
    answer = door.get(url)
    documents = {document["00080018"]["Value"][0]: document for document in answer.json()}
    uri = documents[located.member.sop_instance_uid]["7FE00010"]["BulkDataURI"]
    assert len(documents) == count
    assert urljoin(url, uri) == f"{instance_path(located)}/bulkdata/7FE00010"
    refused = door.get(urljoin(url, uri))
    assert (refused.status_code, refused.json()["code"]) == (404, "no-bulk-data")


def test_metadata_come_as_plain_json_to_who_wants_that(door: Door, found: list[Located]) -> None:
    """The content type is the one that was asked for."""
    answer = door.get(f"{series_path(found[0])}/metadata", "application/json")
    assert answer.headers["content-type"] == "application/json"


def test_frames_come_in_the_order_asked_for(door: Door, hub: Node, found: list[Located]) -> None:
    """Each frame is its own part, with the pixels of its number and the transfer syntax that they are in."""
    answer = door.get(f"{instance_path(found[3])}/frames/2,1", f"{OCTETS}; transfer-syntax=*")
    (second_type, second), (_, first) = parts(answer)
    whole = retrieve.frame(hub, found[3], 1) + retrieve.frame(hub, found[3], 2)
    assert second_type == f"application/octet-stream; transfer-syntax={EXPLICIT}"
    assert first + second == whole
    assert len(whole) == PIXELS


def test_one_frame_may_come_alone(door: Door, found: list[Located]) -> None:
    """Who asks for octets gets the frame and nothing around it."""
    answer = door.get(f"{instance_path(found[0])}/frames/1", "application/octet-stream")
    assert answer.headers["content-type"] == f"application/octet-stream; transfer-syntax={EXPLICIT}"
    assert answer.content == bytes(answer.content[:2]) * 64


@pytest.mark.parametrize(
    ("frames", "status", "code"),
    [
        ("3", 404, "frame-out-of-range"),
        ("1,3", 404, "frame-out-of-range"),
        ("0", 400, "query-invalid"),
        ("1,,2", 400, "query-invalid"),
        ("a", 400, "query-invalid"),
        ("9999999999", 400, "query-invalid"),
    ],
)
def test_frames_that_are_not_there_are_refused(
    door: Door, found: list[Located], frames: str, status: int, code: str
) -> None:
    """A number beyond the last frame, or no number at all, is refused before anything is sent."""
    answer = door.get(f"{instance_path(found[3])}/frames/{frames}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_what_a_client_has_is_not_sent_again(door: Door, found: list[Located]) -> None:
    """The same entity tag answers 304; each form and each list of frames has its own tag."""
    one, frames = instance_path(found[3]), f"{instance_path(found[3])}/frames"
    asked = [
        (study_path(found[0]), ""),
        (series_path(found[0]), ""),
        (one, MULTIPART),
        (one, "application/dicom"),
        (f"{study_path(found[0])}/metadata", ""),
        (f"{series_path(found[0])}/metadata", ""),
        (f"{one}/metadata", ""),
        (f"{one}/metadata", "application/json"),
        (f"{frames}/1", ""),
        (f"{frames}/2", ""),
        (f"{frames}/1", "application/octet-stream"),
    ]
    tags = [door.get(path, form).headers["etag"] for path, form in asked]
    assert len(set(tags)) == len(tags)
    for (path, form), tag in zip(asked, tags, strict=True):
        again = door.get(path, form, If_None_Match=f'"other", {tag}')
        assert (again.status_code, again.content) == (304, b"")


def test_lost_bytes_are_told_before_anything_is_sent(tmp_path: Path) -> None:
    """An object that is gone from the store is a proper refusal, and no broken stream."""
    node = make_hub(tmp_path / "home")
    facility = Facility(tmp_path / "facility").admitted_to(node)
    shelve(node, accept(node, facility.parcel(series())).digest)
    door = Door(node, "j-mid")
    (study,) = door.get("/dicomweb/studies").json()
    (first, *_) = retrieve.instances(node, BOTH, study["0020000D"]["Value"][0])
    node.store.delete(first.object)
    for path in (study_path(first), instance_path(first), f"{instance_path(first)}/frames/1"):
        answer = door.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "object-missing")
    single = door.get(instance_path(first), "application/dicom")
    assert (single.status_code, single.json()["code"]) == (404, "object-missing")


def test_datasets_are_listed_by_registry(door: Door, hub: Node) -> None:
    """The API shows the versions of the token's registries, and no subject."""
    (shown,) = door.get("/api/v1/datasets").json()
    assert (shown["name"], shown["version"], shown["question"]["registry"]) == ("mid", 1, "j-mid")
    assert door.get("/api/v1/datasets/mid").json() == [shown]
    assert door.get("/api/v1/datasets/other").json()["code"] == "not-found"
    assert door.get("/api/v1/datasets/nothing").status_code == 404
    assert len(Door(hub, *BOTH).get("/api/v1/datasets").json()) == 2


def test_the_door_describes_itself(door: Door) -> None:
    """OpenAPI names every route."""
    paths = door.get("/api/v1/openapi.json").json()["paths"]
    assert "/healthz" in paths
    assert "/api/v1/datasets/{name}" in paths
    assert "/dicomweb/studies/{StudyInstanceUID}/metadata" in paths


@pytest.mark.parametrize("path", ["/dicomweb/series", "/api/v1/datasets", "/healthz"])
def test_nothing_can_be_changed_here(door: Door, path: str) -> None:
    """This door reads; every other verb is refused."""

    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(door.app), base_url="http://door") as client:
            return await client.post(path, content=b"x", headers=door.headers)

    answer = asyncio.run(go())
    assert (answer.status_code, answer.json()["code"]) == (405, "method-not-allowed")
