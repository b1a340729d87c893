"""Putting a model version to work on a node: believed by its signature, kept by its digest."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import insert

from kaname.access.signing import PublicKey
from kaname.airlock.release import key_of
from kaname.database import reading, writing
from kaname.errors import NotYet, Refused
from kaname.ledger import Json
from kaname.models import rows
from kaname.models.flow import show
from kaname.models.index import DEPLOYMENTS
from kaname.models.model import Card, Deployment
from kaname.models.network import Network
from kaname.models.package import open_package, write_package
from kaname.node import Node
from kaname.parcel.enrolment import read_partner, signing_key


def weights_key(digest: str) -> str:
    """Where the weights of a deployed model rest in the store."""
    return f"models/{digest}.onnx"


def export(node: Node, name: str, version: int | None, target: Path, *, actor: str) -> Card:
    """Writes the package of a registered version, signed by this node.

    Only what the airlock let go has become a version, so nothing else can be exported.

    Raises:
        Refused: ``not-found``; ``object-missing``, ``model-damaged``.
        NotYet: ``storage-full``, ``storage-unreachable``, ``index-busy``.
    """
    card = show(node, name, version).card
    write_package(card, node.store.get(key_of(card.weights)), signing_key(node.settings.keys), target)
    facts: dict[str, Json] = {"name": card.name, "version": card.version}
    node.ledger.append("model-exported", card.digest, actor=actor, facts=facts)
    return card


def deploy(node: Node, package: Path, *, actor: str) -> Deployment:
    """Puts the model of a package to work on what is shelved from now on. Again, it changes nothing.

    Raises:
        Refused: ``model-format``, ``model-stranger``, ``model-damaged``; ``parcel-registry`` when this node does not
            take part in the model's registry.
        NotYet: ``storage-full``, ``storage-unreachable``, ``index-busy``.
    """
    known = _believed(node)
    card, weights, signer = open_package(package, {key.id: key for key in known.values()})
    if card.registry not in node.settings.registries:
        raise Refused("parcel-registry", registry=card.registry)
    Network.load(card, weights)
    node.store.put(weights_key(card.weights), weights)
    name = next(who for who, key in known.items() if key.id == signer)
    with writing(node.index) as connection:
        deployed = rows.deployment(connection, card.digest)
        if deployed is None:
            at = node.clock.stamp()
            deployed = Deployment(card, name, at, at)
            connection.execute(
                insert(DEPLOYMENTS).values(
                    model=card.digest,
                    registry=card.registry,
                    card=rows.card_text(card),
                    signer=name,
                    deployed_at=at,
                    seen_until=at,
                )
            )
            facts: dict[str, Json] = {"name": card.name, "signer": name, "version": card.version}
            node.ledger.append("model-deployed", card.digest, actor=actor, facts=facts, connection=connection)
    return deployed


def load(node: Node, model: str) -> Network:
    """The network of a deployed model, by the digest of its version.

    Raises:
        Refused: ``not-found``, ``object-missing``, ``model-damaged``.
        NotYet: ``storage-unreachable``.
    """
    with reading(node.index) as connection:
        deployed = rows.deployment(connection, model)
    if deployed is None:
        raise Refused("not-found")
    return Network.load(deployed.card, node.store.get(weights_key(deployed.card.weights)))


def _believed(node: Node) -> dict[str, PublicKey]:
    """Whose models are put to work here: this node's own, and those of the partner that it is enrolled with."""
    known = {node.settings.name: signing_key(node.settings.keys).public}
    try:
        upstream = read_partner(node.settings.keys)
    except NotYet:
        return known
    return known | {upstream.name: upstream.key}
