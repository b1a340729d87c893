"""The crossing of one object with its check: what both the batch step and ``kaname deid`` call."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from kaname.deid.engine import Engine
from kaname.deid.identified import Identified
from kaname.deid.model import Deidentified
from kaname.deid.survey import Survey
from kaname.errors import NotYet
from kaname.residual.forms import Forms, known_forms
from kaname.residual.search import search_file


def cross_checked(identified: Identified, engine: Engine, folder: Path) -> Deidentified:
    """The crossing of one object, and the search of what came out for the record's own identity.

    Raises:
        Refused, NotYet: what the engine raises; ``identity-residual``, and then nothing is left in ``folder``.
    """
    return engine.cross(identified, folder, _search)


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
