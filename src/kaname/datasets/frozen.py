"""The frozen list as bytes: canonical JSON lines, compressed, under the SHA-256 of what is inside.

Line 1 is the header ``{"format", "name", "question"}``; then one line per member, sorted by Study and Series Instance
UID: ``{"instances", "pack", "series", "study", "subject"}``; one per subject, sorted: ``{"split", "subject"}``; one per
label, sorted by SOP Instance UID and frame: ``{"frame", "instance", "label", "marks", "other"?, "settled",
"subject"}``; one per record of clinical items: ``{"accession", "items", "study", "subject"}``; one per hole:
``{"hole", "instances", "packs", "withdrawn_at"}`` (``docs/spec/dataset.md``). Every line is canonical JSON
(``kaname.ledger.canonical``) and ends with a line feed. There is no date and no version number in it: the same content
has the same digest, whenever and by whomever it was frozen. The digest is taken before compression, so that it does not
hang on a compressor's version.

Lists of format 2 have neither marks, pairs nor items, those of format 1 neither splits nor labels, and no task in their
question. They are read, and written no more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from hashlib import sha256
from typing import Any

import zstandard

from kaname.annotation.marks import marked_json, marked_of
from kaname.datasets.model import Assigned, Frozen, Hole, Labelled, Member, Question, Recorded, items_of
from kaname.errors import Refused
from kaname.ledger import Json, canonical
from kaname.store import Store

FORMAT = 3
FORMATS = (1, 2, 3)
"""Formats that are read."""
LEVEL = 10
"""Compression level: lists are written once and hold little but digests."""


def key_of(digest: str) -> str:
    """Where a list rests in the store."""
    return f"datasets/{digest}.zst"


def write_list(store: Store, frozen: Frozen) -> str:
    """Keeps a list in the store; returns its digest. The same list again changes nothing.

    Raises:
        NotYet: ``storage-full``.
    """
    digest, packed = sha256(), zstandard.ZstdCompressor(level=LEVEL).compressobj()
    parts: list[bytes] = []
    for line in _lines(frozen):
        digest.update(line)
        parts.append(packed.compress(line))
    parts.append(packed.flush())
    store.put(key_of(digest.hexdigest()), b"".join(parts))
    return digest.hexdigest()


def read_list(store: Store, digest: str) -> Frozen:
    """The list of that digest, exactly as it was frozen.

    Raises:
        Refused: ``object-missing``; ``dataset-damaged`` when its bytes are not those of the digest.
    """
    try:
        plain = zstandard.ZstdDecompressor().decompressobj().decompress(store.get(key_of(digest)))
    except zstandard.ZstdError as error:
        raise Refused("dataset-damaged", digest=digest) from error
    if sha256(plain).hexdigest() != digest:
        raise Refused("dataset-damaged", digest=digest)
    header, *rows = (json.loads(line) for line in plain.splitlines())
    if header["format"] not in FORMATS:
        raise Refused("dataset-format", digest=digest)
    return Frozen(
        header["name"],
        Question(**header["question"]),
        tuple(_member(row) for row in rows if "pack" in row),
        tuple(_hole(row) for row in rows if "hole" in row),
        tuple(_label(row) for row in rows if "label" in row),
        tuple(Assigned(row["subject"], row["split"]) for row in rows if "split" in row),
        tuple(_recorded(row) for row in rows if "items" in row),
    )


def _lines(frozen: Frozen) -> Iterator[bytes]:
    question: Json = {**asdict(frozen.question)}
    yield _line({"format": FORMAT, "name": frozen.name, "question": question})
    for member in frozen.members:
        yield _line(
            {
                "instances": member.instances,
                "pack": member.pack,
                "series": member.series_instance_uid,
                "study": member.study_instance_uid,
                "subject": member.subject,
            }
        )
    for assigned in frozen.splits:
        yield _line({"split": assigned.split, "subject": assigned.subject})
    for label in frozen.labels:
        yield _line(_label_json(label))
    for record in frozen.items:
        yield _line(
            {
                "accession": record.accession,
                "items": dict(record.items),
                "study": record.study_instance_uid,
                "subject": record.subject,
            }
        )
    for hole in frozen.holes:
        yield _line(
            {
                "hole": hole.hole,
                "instances": hole.instances,
                "packs": list(hole.packs),
                "withdrawn_at": hole.withdrawn_at,
            }
        )


def _line(fields: dict[str, Json]) -> bytes:
    return canonical(fields) + b"\n"


def _member(row: dict[str, Any]) -> Member:
    return Member(row["subject"], row["study"], row["series"], row["pack"], row["instances"])


def _label_json(label: Labelled) -> dict[str, Json]:
    told: dict[str, Json] = {
        "frame": label.frame,
        "instance": label.sop_instance_uid,
        "label": label.label,
        "marks": marked_json(label.marks),
        "settled": label.settled,
        "subject": label.subject,
    }
    if label.other_sop_instance_uid:
        told["other"] = {"frame": label.other_frame, "instance": label.other_sop_instance_uid}
    return told


def _label(row: dict[str, Any]) -> Labelled:
    other = row.get("other", {"instance": "", "frame": 0})
    return Labelled(
        row["subject"],
        row["instance"],
        row["frame"],
        row["label"],
        row["settled"],
        marked_of(row.get("marks", [])),
        other["instance"],
        other["frame"],
    )


def _recorded(row: dict[str, Any]) -> Recorded:
    return Recorded(row["subject"], row["study"], row["accession"], items_of(row["items"]))


def _hole(row: dict[str, Any]) -> Hole:
    return Hole(row["hole"], row["withdrawn_at"], row["instances"], tuple(row["packs"]))
