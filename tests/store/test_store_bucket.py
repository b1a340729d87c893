"""Objects in an S3 bucket: the same verbs, over HTTP to a small server that speaks as much S3 as they need."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest

from kaname.errors import NotYet, Refused
from kaname.store import Store
from kaname.store import store as store_module

KEY = "packs/ab/0123.tar"
DATA = bytes(range(256)) * 20


class Bucket(BaseHTTPRequestHandler):
    """PUT (also ``If-None-Match: *`` and in parts), GET with ranges, HEAD, DELETE in bulk, and listing."""

    objects: dict[str, bytes]
    parts: dict[int, bytes]
    requests: list[str]
    protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Sends one answer."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "ETag": '"e"', **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def begin(self) -> tuple[str, dict[str, list[str]], bytes]:
        """Key, query and body of the request."""
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.requests.append(f"{self.command} {self.path}")
        return unquote(url.path).removeprefix("/bucket").lstrip("/"), parse_qs(url.query, keep_blank_values=True), body

    def do_PUT(self) -> None:
        """An object, or a part of one."""
        key, query, body = self.begin()
        if "partNumber" in query:
            self.parts[int(query["partNumber"][0])] = body
        elif self.headers.get("If-None-Match") == "*" and key in self.objects:
            return self.answer(412)
        else:
            self.objects[key] = body
        return self.answer(200)

    def do_POST(self) -> None:
        """Beginning and end of an upload in parts, and deleting in bulk."""
        key, query, body = self.begin()
        if "uploads" in query:
            return self.answer(
                200, b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
            )
        if "uploadId" in query:
            self.objects[key] = b"".join(self.parts[n] for n in sorted(self.parts))
            self.parts.clear()
            return self.answer(200, b"<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>")
        names = re.findall(r"<Key>(.*?)</Key>", body.decode())
        for name in names:
            self.objects.pop(name, None)
        rows = "".join(f"<Deleted><Key>{name}</Key></Deleted>" for name in names)
        return self.answer(200, f"<DeleteResult>{rows}</DeleteResult>".encode())

    def do_GET(self) -> None:
        """An object, a range of one, or a list."""
        key, query, _ = self.begin()
        if "list-type" in query:
            names = [name for name in sorted(self.objects) if name.startswith(query.get("prefix", [""])[0])]
            rows = "".join(
                f"<Contents><Key>{escape(name)}</Key><Size>{len(self.objects[name])}</Size>"
                "<LastModified>2026-11-21T00:00:00.000Z</LastModified><ETag>e</ETag></Contents>"
                for name in names
            )
            return self.answer(200, f"<ListBucketResult>{rows}</ListBucketResult>".encode())
        if key not in self.objects:
            return self.answer(404)
        data, stamp = self.objects[key], {"Last_Modified": "Sat, 21 Nov 2026 00:00:00 GMT"}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted is None:
            return self.answer(200, data, **stamp)
        first, last = int(wanted[1]), min(int(wanted[2] or len(data)), len(data) - 1)
        if first >= len(data):
            return self.answer(416)
        content_range = f"bytes {first}-{last}/{len(data)}"
        return self.answer(206, data[first : last + 1], Content_Range=content_range, **stamp)

    do_HEAD = do_GET  # noqa: N815 -- the standard library's name

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the standard library's name
        """Says nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Generator[type[Bucket]]:
    """An empty bucket on loopback, found through the standard variables."""
    handler = type("OneBucket", (Bucket,), {"objects": {}, "parts": {}, "requests": []})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{http.server_port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    yield handler
    http.shutdown()
    http.server_close()


@pytest.fixture
def store(server: type[Bucket]) -> Store:
    """A store under a prefix of the bucket."""
    assert server.objects == {}
    return Store.open("s3://bucket/site")


def test_put_and_read(store: Store, server: type[Bucket]) -> None:
    """An object goes up once, under the prefix, and a range of it comes back in one ranged request."""
    assert store.put(KEY, DATA)
    assert not store.put(KEY, b"other")
    assert server.objects == {f"site/{KEY}": DATA}
    server.requests.clear()
    assert store.read(KEY, 250, 12) == DATA[250:262]
    assert len(server.requests) == 1
    assert (store.get(KEY), store.size(KEY)) == (DATA, len(DATA))


def test_put_in_parts(store: Store, server: type[Bucket], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A big file goes up in parts, and not again when it is there."""
    monkeypatch.setattr(store_module, "SINGLE_PUT_BYTES", 1000)
    source = tmp_path / "big"
    source.write_bytes(DATA * 1200)  # 6 MB: two parts
    assert store.put(KEY, source)
    assert server.objects[f"site/{KEY}"] == DATA * 1200
    assert not store.put(KEY, source)
    assert sum("partNumber" in request for request in server.requests) == 2


def test_missing(store: Store) -> None:
    """What is not there is missing."""
    with pytest.raises(Refused, match="object-missing"):
        store.get(KEY)
    assert store.size(KEY) is None


def test_ends_before(store: Store) -> None:
    """A range that leaves the object is refused; one of no bytes is empty."""
    store.put(KEY, DATA)
    for offset, length in ((len(DATA) - 1, 2), (len(DATA), 1), (len(DATA) + 1, None)):
        with pytest.raises(Refused, match="object-damaged"):
            store.stream(KEY, offset, length)
    assert (store.read(KEY, len(DATA), 0), list(store.stream(KEY, len(DATA)))) == (b"", [])


def test_delete_and_list(store: Store, server: type[Bucket]) -> None:
    """Keys are listed without the prefix, and what was deleted is gone."""
    store.put(KEY, DATA)
    store.put("series/1", DATA)
    assert sorted(store.keys("")) == [KEY, "series/1"]
    assert list(store.keys("packs/")) == [KEY]
    store.delete(KEY)
    store.delete(KEY)
    assert list(server.objects) == ["site/series/1"]


@pytest.mark.parametrize("status", [403, 401, 503])
def test_closed_bucket(store: Store, server: type[Bucket], monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """A bucket that does not let us in, or is down, is a reason to try again."""
    for verb in ("do_GET", "do_HEAD", "do_PUT"):
        monkeypatch.setattr(server, verb, lambda self: (self.begin(), self.answer(status)))
    calls: list[Callable[[], object]] = [
        lambda: store.get(KEY),
        lambda: store.size(KEY),
        lambda: store.delete(KEY),
        lambda: store.put(KEY, DATA),
        lambda: list(store.keys("")),
    ]
    for call in calls:
        with pytest.raises(NotYet, match="storage-unreachable"):
            call()


def test_down_while_reading(store: Store, server: type[Bucket], monkeypatch: pytest.MonkeyPatch) -> None:
    """An object that is there but does not come now is neither missing nor damaged."""
    store.put(KEY, DATA)
    monkeypatch.setattr(server, "do_GET", lambda self: (self.begin(), self.answer(503)))
    with pytest.raises(NotYet, match="storage-unreachable"):
        store.read(KEY, 0, 10)


def test_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket that nobody answers for is a reason to try again."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with pytest.raises(NotYet, match="storage-unreachable"):
        Store.open("s3://bucket/site").get(KEY)
