"""Admitting what the airlock let go: the platform itself judges it on the sealed test split, then registers it.

The job never saw that split, and nothing that it says about its own quality is believed.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from functools import partial

from kaname.airlock import rows as airlock_rows
from kaname.airlock.flow import find, released, released_waiting
from kaname.airlock.release import key_of
from kaname.compute.flow import find as find_run
from kaname.compute.model import Run
from kaname.database import reading, writing
from kaname.datasets.flow import sealed_test
from kaname.datasets.flow import show as show_dataset
from kaname.datasets.loader import Loader
from kaname.datasets.model import DatasetVersion, Split
from kaname.errors import Refused
from kaname.evaluation.classify import assess, best_threshold
from kaname.ledger import Json
from kaname.models import rows
from kaname.models.model import Card, ModelVersion
from kaname.models.network import Network
from kaname.models.told import CARD_FILE, WEIGHTS_FILE, Told
from kaname.node import Node
from kaname.work import Do, Outcome, shielded


def releases_waiting(node: Node) -> tuple[str, ...]:
    """Ids of approved requests whose models are not registered yet."""
    return released_waiting(node)


def admit_release(node: Node, do: Do, request_id: Json) -> Json:
    """The worker's flow: one durable step per release."""
    return do(partial(admit, node), request_id)


def admit(node: Node, request_id: str) -> Json:
    """Judges and registers what a request let go; again, it changes nothing.

    What cannot be judged becomes no version; the ledger says why.

    Raises:
        Refused: ``not-found``, ``release-denied``.
        NotYet: ``release-pending``, ``storage-unreachable``, ``index-busy``.
    """
    request = find(node, request_id)
    run = find_run(node, request.run)
    with reading(node.index) as connection:
        known = rows.of_run(connection, run.id)
    made = known or shielded(_judge, node, run, request_id)
    with writing(node.index) as connection:
        airlock_rows.hand_on(connection, request_id)
        if isinstance(made, Outcome):
            facts: dict[str, Json] = {"reason": made.reason, "run": run.id}
            node.ledger.append(
                "model-refused", request_id, actor=node.settings.name, facts=facts, connection=connection
            )
            return facts
        fresh = rows.of_run(connection, run.id) is None
        made = rows.add(connection, made)
        card = made.card
        if fresh:
            told: dict[str, Json] = {"dataset": card.dataset, "name": card.name, "run": run.id, "version": card.version}
            node.ledger.append("model-registered", card.digest, actor=run.actor, facts=told, connection=connection)
    return {"model": card.digest, "name": card.name, "version": card.version}


def _judge(node: Node, run: Run, request_id: str) -> ModelVersion:
    """The version, without its number.

    Raises:
        Refused: ``model-format``, ``model-damaged``, ``model-wrong-size``; ``split-empty``,
            ``predictions-one-class`` when there is nothing to judge on; ``object-missing``, ``dataset-damaged``.
    """
    items = {item.name: item.digest for item in released(node, request_id)}
    if set(items) != {WEIGHTS_FILE, CARD_FILE}:
        raise Refused("model-format", entry="files")
    told = Told.from_bytes(node.store.get(key_of(items[CARD_FILE])))
    dataset = show_dataset(node, run.spec.dataset, run.spec.version)
    card = Card(
        name=run.spec.name,
        version=0,
        weights=items[WEIGHTS_FILE],
        dataset=run.dataset_digest,
        dataset_name=dataset.name,
        dataset_version=dataset.version,
        code=run.spec.code_digest,
        run=run.id,
        registry=run.registry,
        modality=told.modality,
        target=told.positive,
        other=told.negative,
        threshold=0.5,
        rows=told.rows,
        columns=told.columns,
        centre=told.centre,
        width=told.width,
    )
    network = Network.load(card, node.store.get(key_of(card.weights)))
    truth, scores, _ = scored(node, network, dataset, "validation")
    card = replace(card, threshold=best_threshold(truth, scores))
    found = assess(*scored(node, network, dataset, "test"), threshold=card.threshold)
    evaluation = json.loads(json.dumps(asdict(found)))
    return ModelVersion(card, sealed_test(node, dataset), evaluation, node.clock.stamp())


def scored(
    node: Node, network: Network, dataset: DatasetVersion, split: Split
) -> tuple[list[bool], list[float], list[str]]:
    """Truth, score and subject of every labelled frame of a split, in the loader's order.

    Raises:
        Refused: ``split-empty``; ``model-format`` when a label is neither of the model's; what loader and network
            raise.
    """
    card = network.card
    truth: list[bool] = []
    scores: list[float] = []
    subjects: list[str] = []
    for sample in Loader.of(node, dataset, (split,)):
        if sample.label not in (card.target, card.other):
            raise Refused("model-format", entry="classes")
        truth.append(sample.label == card.target)
        scores.append(network.score(sample.pixels))
        subjects.append(sample.subject)
    return truth, scores, subjects
