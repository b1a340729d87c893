"""The whole journey on this machine: two sites, real CT and MR files beside a synthetic hospital, there and back.

Every step goes through the command line or HTTP, as people and programs outside would do it.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from kaname.testing.answer import AnswerKey
from kaname.testing.bytesearch import find_planted
from kaname.testing.data import real_ct_mr
from kaname.testing.hospital import make_hospital
from kaname.testing.sites import Sites, make_sites

DATASET = "demo-ct"
SEED = 20260401
SHELVED_SECONDS = 60
Tell = Callable[[str], None]


@dataclass(slots=True)
class Journey:
    """What the demo found out, step by step."""

    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    tell: Tell = print

    @contextmanager
    def step(self, name: str, ja: str) -> Generator[None]:
        """Times one step and says that it is done."""
        began = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - began, 2)
        self.tell(f"  {ja} · {name} ({self.seconds[name]} s)")


def travel(root: Path, door: str, sites: Sites, data: Sequence[Path], journey: Journey) -> None:
    """Takes everything through, with the hub already serving at ``door``.

    Raises:
        AssertionError: when a step does not end as it must.
    """
    facts = journey.facts
    with journey.step("hospital made", "病院を用意"):
        source, key = _hospital(root)
        facts["planted identities"] = len(key.strings())
    with journey.step("received, de-identified, sealed, delivered", "受取・匿名化・封入・送付"):
        paths = [str(p) for p in (source, root / "real", *data)]
        facts["night"] = sites.at_gateway("gateway", "ingest", *paths, accept=(0, 1))
        facts["held back"] = sites.at_gateway("gateway", "held")
        facts["gateway"] = sites.at_gateway("gateway", "status")
    with journey.step("read by DICOMweb", "DICOMweb で閲覧"):
        token = sites.at_hub("user", "token", "--name", "demo", "--registry", "j-mid")["token"]
        facts["archive"] = _read(door, token, facts["gateway"]["objects"].get("sent", 0))
    with journey.step("frozen", "データセットを凍結"):
        frozen = sites.at_hub("dataset", "freeze", DATASET, "--registry", "j-mid", "--modality", "CT")
        facts["dataset"] = frozen
        sites.at_hub("dataset", "verify", DATASET)
    with journey.step("searched for planted identities", "個人情報の残りを探索"):
        facts["leaks"] = len(find_planted(sites.hub, key.strings()))
    with journey.step("withdrawn", "撤回"):
        facts["withdrawn"] = _withdraw(sites, key)
    with journey.step("ledgers verified", "台帳を検証"):
        facts["ledger"] = {"gateway": sites.at_gateway("audit", "verify"), "hub": sites.at_hub("audit", "verify")}
        sites.at_hub("dataset", "verify", DATASET)
        facts["dataset after"] = sites.at_hub("dataset", "show", DATASET, "--version", str(_newest(sites)))


def _hospital(root: Path) -> tuple[Path, AnswerKey]:
    """The synthetic hospital and the real files, made once; a second run finds them."""
    source, answer, real = root / "hospital", root / "answer-key.json", root / "real"
    if not answer.exists():
        answer.write_text(make_hospital(source, seed=SEED).to_json(), encoding="utf-8")
        real.mkdir()
        for number, file in enumerate(real_ct_mr(distinct=True)):
            shutil.copyfile(file, real / f"{number:03d}.dcm")
    return source, AnswerKey.from_json(answer.read_text(encoding="utf-8"))


def _read(door: str, token: str, sent: int) -> dict[str, Any]:
    """Waits until everything that was sent stands in the archive; reads one frame of each modality by range."""
    with httpx.Client(base_url=door, headers={"Authorization": f"Bearer {token}"}, trust_env=False) as client:
        deadline = time.monotonic() + SHELVED_SECONDS
        while True:
            series = client.get("/dicomweb/series", params={"limit": "1000"}).raise_for_status().json()
            instances = sum(_value(row, "00201209") for row in series)
            if instances >= sent or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        assert instances == sent, (instances, sent)
        frames: dict[str, int] = {}
        for row in series:
            study, uid, modality = (_value(row, tag) for tag in ("0020000D", "0020000E", "00080060"))
            place = f"/dicomweb/studies/{study}/series/{uid}"
            first = client.get(f"{place}/metadata").raise_for_status().json()[0]
            frame = client.get(
                f"{place}/instances/{_value(first, '00080018')}/frames/1",
                headers={"Accept": 'multipart/related; type="application/octet-stream"; transfer-syntax=*'},
            ).raise_for_status()
            frames[modality] = max(frames.get(modality, 0), len(frame.content))
        studies = len({_value(row, "0020000D") for row in series})
    return {"studies": studies, "series": len(series), "instances": instances, "largest frame bytes": frames}


def _value(row: dict[str, Any], tag: str) -> Any:
    return row[tag]["Value"][0]


def _withdraw(sites: Sites, key: AnswerKey) -> list[Any]:
    """One patient of the synthetic hospital takes everything back."""
    patient = key.patients[0]
    return sites.at_gateway(
        "gateway", "withdraw", "--patient-id", patient.patient_id, "--issuer", patient.issuer, "--registry", "j-mid"
    )


def _newest(sites: Sites) -> int:
    return max(row["version"] for row in sites.at_hub("dataset", "show", DATASET))


def table(journey: Journey) -> str:
    """What became of everything, for people."""
    facts = journey.facts
    night, held = facts["night"], facts["held back"]
    certificate = facts["withdrawn"][0]
    lines = [
        ("受け取ったファイル · files at the door", _counts(night["received"])),
        ("送った検査 · studies sent", _counts(night["studies"])),
        ("アーカイブ · archive", _counts(facts["archive"])),
        ("データセット · dataset", f"{DATASET} v{facts['dataset']['version']} {facts['dataset']['digest'][:16]}…"),
        ("残った個人情報 · identities left", f"{facts['leaks']} / {facts['planted identities']}"),
        ("撤回証明書 · withdrawal certificate", f"{certificate['deleted_objects']} objects deleted"),
        ("撤回後 · after it", f"v{facts['dataset after']['version']} {facts['dataset after']['digest'][:16]}…"),
        ("台帳 · ledgers", "  ".join(f"{n} {h['events']} events" for n, h in facts["ledger"].items())),
    ]
    lines += [(f"保留 · {row['state']}", f"{row['objects']} × {row['reason']}") for row in held]
    return "\n".join(f"{name:<40} {value}" for name, value in lines)


def _counts(counted: dict[str, Any]) -> str:
    return "  ".join(f"{name} {n}" for name, n in counted.items())


__all__ = ["Journey", "make_sites", "table", "travel"]
