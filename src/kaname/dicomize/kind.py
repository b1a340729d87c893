"""What a file is, by what is in it. A suffix decides only where a maker's format has no mark of its own."""

from __future__ import annotations

import re

from kaname.dicomize.directories import Buffer, is_tiff
from kaname.dicomize.model import Kind
from kaname.dicomize.tiff import pages

_HEAD = 1024
_MARKS: tuple[tuple[Kind, re.Pattern[bytes]], ...] = (
    ("", re.compile(rb".{128}DICM", re.DOTALL)),
    ("photo", re.compile(rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n")),
    # Telephones put photographs (HEIC, AVIF) and cameras raw files into the container of videos.
    ("vendor", re.compile(rb".{4}ftyp(?:hei[cxms]|hevc|mif1|msf1|avif|crx )", re.DOTALL)),
    # Heidelberg E2E and VOL, Topcon FDA and FDS, Zeiss CZI.
    ("vendor", re.compile(rb"CMDb|HSF-OCT-|FOCT|ZISRAWFILE")),
    # JPEG 2000, JPEG XL, WebP; bitmaps, by their four reserved bytes too: a table may begin with BMI.
    ("vendor", re.compile(rb"\x00{3}\x0c(?:jP|JXL) |RIFF.{4}WEBP|BM.{4}\x00{4}", re.DOTALL)),
    # ISO base media and QuickTime, AVI, GIF, Matroska, Windows Media, Ogg, Flash.
    ("video", re.compile(rb".{4}(?:ftyp|moov|mdat|wide|pnot|free|skip)|RIFF.{4}AVI |GIF8[79]a", re.DOTALL)),
    ("video", re.compile(rb"\x1aE\xdf\xa3|\x30\x26\xb2\x75\x8e\x66\xcf\x11|OggS|FLV\x01")),
    # MPEG: program, elementary and transport streams.
    ("video", re.compile(rb"\x00\x00\x01[\xba\xb3]|\x47.{187}\x47.{187}\x47", re.DOTALL)),
    ("document", re.compile(rb".{0,1019}?%PDF-", re.DOTALL)),
)
"""What files begin with."""
_VENDOR_SUFFIXES = (".e2e", ".fda", ".fds", ".img", ".oct", ".vol", ".sdb")
"""OCT devices whose files have no mark: Zeiss raw volumes, Optovue, Bioptigen."""


def kind_of(head: Buffer, name: str) -> Kind:
    """What kind of foreign file this is; nothing is decoded.

    Args:
        head: the file, or its beginning. A TIFF's directories often lie at its end: only the whole file tells its
            kind.
        name: its name, for makers' formats that have no mark. It is not kept.
    """
    begins = head[:_HEAD]
    if is_tiff(head) and not _MARKS[0][1].match(begins):
        return _tiff(head)
    for kind, mark in _MARKS:
        if mark.match(begins):
            return kind
    return "vendor" if name.lower().endswith(_VENDOR_SUFFIXES) else ""


def _tiff(head: Buffer) -> Kind:
    """A pyramid, equal pages, or a picture; the raw data of a camera are its maker's format."""
    found = pages(head)
    if any(page.raw for page in found):
        return "vendor"
    if any(page.pyramid for page in found) or (len(found) > 1 and any(page.tiled for page in found)):
        return "slide"
    whole = [page for page in found if not page.reduced]
    return "volume" if len(whole) > 1 and len({page.shape for page in whole}) == 1 else "photo"
