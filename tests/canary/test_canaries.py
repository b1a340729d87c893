"""Nothing that names a patient leaves the gateway: not in objects, names, logs, errors, reports, or the hub's home."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kaname.deid.engine import Engine
from kaname.deid.identified import Identified
from kaname.deid.keys import MasterKey
from kaname.registries import ids, load
from kaname.testing.answer import kept_values
from kaname.testing.bytesearch import find_planted
from kaname.testing.canary import STILL, canary_object
from kaname.testing.hospital import make_hospital
from kaname.testing.sites import make_sites, serving
from kaname.testing.trap import trap_object
from kaname.testing.write import CT_IMAGE_STORAGE

VIDEOS = ("1.2.840.10008.5.1.4.1.1.77.1.1.1", "1.2.840.10008.5.1.4.1.1.77.1.4.1")
KEY = MasterKey(b"0123456789abcdef0123456789abcdef")


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("registry", ids())
def test_every_text_attribute(registry: str, tmp_path: Path, implicit: bool) -> None:  # noqa: FBT001
    """Of some 9,800 canaries, one in each text attribute at four places, none survives but what a registry keeps."""
    rules = load(registry)
    rules = replace(rules, sop_classes={**rules.sop_classes, CT_IMAGE_STORAGE: "the canaries sit in a CT header"})
    caged = canary_object(implicit=implicit, without={k.keyword for k in rules.deid.keep.values()})
    Engine(rules, KEY.for_registry(registry), "gw").cross(Identified(caged.data), tmp_path / "out")
    assert find_planted(tmp_path, list(caged.canaries.values())) == []


@pytest.mark.parametrize(
    ("registry", "sop_class"), [(r, c) for r in ids() for c in load(r).pixels.writing if c not in VIDEOS]
)
def test_every_text_attribute_of_a_picture(registry: str, sop_class: str, tmp_path: Path) -> None:
    """Nor does one survive in a photograph, section or slide."""
    rules = load(registry)
    true = {**STILL, "SOPClassUID": sop_class}
    caged = canary_object(without={k.keyword for k in rules.deid.keep.values()}, true=true)
    Engine(rules, KEY.for_registry(registry), "gw").cross(Identified(caged.data), tmp_path / "out")
    assert find_planted(tmp_path, list(caged.canaries.values())) == []


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("registry", [r for r in ids() if CT_IMAGE_STORAGE in load(r).sop_classes])
def test_the_trap(registry: str, tmp_path: Path, implicit: bool) -> None:  # noqa: FBT001
    """Of 57 places where tools were measured to leak none leaks, and every value that research needs is kept."""
    trap = trap_object(implicit=implicit)
    made = Engine(load(registry), KEY.for_registry(registry), "gw").cross(Identified(trap.data), tmp_path / "out")
    assert len(trap.sentinels) == 57
    assert find_planted(tmp_path, list(trap.sentinels.values())) == []
    assert kept_values(made.path, trap.keep) == trap.keep


def test_side_channels(tmp_path: Path) -> None:
    """What the command prints names nobody, whether it cleans, holds, refuses or hits a bug."""
    key = make_hospital(tmp_path / "hospital", seed=77, patients=2, studies=1)
    (tmp_path / "key").write_bytes(b"k" * 32)
    arguments = ["deid", str(tmp_path / "hospital"), "-o", str(tmp_path / "out"), "--key-file", str(tmp_path / "key")]
    bug = "import sys\nfrom kaname.deid import rewrite\nrewrite.shift_dates = None\nfrom kaname.cli import main\nmain()"
    said = tmp_path / "said"
    said.mkdir()
    for number, program in enumerate((["-m", "kaname"], ["-c", bug])):
        done = subprocess.run([sys.executable, *program, *arguments], capture_output=True, check=False)
        assert done.returncode == 1
        (said / str(number)).write_bytes(done.stdout + done.stderr)
    planted = [text for text in key.strings() if text not in str(tmp_path)]
    assert find_planted(said, planted) == []
    assert find_planted(tmp_path / "out", planted) == []


def test_the_whole_hub(tmp_path: Path) -> None:
    """No planted identity stands anywhere at the hub, archives and databases unpacked; one put there is found."""
    key = make_hospital(tmp_path / "hospital", seed=78)
    sites = make_sites(tmp_path, ["j-mid"])
    with serving(sites.hub):
        night = sites.at_gateway("gateway", "ingest", str(tmp_path / "hospital"), accept=(0, 1))
        assert night["studies"] == {"done": len(key.studies())}
        for folder in (sites.hub, sites.gateway / "outbox", sites.gateway / "crossing"):
            assert find_planted(folder, key.strings()) == []
        assert find_planted(sites.gateway, [key.patients[0].patient_id]) == []
        for call, name in ((sites.at_hub, "hub"), (sites.at_gateway, "gateway")):
            for form in ("ledger", "dicom"):
                call("audit", "export", "-o", str(tmp_path / f"{name}.{form}"), "--format", form)
                assert find_planted(tmp_path / f"{name}.{form}", key.strings()) == []
        sites.at_hub("user", "token", "--name", key.patients[0].patient_id, "--registry", "j-mid")
    assert find_planted(sites.hub, [key.patients[0].patient_id])
