"""Write: the files of a series become one pack, always the same bytes for the same files."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from kaname.dicom.keys import is_uid
from kaname.dicom.part10 import read_meta
from kaname.errors import Refused
from kaname.pack.model import PackFile
from kaname.pack.ustar import END, SIZE_LIMIT_BYTES, header, padding
from kaname.store.whole import whole_file

SUFFIX = ".dcm"
_CHUNK = 1 << 20


def write_pack(files: Sequence[Path], target: Path) -> PackFile:
    """Writes the Part 10 ``files`` of one series, whatever they are called, in the order of their SOP Instance UIDs.

    The files are streamed. ``target`` appears, on disk, whole or not at all; what stood there is replaced.

    Raises:
        Refused: ``pack-invalid`` where there is no file or two of one instance; ``missing-uid``, ``invalid-uid`` and
            what :func:`kaname.dicom.part10.read_meta` raises; ``too-large`` for a file of 8 GiB and more;
            ``truncated`` for a file that shrinks meanwhile.
        NotYet: ``storage-full``; nothing is left of the attempt.
    """
    by_uid = {_sop_instance_uid(path): path for path in files}
    if not by_uid or len(by_uid) != len(files):
        raise Refused("pack-invalid", files=len(files), instances=len(by_uid))
    digest, size_bytes = sha256(), 0
    with whole_file(target) as pack:
        for uid in sorted(by_uid):
            for chunk in _member(uid, by_uid[uid]):
                digest.update(chunk)
                size_bytes += pack.write(chunk)
        digest.update(END)
        size_bytes += pack.write(END)
    return PackFile(target, digest.hexdigest(), size_bytes, len(by_uid))


def _sop_instance_uid(path: Path) -> str:
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            raise Refused("empty-file")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as buffer:
            uid = read_meta(buffer).sop_instance_uid
    if not uid:
        raise Refused("missing-uid")
    if not is_uid(uid):
        raise Refused("invalid-uid")
    return uid


def _member(uid: str, path: Path) -> Iterator[bytes]:
    """Header, content and padding of one file."""
    with path.open("rb") as file:
        size_bytes = os.fstat(file.fileno()).st_size
        if size_bytes >= SIZE_LIMIT_BYTES:
            raise Refused("too-large", size_bytes=size_bytes)
        yield header(uid + SUFFIX, size_bytes)
        left = size_bytes
        while chunk := file.read(min(left, _CHUNK)):
            left -= len(chunk)
            yield chunk
    if left:
        raise Refused("truncated")
    yield padding(size_bytes)
