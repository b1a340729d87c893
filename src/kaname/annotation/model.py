"""A unit of work, a geometry with a coded label, one reader's answer, and what comes of several answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from kaname.registries.model import Geometry, Item, Label, Unit

Kind = Literal["reading", "adjudication", "correction"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""An independent look; the decision where independent looks differ; a later decision over whatever stood."""
State = Literal["open", "disputed", "settled"]
STATES: tuple[State, ...] = get_args(State)
Settled = Literal["agreed", "adjudicated", "corrected"]
Point = tuple[float, float]
"""Column and row in pixels of the image, from the outer corner of its first pixel (PS3.3 section C.10.5.1.2 less
0.5)."""
Value = str | int | float
"""Of an item: a code or a number."""
ANSWERS: tuple[Geometry, ...] = ("pair", "image", "form")
"""Geometries that are an answer by themselves; the first one that a question asks for is the answer of a reading."""
TOGETHER = "+"
"""Between the labels of a reading that says nothing about the whole."""
WHOLE = 0
"""In the place of a frame's number: the case is the whole instance."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the readers of a task are asked: a copy of the registry's words on the day the task was made."""

    ja: str
    en: str
    labels: tuple[Label, ...]
    geometries: tuple[Geometry, ...]
    unit: Unit = "frame"
    form: tuple[Item, ...] = ()
    """Items that a ``form`` mark fills in, in the registry's order."""

    @property
    def answer(self) -> Geometry | None:
        """The geometry of which a reading has exactly one: its answer. ``None``: its marks together are the answer."""
        return next((geometry for geometry in ANSWERS if geometry in self.geometries), None)


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
    """``box``: the corner nearest to the first pixel, then the opposite one. ``polygon``: its corners in turn, three or
    more, the last one joined to the first. Else none."""
    frames: tuple[int, int] | None = None
    """First and last frame, from 1: of an ``interval``, and of what is drawn on frames of a whole video."""
    values: tuple[tuple[str, Value], ...] = ()
    """What a ``form`` says, by names of items, sorted."""


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
    """The answer, and the places that it rests on."""
    at: str

    @property
    def label(self) -> str:
        """The answer: what the reading says about the whole, else every label that it gave, sorted, joined by ``+``."""
        for geometry in ANSWERS:
            for mark in self.marks:
                if mark.geometry == geometry:
                    return mark.label
        return TOGETHER.join(sorted({mark.label for mark in self.marks}))


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
    """A frame, a whole instance or two frames that readers are asked about, and what their readings came to so far."""

    id: str
    """SHA-256 of task, SOP Instance UID and frame; of a pair, of both of them."""
    task: str
    registry: str
    subject: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    frame: int
    """From 1; 0 (:data:`WHOLE`): the whole instance."""
    rows: int
    columns: int
    """Of a slide: those of its Total Pixel Matrix."""
    pack: str
    """SHA-256 of the pack that holds it; empty while the image has not arrived here."""
    verdict: Verdict = OPEN
    frames: int = 1
    """Of the instance, following each other; 1 for a slide, whose frames are tiles of one picture."""
    other_sop_instance_uid: str = ""
    """Of a pair: its right image, of the same series; else empty."""
    other_frame: int = 0
    """Of a pair: from 1; else 0."""
    other_pack: str = ""
    """Of a pair: SHA-256 of the pack that holds the right image."""

    @property
    def unit(self) -> Unit:
        """What this case is."""
        if self.other_sop_instance_uid:
            return "pair"
        return "instance" if self.frame == WHOLE else "frame"


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
class Marked:
    """A mark that a label rests on."""

    reader: int
    """1, 2 … of the case: tells its readers apart, and no more."""
    mark: Mark


@dataclass(frozen=True, slots=True)
class SettledLabel:
    """The label of one case."""

    subject: str
    series_instance_uid: str
    sop_instance_uid: str
    frame: int
    """From 1; 0: the whole instance."""
    label: str
    settled: Settled
    pack: str
    marks: tuple[Marked, ...] = ()
    """Those that decided: of all readers who agreed, else of who adjudicated or corrected."""
    other_sop_instance_uid: str = ""
    other_frame: int = 0
    other_pack: str = ""
    """The right image of a pair."""

    @property
    def place(self) -> tuple[str, int, str, int]:
        """What labels are ordered by, and told apart."""
        return self.sop_instance_uid, self.frame, self.other_sop_instance_uid, self.other_frame


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
    """Instances looked at now that nobody can be asked about: their frames cannot be told apart, or have no size."""


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
