"""How a piece of work ends, and how a raised error becomes that."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, ParamSpec, TypeVar, cast

from kaname.errors import Fact, KanameError, NotYet
from kaname.ledger import Json

T = TypeVar("T")
P = ParamSpec("P")
OURS = "/kaname/"
WORK = "/kaname/work/"
Do = Callable[..., Any]
"""``do(step, *json_arguments)`` runs a step once and writes its result down; after a crash it returns what was written.

``step`` is a function (or a ``functools.partial`` of one) that returns JSON. It may run twice when the process dies
inside it, so its effects must be the same when repeated.
"""
Flow = Callable[[Do, Any], Json]
"""A straight-line function of ``do`` and a JSON payload; everything it does to the world stands in steps."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one piece of work ended."""

    state: Literal["done", "refused", "held", "failed"]
    """``refused``: it will never pass. ``held``: a person has to decide. ``failed``: a bug of ours."""
    result: Json = None
    reason: str = ""
    """Reason code of ``refused`` and ``held``; ``bug`` when it ``failed``."""
    facts: dict[str, Fact] = field(default_factory=dict[str, Fact])

    def to_json(self) -> dict[str, Json]:
        """The outcome as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Json) -> Outcome:
        """The outcome that :meth:`to_json` wrote."""
        return cls(**cast("dict[str, Any]", value))


def attempt(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | Outcome:
    """What ``function`` returns, or how it ended: for a step that treats many objects and goes on behind a bad one.

    A ``NotYet`` that waits for time is raised on: then the whole step is tried again.
    """
    try:
        return function(*args, **kwargs)
    except KanameError as error:
        if waits_for_time(error):
            raise
        return outcome_of(error)


def shielded(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | Outcome:
    """As :func:`attempt`; a bug in the treatment of one object becomes its outcome, and stops no other object."""
    try:
        return attempt(function, *args, **kwargs)
    except KanameError:
        raise
    except Exception as error:  # noqa: BLE001 -- the object is kept and held, the bug reported without its message
        return outcome_of_bug(error)


def waits_for_time(error: KanameError) -> bool:
    """Whether trying again later is all there is to do."""
    return isinstance(error, NotYet) and error.reason.waits_for == "time"


def outcome_of(error: KanameError) -> Outcome:
    """How work ends that raised this error."""
    state = "held" if isinstance(error, NotYet) else "refused"
    return Outcome(state, reason=error.code, facts=error.facts)


def outcome_of_bug(error: Exception) -> Outcome:
    """How work ends that hit a bug: the type and our line of code, never the message, which may quote a record."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if OURS in frame.filename and WORK not in frame.filename] or frames
    file = ours[-1].filename.rpartition(OURS)[2].rpartition("/site-packages/")[2]
    return Outcome("failed", reason="bug", facts={"type": type(error).__name__, "where": f"{file}:{ours[-1].lineno}"})
