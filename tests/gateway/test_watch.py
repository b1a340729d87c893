"""Watched folders: only what stands still is taken, exports whole, and everything is moved aside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kaname.errors import NotYet, Refused
from kaname.gateway import watch
from kaname.gateway.flow import WATCH, Journey, register
from kaname.gateway.hospital import Hospital
from kaname.gateway.status import status
from kaname.gateway.watch import take_watched, watched_waiting
from kaname.testing.department import make_department
from kaname.work import Work

from .hospitals import make_gateway, records, slice_file, states, table_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A watched folder."""
    place = tmp_path / "watched"
    place.mkdir()
    return place


@pytest.fixture
def hospital(tmp_path: Path, folder: Path) -> Hospital:
    """A gateway that watches it for J-MID."""
    return make_gateway(tmp_path, watched=(f"j-mid={folder}",))


def look(hospital: Hospital) -> int:
    """One look by which a file is still that looks as it did at the look before, however short ago."""
    return take_watched(hospital, still_seconds=0)


def tree(folder: Path) -> set[str]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() or path.is_symlink()}


def test_only_what_stands_still(hospital: Hospital, folder: Path) -> None:
    """A file is taken at the second look that sees it alike; one that grew is looked at again."""
    first, second = slice_file(folder, "1"), slice_file(folder / "deep", "2")
    assert look(hospital) == 0
    whole = second.read_bytes()
    second.write_bytes(whole[:-4])
    assert look(hospital) == 1
    second.write_bytes(whole)
    assert look(hospital) == 0
    assert look(hospital) == 1
    assert tree(folder) == {".done/1.dcm", ".done/deep/2.dcm"}
    assert states(hospital) == [("received", "")] * 2
    assert not first.exists()
    assert look(hospital) == 0


def test_only_what_stood_still_long_enough(hospital: Hospital, folder: Path) -> None:
    """By default two looks right after each other are not enough."""
    slice_file(folder, "1")
    assert [take_watched(hospital) for _ in range(3)] == [0, 0, 0]
    assert watched_waiting(hospital) == ()


def test_what_was_held_lies_apart(hospital: Hospital, folder: Path) -> None:
    """What is refused or held goes to a folder of its own; hidden files stay; a link is not followed."""
    (folder / "note.txt").write_text("hello")
    (folder / ".part").write_text("being written")
    (folder / "link").symlink_to("/etc/passwd")
    slice_file(folder, "1")
    look(hospital)
    assert look(hospital) == 3
    assert tree(folder) == {".part", ".done/1.dcm", ".held/note.txt", ".held/link"}


def test_a_name_that_comes_again(hospital: Hospital, folder: Path) -> None:
    """A file of a name that came before does not replace the one that was moved aside."""
    for _ in range(3):
        slice_file(folder, "1")
        look(hospital)
        assert look(hospital) == 1
    assert tree(folder) == {".done/1.dcm", ".done/1.dcm.1", ".done/1.dcm.2"}
    assert states(hospital) == [("received", "")]


def test_an_export_is_taken_whole(hospital: Hospital, folder: Path) -> None:
    """As long as one file of a department's export changes nothing of it is taken; files beside it are."""
    export = folder / "export"
    slice_file(export / "images", "1")
    slice_file(export / "images", "2", accession="A-2", patient="P2")
    table_file(export, ("A-1", "12345"), ("A-3", "P3"))
    slice_file(folder, "3", accession="A-4", patient="P4")
    look(hospital)
    os.utime(export / "images" / "2.dcm", ns=(1, 1))
    assert look(hospital) == 1
    assert states(hospital) == [("received", "")]
    assert look(hospital) == 3
    assert states(hospital) == [("held", "image-without-record"), ("received", ""), ("received", "")]
    assert records(hospital) == [("linked", ""), ("waiting", "record-without-image")]
    assert tree(folder) == {
        ".done/3.dcm",
        ".done/export/table.csv",
        ".done/export/images/1.dcm",
        ".held/export/images/2.dcm",
    }


