"""What the readings of a case come to. A pure function: the same readings always come to the same."""

from __future__ import annotations

from collections.abc import Iterable

from kaname.annotation.model import OPEN, Marked, Reading, Settled, Verdict

DECIDED: dict[str, Settled] = {"adjudication": "adjudicated", "correction": "corrected"}


def settle(readings: Iterable[Reading], readers: int) -> Verdict:
    """The state and label of a case.

    The last adjudication or correction decides. Without one, each reader's last reading counts: fewer than ``readers``
    of them leave the case open, one answer from all settles it, two answers are a dispute.

    Args:
        readings: All of one case, in their order.
        readers: How many independent readers the task asks for.
    """
    current: dict[tuple[str, str], str] = {}
    decision: Verdict | None = None
    for reading in readings:
        if reading.kind == "reading":
            current[reading.origin, reading.reader] = reading.label
        else:
            decision = Verdict("settled", reading.label, DECIDED[reading.kind])
    if decision is not None:
        return decision
    if len(current) < readers:
        return OPEN
    answers = set(current.values())
    return Verdict("settled", answers.pop(), "agreed") if len(answers) == 1 else Verdict("disputed")


def deciding(readings: Iterable[Reading]) -> tuple[Marked, ...]:
    """The marks that a settled case's label rests on: of its last decision, else of each reader's last reading.

    Readers are numbered from 1 in the order of these readings: the numbers tell the readers of one case apart, and
    nothing of who they are.

    Args:
        readings: All of one case, in their order.
    """
    current: dict[tuple[str, str], Reading] = {}
    decision: Reading | None = None
    for reading in readings:
        if reading.kind == "reading":
            current.pop((reading.origin, reading.reader), None)
            current[reading.origin, reading.reader] = reading
        else:
            decision = reading
    decided = list(current.values()) if decision is None else [decision]
    return tuple(Marked(number, mark) for number, one in enumerate(decided, 1) for mark in one.marks)
