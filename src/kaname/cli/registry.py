"""``kaname registry``: what each society decided."""

from __future__ import annotations

import click

from kaname.cli.options import json_option, show
from kaname.registries import ids, load


@click.group
def registry() -> None:
    """Registries: list, show."""


@registry.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the registries of this version."""
    rows = [load(name) for name in ids()]
    show([{"id": r.id, "version": r.version, "name": r.name_ja, "name_en": r.name_en} for r in rows], as_json=as_json)


@registry.command("show")
@click.argument("name")
@json_option
def show_(name: str, as_json: bool) -> None:
    """Show the decisions of a registry, each with its reason."""
    r = load(name)
    show(
        {
            "id": r.id,
            "version": r.version,
            "name": r.name_ja,
            "name_en": r.name_en,
            "society": r.society_ja,
            "society_en": r.society_en,
            "sop_classes": dict(r.sop_classes),
            "options": {str(option): reason for option, reason in r.deid.options.items()},
            "keep_times": r.deid.keep_times,
            "keep": {kept.keyword: kept.reason for kept in r.deid.keep.values()},
            "hold_image_types": dict(r.pixels.hold_image_types),
        },
        as_json=as_json,
    )
