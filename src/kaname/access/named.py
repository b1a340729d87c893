"""Names of people, as they are compared: another spelling of a name is no second person."""

from __future__ import annotations

import unicodedata


def person(name: str) -> str:
    """A name in one width and case, without spaces."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def same_person(one: str, other: str) -> bool:
    """Whether two names are one person's, as far as names can tell."""
    return person(one) == person(other)
