"""What people type about organisations, projects and training: ids, digests and days, each in one spelling."""

from __future__ import annotations

import re
from datetime import date

from kaname.errors import Refused

ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
DIGEST = re.compile(r"[0-9a-f]{64}")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
TITLE_MOST = 200


def checked_id(text: str) -> str:
    """An id: lower-case letters, digits and ``-``, at most 63.

    Raises:
        Refused: ``entry-invalid``.
    """
    if not ID.fullmatch(text):
        raise Refused("entry-invalid", entry="id")
    return text


def checked_title(text: str) -> str:
    """A title: one line, at most 200 characters.

    Raises:
        Refused: ``entry-invalid``.
    """
    title = text.strip()
    if not 0 < len(title) <= TITLE_MOST or not title.isprintable():
        raise Refused("entry-invalid", entry="title")
    return title


def checked_digest(text: str, entry: str) -> str:
    """SHA-256 of a document, in hexadecimal digits.

    Raises:
        Refused: ``entry-invalid``.
    """
    digest = text.strip().lower()
    if not DIGEST.fullmatch(digest):
        raise Refused("entry-invalid", entry=entry)
    return digest


def last_second(text: str) -> str:
    """The end of a day (``2027-03-31``), UTC, ISO 8601 with seconds; empty for no end.

    Raises:
        Refused: ``entry-invalid``.
    """
    day = text.strip()
    if not day:
        return ""
    try:
        sound = bool(DAY.fullmatch(day)) and bool(date.fromisoformat(day))
    except ValueError:
        sound = False
    if not sound:
        raise Refused("entry-invalid", entry="until")
    return f"{day}T23:59:59Z"
