"""An assessment that was kept as JSON, as it was when it was made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from kaname.evaluation.model import BinaryFigures
from kaname.evaluation.scored import Assessment, Calibration, CalibrationBin, RocPoint


def assessment_of(value: Mapping[str, Any]) -> Assessment:
    """The assessment of which ``dataclasses.asdict`` was kept: ``assessment_of(asdict(a)) == a``, through JSON too.

    Raises:
        KeyError, TypeError: when it is something else (a bug: it is our own row).
    """
    calibration = value["calibration"]
    if calibration is not None:
        bins = tuple(CalibrationBin(**one) for one in calibration["bins"])
        calibration = Calibration(calibration["brier"], calibration["ece"], bins)
    parts: dict[str, Any] = {
        "binary": BinaryFigures(**_paired(value["binary"])),
        "calibration": calibration,
        "roc": tuple(RocPoint(**point) for point in value["roc"]),
    }
    return Assessment(**(_paired(value) | parts))


def _paired(value: Mapping[str, Any]) -> dict[str, Any]:
    """Intervals as the pairs that they were: JSON has lists only."""
    return {name: tuple(cast("list[float]", part)) if isinstance(part, list) else part for name, part in value.items()}
