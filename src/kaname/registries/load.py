"""From a registry file to a checked :class:`Registry`. Nothing half-right is loaded."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, get_args

from kaname.dicom.standard import dictionary, sop_classes
from kaname.errors import Refused
from kaname.registries.model import (
    Annotation,
    DeidRules,
    Geometry,
    Item,
    ItemType,
    Kept,
    Label,
    Option,
    PixelRules,
    Registry,
    Source,
    SourceKind,
    Unit,
)

_OPTIONS: tuple[str, ...] = get_args(Option)
_ITEM_TYPES: tuple[ItemType, ...] = get_args(ItemType)
_GEOMETRIES: tuple[Geometry, ...] = get_args(Geometry)
_UNITS: tuple[Unit, ...] = get_args(Unit)
_SOURCES: tuple[SourceKind, ...] = get_args(SourceKind)
_PARTS = {"id", "version", "name", "society", "accepts", "sources", "deid", "pixels", "items", "annotation"}


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
    _only(table, _PARTS, "")
    deid, accepts, pixels = _part(table, "deid"), _part(table, "accepts"), _part(table, "pixels")
    _only(accepts, {"sop_classes"}, "accepts.")
    _only(deid, {"options", "keep", "keep_times"}, "deid.")
    name, society = _part(table, "name"), _part(table, "society")
    items = _items(_part(table, "items", {}), "items.")
    return Registry(
        id=_text(table, "id"),
        version=_text(table, "version"),
        name_ja=_text(name, "ja"),
        name_en=_text(name, "en"),
        society_ja=_text(society, "ja"),
        society_en=_text(society, "en"),
        sop_classes=_sop_classes(_part(accepts, "sop_classes")),
        deid=DeidRules(_options(_part(deid, "options")), _kept(_part(deid, "keep")), _text(deid, "keep_times", "")),
        pixels=_pixels(pixels),
        items=items,
        sources=_sources(_part(table, "sources", {}), items),
        annotation=_annotation(_part(table, "annotation")) if "annotation" in table else None,
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


def _pixels(table: Mapping[str, Any]) -> PixelRules:
    _only(table, {"hold_image_types", "regions", "writing", "hold_body_parts"}, "pixels.")
    return PixelRules(
        hold_image_types=_reasons(_part(table, "hold_image_types")),
        regions=_sop_classes(_part(table, "regions", {})),
        writing=_sop_classes(_part(table, "writing", {})),
        hold_body_parts=_reasons(_part(table, "hold_body_parts", {})),
    )


def _sources(table: Mapping[str, Any], items: Mapping[str, Item]) -> Mapping[SourceKind, Source]:
    _only(table, set(_SOURCES), "sources.")
    return {kind: _source(f"sources.{kind}.", _part(table, kind), items) for kind in _SOURCES if kind in table}


def _source(where: str, table: Mapping[str, Any], items: Mapping[str, Item]) -> Source:
    _only(table, {"sop_class", "item", "by_value"}, where)
    item, by_value = _text(table, "item", ""), _part(table, "by_value", {})
    known = items[item].values if item in items else ()
    classes = {_text(table, "sop_class"), *(_text(by_value, value) for value in by_value)}
    if not classes <= sop_classes().keys() or not set(by_value) <= set(known):
        raise Refused("registry-invalid", line=where + "by_value")
    return Source(_text(table, "sop_class"), item, {value: _text(by_value, value) for value in by_value})


def _items(table: Mapping[str, Any], where: str) -> dict[str, Item]:
    return {name: _item(name, _part(table, name), f"{where}{name}.") for name in table}


def _item(name: str, table: Mapping[str, Any], where: str) -> Item:
    _only(table, {"ja", "en", "type", "unit", "values"}, where)
    kind = _text(table, "type")
    values = _texts(table, "values", where)
    if kind not in _ITEM_TYPES or (kind == "code") != bool(values):
        raise Refused("registry-invalid", line=f"{where}type")
    return Item(name, _text(table, "ja"), _text(table, "en"), kind, _text(table, "unit", ""), values)


def _annotation(table: Mapping[str, Any]) -> Annotation:
    where = "annotation."
    _only(table, {"question", "labels", "geometries", "readers", "unit", "form"}, where)
    question, labels, readers = _part(table, "question"), _part(table, "labels"), table.get("readers")
    named = _texts(table, "geometries", where)
    geometries: tuple[Geometry, ...] = tuple(g for g in _GEOMETRIES if g in named)
    if len(geometries) != len(named) or not geometries:
        raise Refused("registry-invalid", line=f"{where}geometries")
    if type(readers) is not int or readers < 1:
        raise Refused("registry-invalid", line=f"{where}readers")
    unit: Unit | None = next((known for known in _UNITS if known == table.get("unit", "frame")), None)
    if unit is None or (unit == "pair") != ("pair" in geometries):
        raise Refused("registry-invalid", line=f"{where}unit")
    form = _items(_part(table, "form", {}), f"{where}form.")
    if bool(form) != ("form" in geometries):
        raise Refused("registry-invalid", line=f"{where}form")
    return Annotation(
        question_ja=_text(question, "ja"),
        question_en=_text(question, "en"),
        labels=tuple(
            Label(value, _text(_part(labels, value), "ja"), _text(_part(labels, value), "en")) for value in labels
        ),
        geometries=geometries,
        readers=readers,
        unit=unit,
        form=form,
    )


def _texts(table: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    rows: list[Any] = table.get(name, [])
    texts = tuple(row for row in rows if isinstance(row, str) and row) if type(rows) is list else None
    if texts is None or len(texts) != len(rows):
        raise Refused("registry-invalid", line=where + name)
    return texts


def _part(table: Mapping[str, Any], name: str, default: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    part = table.get(name, default)
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
