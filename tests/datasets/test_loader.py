from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from kaname.annotation.flow import cases
from kaname.annotation.model import Sought
from kaname.archive.flow import shelve
from kaname.archive.shelf import index_key
from kaname.datasets.flow import content, freeze
from kaname.datasets.loader import LIST, Loader, Packs, Sample, index_file, pack_file
from kaname.datasets.model import SPLITS
from kaname.datasets.mount import mount
from kaname.errors import Refused
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.pack import FrameRef, SeriesIndex, pack_key
from kaname.testing.deliveries import Facility, series


def told(samples: Iterator[Sample]) -> list[tuple[object, ...]]:
    """Samples as what can be compared."""
    return [(s.sop_instance_uid, s.frame, s.subject, s.split, s.label, s.pixels.tobytes()) for s in samples]


def test_a_sample_is_a_frame_with_its_label(read_hub: Node) -> None:
    """Values are Hounsfield units of single precision, and the label is the one that the readers settled on."""
    made = freeze(read_hub, "lungs", "j-mid", task="nodules")
    loader = Loader.of(read_hub, made)
    samples = list(loader)
    labels = {case.sop_instance_uid: case.verdict.label for case in cases(read_hub, "nodules", Sought("settled"))}
    splits = {row.subject: row.split for row in content(read_hub, made).splits}
    assert {sample.sop_instance_uid: sample.label for sample in samples} == labels
    assert all(sample.split == splits[sample.subject] for sample in samples)
    assert loader.classes == ("absent", "present")
    for sample in samples:
        assert (sample.pixels.dtype, sample.pixels.shape) == (np.dtype("float32"), (8, 8))
        assert set(np.unique(sample.pixels)) <= {-998.0, -996.0}, "slices of ones or twos, times 2, less 1000"


def test_the_order_is_that_of_the_uids(read_hub: Node) -> None:
    """Twice the same, by Study and Series, then SOP Instance UID: nothing of the order in which anything arrived."""
    made = freeze(read_hub, "all", "j-mid")
    uids = [sample.sop_instance_uid for sample in Loader.of(read_hub, made)]
    assert uids == [sample.sop_instance_uid for sample in Loader.of(read_hub, made)]
    places = {
        case.sop_instance_uid: (case.study_instance_uid, case.series_instance_uid, case.sop_instance_uid)
        for state in ("open", "settled")
        for case in cases(read_hub, "nodules", Sought(state))
    }
    assert uids == sorted(places, key=lambda uid: places[uid])


def test_without_a_task_every_frame_is_a_sample(read_hub: Node, facility: Facility) -> None:
    """Also each frame of a multi-frame object, in their order, without a label."""
    two = series("P-00", study=40, slices=(1,), NumberOfFrames="2", Rows=4)
    two[0].PixelData = bytes((1, 0)) * 32 + bytes((2, 0)) * 32
    shelve(read_hub, accept(read_hub, facility.parcel(two, 40)).digest)
    samples = list(Loader.of(read_hub, freeze(read_hub, "all", "j-mid")))
    assert len(samples) == 22
    assert {sample.label for sample in samples} == {""}
    frames = [(sample.frame, float(sample.pixels.mean())) for sample in samples if sample.pixels.shape == (4, 8)]
    assert frames == [(1, 1.0), (2, 2.0)]


@dataclass
class Counted:
    """Packs that count what is read of them."""

    packs: Packs
    ranges: list[tuple[str, int, int]] = field(default_factory=list)
    indexes: list[str] = field(default_factory=list)

    def index(self, pack: str) -> SeriesIndex:
        """The series index of a pack."""
        self.indexes.append(pack)
        return self.packs.index(pack)

    def read(self, pack: str, frame: FrameRef) -> bytes:
        """The bytes of a frame."""
        self.ranges.append((pack, frame.offset, frame.length))
        return self.packs.read(pack, frame)


def test_a_frame_is_one_ranged_read(read_hub: Node) -> None:
    """As many reads as samples, none larger than a frame, and each index once."""
    made = freeze(read_hub, "lungs", "j-mid", task="nodules")
    loader = Loader.of(read_hub, made)
    counted = Counted(loader.packs)
    assert len(list(Loader(loader.listing, counted))) == len(counted.ranges) == len(set(counted.ranges)) == 10
    assert {length for _, _, length in counted.ranges} == {8 * 8 * 2}
    assert sorted(counted.indexes) == sorted(member.pack for member in loader.listing.members)


def test_a_late_instance_comes_from_its_own_pack(read_hub: Node, facility: Facility) -> None:
    """A series in two packs is read in the order of its UIDs, each instance once."""
    late = series("P-00", study=1, slices=(2, 3), RescaleSlope="2", RescaleIntercept="-1000")
    shelve(read_hub, accept(read_hub, facility.parcel(late, 60)).digest)
    uids = [sample.sop_instance_uid for sample in Loader.of(read_hub, freeze(read_hub, "all", "j-mid"))]
    assert len(uids) == len(set(uids)) == 21


