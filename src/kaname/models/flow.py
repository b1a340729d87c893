"""What may be asked about models: which there are, what they were trained on, what they said."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable

from sqlalchemy import select

from kaname.database import reading
from kaname.models import rows
from kaname.models.index import PREDICTIONS
from kaname.models.model import Deployment, ModelRef, ModelVersion, Predicted, Score
from kaname.node import Node


def versions(node: Node, registries: Iterable[str], projects: Iterable[str] = ()) -> tuple[ModelVersion, ...]:
    """Every model version of these registries, or trained in these projects, by name and number."""
    with reading(node.index) as connection:
        return rows.of_registries(connection, registries, projects)


def show(node: Node, name: str, version: int | None = None) -> ModelVersion:
    """One version of a model, the newest when no number is given.

    Raises:
        Refused: ``not-found``.
    """
    with reading(node.index) as connection:
        return rows.of_number(connection, name, version)


def trained_on(node: Node, dataset_digests: Collection[str]) -> tuple[ModelRef, ...]:
    """Versions that were trained on one of these dataset versions, by name and number."""
    with reading(node.index) as connection:
        return rows.on_datasets(connection, dataset_digests)


def at_work(node: Node, registries: Iterable[str]) -> tuple[Deployment, ...]:
    """Models deployed on this node for these registries, the first one first."""
    with reading(node.index) as connection:
        return rows.deployments(connection, registries)


def predictions(node: Node, registries: Collection[str], study_instance_uid: str) -> tuple[Predicted, ...]:
    """What models said of a study of these registries, by model and pack."""
    query = select(PREDICTIONS).where(PREDICTIONS.c.study_instance_uid == study_instance_uid)
    query = query.where(PREDICTIONS.c.registry.in_(list(registries)))
    with reading(node.index) as connection:
        found = connection.execute(query.order_by(PREDICTIONS.c.model, PREDICTIONS.c.pack)).all()
    return tuple(
        Predicted(
            row.model,
            row.pack,
            row.study_instance_uid,
            row.state,
            row.reason,
            row.report,
            tuple(Score(*score) for score in json.loads(row.scores)),
            row.at,
        )
        for row in found
    )
