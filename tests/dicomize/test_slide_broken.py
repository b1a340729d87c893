"""What is no whole slide is told by its reason; nothing else is ever raised."""

from __future__ import annotations

import random
import struct
import time
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaname.dicomize.header import Examination
from kaname.dicomize.slide import WHOLE_SLIDE, slide
from kaname.errors import KanameError, NotYet, Refused
from kaname.testing.pyramid import Directory, stripped, text, tiled, written

TILE = 64
EXAMINATION = Examination("PN-1", accession="AN-1")
PICTURE = np.random.default_rng(1).integers(0, 255, (160, 200, 3), np.uint8)
BASE = tiled(PICTURE, TILE)
SMALL = tiled(PICTURE[::2, ::2], TILE)
SHORT, LONG = 3, 4


def objects(*chain: Directory) -> list[bytes]:
    """What a file of these directories becomes."""
    return list(slide(written(chain), EXAMINATION, WHOLE_SLIDE))


def with_tag(directory: Directory, tag: int, *values: int, kind: int = LONG) -> Directory:
    """The directory with other values in a tag."""
    return replace(directory, tags={**directory.tags, tag: (kind, values)})


def with_first_tile(piece: bytes) -> Directory:
    """The base with another first tile."""
    return replace(BASE, pieces=(piece, *BASE.pieces[1:]))


