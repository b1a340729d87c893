"""Two versions on one set that was sealed before either was trained."""

from __future__ import annotations

from kaname.airlock.release import key_of
from kaname.datasets.flow import content
from kaname.datasets.flow import show as show_dataset
from kaname.datasets.model import DatasetVersion
from kaname.errors import Refused
from kaname.evaluation.classify import compare as compare_scores
from kaname.evaluation.scored import Comparison
from kaname.models.admit import scored
from kaname.models.flow import show
from kaname.models.model import ModelVersion
from kaname.models.network import Network
from kaname.node import Node


def compare(node: Node, name: str, first: int, second: int) -> Comparison:
    """Runs both versions on the test split as it stands now: what was sealed first, less who has withdrawn since.

    Raises:
        Refused: ``not-found``; ``models-not-comparable`` when they are of different datasets or labels, or when the
            test split has gained somebody since the older one was judged; ``split-empty``, ``predictions-one-class``.
        NotYet: ``storage-unreachable``.
    """
    one, two = show(node, name, first), show(node, name, second)
    same = [(m.card.dataset_name, m.card.target, m.card.other) for m in (one, two)]
    if same[0] != same[1]:
        raise Refused("models-not-comparable")
    newest = show_dataset(node, one.card.dataset_name)
    now = _tested(node, newest)
    if not all(now <= _tested(node, show_dataset(node, newest.name, m.card.dataset_version)) for m in (one, two)):
        raise Refused("models-not-comparable")
    truth, old, subjects = scored(node, _network(node, one), newest, "test")
    _, new, _ = scored(node, _network(node, two), newest, "test")
    return compare_scores(truth, old, new, subjects)


def _tested(node: Node, dataset: DatasetVersion) -> set[str]:
    """Subjects of a version's test split."""
    return {assigned.subject for assigned in content(node, dataset).splits if assigned.split == "test"}


def _network(node: Node, model: ModelVersion) -> Network:
    return Network.load(model.card, node.store.get(key_of(model.card.weights)))
