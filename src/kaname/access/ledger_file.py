"""A ledger in a file: written with a signed head at its end, and verified by anybody who has the public keys.

One event a line, in canonical JSON, the signed head on the last one (``docs/spec/ledger.md``). Who verifies it needs no
home, no index and no network: the file, the keys, and the heads that they hold themselves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from kaname.access.heads import KIND, Said, head_json, head_said
from kaname.access.signing import PublicKey, SigningKey, open_statement, read_statement, sign_statement
from kaname.errors import Refused
from kaname.ledger import Chain, Event, Head, Json, canonical
from kaname.node import Node

LINE_LIMIT_BYTES = 1 << 24
"""Largest line that is read; one that is longer is no event."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
TEXTS = {"about", "action", "actor", "at", "digest", "previous"}
"""Members of an event that are strings."""
_HEAD_START = b'{"body":'
"""How a statement begins, and no event does."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Whose word a key is."""

    name: str
    key: PublicKey


@dataclass(frozen=True, slots=True)
class Verified:
    """What an exported ledger is, once every event of it held."""

    name: str
    """Of the node that signed it."""
    head: Head
    at: str
    """When it was signed."""
    before: str
    """The time before which it ends by itself; empty when it holds all that there was."""
    met: int
    """How many of the heads that were brought along it meets."""
    later: int
    """How many were signed later than what it holds, so that it need not meet them."""


@dataclass(frozen=True, slots=True)
class _End:
    """The signed head at the end of the file."""

    name: str
    head: Head
    at: str
    before: str

    def leaves_out(self, said: Said) -> bool:
        """Whether a head may name an event that came after what the file holds."""
        return said.head.sequence > self.head.sequence and said.at >= (self.before or self.at)


def events_before(node: Node, before: str = "") -> Iterator[Event]:
    """The events from the first on, each one verified, up to those of a day.

    Args:
        node: Whose.
        before: UTC, ISO 8601, a day or more of it; empty for all that there are now.

    Raises:
        Refused: ``ledger-broken``: what does not hold is not passed on as if it did.
    """
    last, chain = node.ledger.head().sequence, Chain()
    for event in node.ledger.events():
        if event.sequence > last or (before and event.at >= before):
            return
        chain.take(event)
        yield event


def write_ledger(node: Node, key: SigningKey, target: Path, before: str = "") -> Head:
    """Writes the ledger to a file that others can verify; returns the head that it ends in.

    Args:
        node: Whose.
        key: Its signing key.
        target: The file; what stands there is replaced once all is written.
        before: See :func:`events_before`.

    Raises:
        Refused: ``ledger-broken``.
        NotYet: ``index-busy``.
    """
    head, at = Head(), node.clock.stamp()
    growing = target.with_name(f"{target.name}.part")
    with growing.open("wb") as file:
        growing.chmod(0o600)
        for event in events_before(node, before):
            file.write(canonical(asdict(event)) + b"\n")
            head = Head(event.sequence, event.digest)
        body: dict[str, Json] = {**head_json(head), "name": node.settings.name, "at": at, "before": before}
        file.write(sign_statement(KIND, body, key) + b"\n")
    growing.replace(target)
    return head


def verify_file(path: Path, signers: Mapping[str, Signer], heads: Iterable[bytes] = ()) -> Verified:
    """Verifies an exported ledger.

    Args:
        path: The file.
        signers: Whose word counts, by key id.
        heads: Signed statements that name heads, as they were received; those of other nodes are passed over.

    Raises:
        Refused: ``ledger-broken`` with the ``sequence`` of the first event that does not hold, that is missing, or that
            is not what a head says it was; ``ledger-head-invalid`` (``part`` says why) when the end, or one of the
            heads, is not signed by one of ``signers``.
    """
    known = _known(heads, signers)
    with path.open("rb") as file:
        chain, found, last = _walk(file, {said.head.sequence for _, said in known})
    end = _end(last, signers, chain.head)
    if end.head != chain.head:
        first = min(end.head.sequence, chain.head.sequence)
        raise Refused("ledger-broken", sequence=first + (end.head.sequence != chain.head.sequence))
    mine = sorted((said for name, said in known if name == end.name), key=lambda said: said.head.sequence)
    for said in mine:
        if not end.leaves_out(said) and found.get(said.head.sequence) != said.head.digest:
            raise Refused("ledger-broken", sequence=said.head.sequence)
    later = sum(end.leaves_out(said) for said in mine)
    return Verified(end.name, end.head, end.at, end.before, len(mine) - later, later)


