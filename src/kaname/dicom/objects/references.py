"""What an object refers to: instances, frames, and the series and studies that it says they are in.

The same few attributes say it in all derived objects: reports (PS3.3 section C.17.2), segmentations, presentation
states and annotations (C.12.1.1.20), structure sets (C.8.8.5).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kaname.errors import Refused

_STUDY, _SERIES = "0020000D", "0020000E"
_CLASS, _INSTANCE, _FRAMES = "00081150", "00081155", "00081160"
_STUDY_CLASSES = frozenset(["1.2.840.10008.3.1.2.3.1", "1.2.840.10008.3.1.2.3.2"])
"""Detached and component study management: what a structure set refers to is then a study (PS3.3 section C.8.8.5.4)."""
_DEEPEST = 32


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference to an instance, with the study and series around it; empty where nothing is said."""

    study_instance_uid: str
    series_instance_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    frames: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class References:
    """All that an object refers to."""

    instances: tuple[Reference, ...]
    studies: frozenset[str]
    """Studies that are named below the top level."""
    series: frozenset[str]
    """Series that are named below the top level, with instances or without."""


def references(metadata: Mapping[str, Any]) -> References:
    """The references of an object, at every depth.

    Args:
        metadata: Its DICOM JSON (:func:`kaname.dicom.json.instance_json`).

    Raises:
        Refused: ``malformed-dicom`` when a reference names no class or no instance, or a value is not of its VR;
            ``nesting-too-deep``.
    """
    studies: set[str] = set()
    series: set[str] = set()
    found: dict[Reference, None] = {}
    for reference in _in_sequences(metadata, "", "", 0):
        if reference.sop_class_uid in _STUDY_CLASSES:
            studies.add(reference.sop_instance_uid)
        elif reference.sop_instance_uid:
            found[reference] = None
        studies.add(reference.study_instance_uid)
        series.add(reference.series_instance_uid)
    return References(tuple(found), frozenset(studies - {""}), frozenset(series - {""}))


def _in_sequences(metadata: Mapping[str, Any], study: str, series: str, depth: int) -> Iterator[Reference]:
    if depth > _DEEPEST:
        raise Refused("nesting-too-deep")
    for element in metadata.values():
        if element["vr"] == "SQ":
            for item in element.get("Value", []):
                yield from _in_item(item, study, series, depth + 1)


def _in_item(item: Mapping[str, Any], study: str, series: str, depth: int) -> Iterator[Reference]:
    """What an item says of itself, then what the sequences in it say. A study or series holds for all below it."""
    study, series = _text(item, _STUDY) or study, _text(item, _SERIES) or series
    sop_class, instance = _text(item, _CLASS), _text(item, _INSTANCE)
    if bool(sop_class) != bool(instance):
        raise Refused("malformed-dicom", tag=_INSTANCE)
    if sop_class in _STUDY_CLASSES:
        study = instance
    if instance or _STUDY in item or _SERIES in item:
        yield Reference(study, series, sop_class, instance, _frames(item))
    yield from _in_sequences(item, study, series, depth)


def _frames(item: Mapping[str, Any]) -> tuple[int, ...]:
    values = item.get(_FRAMES, {}).get("Value", [])
    if not all(isinstance(value, int) for value in values):
        raise Refused("malformed-dicom", tag=_FRAMES)
    return tuple(values)


def _text(item: Mapping[str, Any], tag: str) -> str:
    value: list[object] = item.get(tag, {}).get("Value") or [""]
    if not isinstance(value[0], str):
        raise Refused("malformed-dicom", tag=tag)
    return value[0]
