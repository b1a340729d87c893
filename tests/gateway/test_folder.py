from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pydicom
import pytest

from kaname.deid.keys import MasterKey
from kaname.errors import Refused
from kaname.gateway.folder import deidentify
from kaname.testing.data import real_ct_mr, real_file, test_data
from kaname.testing.objects import ct_slice, to_bytes

KEY = MasterKey(b"0123456789abcdef0123456789abcdef")


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its relative path."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def kaname(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs the command line."""
    return subprocess.run(
        [sys.executable, "-m", "kaname", *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_real_files(tmp_path: Path) -> None:
    """Every whole CT and MR file inside pydicom is cleaned or held beside its twin; pixels stay what they were."""
    files = real_ct_mr(distinct=True)
    results = list(deidentify(files, tmp_path, "j-mid", KEY))
    assert [r.outcome for r in results] == ["cleaned"] * len(files)
    for result, file in zip(results, files, strict=True):
        before, after = pydicom.dcmread(file), pydicom.dcmread(tmp_path / result.output)
        if before.file_meta.TransferSyntaxUID == after.file_meta.TransferSyntaxUID:
            assert before.PixelData == after.PixelData
        assert after.PatientID == Path(result.output).parts[0]


def test_processes_do_not_matter(tmp_path: Path) -> None:
    """Two processes make the same tree and the same report as one."""
    one = list(deidentify(real_ct_mr(distinct=True), tmp_path / "one", "basic", KEY))
    two = list(deidentify(real_ct_mr(distinct=True), tmp_path / "two", "basic", KEY, jobs=2))
    assert one == two
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_the_rest_goes_on(tmp_path: Path) -> None:
    """One bad file of each kind between good ones: each has its own reason, the good ones are cleaned."""
    source = tmp_path / "in"
    source.mkdir()
    (source / "1").write_bytes(to_bytes(ct_slice()))
    (source / "2").write_bytes(b"no")
    (source / "3").touch()
    (source / "4").write_bytes(to_bytes(ct_slice())[:-20])
    with zipfile.ZipFile(source / "5.zip", "w") as archive:
        archive.writestr("../x", b"no")
        archive.writestr("y", to_bytes(ct_slice(SOPInstanceUID="1.2.3.4.5.2")))
    (source / "6").write_bytes(to_bytes(ct_slice(KVP="80")))
    results = list(deidentify([source], tmp_path / "out", "basic", KEY))
    assert [(r.outcome, r.reason) for r in results] == [
        ("cleaned", ""),
        ("refused", "not-dicom"),
        ("refused", "empty-file"),
        ("refused", "truncated"),
        ("refused", "path-traversal"),
        ("cleaned", ""),
        ("held", "same-uid-other-bytes"),
    ]
    assert len(tree(tmp_path / "out")) == 2


def test_residual_identity_is_held(tmp_path: Path) -> None:
    """What the search after the crossing still finds is held, and nothing of it is left."""
    (tmp_path / "x").write_bytes(to_bytes(ct_slice(ManufacturerModelName="Model of YAMADA")))
    (result,) = deidentify([tmp_path / "x"], tmp_path / "out", "basic", KEY)
    assert (result.outcome, result.reason) == ("held", "identity-residual")
    assert tree(tmp_path / "out") == {}


def test_unknown_registry(tmp_path: Path) -> None:
    """Without a registry nothing is touched."""
    with pytest.raises(Refused, match="unknown-registry"):
        list(deidentify([tmp_path], tmp_path / "out", "nobody", KEY))


def test_command(tmp_path: Path) -> None:
    """The command reports per input, names no source in its output tree, and answers by exit code."""
    source = tmp_path / "Yamada Taro"
    source.mkdir()
    shutil.copyfile(real_file("CT_small.dcm"), source / "CT_Yamada.dcm")
    (tmp_path / "key").write_bytes(b"k" * 32)
    out, report = tmp_path / "out", tmp_path / "report.json"
    done = kaname("deid", source, "-o", out, "--key-file", tmp_path / "key", "--report", report, "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"cleaned": 1, "held": 0, "refused": 0, "reasons": {}})
    (row,) = json.loads(report.read_text())["inputs"]
    assert (row["outcome"], row["reason"]) == ("cleaned", "")
    assert row["actions"]["uid"] > 0
    assert report.stat().st_mode & 0o077 == 0
    assert not [name for name in tree(out) if "Yamada" in name or "CT" in name]
    (source / "x").touch()
    assert kaname("deid", source, "-o", out, "--key-file", tmp_path / "key").returncode == 1


@pytest.mark.parametrize("length", [None, 31])
def test_without_a_key(tmp_path: Path, length: int | None) -> None:
    """Without a key, or with a short one, nothing is touched and the exit code is 2."""
    key = [] if length is None else ["--key-file", tmp_path / "key"]
    if length is not None:
        (tmp_path / "key").write_bytes(b"k" * length)
    done = kaname("deid", real_file("CT_small.dcm"), "-o", tmp_path / "out", *key)
    assert done.returncode == 2
    assert ("key-missing" if length is None else "key-short") in done.stderr
    assert not (tmp_path / "out").exists()


def test_public_collection(tmp_path: Path) -> None:
    """Every file of the public collection is cleaned, held or refused with a reason: none crashes."""
    data = test_data()
    if data is None:
        pytest.skip("the public test data are not on this machine")
    results: list[Any] = list(deidentify([data / "dicom"], tmp_path, "basic", KEY))
    assert len(results) >= 226
    assert all(bool(r.reason) != (r.outcome == "cleaned") for r in results)
    assert sum(r.outcome == "cleaned" for r in results) >= 100


def test_unknown_registry_touches_nothing(tmp_path: Path) -> None:
    """An unknown registry is refused at the call, before a report or a folder is begun."""
    with pytest.raises(Refused, match="unknown-registry"):
        deidentify([tmp_path], tmp_path / "out", "none", KEY)
    assert not (tmp_path / "out").exists()


def test_held_takes_nothing_away(tmp_path: Path) -> None:
    """An object held for what it repeats leaves alone the same bytes that another one brought before."""
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (source / "1").write_bytes(to_bytes(ct_slice()))
    (source / "2").write_bytes(to_bytes(ct_slice(InstitutionName="ACME")))
    first, second = deidentify([source], out, "basic", KEY)
    assert first.outcome == "cleaned"
    assert second.outcome == "held"
    assert list(tree(out)) == [first.output]


def test_held_leaves_no_folder(tmp_path: Path) -> None:
    """Of an object that is held by the search nothing stays, no folder of its pseudonyms either."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1").write_bytes(to_bytes(ct_slice(InstitutionName="ACME", Manufacturer="acme")))
    (result,) = deidentify([tmp_path / "in"], tmp_path / "out", "basic", KEY)
    assert result.reason == "identity-residual"
    assert not list((tmp_path / "out").iterdir())
