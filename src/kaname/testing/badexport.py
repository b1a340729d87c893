"""What departments export and should not: one bad file per way of being bad, each with what should become of it.

The table beside them names every file, so that nothing but the file itself is at fault.
"""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kaname.testing.badinput import PASSES, BadInput
from kaname.testing.clip import FRAME_TICKS, Around, made, shipped, titled
from kaname.testing.export import Examined, Made, Wording, write_export
from kaname.testing.hospital import invent_visit
from kaname.testing.personas import personas, site
from kaname.testing.photo import Camera
from kaname.testing.plant import Visit
from kaname.testing.scenery import retina, skin
from kaname.testing.slides import Scan, slide

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

REGISTRY = "nsdd"
"""The registry that such an export is meant for: one that takes photographs and videos."""
SLIDES = "jp-aid"
"""The one that takes slides."""
ROWS, COLUMNS = 96, 128
_HUGE = 65535
_SCRIPT = """%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R/OpenAction 3 0 R>>endobj
2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj
3 0 obj<</S/JavaScript/JS(app.alert\\('DAMEDA'\\))>>endobj
trailer<</Root 1 0 R>>
%%EOF
"""


@dataclass(frozen=True, slots=True)
class _Bad:
    ending: str
    data: Callable[[Visit], bytes]
    reasons: tuple[str, ...]


def make_bad_exports(folder: Path, registry: str = REGISTRY) -> dict[str, BadInput]:
    """Writes a department's export of bad files, and good ones among them; returns the files by name.

    Each is named by a row of its own. The same call gives the same bytes.

    Args:
        folder: made if absent.
        registry: whom it is meant for: :data:`REGISTRY`, or :data:`SLIDES` for slides alone.
    """
    rng, place, (persona,) = random.Random("bad exports"), site(1), personas(7, 1)
    files, item, word, code = _EXPORTS[registry]
    examined: list[Examined] = []
    for name, bad in files.items():
        visit = invent_visit(rng, persona, place)
        examined.append(Examined(visit, (Made(name + bad.ending, bad.data(visit), ()),), {item: word}, "前腕"))
    key = write_export(folder, examined, {item: Wording(item, {word: code})})
    return {
        name: BadInput(folder / file.path, frozenset(bad.reasons))
        for file, (name, bad) in zip(key.files, files.items(), strict=True)
    }


def _picture(visit: Visit) -> NDArray[np.uint8]:
    return skin(int(visit.accession[3:]), ROWS, COLUMNS)


def _turned(orientation: int) -> Callable[[Visit], bytes]:
    return lambda visit: Camera(visit, orientation).jpeg(_picture(visit))


def _claims_huge_jpeg(visit: Visit) -> bytes:
    """The frame header says 65535 by 65535."""
    data = Camera(visit).jpeg(_picture(visit))
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">2H", _HUGE, _HUGE) + data[at + 4 :]


def _claims_huge_png(_: Visit) -> bytes:
    head = struct.pack(">2I5B", _HUGE, _HUGE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(64))), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(value)) + kind + value + struct.pack(">I", zlib.crc32(kind + value))
        for kind, value in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def _sections(visit: Visit) -> bytes:
    return Camera(visit).tiff(list(retina(1, 3, 64, 96)))


def _clip(visit: Visit) -> bytes:
    return titled(shipped(), {"©nam": visit.persona.name.romaji[0]})


def _uneven(visit: Visit) -> bytes:
    return made([_picture(visit)] * 2, 4, ticks=(FRAME_TICKS, 3 * FRAME_TICKS, 700))


def _claims_hevc(visit: Visit) -> bytes:
    return made([_picture(visit)], 2, codec="hvc1", around=Around({"©nam": "DAMEDA"}))


def _cut(data: Callable[[Visit], bytes], part: int) -> Callable[[Visit], bytes]:
    """So many hundredths of it."""
    return lambda visit: (whole := data(visit))[: len(whole) * part // 100]


def _polyglot(visit: Visit) -> bytes:
    """A photograph, and behind its end an archive with a program in it."""
    return Camera(visit).jpeg(_picture(visit)) + b"PK\3\4" + b"DAMEDA.exe MZ\x90\0" * 8


def _slide(visit: Visit) -> bytes:
    return slide(visit, random.Random("bad slide"), Scan(size=512)).data


def _hollow(visit: Visit) -> bytes:
    """A quarter of its tiles is gone, its directories are whole."""
    data = _slide(visit)
    quarter = len(data) // 4
    return data[:quarter] + bytes(quarter) + data[2 * quarter :]


_SLIDES: Mapping[str, _Bad] = {
    "good-slide": _Bad(".svs", _slide, (PASSES,)),
    "broken-pyramid": _Bad(".svs", _hollow, ("slide-broken",)),
}
_FILES: Mapping[str, _Bad] = {
    "good": _Bad(".jpg", _turned(1), (PASSES,)),
    "turned-with-place": _Bad(".jpg", _turned(6), (PASSES,)),
    "mirrored": _Bad(".jpg", _turned(5), (PASSES,)),
    "polyglot": _Bad(".jpg", _polyglot, (PASSES, "photo-broken")),
    "good-clip": _Bad(".mp4", _clip, (PASSES,)),
    "uneven-clip": _Bad(".mp4", _uneven, (PASSES,)),
    "photo-named-clip": _Bad(".mp4", _turned(1), (PASSES,)),
    "empty": _Bad(".jpg", lambda _: b"", ("empty-file",)),
    "cut": _Bad(".jpg", _cut(_turned(1), 60), ("photo-broken",)),
    "claims-65535-jpeg": _Bad(".jpg", _claims_huge_jpeg, ("too-large", "photo-broken")),
    "claims-65535-png": _Bad(".png", _claims_huge_png, ("too-large", "photo-broken")),
    "empty-clip": _Bad(".mp4", lambda _: made([]), ("video-empty", "video-broken")),
    "cut-clip": _Bad(".mp4", _cut(_clip, 70), ("video-broken",)),
    "claims-hevc": _Bad(".mp4", _claims_hevc, ("video-decoder-missing", "video-broken")),
    "script": _Bad(".pdf", lambda _: _SCRIPT.encode(), ("pdf-active",)),
    "vendor-oct": _Bad(".e2e", lambda _: b"CMDb" + bytes(60) + "DAMEDA".encode("utf-16-le"), ("vendor-format",)),
    "vendor-fda": _Bad(".fda", lambda _: b"FOCTFDA" + bytes(64), ("vendor-format",)),
    "sections": _Bad(".tif", _sections, ("source-not-accepted",)),
}
_EXPORTS: Mapping[str, tuple[Mapping[str, _Bad], str, str, str]] = {
    REGISTRY: (_FILES, "capture", "臨床写真", "clinical"),
    SLIDES: (_SLIDES, "stain", "HE染色", "HE"),
}
"""Files, and one item with a word of the department and its code, by registry."""
