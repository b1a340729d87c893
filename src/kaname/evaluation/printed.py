"""Numbers as people print them: full-width digits, thousands separators, percent signs, a last decimal that matters."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

_COUNT = re.compile(r"(?P<digits>[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:\.0+)?")
_FIGURE = re.compile(r"(?P<number>-?(?:[0-9]{1,9}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})) ?(?P<percent>%?)")
_SLACK = Fraction(1, 10**12)


def plain(text: str) -> str:
    """Text as it is compared: NFKC, one space where there were several, none outside."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def read_count(text: str) -> int | None:
    """A count, or ``None``: ``1,251``, ``１２５１`` and ``12.0`` are counts, ``-3``, ``1e3`` and nothing are not."""
    match = _COUNT.fullmatch(plain(text))
    return int(match["digits"].replace(",", "")) if match else None


@dataclass(frozen=True, slots=True)
class Printed:
    """A printed figure: every value that rounds to it fits."""

    text: str
    value: Fraction
    """As a share, also where percent were printed."""
    half: Fraction
    """Half a unit of the last printed place, as a share."""
    percent: bool
    decimals: int

    @property
    def low(self) -> Fraction:
        """The least value that may have been rounded to this."""
        return self.value - self.half

    @property
    def high(self) -> Fraction:
        """The greatest value that may have been rounded to this."""
        return self.value + self.half

    def fits(self, value: Fraction | float) -> bool:
        """Whether ``value`` rounds to what was printed, halves to either side."""
        return self.low - _SLACK <= Fraction(value) <= self.high + _SLACK

    def like(self, value: Fraction | float) -> str:
        """``value`` printed in the same way."""
        exact = Fraction(value) * (100 if self.percent else 1)
        places = Decimal(1).scaleb(-self.decimals)
        rounded = (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(places, ROUND_HALF_UP)
        return f"{rounded}{'%' if self.percent else ''}"


def read_figure(text: str, *, share: bool = True) -> Printed | None:
    """A printed figure, or ``None``: ``94.1%``, ``.949``, ``９４．１％``.

    A ``share`` above 1 or below -1 without a sign (``94.1``) is read as percent.
    """
    match = _FIGURE.fullmatch(plain(text).replace("−", "-"))
    if match is None:
        return None
    number = Fraction(match["number"])
    percent = bool(match["percent"]) or (share and abs(number) > 1)
    decimals = len(match["number"].partition(".")[2])
    scale = Fraction(1, 100) if percent else Fraction(1)
    return Printed(plain(text), number * scale, scale / 10**decimals / 2, percent, decimals)
