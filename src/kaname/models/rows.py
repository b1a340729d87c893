"""Rows of model versions and deployments."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from kaname.compute.index import RUNS
from kaname.errors import Refused
from kaname.ledger.canonical import canonical
from kaname.models.index import DEPLOYMENTS, VERSIONS
from kaname.models.model import Card, Deployment, ModelRef, ModelVersion

PAGE = 500
"""Digests asked for in one query."""


def add(connection: Connection, made: ModelVersion) -> ModelVersion:
    """Writes a version down under the next number of its name; the run's own version when it has one already."""
    known = of_run(connection, made.card.run)
    if known is not None:
        return known
    last = connection.execute(select(func.max(VERSIONS.c.version)).where(VERSIONS.c.name == made.card.name)).scalar()
    made = replace(made, card=replace(made.card, version=(last or 0) + 1))
    connection.execute(
        insert(VERSIONS).values(
            name=made.card.name,
            version=made.card.version,
            digest=made.card.digest,
            dataset=made.card.dataset,
            run=made.card.run,
            registry=made.card.registry,
            card=card_text(made.card),
            sealed_test=made.sealed_test,
            evaluation=json.dumps(made.evaluation),
            made_at=made.made_at,
        )
    )
    return made


def of_run(connection: Connection, run: str) -> ModelVersion | None:
    """The version that a run's release became, if it became one."""
    row = connection.execute(select(VERSIONS).where(VERSIONS.c.run == run)).one_or_none()
    return None if row is None else _version(row)


def of_number(connection: Connection, name: str, version: int | None) -> ModelVersion:
    """One version of a model, the newest when no number is given.

    Raises:
        Refused: ``not-found``.
    """
    query = select(VERSIONS).where(VERSIONS.c.name == name).order_by(VERSIONS.c.version.desc()).limit(1)
    if version is not None:
        query = query.where(VERSIONS.c.version == version)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise Refused("not-found")
    return _version(row)


def of_registries(
    connection: Connection, registries: Iterable[str], projects: Iterable[str] = ()
) -> tuple[ModelVersion, ...]:
    """Every version of these registries, or trained in these projects, by name and number."""
    trained = select(RUNS.c.id).where(RUNS.c.project.in_(list(projects)))
    query = select(VERSIONS).where(VERSIONS.c.registry.in_(list(registries)) | VERSIONS.c.run.in_(trained))
    return tuple(_version(row) for row in connection.execute(query.order_by(VERSIONS.c.name, VERSIONS.c.version)))


def on_datasets(connection: Connection, digests: Collection[str]) -> tuple[ModelRef, ...]:
    """Versions that were trained on one of these dataset versions, by name and number."""
    listed = sorted(digests)
    found: list[ModelRef] = []
    for start in range(0, len(listed), PAGE):
        query = select(VERSIONS.c.name, VERSIONS.c.version, VERSIONS.c.digest)
        rows = connection.execute(query.where(VERSIONS.c.dataset.in_(listed[start : start + PAGE])))
        found += [ModelRef(row.name, row.version, row.digest) for row in rows]
    return tuple(sorted(found, key=lambda ref: (ref.name, ref.version)))


def deployments(connection: Connection, registries: Iterable[str]) -> tuple[Deployment, ...]:
    """Every model at work for these registries, the first one first."""
    query = select(DEPLOYMENTS).where(DEPLOYMENTS.c.registry.in_(list(registries)))
    rows = connection.execute(query.order_by(DEPLOYMENTS.c.deployed_at, DEPLOYMENTS.c.model))
    return tuple(deployment_of(row) for row in rows)


def deployment(connection: Connection, model: str) -> Deployment | None:
    """The deployment of a model version, by its digest; ``None`` where it is not at work."""
    row = connection.execute(select(DEPLOYMENTS).where(DEPLOYMENTS.c.model == model)).one_or_none()
    return None if row is None else deployment_of(row)


def card_text(card: Card) -> str:
    """A card as it is kept."""
    return canonical(asdict(card)).decode()


def deployment_of(row: Row[*tuple[Any, ...]]) -> Deployment:
    """A deployment from its row."""
    return Deployment(Card(**json.loads(row.card)), row.signer, row.deployed_at, row.seen_until)


def _version(row: Row[*tuple[Any, ...]]) -> ModelVersion:
    return ModelVersion(Card(**json.loads(row.card)), row.sealed_test, json.loads(row.evaluation), row.made_at)
