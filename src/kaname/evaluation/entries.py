"""One section of a file of declared facts: every entry is taken once, by type, and what nobody takes is refused."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar, cast

from kaname.errors import Refused
from kaname.evaluation.printed import Printed, plain, read_count, read_figure

T = TypeVar("T")
LARGEST = 10**15


class Section:
    """A table of the file and its place in it (``stated.2``). All methods raise ``Refused`` ``declared-invalid``."""

    def __init__(self, value: object, place: str = "") -> None:
        if not isinstance(value, dict):
            raise Refused("declared-invalid", entry=place)
        self._left = dict(cast("dict[str, object]", value))
        self._place = place

    def invalid(self, key: str = "") -> Refused:
        """The refusal that names this entry."""
        return Refused("declared-invalid", entry=".".join(filter(None, (self._place, key))))

    def close(self) -> None:
        """Nothing may be left: a misspelled key is no silence."""
        if self._left:
            raise Refused("declared-invalid", entry=self._place, unknown=len(self._left))

    def count(self, key: str) -> int | None:
        """A count of at least 0, as number or as printed."""
        return self._optional(key, self._count)

    def counts(self, key: str) -> tuple[int, ...]:
        """A list of counts."""
        return self._each(key, self._count)

    def text(self, key: str, default: str = "") -> str:
        """A text."""
        return self._optional(key, self._text) or default

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        return self._each(key, self._text)

    def figure(self, key: str, *, share: bool = True) -> Printed | None:
        """A printed figure, its last decimal kept."""
        return self._optional(key, lambda value, place: self._figure(value, place, share=share))

    def section(self, key: str) -> Section | None:
        """A table inside this one."""
        return self._optional(key, lambda value, _: Section(value, self._inner(key)))

    def sections(self, key: str) -> tuple[Section, ...]:
        """A list of tables."""
        rows = self._list(key)
        return tuple(Section(row, self._inner(f"{key}.{number}")) for number, row in enumerate(rows, 1))

    def named_counts(self, key: str) -> tuple[tuple[str, int], ...]:
        """A table of counts by class name; the place of a wrong one is its number: names are not ours to repeat."""
        inner = self.section(key)
        if inner is None:
            return ()
        return tuple(
            (plain(name), self._count(value, f"{key}.{number}"))
            for number, (name, value) in enumerate(inner.items(), 1)
        )

    def table(self, key: str) -> tuple[tuple[int, ...], ...]:
        """A list of lists of counts."""
        return tuple(
            tuple(self._count(cell, f"{key}.{number}") for cell in self._as_list(row, f"{key}.{number}"))
            for number, row in enumerate(self._list(key), 1)
        )

    def figures(self, key: str) -> tuple[tuple[Printed, ...], ...]:
        """A list of lists of printed figures."""
        return tuple(
            tuple(self._figure(cell, f"{key}.{number}") for cell in self._as_list(row, f"{key}.{number}"))
            for number, row in enumerate(self._list(key), 1)
        )

    def items(self) -> list[tuple[str, object]]:
        """Everything that is left, as it stands in the file."""
        return list(self._left.items())

    def _inner(self, key: str) -> str:
        return ".".join(filter(None, (self._place, key)))

    def _optional(self, key: str, read: Callable[[object, str], T]) -> T | None:
        return read(self._left.pop(key), key) if key in self._left else None

    def _each(self, key: str, read: Callable[[object, str], T]) -> tuple[T, ...]:
        return tuple(read(value, f"{key}.{number}") for number, value in enumerate(self._list(key), 1))

    def _list(self, key: str) -> list[object]:
        return self._as_list(self._left.pop(key, []), key)

    def _as_list(self, value: object, place: str) -> list[object]:
        if not isinstance(value, list):
            raise self.invalid(place)
        return cast("list[object]", value)

    def _count(self, value: object, place: str) -> int:
        count = read_count(value) if isinstance(value, str) else value
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count < LARGEST:
            raise self.invalid(place)
        return count

    def _text(self, value: object, place: str) -> str:
        if not (isinstance(value, str) and plain(value).isprintable() and plain(value)):
            raise self.invalid(place)
        return plain(value)

    def _figure(self, value: object, place: str, *, share: bool = True) -> Printed:
        whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < LARGEST
        figure = read_figure(str(value), share=share) if whole or isinstance(value, str | Decimal) else None
        if figure is None:
            raise self.invalid(place)
        return figure
