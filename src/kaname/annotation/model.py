"""A unit of work, a geometry with a coded label, one reader's answer, and what comes of several answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from kaname.registries.model import Geometry, Label

Kind = Literal["reading", "adjudication", "correction"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""An independent look; the decision where independent looks differ; a later decision over whatever stood."""
State = Literal["open", "disputed", "settled"]
STATES: tuple[State, ...] = get_args(State)
Settled = Literal["agreed", "adjudicated", "corrected"]
Point = tuple[float, float]
"""Column and row in pixels of the image, from the outer corner of its first pixel (PS3.3 section C.10.5.1.2 less
0.5)."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the readers of a task are asked: a copy of the registry's words on the day the task was made."""

    ja: str
    en: str
    labels: tuple[Label, ...]
    geometries: tuple[Geometry, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """A question about many images."""

    name: str
    registry: str
    question: Question
    readers: int
    """Independent readers that must have seen a case before it is settled."""
    made_at: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A geometry with a label of the task."""

    geometry: Geometry
    label: str
    points: tuple[Point, ...] = ()
    """``image``: none. ``box``: the corner nearest to the first pixel, then the opposite one."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One reader's answer about one case."""

    case: str
    origin: str
    """Node where it was read."""
    number: int
    """1, 2, 3 … of this case and origin."""
    reader: str
    """A name of ours for a person, known to the node of origin."""
    kind: Kind
    marks: tuple[Mark, ...]
    """Exactly one ``image`` mark, which is the answer, and the places that it rests on."""
    at: str

    @property
    def label(self) -> str:
        """The answer."""
        return next(mark.label for mark in self.marks if mark.geometry == "image")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the readings of a case come to."""

    state: State
    label: str = ""
    """Empty unless settled."""
    settled: Settled | Literal[""] = ""


OPEN = Verdict("open")


@dataclass(frozen=True, slots=True)
class Case:
    """One frame that readers are asked about, and what their readings came to so far."""

    id: str
    """SHA-256 of task, SOP Instance UID and frame."""
    task: str
    registry: str
    subject: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    frame: int
    """From 1."""
    rows: int
    columns: int
    pack: str
    """SHA-256 of the pack that holds it; empty while the image has not arrived here."""
    verdict: Verdict = OPEN


@dataclass(frozen=True, slots=True)
class Sought:
    """Which cases of a task are asked for. An empty condition asks nothing."""

    state: State
    unread_by: str = ""
    """A reader of this node: cases with an independent reading of theirs are left out."""
    after: str = ""
    """Id behind which to begin."""
    limit: int = 1000
    study: str = ""
    """Study Instance UID."""
    instance: str = ""
    """SOP Instance UID."""


@dataclass(frozen=True, slots=True)
class SettledLabel:
    """The label of one frame."""

    subject: str
    series_instance_uid: str
    sop_instance_uid: str
    frame: int
    label: str
    settled: Settled
    pack: str


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as a reader gives it."""

    case: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an answer. It says nothing of what other readers answered."""

    case: str
    number: int
    """Of the reading."""
    new: bool
    """Whether it was not there yet."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """A task, and what gathering cases for it found."""

    task: Task
    cases: int
    """Of the task, now."""
    added: int
    without_frames: int
    """Instances looked at now whose frames cannot be told apart: nobody can be asked about them."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How many cases of a task are in which state."""

    open: int
    disputed: int
    settled: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two readers agree on the cases that both have read."""

    readers: tuple[str, str]
    cases: int
    agreed: int
    observed: float
    """Share of cases on which both gave one answer."""
    kappa: float | None
    """Cohen's κ; none where chance alone would make them agree on everything."""
    low: float | None
    """Of its 95 % interval."""
    high: float | None
