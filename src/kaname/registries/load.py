"""From a registry file to a checked :class:`Registry`. Nothing half-right is loaded."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, get_args

from kaname.dicom.standard import dictionary, sop_classes
from kaname.errors import Refused
from kaname.registries.model import DeidRules, Kept, Option, PixelRules, Registry

_OPTIONS: tuple[str, ...] = get_args(Option)


@cache
def ids() -> tuple[str, ...]:
    """Ids of all registries that this version carries."""
    folder = files("kaname.registries")
    return tuple(sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")))


@cache
def load(registry: str) -> Registry:
    """The registry of that id.

    Raises:
        Refused: ``unknown-registry``; ``registry-invalid`` with the line's name when the file has a mistake.
    """
    if registry not in ids():
        raise Refused("unknown-registry")
    return parse(files("kaname.registries").joinpath(f"{registry}.toml").read_text(encoding="utf-8"))


def parse(text: str) -> Registry:
    """Reads the text of a registry file.

    Raises:
        Refused: ``registry-invalid`` with the line's name.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Refused("registry-invalid", line=str(error)) from error
    _only(table, {"id", "version", "name", "society", "accepts", "deid", "pixels"}, "")
    deid, accepts, pixels = _part(table, "deid"), _part(table, "accepts"), _part(table, "pixels")
    _only(accepts, {"sop_classes"}, "accepts.")
    _only(pixels, {"hold_image_types"}, "pixels.")
    _only(deid, {"options", "keep", "keep_times"}, "deid.")
    name, society = _part(table, "name"), _part(table, "society")
    return Registry(
        id=_text(table, "id"),
        version=_text(table, "version"),
        name_ja=_text(name, "ja"),
        name_en=_text(name, "en"),
        society_ja=_text(society, "ja"),
        society_en=_text(society, "en"),
        sop_classes=_sop_classes(_part(accepts, "sop_classes")),
        deid=DeidRules(_options(_part(deid, "options")), _kept(_part(deid, "keep")), _text(deid, "keep_times", "")),
        pixels=PixelRules(_reasons(_part(pixels, "hold_image_types"))),
    )


def _sop_classes(rows: Mapping[str, Any]) -> Mapping[str, str]:
    for uid in rows:
        if uid not in sop_classes():
            raise Refused("registry-invalid", line=f"accepts.sop_classes.{uid}")
    return _reasons(rows)


def _options(rows: Mapping[str, Any]) -> Mapping[Option, str]:
    for name in rows:
        if name not in _OPTIONS:
            raise Refused("registry-invalid", line=f"deid.options.{name}")
    return _reasons(rows)  # pyright: ignore[reportReturnType] - the names were just checked


def _kept(rows: Mapping[str, Any]) -> Mapping[int, Kept]:
    by_keyword = {a.keyword: a.tag for a in dictionary().values() if a.keyword}
    for keyword in rows:
        if keyword not in by_keyword:
            raise Refused("registry-invalid", line=f"deid.keep.{keyword}")
    return {by_keyword[k]: Kept(by_keyword[k], k, reason) for k, reason in _reasons(rows).items()}


def _reasons(rows: Mapping[str, Any]) -> dict[str, str]:
    for name, reason in rows.items():
        if not isinstance(reason, str) or not reason.strip():
            raise Refused("registry-invalid", line=name)
    return dict(rows)


def _part(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = table.get(name)
    if not isinstance(part, dict):
        raise Refused("registry-invalid", line=name)
    return part  # pyright: ignore[reportUnknownVariableType] - TOML keys are strings


def _text(table: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = table.get(name, default)
    if not isinstance(value, str):
        raise Refused("registry-invalid", line=name)
    return value


def _only(table: Mapping[str, Any], known: set[str], where: str) -> None:
    for name in table:
        if name not in known:
            raise Refused("registry-invalid", line=where + name)
