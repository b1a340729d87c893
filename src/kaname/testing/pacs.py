"""A synthetic PACS: sends what lies in a folder by real associations, and misbehaves where a test asks it to."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kaname.dicom.network import VERIFICATION, Sent, echo, send
from kaname.dicom.part10 import IMPLICIT_LITTLE, PREFIX, START, read_meta

if TYPE_CHECKING:
    from pynetdicom.association import Association

CALLING = "INVENTED_PACS"
"""AE title of the synthetic PACS."""


def dicom_files(*paths: Path) -> list[Path]:
    """Every Part 10 file at or below the paths, in the order of their names."""
    found = [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    return [file for file in found if file.is_file() and _is_part10(file)]


def _is_part10(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(START).endswith(PREFIX)


def send_folder(
    *paths: Path, port: int, host: str = "127.0.0.1", calling: str = CALLING, called: str = "KANAME"
) -> Sent:
    """Asks whether the gateway is there (C-ECHO), then sends every file below the paths as it is (C-STORE).

    Raises:
        Refused: ``association-rejected``.
        NotYet: ``peer-unreachable``.
    """
    echo(host, port, calling, called)
    return send(dicom_files(*paths), host, port, calling, called)


def break_off(
    file: Path,
    *,
    port: int,
    host: str = "127.0.0.1",
    calling: str = CALLING,
    called: str = "KANAME",
    politely: bool = True,
) -> None:
    """Begins to send a file and breaks off in the middle of its data set.

    Args:
        file: what to send.
        port: where to.
        host: where to.
        calling: our AE title.
        called: the other's AE title.
        politely: with an A-ABORT; else the connection simply ends, as when a cable is pulled.
    """
    from pynetdicom.dimse_messages import C_STORE_RQ
    from pynetdicom.dimse_primitives import C_STORE

    data = file.read_bytes()
    meta = read_meta(data)
    association = _associate(host, port, calling, called, (meta.sop_class_uid, meta.transfer_syntax_uid))
    request: Any = C_STORE()
    request.MessageID = 1
    request.Priority = 2
    request.AffectedSOPClassUID = meta.sop_class_uid
    request.AffectedSOPInstanceUID = meta.sop_instance_uid
    request.DataSet = BytesIO(data[meta.end :])
    message = cast("Any", C_STORE_RQ())
    message.primitive_to_message(request)
    (context,) = (c for c in association.accepted_contexts if c.abstract_syntax != VERIFICATION)
    parts = list(message.encode_msg(cast("int", context.context_id), 4096))
    for part in parts[: 1 + len(parts) // 2]:
        association.dul.send_pdu(part)
    if politely:
        association.abort()
    else:
        cast("Any", association.dul.socket).close()
        association.kill()


def _associate(host: str, port: int, calling: str, called: str, wanted: tuple[str, str]) -> Association:
    from pynetdicom import AE
    from pynetdicom.presentation import build_context

    ae = cast("Any", AE(calling))
    contexts = [build_context(VERIFICATION, IMPLICIT_LITTLE), build_context(*wanted)]
    association: Association = ae.associate(host, port, contexts, ae_title=called)
    assert association.is_established
    return association