def read_signers(text: str) -> dict[str, Signer]:
    """Reads a file of keys: ``name key`` a line, the key in base64; lines that begin with ``#`` say nothing.

    Raises:
        Refused: ``key-invalid`` with the number of the line.
    """
    found: dict[str, Signer] = {}
    for number, line in enumerate(text.splitlines(), 1):
        parts = line.split()
        if not parts or line.startswith("#"):
            continue
        signer = _signer(parts)
        if signer is None:
            raise Refused("key-invalid", line=number)
        found[signer.key.id] = signer
    return found


def _signer(parts: list[str]) -> Signer | None:
    match parts:
        case [name, text] if NAME.fullmatch(name):
            try:
                return Signer(name, PublicKey.from_text(text))
            except Refused:
                return None
        case _:
            return None


def _walk(file: BinaryIO, wanted: set[int]) -> tuple[Chain, dict[int, str], bytes]:
    """Takes every event; returns the chain, the digests of the events that heads name, and the last line."""
    chain, met = Chain(), dict[int, str]()
    while line := file.readline(LINE_LIMIT_BYTES):
        if line.startswith(_HEAD_START):
            if file.read(1):  # a head in the middle: what stands behind it is not under it
                chain.take(None)
            return chain, met, line
        event = _event(line)
        chain.take(event)
        if event is not None and event.sequence in wanted:
            met[event.sequence] = event.digest
    return chain, met, b""


def _event(line: bytes) -> Event | None:
    """The event of a line, if it is spelled as it must be."""
    try:
        value: Json = json.loads(line)
        if canonical(value) + b"\n" != line:
            return None
    except (ValueError, RecursionError):
        return None
    match value:
        case {"sequence": int(sequence), "facts": dict(facts), **rest} if _is_number(sequence) and rest.keys() == TEXTS:
            texts = {name: text for name, text in rest.items() if isinstance(text, str)}
            return Event(sequence=sequence, facts=facts, **texts) if len(texts) == len(TEXTS) else None
        case _:
            return None


def _end(line: bytes, signers: Mapping[str, Signer], reached: Head) -> _End:
    """What the last line vouches for."""
    if not line.endswith(b"\n"):
        raise Refused("ledger-head-invalid", part="missing", sequence=reached.sequence)
    try:
        body = open_statement(line[:-1], KIND, {id: signer.key for id, signer in signers.items()})  # noqa: A001
        signer = signers[read_statement(line[:-1]).key_id]
    except Refused as error:
        raise Refused("ledger-head-invalid", **error.facts, sequence=reached.sequence) from error
    match body:
        case {
            "name": str(name),
            "at": str(at),
            "before": str(before),
            "ledger_sequence": int(sequence),
            "ledger_head": str(digest),
            **rest,
        } if _is_number(sequence) and not rest:
            if name != signer.name:
                raise Refused("ledger-head-invalid", part="name", sequence=sequence)
            return _End(name, Head(sequence, digest), at, before)
        case _:
            raise Refused("ledger-head-invalid", part="form", sequence=reached.sequence)


def _is_number(value: int) -> bool:
    return not isinstance(value, bool)


def _known(heads: Iterable[bytes], signers: Mapping[str, Signer]) -> list[tuple[str, Said]]:
    """The heads that statements name, each with the name of who signed it."""
    found: list[tuple[str, Said]] = []
    for number, data in enumerate(heads, 1):
        try:
            said = head_said(data, {id: signer.key for id, signer in signers.items()})  # noqa: A001
        except Refused as error:
            raise Refused("ledger-head-invalid", **error.facts, line=number) from error
        found.append((signers[said.key_id].name, said))
    return found