def test_splits_share_nobody(read_hub: Node) -> None:
    """Three loaders of one version have disjoint subjects, and together everything."""
    made = freeze(read_hub, "lungs", "j-mid", task="nodules")
    whole = Loader.of(read_hub, made)
    parts = {split: list(whole.of_split(split)) for split in SPLITS}
    subjects = [{sample.subject for sample in part} for part in parts.values()]
    assert not subjects[0] & subjects[1] | subjects[0] & subjects[2] | subjects[1] & subjects[2]
    assert sum(map(len, parts.values())) == len(list(whole)) == 10
    assert told(iter(Loader.of(read_hub, made, ("test",)))) == told(iter(whole.of_split("test")))


def test_a_mounted_folder_holds_the_same_as_the_store(read_hub: Node, tmp_path: Path) -> None:
    """Frame by frame, byte by byte; and of other splits not a trace."""
    made = freeze(read_hub, "lungs", "j-mid", task="nodules")
    mounted = mount(read_hub, made, tmp_path / "data", ("train", "validation"))
    assert (mounted.packs, mounted.labels) == (9, 9)
    assert told(iter(Loader.open(tmp_path / "data"))) == told(iter(Loader.of(read_hub, made, ("train", "validation"))))
    files = sorted(path for path in (tmp_path / "data").rglob("*") if path.is_file())
    assert len(files) == 9 + 9 + 1
    assert not any(path.is_symlink() or path.stat().st_mode & 0o222 for path in files)
    assert sum(path.stat().st_size for path in files if path.suffix == ".tar") == mounted.size_bytes
    (tester,) = (row.subject for row in content(read_hub, made).splits if row.split == "test")
    assert all(tester.encode() not in path.read_bytes() for path in files)


def test_mounting_again_makes_the_same(read_hub: Node, tmp_path: Path) -> None:
    """After a kill, or somewhere else: the digest is that of the material; what is broken is made anew."""
    made = freeze(read_hub, "lungs", "j-mid", task="nodules")
    first = mount(read_hub, made, tmp_path / "a")
    pack = pack_file(tmp_path / "a", content(read_hub, made).members[0].pack)
    pack.chmod(0o600)
    pack.write_bytes(b"half a pack")
    (tmp_path / "a" / LIST).unlink()
    assert mount(read_hub, made, tmp_path / "a") == first
    assert mount(read_hub, made, tmp_path / "b").digest == first.digest
    assert mount(read_hub, made, tmp_path / "c", ("train",)).digest != first.digest
    assert len(list(Loader.open(tmp_path / "a"))) == 10


def test_nothing_of_another_split_stays_behind(read_hub: Node, tmp_path: Path) -> None:
    """A folder that held everything holds only what was asked for last."""
    made = freeze(read_hub, "lungs", "j-mid", task="nodules")
    mount(read_hub, made, tmp_path / "a")
    mount(read_hub, made, tmp_path / "a", ("test",))
    assert len([path for path in (tmp_path / "a").rglob("*") if path.is_file()]) == 1 + 1 + 1
    assert {sample.split for sample in Loader.open(tmp_path / "a")} == {"test"}


def test_damaged_material_is_not_mounted(read_hub: Node, tmp_path: Path) -> None:
    """A pack with other bytes, and one that is gone, are refused."""
    made = freeze(read_hub, "lungs", "j-mid")
    pack = content(read_hub, made).members[0].pack
    read_hub.store.delete(pack_key(pack))
    with pytest.raises(Refused, match="object-missing"):
        mount(read_hub, made, tmp_path / "a")
    read_hub.store.put(pack_key(pack), b"other bytes")
    with pytest.raises(Refused, match="object-damaged"):
        mount(read_hub, made, tmp_path / "a")
    assert not (tmp_path / "a" / LIST).exists()


def test_an_index_of_another_pack_is_not_mounted(read_hub: Node, tmp_path: Path) -> None:
    """Offsets of one pack lead nowhere in another."""
    made = freeze(read_hub, "lungs", "j-mid")
    one, other = (member.pack for member in content(read_hub, made).members[:2])
    read_hub.store.delete(index_key(one))
    read_hub.store.put(index_key(one), read_hub.store.get(index_key(other)))
    with pytest.raises(Refused, match="object-damaged"):
        mount(read_hub, made, tmp_path / "a")


def test_a_folder_with_something_missing_is_refused(read_hub: Node, tmp_path: Path) -> None:
    """No list, no index, no pack: each is said."""
    with pytest.raises(Refused, match="object-missing"):
        Loader.open(tmp_path)
    made = freeze(read_hub, "lungs", "j-mid")
    mount(read_hub, made, tmp_path / "data")
    pack = content(read_hub, made).members[-1].pack
    pack_file(tmp_path / "data", pack).unlink()
    with pytest.raises(Refused, match="object-missing"):
        list(Loader.open(tmp_path / "data"))
    index_file(tmp_path / "data", pack).unlink()
    with pytest.raises(Refused, match="object-missing"):
        list(Loader.open(tmp_path / "data"))
