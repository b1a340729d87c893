"""The crossing of one object with its check: what both the batch step and ``kaname deid`` call."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from kaname.deid.engine import Engine
from kaname.deid.identified import Identified
from kaname.deid.model import Deidentified
from kaname.deid.survey import survey
from kaname.errors import NotYet
from kaname.residual.forms import Forms, known_forms
from kaname.residual.search import search_file


def cross_checked(identified: Identified, engine: Engine, folder: Path) -> Deidentified:
    """The crossing of one object, and the search of what came out for the record's own identity.

    Raises:
        Refused, NotYet: what the engine raises; ``identity-residual``, and then nothing is left in ``folder``.
    """
    forms = survey(identified).forms()
    crossed = engine.cross(identified, folder)
    found = search_file(crossed.path, forms_of(tuple((kind, tuple(v)) for kind, v in sorted(forms.items()))))
    if found:
        crossed.path.unlink()
        raise NotYet("identity-residual", places=len(found), first=found[0].attribute)
    return crossed


@lru_cache(maxsize=256)
def forms_of(values: tuple[tuple[str, tuple[str, ...]], ...]) -> Forms:
    """The spellings of one record's identity, prepared once per patient."""
    return known_forms({kind: list(v) for kind, v in values})
