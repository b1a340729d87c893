"""At the gateway, which knows the identity: does any spelling of it stand in the bytes of a file?

Everything outside the pixel data of the top level is searched, padding, file meta information and whatever trails the
data set included. The bytes are asked once for all four-byte beginnings together; only what begins alike is compared.
"""

from __future__ import annotations

import mmap
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kaname.residual.edges import stands_alone
from kaname.residual.escapes import Folded, fold
from kaname.residual.forms import Forms
from kaname.residual.innocent import is_innocent
from kaname.residual.layout import (
    DEFLATED,
    Buffer,
    Layout,
    LayoutError,
    Span,
    attribute_name,
    find_pixels,
    read_layout,
    read_meta,
    value_text,
)
from kaname.residual.model import Finding
from kaname.residual.needles import Needle

_INFLATED_AT_MOST = 256 << 20
_LANES = 4


def search_file(path: Path, forms: Forms) -> tuple[Finding, ...]:
    """Findings of :func:`search_bytes` in a file; only what is searched is read."""
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            return ()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return search_bytes(data, forms)


def search_bytes(data: Buffer, forms: Forms) -> tuple[Finding, ...]:
    """Where a Part 10 file still names somebody.

    Args:
        data: the whole file. One whose structure cannot be read is searched from the first byte to the last, pixel
            data included.
        forms: what to look for, from :func:`kaname.residual.forms.known_forms`.

    Returns:
        One finding per kind of form, attribute and encoding, sorted; empty when nothing was found.
    """
    try:
        pixels = find_pixels(data)
    except LayoutError:
        places = _search(_Place(data[:], 0, None), forms)
        return _sorted([*places, *_search_deflated(data, forms)])
    if pixels is None:
        return _sorted(_search(_Place(data[:], 0, data), forms))
    before, after = pixels.value, pixels.end
    found = list(_search(_Place(data[:before], 0, data), forms))
    if after < len(data):
        found += _search(_Place(data[after:], after, data), forms)
    return _sorted(found)


def _sorted(found: list[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(set(found)))


def _search_deflated(data: Buffer, forms: Forms) -> Iterator[Finding]:
    """Searches inside a deflated data set (PS3.5 section A.5); one that cannot be inflated is a finding."""
    try:
        meta = read_meta(data)
        if value_text(data, meta, 0x00020010) != DEFLATED:
            return
        opener = zlib.decompressobj(-zlib.MAX_WBITS)
        body = opener.decompress(data[meta[-1].end :], _INFLATED_AT_MOST)
    except LayoutError:
        return
    except zlib.error:
        yield Finding("unreadable", "bytes", "deflated")
        return
    if opener.unconsumed_tail:
        yield Finding("unreadable", "bytes", "deflated")
    yield from _search(_Place(body, 0, None), forms)


@dataclass(slots=True)
class _Place:
    """A stretch of bytes to search, and where it lies."""

    data: bytes
    offset: int
    whole: Buffer | None
    """The file around it; ``None`` where its structure cannot be read."""
    _layout: Layout | None = field(default=None)

    def layout(self) -> Layout | None:
        """The elements of the file at every depth; ``None`` where they cannot be read."""
        if self.whole is None:
            return None
        if self._layout is None:
            try:
                self._layout = read_layout(self.whole)
            except LayoutError:
                self.whole = None
        return self._layout

    def element(self, offset: int, size: int) -> tuple[Span, bytes] | None:
        """The element whose value holds the stretch wholly, with that value."""
        layout = self.layout()
        if layout is None or self.whole is None:
            return None
        start = self.offset + offset
        for span in (*layout.meta, *layout.spans):
            if span.value <= start and start + size <= span.end:
                return span, self.whole[span.value : span.end]
        return None


def _search(place: _Place, forms: Forms) -> list[Finding]:
    found = _findings(place, place.data.lower(), forms, None)
    folded = fold(place.data)
    if folded is not None:
        found += _findings(place, folded.data.lower(), forms, folded)
    return found


def _findings(place: _Place, hay: bytes, forms: Forms, folded: Folded | None) -> list[Finding]:
    """Findings in lower-cased bytes: those of the place itself, or with its escape sequences folded.

    What an escape sequence announced is text, never chance.
    """
    found: list[Finding] = []
    for needle in _beginning_here(hay, forms):
        start = hay.find(needle.pattern)
        while start >= 0:
            if stands_alone(hay, start, needle):
                found += _judge(place, needle, start, folded)
            start = hay.find(needle.pattern, start + 1)
    return found


def _judge(place: _Place, needle: Needle, start: int, folded: Folded | None) -> Iterator[Finding]:
    """The finding of one hit, none where it is innocent or stands in the original as well."""
    size = len(needle.pattern)
    if folded is not None and not folded.is_announced(start, start + size):
        return
    element = place.element(start if folded is None else folded.origin(start), size)
    if folded is not None or element is None or not is_innocent(needle, *element):
        name = attribute_name((*element[0].path, element[0].tag)) if element else "bytes"
        yield Finding(needle.kind, name, needle.encoding if folded is None else "iso2022_jp")


def _beginning_here(hay: bytes, forms: Forms) -> Iterator[Needle]:
    """Needles whose first four bytes stand somewhere, and all shorter ones."""
    grams: set[int] = set()
    for lane in range(min(_LANES, len(hay))):
        words = memoryview(hay)[lane : lane + (len(hay) - lane) // _LANES * _LANES].cast("I").tolist()
        if not forms.grams.isdisjoint(words):
            grams |= forms.grams.intersection(words)
    for gram in grams:
        yield from forms.by_gram[gram]
    if forms.short_pattern is not None:
        for three in {hay[m.start() : m.start() + 3] for m in forms.short_pattern.finditer(hay)}:
            yield from forms.short[three]
