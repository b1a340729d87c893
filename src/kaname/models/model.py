"""What a model version is, and what it is at work. Nothing here can be changed once it is made."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from kaname.ledger.canonical import canonical
from kaname.store import digest_bytes

PredictionState = Literal["predicted", "not-for-this-model", "refused"]


@dataclass(frozen=True, slots=True)
class Card:
    """What has to be known to run a model and to say where it comes from. It travels in the package."""

    name: str
    version: int
    """1, 2, 3 … within one name."""
    weights: str
    """SHA-256 of the ONNX file."""
    dataset: str
    """Digest of the dataset version that it was trained on."""
    dataset_name: str
    dataset_version: int
    code: str
    """Digest of the code that trained it."""
    run: str
    registry: str
    modality: str
    """Modality (0008,0060) of the images that it reads."""
    target: str
    """Value of the label whose probability it gives."""
    other: str
    """Value of the label that it answers below the threshold."""
    threshold: float
    """Chosen on the validation split."""
    rows: int
    columns: int
    centre: float
    width: float
    """Pixels behind the Modality LUT become (x - centre) / width, clipped to [-1, 1]."""

    @property
    def digest(self) -> str:
        """Name of the version: weights × dataset version × code."""
        return digest_bytes(canonical([self.weights, self.dataset, self.code]))


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model version by name."""

    name: str
    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A registered version with what it was judged to be."""

    card: Card
    sealed_test: str
    """Digest of the test split that it was judged on."""
    evaluation: dict[str, Any]
    """The assessment on it (``kaname.evaluation.scored.Assessment``) as JSON."""
    made_at: str

    def to_json(self) -> dict[str, Any]:
        """All of it, the digest by name."""
        return asdict(self.card) | {
            "digest": self.card.digest,
            "sealed_test": self.sealed_test,
            "evaluation": self.evaluation,
            "made_at": self.made_at,
        }


@dataclass(frozen=True, slots=True)
class Deployment:
    """A model at work on this node."""

    card: Card
    signer: str
    """Name of the node that vouches for it."""
    deployed_at: str
    seen_until: str
    """Packs that were shelved earlier have all been looked at."""


@dataclass(frozen=True, slots=True)
class Score:
    """What a model says of one frame."""

    sop_instance_uid: str
    frame: int
    """From 1."""
    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Predicted:
    """What a model said of one pack."""

    model: str
    """Digest of the model version."""
    pack: str
    study_instance_uid: str
    state: PredictionState
    reason: str
    report: str
    """SOP Instance UID of the DICOM report; empty unless predicted."""
    scores: tuple[Score, ...]
    at: str
