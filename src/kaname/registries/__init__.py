"""A registry is data: one TOML file per society says what is accepted and how it is de-identified.

In: a registry id. Out: a frozen :class:`Registry`. Refused: ``unknown-registry``, ``registry-invalid``.
"""

from kaname.registries.load import ids, load
from kaname.registries.model import DeidRules, Kept, PixelRules, Registry

__all__ = ["DeidRules", "Kept", "PixelRules", "Registry", "ids", "load"]
