"""The header path of the crossing, beside peers, in one run: instances per second on one core.

    python benchmarks/deid_header.py [--instances 2000] [--rounds 5] [--core 0]

Corpus: CT slices of 525 KB (512×512×16 bit, uncompressed, about 260 elements, many private, a sequence), made from
a CT that ships with pydicom, each with its own UIDs. Rounds are interleaved; medians and the ratio to Kaname are
printed. Methods:

    kaname       kaname.deid.engine: full profile, SHA-256 of the output, no fsync
    walk         pydicom: read, walk every element with the same table, write
    anonymizer   dicom-anonymizer 2.1.0 with its newest table
    loop         read, SHA-256, write: what any tool must do at least
    copy         shutil.copyfile
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pydicom
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid

from kaname.deid.engine import Engine
from kaname.deid.identified import open_identified
from kaname.deid.keys import MasterKey
from kaname.dicom.standard import confidentiality
from kaname.registries import load

KEY = MasterKey(b"a benchmark's key, not a secret!")
Method = Callable[[Path, Path], object]


def make_corpus(folder: Path, instances: int) -> None:
    """Writes the corpus."""
    source = get_testdata_file("CT_small.dcm")
    assert isinstance(source, str)
    ds = pydicom.dcmread(source)
    ds.Rows = ds.Columns = 512
    pixels = bytearray(os.urandom(512 * 512 * 2))
    pixels[1::2] = bytes(b & 0x0F for b in pixels[1::2])
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "T-D4000", "SRT", "Abdomen"
    ds.AnatomicRegionSequence = Sequence([code])
    for number in range(instances):
        if number % 200 == 0:
            ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(), generate_uid()
            ds.PatientID = f"P{number:06d}"
        ds.SOPInstanceUID = generate_uid()
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        ds.InstanceNumber = str(number)
        ds.ImagePositionPatient = ["-158.1", "-179.0", f"{-75.7 - number * 1.25:.2f}"]
        ds.SliceLocation = f"{-77.2 - number * 1.25:.2f}"
        pixels[:4] = number.to_bytes(4, "little")
        ds.PixelData = bytes(pixels)
        ds["PixelData"].VR = "OW"
        ds.save_as(folder / f"{number:06d}.dcm")


def kaname() -> Method:
    """Our engine."""
    engine = Engine(load("j-mid"), KEY.for_registry("j-mid"), "bench")

    def treat(source: Path, target: Path) -> None:
        with open_identified(source) as identified:
            engine.cross(identified, target.parent)

    return treat


def walk() -> Method:
    """The object model of pydicom with the actions of the same table, nested data sets included."""
    rules = {tag: row.basic[0] for tag, row in confidentiality().items()}
    uids: dict[str, str] = {}

    def visit(ds: Dataset) -> None:
        for element in list(ds):
            tag = int(element.tag)
            action = rules.get(tag, "K")
            if element.tag.is_private or action == "X":
                del ds[element.tag]
            elif element.VR == "SQ":
                for item in element.value:
                    visit(item)
            elif action == "U":
                element.value = uids.setdefault(str(element.value), generate_uid())
            elif action in "ZD":
                element.value = None

    def treat(source: Path, target: Path) -> None:
        ds = pydicom.dcmread(source)
        visit(ds)
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        ds.save_as(target)

    return treat


def anonymizer() -> Method:
    """dicom-anonymizer, a peer."""
    from dicomanonymizer import anonymize_dicom_file

    def treat(source: Path, target: Path) -> None:
        anonymize_dicom_file(str(source), str(target))

    return treat


def loop() -> Method:
    """Read, hash, write."""

    def treat(source: Path, target: Path) -> None:
        data = source.read_bytes()
        hashlib.sha256(data).hexdigest()
        target.write_bytes(data)

    return treat


def copy() -> Method:
    """The file system's own speed."""
    return shutil.copyfile


METHODS: dict[str, Callable[[], Method]] = {
    "kaname": kaname,
    "walk": walk,
    "anonymizer": anonymizer,
    "loop": loop,
    "copy": copy,
}


def measure(make: Callable[[], Method], files: list[Path], out: Path) -> float:
    """Instances per second over all files."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    treat = make()
    began = time.perf_counter()
    for file in files:
        treat(file, out / file.name)
    return len(files) / (time.perf_counter() - began)


def main() -> None:
    """Runs every method in every round and prints the medians."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--instances", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--core", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    os.sched_setaffinity(0, {options.core})
    with tempfile.TemporaryDirectory() as place:
        corpus, out = Path(place) / "corpus", Path(place) / "out"
        corpus.mkdir()
        make_corpus(corpus, options.instances)
        files = sorted(corpus.iterdir())
        size = files[0].stat().st_size
        for make in METHODS.values():
            measure(make, files[:50], out)
        found: dict[str, list[float]] = {name: [] for name in METHODS}
        for _ in range(options.rounds):
            for name, make in METHODS.items():
                found[name].append(measure(make, files, out))
    print(f"{options.instances} CT of {size} bytes, one core, {options.rounds} rounds, medians")
    ours = statistics.median(found["kaname"])
    for name, rates in found.items():
        median = statistics.median(rates)
        spread = f"{min(rates):.0f}–{max(rates):.0f}"
        print(f"{name:11} {median:7.0f} instances/s  ({spread})  kaname is {ours / median:5.2f} ×")


if __name__ == "__main__":
    main()
