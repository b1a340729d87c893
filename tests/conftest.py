"""How the laws are tried: as many examples as hypothesis likes, and no clock that a busy machine could miss."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("kaname", deadline=None, print_blob=True)
settings.load_profile("kaname")
