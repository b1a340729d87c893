"""Learning: images and answers become a trained network. Seeded, on one thread: the same again gives the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kaname.models.recipes.spots import averaged, factor_of, learning_library, logits, network

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EPOCHS, BATCH = 24, 16
RATE, DECAY = 3e-3, 1e-3
SHIFT = 2
"""Averaged pixels by which images are moved at most, so that no place is learned by heart."""
TOLD_EVERY = 3


@dataclass(frozen=True, slots=True)
class Cases:
    """Images with their answers."""

    images: NDArray[np.float32]
    """(n, rows, columns), scaled to [-1, 1]."""
    answers: NDArray[np.bool_]
    """(n,), whether each shows the target."""


@dataclass(frozen=True, slots=True)
class Learned:
    """A trained network and how it came about."""

    net: Any
    curve: tuple[tuple[int, float, float | None], ...]
    """Epoch, mean loss in training, AUC on the validation cases (``None`` where they are all alike)."""


def learn(train: Cases, validation: Cases, seed: int, epochs: int = EPOCHS) -> Learned:
    """Trains a network.

    Args:
        train: What is learned from.
        validation: What is only looked at, for the curve.
        seed: Of the order of the cases, how they are turned and moved, and where the later layers begin.
        epochs: How often each case is seen.
    """
    torch = learning_library()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    torch.manual_seed(seed)
    chance = torch.Generator().manual_seed(seed)
    net: Any = network()
    images, answers = _tensor(train.images), torch.from_numpy(train.answers.astype("f4"))
    batches = (len(images) + BATCH - 1) // BATCH
    optimiser: Any = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=epochs * batches)
    curve: list[tuple[int, float, float | None]] = []
    for epoch in range(1, epochs + 1):
        net.train()
        total = 0.0
        for chosen in torch.randperm(len(images), generator=chance).split(BATCH):
            said = logits(net, _moved(images[chosen], chance))
            loss = torch.nn.functional.binary_cross_entropy_with_logits(said, answers[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            pace.step()
            total += float(loss.detach()) * len(chosen)
        if epoch % TOLD_EVERY == 0 or epoch == epochs:
            curve.append((epoch, round(total / len(images), 6), _area(net, validation)))
    net.eval()
    return Learned(net, tuple(curve))


def scores(net: Any, images: NDArray[np.float32]) -> list[float]:  # noqa: ANN401 - torch is imported by recipes alone
    """The probability of the target in each image, by the network itself."""
    torch = learning_library()
    net.eval()
    with torch.no_grad():
        found: Sequence[float] = torch.sigmoid(logits(net, _tensor(images))).tolist()
    return list(found)


def _area(net: Any, cases: Cases) -> float | None:  # noqa: ANN401
    from kaname.evaluation.area import area

    if not cases.answers.any() or cases.answers.all():
        return None
    import numpy as np

    return round(area(cases.answers, np.array(scores(net, cases.images))).auc, 6)


def _tensor(images: NDArray[np.float32]) -> Any:  # noqa: ANN401
    torch = learning_library()
    return torch.from_numpy(averaged(images, factor_of(*images.shape[1:]))[:, None])


def _moved(images: Any, chance: Any) -> Any:  # noqa: ANN401
    """The images of a batch, turned and moved by chance, all in the same way."""
    torch = learning_library()
    turned = int(torch.randint(0, 8, (1,), generator=chance))
    for bit, axes in ((1, (3,)), (2, (2,))):
        images = images.flip(axes) if turned & bit else images
    if turned & 4 and images.shape[2] == images.shape[3]:
        images = images.transpose(2, 3)
    by: list[int] = torch.randint(-SHIFT, SHIFT + 1, (2,), generator=chance).tolist()
    return torch.roll(images, by, (2, 3))
