"""One misprint often explains several flags: the single change that clears them is named if it is the only one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from kaname.evaluation.model import NOT_RESOLVABLE, Finding, Flag

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """One thing that may have been meant instead."""

    text: str
    """What the repair says, readable in both languages: ``感度/sensitivity: 94.1% → 94.9%``."""
    after: T
    single: bool = True
    """Whether it is one number; a change of more stands in the way of others but is never proposed itself."""


def diagnose(
    facts: T, findings: Callable[[T], Iterable[Finding]], changes: Callable[[T], Iterable[Change[T]]]
) -> tuple[Flag, ...]:
    """Every finding as a flag. Its repair is the one change that clears it, breaks nothing and clears most.

    With one misprint that is the one change that makes all checks pass; with two independent ones each gets its own.
    """
    failing = tuple(findings(facts))
    keys = {finding.key for finding in failing}
    cleared: dict[tuple[str, str], dict[str, tuple[int, bool]]] = {key: {} for key in keys}
    for change in changes(facts) if keys else ():
        left = {finding.key for finding in findings(change.after)}
        for key in keys - left if left <= keys else ():
            cleared[key][change.text] = (len(keys - left), change.single)
    return tuple(flag(finding, _likely(cleared[finding.key])) for finding in failing)


def flag(finding: Finding, repair: str = NOT_RESOLVABLE) -> Flag:
    """A finding on its way out."""
    return Flag(finding.check, finding.expected, finding.found, finding.ja, finding.en, repair)


def _likely(candidates: dict[str, tuple[int, bool]]) -> str:
    most = max((count for count, _ in candidates.values()), default=0)
    best = [(text, single) for text, (count, single) in candidates.items() if count == most]
    return best[0][0] if len(best) == 1 and best[0][1] else NOT_RESOLVABLE
