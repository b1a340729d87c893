"""Canonical JSON: one value, one spelling, so that a digest of it means something (``docs/spec/ledger.md``)."""

from __future__ import annotations

import json

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
"""A JSON value. Numbers are finite; an ``int`` and a ``float`` of the same value are spelled differently."""


def canonical(value: Json) -> bytes:
    """The canonical spelling: keys sorted by code point, no spaces, UTF-8, nothing escaped that need not be.

    Raises:
        ValueError: for NaN, infinities, lone surrogates and values that contain themselves.
        TypeError: for what is no JSON.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode()
