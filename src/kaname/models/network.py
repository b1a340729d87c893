"""A network with its card: from the pixels of one frame to the probability of the target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kaname.errors import Refused
from kaname.inference.session import Session
from kaname.models.model import Card

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

INPUT, OUTPUT = "image", "score"
"""``image``: float32 (n, 1, rows, columns) in [-1, 1]; ``score``: float32 (n,), probability of the target."""


@dataclass(frozen=True, slots=True)
class Network:
    """A loaded model. Not shared between threads."""

    card: Card
    _session: Session

    @classmethod
    def load(cls, card: Card, weights: bytes) -> Network:
        """Loads the weights that the card names.

        Raises:
            Refused: ``model-damaged`` when they are others, or no network that takes an image and gives a score.
        """
        session = Session.load(weights, card.weights)
        if session.inputs != (INPUT,) or session.outputs != (OUTPUT,):
            raise Refused("model-damaged", found=session.digest)
        return cls(card, session)

    def score(self, pixels: NDArray[np.float32]) -> float:
        """The probability of the target, 0 to 1.

        Args:
            pixels: (rows, columns) as the card says; values behind the Modality LUT.

        Raises:
            Refused: ``model-wrong-size`` for pixels of another shape; ``model-damaged`` when the network fails, or what
                it gives is no probability.
        """
        import numpy as np

        card = self.card
        if pixels.shape != (card.rows, card.columns):
            raise Refused("model-wrong-size", rows=card.rows, columns=card.columns)
        image = np.clip((pixels.astype(np.float32) - card.centre) / card.width, -1, 1).astype(np.float32)
        found = self._session.run({INPUT: image[None, None]})[OUTPUT]
        if found.shape != (1,) or not 0 <= float(found[0]) <= 1:
            raise Refused("model-damaged", found=card.weights)
        return float(found[0])

    def label(self, score: float) -> str:
        """What the model answers at that score."""
        return self.card.target if score >= self.card.threshold else self.card.other
