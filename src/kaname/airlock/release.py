"""Letting go: approved objects are copied to where released ones rest. Nothing else is ever there."""

from __future__ import annotations

import tempfile
from hashlib import sha256
from pathlib import Path

from kaname.airlock.model import Request
from kaname.compute.outputs import key_of as kept_key
from kaname.errors import Refused
from kaname.node import Node


def key_of(digest: str) -> str:
    """Where a released object rests in the store."""
    return f"released/{digest}"


def let_go(node: Node, request: Request) -> None:
    """Copies the items and the log of a request, each checked against its digest. Again, it changes nothing.

    Raises:
        Refused: ``object-missing``, ``object-damaged``.
        NotYet: ``storage-full``, ``storage-unreachable``.
    """
    for digest in filter(None, (*(item.digest for item in request.items), request.log)):
        if node.store.size(key_of(digest)) is None:
            _copy(node, request.run, digest)


def _copy(node: Node, run_id: str, digest: str) -> None:
    seen = sha256()
    with tempfile.NamedTemporaryFile(dir=node.settings.home, prefix=".release-") as file:
        for piece in node.store.stream(kept_key(run_id, digest)):
            seen.update(piece)
            file.write(piece)
        file.flush()
        if seen.hexdigest() != digest:
            raise Refused("object-damaged", digest=digest)
        node.store.put(key_of(digest), Path(file.name))