def plain(picture: np.ndarray, compression: int, predictor: int = 1) -> Directory:
    """A picture of tiles that are no JPEG."""
    rows, columns = picture.shape[:2]
    whole = np.zeros((-(-rows // TILE) * TILE, -(-columns // TILE) * TILE, 3), np.uint8)
    whole[:rows, :columns] = picture
    pieces: list[bytes] = []
    for top in range(0, rows, TILE):
        for left in range(0, columns, TILE):
            tile = whole[top : top + TILE, left : left + TILE]
            raw = np.diff(tile, axis=1, prepend=np.uint8(0)).tobytes() if predictor == 2 else tile.tobytes()
            pieces.append(raw if compression == 1 else zlib.compress(raw))
    tags: dict[int, tuple[int, bytes | tuple[int, ...]]] = {
        258: (SHORT, (8, 8, 8)),
        259: (SHORT, (compression,)),
        262: (SHORT, (2,)),
        277: (SHORT, (3,)),
        317: (SHORT, (predictor,)),
    }
    return Directory(columns, rows, tags, tuple(pieces), TILE)


@pytest.mark.parametrize(("compression", "predictor"), [(1, 1), (8, 1), (8, 2), (32946, 2)])
def test_tiles_that_are_no_jpeg_become_plain_pixels(compression: int, predictor: int) -> None:
    """Uncompressed and deflated tiles, differences of neighbours undone, leave without a loss."""
    (made,) = objects(plain(PICTURE, compression, predictor))
    assert PICTURE[:TILE, :TILE].tobytes() in made
    assert made.endswith(np.pad(PICTURE[128:, 192:], ((0, 32), (0, 56), (0, 0))).tobytes())


def test_a_grey_slide_stays_grey() -> None:
    """One sample a pixel: no colours, no colour profile."""
    grey = PICTURE[:TILE, :TILE, 0]
    tags: dict[int, tuple[int, bytes | tuple[int, ...]]] = {
        258: (SHORT, (8,)),
        259: (SHORT, (1,)),
        262: (SHORT, (1,)),
        277: (SHORT, (1,)),
    }
    (made,) = objects(Directory(TILE, TILE, tags, (grey.tobytes(),), TILE))
    assert made.endswith(grey.tobytes())
    assert b"MONOCHROME2" in made
    assert b"acsp" not in made


def test_a_tile_may_have_fill_bytes_between_its_segments() -> None:
    """Any marker may be preceded by bytes of FF (T.81, section B.1.1.2)."""
    (made,) = objects(with_first_tile(BASE.pieces[0][:2] + b"\xff\xff" + BASE.pieces[0][2:]))
    (plain_one,) = objects(BASE)
    pixels = b"\xe0\x7f\x10\0OB"
    assert made[made.index(pixels) :] == plain_one[plain_one.index(pixels) :]


@pytest.mark.parametrize(
    "chain",
    [
        (stripped(PICTURE),),
        (replace(BASE, pieces=BASE.pieces[:-1]),),
        (with_first_tile(b""),),
        (with_first_tile(b"\0" * 64),),
        (with_first_tile(BASE.pieces[0][:-2]),),
        (with_first_tile(BASE.pieces[0][:40]),),
        (with_first_tile(tiled(PICTURE, 32).pieces[0]),),
        (with_tag(BASE, 257, 0),),
        (with_tag(BASE, 256, 65535),),
        (with_tag(BASE, 322, 1 << 20),),
        (with_tag(BASE, 325, *([1 << 31] * 12)),),
        (BASE, with_tag(tiled(PICTURE[:30, :150], TILE), 254, 1)),
        (replace(BASE, below=(tiled(PICTURE[:30, :150], TILE),)),),
        (BASE, BASE),
        (replace(plain(PICTURE, 8), pieces=(zlib.compress(b"\0" * 10),) * 12),),
        (replace(plain(PICTURE, 8), pieces=(b"nothing deflated",) * 12),),
        (replace(plain(PICTURE, 8), pieces=(zlib.compress(bytes(1 << 22)),) * 12),),
    ],
)
def test_a_broken_pyramid_is_refused(chain: tuple[Directory, ...]) -> None:
    """Tiles missing, cut, of another size or outside the file; levels that are none; claims that no tile backs."""
    with pytest.raises(Refused, match="slide-broken"):
        objects(*chain)


@pytest.mark.parametrize(
    "chain",
    [
        (with_tag(BASE, 259, 5, kind=SHORT),),
        (with_tag(BASE, 259, 33003, kind=SHORT),),
        (with_tag(BASE, 258, 16, 16, 16, kind=SHORT),),
        (with_tag(BASE, 284, 2, kind=SHORT),),
        (with_tag(BASE, 277, 4, kind=SHORT),),
        (with_first_tile(BASE.pieces[0].replace(b"\xff\xc0", b"\xff\xc2")),),
    ],
)
def test_a_slide_in_another_coding_waits(chain: tuple[Directory, ...]) -> None:
    """LZW, JPEG 2000, 16 bits, colours apart, four samples, progressive JPEG: kept until they can be read."""
    with pytest.raises(NotYet, match="slide-compression"):
        objects(*chain)


def test_a_claim_of_more_pixels_than_fit_is_refused_unread() -> None:
    """Thirty deflated tiles of 4096 by 4096 pixels would be 1.5 GB: told by the header alone."""
    tile, made = 4096, plain(PICTURE, 8)
    tags = {**made.tags, 323: (LONG, (tile,))}
    with pytest.raises(Refused, match="too-large"):
        objects(Directory(tile * 5, tile * 6, tags, made.pieces[:1] * 30, tile))


def test_a_broken_tile_of_the_smallest_level_holds_the_whole_slide() -> None:
    """No object is given before every tile of every level has been walked through."""
    given = slide(written([BASE, replace(SMALL, pieces=(*SMALL.pieces[:-1], b"\0" * 9))]), EXAMINATION, WHOLE_SLIDE)
    with pytest.raises(Refused, match="slide-broken"):
        next(given)


def test_a_scanners_own_format_waits() -> None:
    """Hamamatsu's files begin like a TIFF and are none."""
    with pytest.raises(NotYet, match="vendor-format"):
        objects(with_tag(BASE, 65420, 1))


@pytest.mark.parametrize("data", [b"", b"II*\0", b"II*\0\xff\xff\xff\xff", b"not a TIFF at all", b"II+\0" + bytes(20)])
def test_what_is_no_slide_is_refused(data: bytes) -> None:
    """Nothing to read."""
    with pytest.raises(Refused, match="slide-broken"):
        list(slide(data, EXAMINATION, WHOLE_SLIDE))


def test_a_chain_in_a_circle_ends() -> None:
    """The second directory leads back to the first: each is read once."""
    data = bytearray(written([BASE, SMALL]))
    first = struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<H", data, first)[0]
    second = struct.unpack_from("<I", data, first + 2 + 12 * entries)[0]
    entries = struct.unpack_from("<H", data, second)[0]
    struct.pack_into("<I", data, second + 2 + 12 * entries, first)
    assert len(list(slide(bytes(data), EXAMINATION, WHOLE_SLIDE))) == 2


@pytest.mark.parametrize("word", ["label", "Macro", "OVERVIEW", "thumbnail", "a barcode"])
def test_a_picture_of_the_label_is_no_level_even_in_the_shape_of_one(word: str) -> None:
    """A tiled label of exactly half the size is told by its title."""
    title = text(f"Scanner v1 \r\n{word} 100x80|Barcode = 1")
    assert len(objects(BASE, replace(SMALL, tags={**SMALL.tags, 270: title}))) == 1
    assert len(objects(BASE, replace(SMALL, tags={**SMALL.tags, 270: text(f"level 2|{word} = none")}))) == 2


def test_other_pictures_are_left_out() -> None:
    """A tiled picture of another shape that does not call itself smaller is none of this slide."""
    assert len(objects(BASE, tiled(PICTURE[:30, :150], TILE), SMALL)) == 2


def test_comments_in_a_tile_stay_behind() -> None:
    """A stream's comment and application segments may say anything; the frame has Adobe's marker alone."""
    said = b"\xff\xfe\0\x0bTANAKA TA\xff\xe1\0\x0aExif TAR"
    (made,) = objects(with_first_tile(BASE.pieces[0][:2] + said + BASE.pieces[0][2:]))
    assert b"TANAKA" not in made
    assert b"Exif" not in made
    assert made.count(b"Adobe") == len(BASE.pieces)


def test_a_tile_ends_where_its_picture_ends() -> None:
    """What lies behind the end of a tile's picture is not copied."""
    (made,) = objects(with_first_tile(BASE.pieces[0] + b"TANAKA TARO"))
    assert b"TANAKA" not in made


def same_bytes(levels: int, tiles_across: int) -> bytes:
    """Levels one pixel smaller than the one before, of tiles that all are the same few bytes of the file."""
    piece, tables = BASE.pieces[0], BASE.tags[347][1]
    assert isinstance(tables, bytes)
    count = tiles_across * tiles_across
    shared = len(piece) + len(tables) + 8
    out = bytearray(b"II*\0" + bytes(4) + piece + tables)
    out += struct.pack(f"<{count}I", *[8] * count) + struct.pack(f"<{count}I", *[len(piece)] * count)
    link = 4
    for level in range(levels):
        struct.pack_into("<I", out, link, len(out))
        edge = TILE * tiles_across - level
        values = {256: edge, 257: edge, 259: 7, 262: 6, 277: 3, 322: TILE, 323: TILE}
        entries = [struct.pack("<HHII", tag, LONG, 1, value) for tag, value in values.items()]
        entries.append(struct.pack("<HHI4B", 258, 1, 3, 8, 8, 8, 0))
        entries.append(struct.pack("<HHII", 324, LONG, count, shared))
        entries.append(struct.pack("<HHII", 325, LONG, count, shared + 4 * count))
        entries.append(struct.pack("<HHII", 347, 7, len(tables), 8 + len(piece)))
        out += struct.pack("<H", len(entries)) + b"".join(entries)
        link = len(out)
        out += bytes(4)
    return bytes(out)


def test_tiles_may_share_their_bytes() -> None:
    """A writer that stores a white tile once is read."""
    assert len(list(slide(same_bytes(2, 2), EXAMINATION, WHOLE_SLIDE))) == 2


@pytest.mark.parametrize(("levels", "tiles_across"), [(2, 40), (60, 4), (1, 1500)])
def test_a_small_file_becomes_no_large_one(levels: int, tiles_across: int) -> None:
    """Tiles, or levels, that point at the same bytes over and over are no slide: told before a tile is read."""
    began = time.process_time()
    with pytest.raises(Refused, match="slide-broken"):
        list(slide(same_bytes(levels, tiles_across), EXAMINATION, WHOLE_SLIDE))
    assert time.process_time() - began < 5


def test_all_levels_together_are_bounded() -> None:
    """Three levels of deflated tiles, each below the limit, are together above it."""
    tile, made = 4096, plain(PICTURE, 8)
    tags = {**made.tags, 323: (LONG, (tile,))}
    wide = [Directory(tile * 3 - n, tile * 3 - n, tags, made.pieces[:1] * 9, tile) for n in range(3)]
    with pytest.raises(Refused, match="too-large"):
        objects(*wide)


def test_tables_that_hold_more_than_tables_are_none() -> None:
    """Tables go in front of every tile: there is no room in them for anything else."""
    tables = BASE.tags[347][1]
    assert isinstance(tables, bytes)
    filled = tables[:-2] + b"\xff\xdd\x0f\xff" + b"TANAKA".ljust(4093) + b"\xff\xd9"
    with pytest.raises(Refused, match="slide-broken"):
        objects(replace(BASE, tags={**BASE.tags, 347: (7, filled)}))


WHOLE = written([BASE, SMALL])


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_no_damage_raises_anything_but_a_reason(data: st.DataObject) -> None:
    """Bytes changed anywhere, or the file cut: a slide comes out, or a reason why none does."""
    rng = random.Random(data.draw(st.integers(0, 1 << 30)))  # noqa: S311 - damage, not secrecy
    damaged = bytearray(WHOLE)
    for _ in range(rng.randint(1, 6)):
        damaged[rng.randrange(len(damaged)) if rng.random() < 0.5 else -rng.randrange(1, 900)] = rng.randrange(256)
    cut = len(damaged) if rng.random() < 0.7 else rng.randrange(len(damaged))
    known = {"", "slide-broken", "slide-compression", "vendor-format", "too-large"}
    try:
        said = "" if list(slide(bytes(damaged[:cut]), EXAMINATION, WHOLE_SLIDE)) else "nothing"
    except KanameError as error:
        said = error.code
    assert said in known
