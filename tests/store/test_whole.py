"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from kaname.errors import NotYet
from kaname.store.whole import whole_file, whole_folder


def test_file_appears_at_the_end(tmp_path: Path) -> None:
    """A file stands at its name only after all of it was written."""
    target = tmp_path / "deep" / "file"
    with whole_file(target) as file:
        file.write(b"content")
        assert not target.exists()
    assert target.read_bytes() == b"content"
    assert [path.name for path in target.parent.iterdir()] == ["file"]


def test_failure_leaves_no_trace(tmp_path: Path) -> None:
    """What fails half-way leaves what stood there before, and no draft."""
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old").touch()
    with pytest.raises(ZeroDivisionError), whole_file(tmp_path / "file") as file:
        file.write(b"new" * (1 // 0))
    with pytest.raises(ZeroDivisionError), whole_folder(tmp_path / "folder") as folder:
        (folder / "new").write_bytes(b"new" * (1 // 0))
    assert (tmp_path / "file").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder", "old"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_is_not_yet(tmp_path: Path, number: int) -> None:
    """A full disk or quota is something to wait for."""
    with pytest.raises(NotYet, match="storage-full"), whole_file(tmp_path / "file"):
        raise OSError(number, "full")
    with pytest.raises(NotYet, match="storage-full"), whole_folder(tmp_path / "folder"):
        raise OSError(number, "full")
    assert list(tmp_path.iterdir()) == []


def test_other_failures_stay_what_they_are(tmp_path: Path) -> None:
    """An error that is no full disk is passed on as it is."""
    with pytest.raises(PermissionError), whole_file(tmp_path / "file"):
        raise PermissionError
    with pytest.raises(PermissionError), whole_folder(tmp_path / "folder"):
        raise PermissionError
