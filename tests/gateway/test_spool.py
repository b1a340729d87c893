from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.deid.keys import MasterKey
from kaname.errors import Refused
from kaname.gateway import spool as spool_module
from kaname.gateway.spool import Spool

KEY = MasterKey(b"0123456789abcdef0123456789abcdef")


@given(st.binary(max_size=300))
def test_what_goes_in_comes_out(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Content of any length comes back as it went in, whatever the chunk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool_module, "_CHUNK_BYTES", 64)
        spool = Spool(tmp_path_factory.mktemp("spool"), KEY)
        assert spool.open(spool.put(content)).buffer == content


def test_nothing_is_readable(tmp_path: Path) -> None:
    """Neither names nor bytes of the spool show the content, and another key opens nothing."""
    spool = Spool(tmp_path, KEY)
    name = spool.put(b"Yamada Taro" * 10)
    assert spool.put(b"Yamada Taro" * 10) == name
    assert list(spool.names()) == [name]
    (file,) = (p for p in tmp_path.rglob("*") if p.is_file())
    assert b"Yamada" not in file.read_bytes()
    assert file.stat().st_mode & 0o077 == 0
    with pytest.raises(Refused, match="object-damaged"):
        Spool(tmp_path, MasterKey(b"x" * 32)).open(name)


def test_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed, cut or reordered file does not open."""
    monkeypatch.setattr(spool_module, "_CHUNK_BYTES", 16)
    spool = Spool(tmp_path, KEY)
    name = spool.put(b"0123456789abcdef" * 4)
    (file,) = (p for p in tmp_path.rglob("*") if p.is_file())
    whole = file.read_bytes()
    for broken in (
        b"",
        b"XXXX" + whole[4:],
        whole[:-32],
        whole[:-1],
        whole[:44] + whole[76:],
        whole[:20] + b"!" + whole[21:],
    ):
        file.write_bytes(broken)
        with pytest.raises(Refused, match="object-damaged"):
            spool.open(name)
    spool.delete(name)
    spool.delete(name)
    with pytest.raises(Refused, match="object-missing"):
        spool.open(name)


def test_the_same_from_many_sides(tmp_path: Path) -> None:
    """Content that comes by several associations at once is kept once and whole."""
    spool = Spool(tmp_path, KEY)
    content = b"Yamada Taro" * 100_000
    with ThreadPoolExecutor(8) as pool:
        (name,) = set(pool.map(lambda _: spool.put(content), range(32)))
    assert spool.open(name).buffer == content
    assert list(spool.names()) == [name]
