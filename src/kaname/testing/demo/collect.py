"""From the hospital to the research cloud: associations, folders, the crossing, three tiers that agree."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from kaname.errors import NotYet
from kaname.settings import load
from kaname.testing.bytesearch import find_planted
from kaname.testing.chain import PACS_AE, SEVEN, Chain
from kaname.testing.demo.client import Doors, until
from kaname.testing.demo.hospital import Inputs
from kaname.testing.demo.journey import Journey
from kaname.testing.framesearch import Read, find_drawn
from kaname.testing.pacs import dicom_files, send_folder
from kaname.testing.supervisor import Supervisor

DRAWN_ON = ("ES", "XC", "DMS", "OP", "OPT", "SM", "US")
"""Modalities of images that somebody may have written on; what a CT draws itself is searched byte by byte."""


def bring_in(chain: Chain, inputs: Inputs, data: Sequence[Path], journey: Journey) -> None:
    """Consent list, C-STORE from the PACS, exports laid into the watched folder."""
    with journey.step("consent list taken in", "同意リスト"):
        chain.at("gateway", "gateway", "consent", str(inputs.consents))
    with journey.step("sent by the PACS (C-STORE)", "PACS から送信"):
        send(chain, inputs.pacs, *data)
    with journey.step("exported by departments (watched folder, CSV)", "部門システムの書き出し"):
        for export in sorted(inputs.departments.glob("*/*")):
            _lay(export, chain.watched(export.parent.name) / export.name)


def send(chain: Chain, *paths: Path) -> dict[str, int]:
    """Sends everything below the paths by C-STORE, again and again until the gateway has answered for each file."""
    answered: list[int] = []

    def sent() -> bool:
        try:
            found = send_folder(*paths, port=load(chain.gateway).dimse_port, calling=PACS_AE)
        except NotYet:  # the gateway is being started again: a PACS sends again, too
            return False
        answered[:] = found.statuses
        return True

    until(sent, "C-STORE")
    return {"sent": len(dicom_files(*paths)), "stored": answered.count(0)}


def _lay(export: Path, target: Path) -> None:
    """An export appears whole, once: what was taken already is not exported again."""
    if target.exists():
        return
    draft = target.with_name(f".{target.name}")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(export, draft)
    draft.rename(target)


def let_cross(chain: Chain, journey: Journey) -> None:
    """Waits until nothing is on its way any more in the hospital, then until all tiers agree with it."""
    with journey.step("de-identified, checked, sealed, sent", "匿名化・点検・封入・送付"):
        until(lambda: not any(new_files(chain.watched(registry)) for registry in SEVEN), "watched folders")
        until(lambda: _is_quiet(chain), "the gateway")
    with journey.step("received, inspected again, passed on; three tiers agree", "受入・再点検・転送・照合"):
        until(lambda: _agree(chain, journey), "reconciliation")


def _is_quiet(chain: Chain) -> bool:
    """Whether no object or parcel is between two steps any more; waits a while for it."""
    chain.at("gateway", "gateway", "ingest", "--wait", "60", accept=(0, 1, 3))
    found = chain.at("gateway", "gateway", "status")
    objects, parcels = found["objects"], found["parcels"]
    return not any(objects.get(s) for s in ("received", "cleaned")) and not any(
        parcels.get(s) for s in ("sealing", "sealed")
    )


def new_files(watched: Path) -> list[Path]:
    """Files in the watched folder that the gateway has not moved aside yet."""
    inside = (path.relative_to(watched) for path in watched.rglob("*") if path.is_file())
    return [path for path in inside if not any(part.startswith(".") for part in path.parts)]


def _agree(chain: Chain, journey: Journey) -> bool:
    """Whether hub and cloud have everything that the gateway delivered; the comparison is kept."""
    found = chain.at("gateway", "gateway", "reconcile", accept=(0, 1, 3))
    journey.facts["reconciled"] = found
    tiers: set[str] = {row["tier"] for row in found} if found else set()
    return len(tiers) == 2 and all(not row["difference"] and not row["underway"] for row in found)  # noqa: PLR2004


def count(chain: Chain, doors: Doors, journey: Journey) -> None:
    """The table per registry: what the hospital holds back and why, what arrived, what is usable."""
    status = chain.at("gateway", "gateway", "status")
    held = chain.at("gateway", "gateway", "held")
    told: dict[str, Any] = {}
    for registry in SEVEN:
        tiers = [row for row in journey.facts["reconciled"] if row["registry"] == registry]
        told[registry] = {
            "objects": status["registries"][registry]["objects"],
            "held": [row for row in held if row["registry"] == registry],
            "difference": sum(row["difference"] for row in tiers),
            **{site: _instances(doors, site, registry) for site in ("hub", "cloud")},
        }
    journey.facts["registries"] = told
    journey.facts["records"], journey.facts["consents"] = status["records"], status["consents"]
    journey.facts["detector_frames"] = status["detector_frames"]


def _instances(doors: Doors, site: str, registry: str) -> int:
    """Images that a foreign DICOMweb client sees at a site."""
    series = doors.curator(site, registry).get("/dicomweb/series", limit="5000")
    images = [row for row in series if row["00080060"]["Value"][0] != "SR"]
    return sum(row["00201209"]["Value"][0] for row in images)


def look_for_leaks(chain: Chain, inputs: Inputs, journey: Journey) -> None:
    """Every byte of hub and cloud is searched for what was planted, every frame is read by OCR."""
    with journey.step("searched for planted identities", "個人情報の残りを探索"):
        journey.facts["planted"] = len(inputs.planted) + len(inputs.burned)
        with ProcessPoolExecutor(2, get_context("spawn")) as pool:
            found = {s: pool.submit(find_planted, chain.homes[s], inputs.planted) for s in ("hub", "cloud")}
            known: dict[str, Read] = {}
            places = {site: chain.homes[site] / "objects" for site in found}
            drawn = {site: find_drawn(place, inputs.burned, DRAWN_ON, known) for site, place in places.items()}
            journey.facts["leaks"] = {
                site: {
                    "strings": len(search.result()),
                    "frames": len(drawn[site].hits),
                    "frames_read": drawn[site].pictures,
                }
                for site, search in found.items()
            }


def serve_chain(chain: Chain) -> Supervisor:
    """A supervisor of the three sites, not started yet."""
    return Supervisor(chain.homes, chain.root / "logs")
