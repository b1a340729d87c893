"""DICOM over the network (PS3.7, PS3.8): taking objects in by C-STORE, and sending files as they are.

Encoded bytes pass through: what a peer sends of a data set stands unchanged behind new File Meta Information, in
whatever transfer syntax was agreed on; nothing is decoded. An object is held in memory until it is whole, so that an
association that breaks off in the middle leaves nothing anywhere. The library's own log is shut: it quotes peers.
"""

from __future__ import annotations

import logging
import socket
import warnings
import weakref
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from kaname.dicom.part10 import EXPLICIT_LITTLE, IMPLICIT_LITTLE, FileMeta, read_meta, write_meta
from kaname.dicom.standard import sop_classes, transfer_syntaxes
from kaname.errors import NotYet, Refused

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.events import Event

SUCCESS, OUT_OF_RESOURCES, CANNOT_UNDERSTAND, NOT_SUPPORTED = 0x0000, 0xA700, 0xC000, 0x0122
"""Statuses of C-STORE (PS3.4 section B.2.3, PS3.7 section C.5.6)."""
VERIFICATION = "1.2.840.10008.1.1"
CONTEXTS_MAX = 127
"""Presentation contexts that one association can propose beside Verification (PS3.8 section 9.3.2.2)."""
PDU_BYTES = 1 << 17
"""Largest P-DATA that peers are asked to send."""
PDU_LIMIT_BYTES = 1 << 20
"""A PDU that says to be longer ends its connection before it is read; a request of 128 contexts is a quarter of it."""
META_LIMIT_BYTES = 1 << 16
GREETING_SECONDS = 10.0
"""How long a connection may stand without asking for an association: until then it takes the place of one."""
LEAVE_SECONDS = 10.0
"""How long the end of a door waits for the objects being taken in."""

