"""The crossing of one object with its check: what both the batch step and ``kaname deid`` call."""

from __future__ import annotations

from functools import lru_cache, partial
from pathlib import Path

from kaname.deid.engine import Engine
from kaname.deid.identified import Identified
from kaname.deid.model import Deidentified
from kaname.deid.survey import Survey
from kaname.errors import NotYet
from kaname.registries.model import PixelRules
from kaname.residual.forms import Forms, known_forms
from kaname.residual.inspect import inspect_file
from kaname.residual.search import search_file


def cross_checked(identified: Identified, engine: Engine, folder: Path) -> Deidentified:
    """The crossing of one object, and the search of what came out for the record's own identity.

    Pictures that were blanked or looked through are inspected here as they will be at intake: a doubt of the second
    look holds one object in the hospital, where a person can decide, and not a whole parcel at the receiver.

    Raises:
        Refused, NotYet: what the engine raises; ``identity-residual``, ``text-in-pixels``, and then nothing is left in
            ``folder``.
    """
    return engine.cross(identified, folder, partial(_check, engine.registry.pixels))


def _check(rules: PixelRules, found: Survey, path: Path) -> None:
    _search(found, path)
    if found.key.sop_class_uid not in rules.regions and found.key.sop_class_uid not in rules.writing:
        return
    findings = inspect_file(path.read_bytes(), rules.regions.keys(), rules.writing.keys())
    if findings:
        code = "text-in-pixels" if findings[0].kind == "text-in-pixels" else "identity-residual"
        raise NotYet(code, places=len(findings), first=findings[0].attribute)


def _search(found: Survey, path: Path) -> None:
    """Runs before the file gets its name: nothing unsearched ever stands under one.

    Raises:
        NotYet: ``identity-residual``.
    """
    named = search_file(path, forms_of(tuple((kind, tuple(v)) for kind, v in sorted(found.forms().items()))))
    if named:
        raise NotYet("identity-residual", places=len(named), first=named[0].attribute)


@lru_cache(maxsize=256)
def forms_of(values: tuple[tuple[str, tuple[str, ...]], ...]) -> Forms:
    """The spellings of one record's identity, prepared once per patient."""
    return known_forms({kind: list(v) for kind, v in values})
