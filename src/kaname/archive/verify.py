"""Is everything still what it was? Every pack and series index is read and hashed; the ledger gets the evidence."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from sqlalchemy import select

from kaname.archive.index import PACKS
from kaname.archive.model import Verification
from kaname.archive.shelf import index_key
from kaname.database import reading
from kaname.errors import Refused
from kaname.ledger import Json
from kaname.node import Node
from kaname.pack import pack_key

PAGE = 500


def verify(node: Node) -> Verification:
    """Re-hashes every pack on the shelf and its index. Each damaged or missing object is named in the ledger.

    Nothing is repaired: a pack comes back from a backup, an index by ``rebuild``.

    Raises:
        NotYet: ``storage-unreachable``, ``index-busy``.
    """
    packs, size_bytes = 0, 0
    wrong: dict[str, list[str]] = {"object-damaged": [], "object-missing": []}
    for pack, index_digest, pack_bytes in _shelved(node):
        packs, size_bytes = packs + 1, size_bytes + pack_bytes
        for key, digest in ((pack_key(pack), pack), (index_key(pack), index_digest)):
            trouble = _trouble(node, key, digest)
            if trouble:
                wrong[trouble].append(key)
                node.ledger.append(trouble, digest, actor=node.settings.name, facts={"object": key, "pack": pack})
    damaged, missing = tuple(wrong["object-damaged"]), tuple(wrong["object-missing"])
    facts: dict[str, Json] = {
        "damaged": len(damaged),
        "missing": len(missing),
        "packs": packs,
        "size_bytes": size_bytes,
    }
    node.ledger.append("archive-verified", node.settings.name, actor=node.settings.name, facts=facts)
    return Verification(packs, size_bytes, damaged, missing)


def _trouble(node: Node, key: str, digest: str) -> str:
    """Reason code of what is wrong with an object; empty when it is sound."""
    hasher = sha256()
    try:
        for piece in node.store.stream(key):
            hasher.update(piece)
    except Refused as refusal:
        return refusal.code
    return "" if hasher.hexdigest() == digest else "object-damaged"


def _shelved(node: Node) -> Iterator[tuple[str, str, int]]:
    """Digest of each pack, of its index, and its size; read page by page, so that no snapshot is held for hours."""
    after = ""
    while True:
        query = select(PACKS.c.digest, PACKS.c.index_digest, PACKS.c.size_bytes).where(PACKS.c.digest > after)
        with reading(node.index) as connection:
            rows = connection.execute(query.order_by(PACKS.c.digest).limit(PAGE)).all()
        if not rows:
            return
        for row in rows:
            yield row.digest, row.index_digest, row.size_bytes
        after = rows[-1].digest