_NO_FILES = ("1.2.840.10008.1.2.4.94", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.204", "1.2.840.10008.1.2.4.205")
_NO_FILE_ROOTS = ("1.2.840.10008.1.2.6.", "1.2.840.10008.1.2.7.", "1.2.840.10008.1.20")
"""JPIP (the pixels lie elsewhere), mail and XML, live video and sound, Papyrus: nothing that one C-STORE carries."""

Ended = Literal["rejected", "released", "aborted"]
OnObject = Callable[[bytes], int]
"""Takes one whole Part 10 file; returns the status to answer."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What peers may ask of a door."""

    associations: int = 8
    object_bytes: int = 1 << 30
    """Largest data set; a longer one ends its association, for its place is memory."""
    silence_seconds: float = 60.0
    """How long a peer may say nothing, in the middle of an object too."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of files that were sent."""

    statuses: tuple[int, ...]
    """Status of each C-STORE, in the order of the files; ``0x0122`` where the peer takes no such object."""

    @property
    def stored(self) -> int:
        """How many the peer has."""
        return self.statuses.count(SUCCESS)


@contextmanager
def storage_scp(  # noqa: PLR0913 - a door has an address, a name, guests, and what it does with what they bring
    host: str,
    port: int,
    ae_title: str,
    calling_aes: Sequence[str],
    *,
    on_object: OnObject,
    on_end: Callable[[Ended], None],
    limits: Limits | None = None,
) -> Generator[int]:
    """Takes associations for C-ECHO and C-STORE of every storage class and transfer syntax; gives the port.

    Args:
        host: address to listen on.
        port: port, 0 for any that is free.
        ae_title: the only called AE title that is answered to.
        calling_aes: AE titles that may open an association; every other one is rejected (PS3.8 section 9.3.4).
        on_object: called once per whole object, from the thread of its association.
        on_end: told how each association ended, without its name.
        limits: what peers may ask.

    Raises:
        Refused: ``port-taken``; ``settings-invalid`` when nobody may call, or a name is no AE title.
    """
    from pynetdicom import AE, evt

    limits = limits or Limits()
    if not any(title.strip() for title in calling_aes):
        raise Refused("settings-invalid", line="calling_aes")
    _shut_log()
    try:
        ae = cast("Any", AE(ae_title))
        ae.require_calling_aet = [title.strip() for title in calling_aes if title.strip()]
    except ValueError as error:
        raise Refused("settings-invalid", line="ae_title") from error
    ae.require_called_aet = True
    ae.maximum_associations = limits.associations
    ae.maximum_pdu_size = PDU_BYTES
    ae.network_timeout = ae.dimse_timeout = limits.silence_seconds
    ae.acse_timeout = min(limits.silence_seconds, GREETING_SECONDS)
    ae.supported_contexts = _supported()
    door = _Door(on_object, on_end, limits, weakref.WeakSet())
    handlers: list[Any] = [
        (evt.EVT_C_STORE, door.store),
        (evt.EVT_CONN_OPEN, door.opened),
        (evt.EVT_DATA_RECV, door.came),
        (evt.EVT_REJECTED, door.rejected),
        (evt.EVT_RELEASED, door.released),
        (evt.EVT_ABORTED, door.aborted),
    ]
    try:
        server = ae.start_server((host, port), block=False, evt_handlers=handlers)
    except OSError as error:
        raise Refused("port-taken", host=host, port=port) from error
    assert server is not None
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        under_way = list(server.active_associations)
        inside = [association for association in under_way if association.is_established]
        for association in under_way:
            association.abort()
        for association in inside:
            association.join(LEAVE_SECONDS)


@dataclass(frozen=True, slots=True)
class _Door:
    """What happens at each event of an association."""

    on_object: OnObject
    on_end: Callable[[Ended], None]
    limits: Limits
    ended: weakref.WeakSet[Association]

    def opened(self, event: Event) -> None:
        """Bounds what one PDU may claim to hold, and how long its rest may take to come."""
        connection = cast("Any", event.assoc.dul.socket)
        connection.socket.settimeout(self.limits.silence_seconds)
        _at_once(event.assoc)
        read = connection.recv

        def bounded(length: int) -> bytearray:
            if length > PDU_LIMIT_BYTES:
                raise OSError
            return read(length)

        connection.recv = bounded

    def came(self, event: Event) -> None:
        """Ends an association whose object grows beyond the limit."""
        message = event.assoc.dimse.message
        held = None if message is None else message.data_set
        if held is not None and held.tell() > self.limits.object_bytes:
            event.assoc.abort(block=False)

    def store(self, event: Event) -> int:
        """A whole object came."""
        request = cast("Any", event.request)
        meta = write_meta(request.AffectedSOPClassUID, request.AffectedSOPInstanceUID, event.context.transfer_syntax)
        data = b"".join((meta, request.DataSet.getbuffer()))
        request.DataSet = None  # one copy of a large object is enough
        return self.on_object(data)

    def rejected(self, event: Event) -> None:
        """Nobody came in."""
        self._end(event, "rejected")

    def released(self, event: Event) -> None:
        """A peer took its leave."""
        self._end(event, "released")

    def aborted(self, event: Event) -> None:
        """A peer broke off, fell silent, or was shown out. Told once, though the library may say so twice."""
        self._end(event, "aborted")

    def _end(self, event: Event, how: Ended) -> None:
        if event.assoc not in self.ended:
            self.ended.add(event.assoc)
            self.on_end(how)


def echo(host: str, port: int, calling: str, called: str) -> None:
    """C-ECHO: asks whether anybody is there (PS3.4 Annex A).

    Raises:
        Refused: ``association-rejected``.
        NotYet: ``peer-unreachable``.
    """
    with _associated(host, port, calling, called, ()) as association:
        if not association.send_c_echo():
            raise NotYet("peer-unreachable")


def send(files: Sequence[Path], host: str, port: int, calling: str, called: str) -> Sent:
    """C-STORE: sends files as they are, each in its own transfer syntax.

    Raises:
        Refused: ``association-rejected``; what :func:`kaname.dicom.part10.read_meta` refuses.
        NotYet: ``peer-unreachable``, also when the association broke off on the way.
    """
    from pynetdicom import _config

    _config.STORE_SEND_CHUNKED_DATASET = True  # else files are decoded and encoded anew
    statuses: list[int] = []
    for part, wanted in _by_contexts([(file, _meta_of(file)) for file in files]):
        with _associated(host, port, calling, called, wanted) as association:
            taken = {
                (str(context.abstract_syntax), str(context.transfer_syntax[0]))
                for context in association.accepted_contexts
            }
            for file, context in part:
                statuses.append(_store(association, file) if context in taken else NOT_SUPPORTED)
    return Sent(tuple(statuses))


def _store(association: Association, file: Path) -> int:
    if not association.is_established:
        raise NotYet("peer-unreachable")
    answer = association.send_c_store(file)
    if "Status" not in answer:  # no answer came
        raise NotYet("peer-unreachable")
    return int(answer.Status)


def _meta_of(file: Path) -> FileMeta:
    with file.open("rb") as opened:
        return read_meta(opened.read(META_LIMIT_BYTES))


_Context = tuple[str, str]


def _by_contexts(
    files: Sequence[tuple[Path, FileMeta]],
) -> Iterator[tuple[list[tuple[Path, _Context]], tuple[_Context, ...]]]:
    """Files in their order, cut where one association could not propose all their contexts."""
    part: list[tuple[Path, _Context]] = []
    wanted: dict[_Context, None] = {}
    for file, meta in files:
        context = meta.sop_class_uid, meta.transfer_syntax_uid
        if context not in wanted and len(wanted) == CONTEXTS_MAX:
            yield part, tuple(wanted)
            part, wanted = [], {}
        wanted[context] = None
        part.append((file, context))
    if part:
        yield part, tuple(wanted)


@contextmanager
def _associated(host: str, port: int, calling: str, called: str, wanted: Sequence[_Context]) -> Generator[Association]:
    from pynetdicom import AE
    from pynetdicom.presentation import build_context

    _shut_log()
    ae = cast("Any", AE(calling))
    contexts = [build_context(VERIFICATION, IMPLICIT_LITTLE)]
    contexts += [build_context(abstract, transfer) for abstract, transfer in wanted]
    association: Association = ae.associate(host, port, contexts, ae_title=called)
    if not association.is_established:
        if association.is_rejected:
            raise Refused("association-rejected")
        raise NotYet("peer-unreachable")
    _at_once(association)
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def _at_once(association: Association) -> None:
    """Small PDUs go out at once: else each answer waits 40 ms for the other side's delayed acknowledgement."""
    cast("Any", association.dul.socket).socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _supported() -> list[Any]:
    """A context for each storage class with every syntax that a file can have; the plain ones are preferred."""
    from pynetdicom import register_uid
    from pynetdicom.presentation import build_context
    from pynetdicom.service_class import ServiceClass, StorageServiceClass
    from pynetdicom.sop_class import uid_to_service_class

    others = [uid for uid in transfer_syntaxes() if uid not in _NO_FILES and not uid.startswith(_NO_FILE_ROOTS)]
    syntaxes = sorted(others, key=lambda uid: (uid != EXPLICIT_LITTLE, uid != IMPLICIT_LITTLE))
    for uid in sop_classes():
        if uid_to_service_class(uid) is ServiceClass:  # retired, or newer than the library
            register_uid(uid, "Storage_" + uid.replace(".", "_"), StorageServiceClass)
    contexts = [build_context(uid, syntaxes) for uid in sop_classes()]
    return [build_context(VERIFICATION, [IMPLICIT_LITTLE, EXPLICIT_LITTLE]), *contexts]


def _shut_log() -> None:
    """The library and pydicom below it quote AE titles, UIDs and values; who comes is counted, not written down."""
    from pynetdicom import _config

    _config.LOG_HANDLER_LEVEL = "none"
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)
    warnings.filterwarnings("ignore", module=r"pydicom|pynetdicom")