def test_an_export_beyond_the_number_of_one_look(
    hospital: Hospital, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of loose files so many are taken at once, but an export that was begun is taken to its end."""
    monkeypatch.setattr(watch, "FILES_AT_ONCE", 2)
    for number in "1234":
        slice_file(folder / "z", number)
        slice_file(folder / "export", number)
    table_file(folder / "export", ("A-1", "12345"))
    look(hospital)
    assert [look(hospital) for _ in range(4)] == [5, 2, 2, 0]


def test_cut_off_on_the_way(hospital: Hospital, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that ends between taking in and moving aside finds what it took, and moves it the next time."""
    slice_file(folder / "export", "1")
    table_file(folder / "export", ("A-1", "12345"))
    look(hospital)
    with monkeypatch.context() as patch:
        patch.setattr(watch, "_move", lambda *_: exec("raise KeyboardInterrupt"))  # noqa: S102 - as Ctrl-C does
        with pytest.raises(KeyboardInterrupt):
            look(hospital)
    assert states(hospital) == [("received", "")]
    assert look(hospital) == 2
    assert (states(hospital), records(hospital)) == ([("received", "")], [("linked", "")])
    assert len(tree(folder / ".done")) == 2


def test_a_department(tmp_path: Path, folder: Path) -> None:
    """The export of a synthetic echo room comes in with its rows; its mapping is moved along."""
    hospital = make_gateway(tmp_path, watched=(f"jsum={folder}",))
    key = make_department(folder / "export", patients=1)
    look(hospital)
    assert look(hospital) == len(key.images) + 2
    assert records(hospital) == [("linked", ""), ("waiting", "record-without-image")]
    assert {state for state, _ in states(hospital)} == {"received"}
    assert not [path for path in tree(folder) if not path.startswith(".done")]


def test_a_folder_that_cannot_be_used(tmp_path: Path, folder: Path) -> None:
    """A folder that is gone is told; the others are taken from all the same."""
    hospital = make_gateway(tmp_path, watched=(f"j-mid={tmp_path / 'gone'}", f"j-mid={folder}"))
    slice_file(folder, "1")
    look(hospital)
    assert look(hospital) == 1
    assert states(hospital) == [("received", "")]
    assert status(hospital)["watched"] == [
        {"registry": "j-mid", "usable": False},
        {"registry": "j-mid", "usable": True},
    ]


@pytest.mark.parametrize(
    ("line", "reason"), [("/x", "settings-invalid"), ("j-mid=x", "settings-invalid"), ("nobody=/x", "unknown-registry")]
)
def test_a_folder_that_is_named_wrongly(tmp_path: Path, line: str, reason: str) -> None:
    """A line that names no registry or no absolute path is refused before the worker starts."""
    hospital = make_gateway(tmp_path, watched=(line,))
    with pytest.raises(Refused, match=reason):
        register(Work(f"sqlite:///{tmp_path / 'work.sqlite'}", "facility-1"), hospital)


def test_a_file_that_cannot_be_moved(hospital: Hospital, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was taken in but cannot be moved aside is told, and moved once that is possible."""
    slice_file(folder, "1")
    look(hospital)

    def stuck(*_: object) -> None:
        raise PermissionError

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", stuck)
        with pytest.raises(NotYet, match="watched-unusable"):
            look(hospital)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "iterdir", stuck)
        with pytest.raises(NotYet, match="watched-unusable"):
            look(hospital)
    assert look(hospital) == 1
    assert states(hospital) == [("received", "")]


def test_the_worker_is_told_when_something_is_ready(hospital: Hospital, folder: Path) -> None:
    """What is ready has an id of its own, the same until it is taken; the flow takes it."""
    slice_file(folder, "1")
    assert watched_waiting(hospital, still_seconds=0) == ()
    (first,) = watched_waiting(hospital, still_seconds=0)
    assert watched_waiting(hospital, still_seconds=0) == (first,)
    with watch._turn(hospital, wait=True):  # while another look takes it
        assert watched_waiting(hospital, still_seconds=0) == ()
    assert WATCH == "watch"
    assert look(hospital) == 1
    assert watched_waiting(hospital, still_seconds=0) == ()
    assert Journey(hospital).take_watched(lambda step: step(), first) == {"files": 0}
