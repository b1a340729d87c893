"""What a hospital's operator types: consent lists, exports, and a night's run beside a serving gateway."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from kaname.testing.hospital import make_hospital
from kaname.testing.sites import make_sites, run, serving

HEADINGS = "patient_id,issuer,registry,decision\n"


def test_a_consent_list(tmp_path: Path) -> None:
    """A list is read in and counted; one with a wrong line is exit code 1 and changes nothing."""
    home = tmp_path / "home"
    run(home, "init", "--role", "gateway", "--name", "facility-1", "--registry", "j-mid")
    file = tmp_path / "consent.csv"
    file.write_text(HEADINGS + "12345,,j-mid,opt-out\n")
    told = run(home, "gateway", "consent", str(file))
    assert told == {"opt-out": 1, "opt-in": 0, "objects_gone": 0, "objects_left_before": 0}
    file.write_text(HEADINGS + "777,,j-mid,perhaps\n")
    done = subprocess.run(
        [sys.executable, "-m", "kaname", "gateway", "consent", str(file), "--home", str(home)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "consent-invalid" in done.stderr, "777" in done.stderr) == (1, True, False)
    assert run(home, "gateway", "status")["consents"] == {"opt-out": 1}
    _, event = run(home, "audit", "show")  # the first one: an administrator was made
    assert (event["action"], "12345" in json.dumps(event)) == ("consent-listed", False)


def test_a_night_beside_a_serving_gateway(tmp_path: Path) -> None:
    """While the gateway serves, ``ingest`` hands its studies to the worker, waits, and tells what is alone."""
    sites = make_sites(tmp_path, ["j-mid"])
    key = make_hospital(tmp_path / "in", patients=1, studies=2, slices=1, size=32)
    first, _ = key.studies()
    (tmp_path / "in" / "t.csv").write_text(
        f"accession,patient_id\n{first.accession},{key.patients[0].patient_id}\nACC000000001,1\n"
    )
    with serving(sites.hub), serving(sites.gateway):
        night: dict[str, Any] = sites.at_gateway("gateway", "ingest", str(tmp_path / "in"), accept=(1,))
        status = sites.at_gateway("gateway", "status")
    assert night == {
        "received": {"received": 1, "held": 1},
        "records": {"row-received": 2, "report-received": 2},
        "studies": {"done": 1},
        "reasons": {"image-without-record": 1, "record-without-image": 1},
    }
    assert status["objects"] == {"held": 1, "sent": 1}
    assert status["files"] == {}
    assert status["records"] == {"row": {"sealed": 1, "waiting": 1}, "report": {"linked": 2}}
