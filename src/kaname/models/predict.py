"""What arrives is shown to the models at work here: one durable step per pack and model, one DICOM report per pack.

A pack of another modality is noted and left alone. Said again, the same is the same report: its UIDs are digests of
what it says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass
from functools import partial

from sqlalchemy import Connection, Select, and_, func, insert, select, update

from kaname.archive.derived import store
from kaname.archive.index import PACKS, SERIES
from kaname.archive.shelf import copy_folder, load_index
from kaname.database import reading, writing
from kaname.dicom.codec import decode_frame, frame_shape, modality_values
from kaname.dicom.frames import Span, frame_bytes
from kaname.dicom.objects.prediction import Judged, PredictingModel, prediction_report
from kaname.errors import Refused
from kaname.intake.turn import turn
from kaname.ledger import Json
from kaname.models import rows
from kaname.models.deploy import load
from kaname.models.index import DEPLOYMENTS, PREDICTIONS
from kaname.models.model import Card, Predicted, Score
from kaname.models.network import Network
from kaname.node import Node
from kaname.pack import Member, SeriesIndex
from kaname.work import Do, Outcome, shielded

PAGE = 500
"""Most packs put on the list at one look."""
WRONG_MODALITY = "model-wrong-modality"
GONE = "gone"
"""Its subject has withdrawn since: nothing is written down."""


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose pack it is."""

    registry: str
    subject: str
    study_instance_uid: str
    modality: str


def predictions_waiting(node: Node) -> tuple[str, ...]:
    """``model:pack`` of everything that was shelved since a model was deployed and that it has not seen."""
    with reading(node.index) as connection:
        at_work = rows.deployments(connection, node.settings.registries)
        return tuple(f"{one.card.digest}:{pack}" for one in at_work for pack in _unseen(connection, one.card))


def predict_pack(node: Node, do: Do, one: Json) -> Json:
    """The worker's flow: one durable step per model and pack."""
    return do(partial(predict, node), one)


def predict(node: Node, one: str) -> Json:
    """Runs a deployed model on a pack and stores its report; again, it changes nothing.

    Args:
        node: A node of the de-identified side.
        one: ``model:pack``, two digests.

    Raises:
        Refused: ``not-found`` when the model is not at work here.
        NotYet: ``storage-full``, ``storage-unreachable``, ``index-busy``.
    """
    model, _, pack = one.partition(":")
    with reading(node.index) as connection:
        deployed = rows.deployment(connection, model)
        owner = _owner(connection, pack)
    if deployed is None:
        raise Refused("not-found")
    if owner is None:
        return {"pack": pack, "state": GONE}
    found = _predicted(node, deployed.card, pack, owner)
    with turn(node, owner.registry, owner.subject), writing(node.index) as connection:
        if _owner(connection, pack) is None:
            return {"pack": pack, "state": GONE}
        _write_down(node, connection, found, owner.registry, owner.subject)
        _move_on(connection, deployed.card)
    return {"pack": pack, "state": found.state, "images": len(found.scores)}


def _predicted(node: Node, card: Card, pack: str, owner: _Owner) -> Predicted:
    at, study = node.clock.stamp(), owner.study_instance_uid
    if owner.modality != card.modality:
        return Predicted(card.digest, pack, study, "not-for-this-model", WRONG_MODALITY, "", (), at)
    said = shielded(_said, node, card, pack, owner.registry)
    if isinstance(said, Outcome):
        return Predicted(card.digest, pack, study, "refused", said.reason, "", (), at)
    return Predicted(card.digest, pack, study, "predicted", "", *said, at)


def _said(node: Node, card: Card, pack: str, registry: str) -> tuple[str, tuple[Score, ...]]:
    """Scores of every frame of a pack, and the UID of the report that tells them, which is stored."""
    network = load(node, card.digest)
    index = load_index(node.store, pack)
    judged: list[Judged] = []
    scores: list[Score] = []
    for member, frame, score in _scores(node, network, index):
        label = network.label(score)
        scores.append(Score(member.sop_instance_uid, frame, label, score))
        judged.append(Judged(member.metadata, label, score, frame if len(member.frames) > 1 else None))
    model = PredictingModel(card.name, str(card.version), card.digest, card.target, card.threshold)
    file = copy_folder(node, pack) / f"{card.digest}.dcm"  # goes with its subject, whatever happens to this process
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(prediction_report(judged, model))
        (stored,) = store(node, [file], registry=registry, actor=f"model {card.name} {card.version}")
    finally:
        file.unlink(missing_ok=True)
        with suppress(OSError):  # another model is at it, or it is gone
            file.parent.rmdir()
    return stored.sop_instance_uid, tuple(scores)


def _scores(node: Node, network: Network, index: SeriesIndex) -> Iterator[tuple[Member, int, float]]:
    for member in index.members:
        for frame in range(1, len(member.frames) + 1):
            ref = index.frame(member.sop_instance_uid, frame)
            data = node.store.read(ref.object, ref.offset, ref.length)
            data = frame_bytes(data, Span(ref.offset, ref.length, ref.fragments))
            array = decode_frame(data, frame_shape(member.metadata), ref.transfer_syntax_uid)
            yield member, frame, network.score(modality_values(array, member.metadata, frame - 1))


def _owner(connection: Connection, pack: str) -> _Owner | None:
    """Of a pack that is on the shelf; ``None`` when its subject has withdrawn."""
    query = select(PACKS.c.registry, PACKS.c.subject, SERIES.c.study_instance_uid, SERIES.c.modality).join(
        SERIES, SERIES.c.series_instance_uid == PACKS.c.series_instance_uid
    )
    row = connection.execute(query.where(PACKS.c.digest == pack)).one_or_none()
    return None if row is None else _Owner(row.registry, row.subject, row.study_instance_uid, row.modality)


def _unseen(connection: Connection, card: Card) -> Sequence[str]:
    """Packs of the model's registry, shelved since everything earlier was looked at, that it has said nothing of."""
    query = _since(card).with_only_columns(PACKS.c.digest).order_by(PACKS.c.shelved_at, PACKS.c.digest)
    return connection.scalars(query.limit(PAGE)).all()


def _since(card: Card) -> Select[tuple[str]]:
    mine = and_(PREDICTIONS.c.model == card.digest, PREDICTIONS.c.pack == PACKS.c.digest)
    until = select(DEPLOYMENTS.c.seen_until).where(DEPLOYMENTS.c.model == card.digest).scalar_subquery()
    return (
        select(PACKS.c.shelved_at)
        .outerjoin(PREDICTIONS, mine)
        .where(PACKS.c.registry == card.registry, PACKS.c.shelved_at >= until, PREDICTIONS.c.pack.is_(None))
        .where(PACKS.c.parcel != "")  # a report is no image
    )


def _move_on(connection: Connection, card: Card) -> None:
    """Remembers how far everything has been looked at, so that a look does not begin at the first day again."""
    waiting = connection.scalar(_since(card).order_by(PACKS.c.shelved_at).limit(1))
    newest = connection.scalar(select(func.max(PACKS.c.shelved_at)).where(PACKS.c.registry == card.registry))
    until = waiting or newest
    if until:
        connection.execute(update(DEPLOYMENTS).where(DEPLOYMENTS.c.model == card.digest).values(seen_until=until))


def _write_down(node: Node, connection: Connection, found: Predicted, registry: str, subject: str) -> None:
    known = select(PREDICTIONS.c.pack).where(PREDICTIONS.c.model == found.model, PREDICTIONS.c.pack == found.pack)
    if connection.execute(known).one_or_none() is not None:
        return
    connection.execute(
        insert(PREDICTIONS).values(
            model=found.model,
            pack=found.pack,
            registry=registry,
            subject=subject,
            study_instance_uid=found.study_instance_uid,
            state=found.state,
            reason=found.reason,
            report=found.report,
            scores=json.dumps([astuple(score) for score in found.scores]),
            at=found.at,
        )
    )
    if found.state == "predicted":
        facts: dict[str, Json] = {"images": len(found.scores), "pack": found.pack, "registry": registry}
        node.ledger.append("model-predicted", found.model, actor=node.settings.name, facts=facts, connection=connection)


def predict_study(node: Node, model: str, study_instance_uid: str) -> tuple[str, ...]:
    """Runs a deployed model on the packs of a study that are of its modality, now; returns those packs.

    Raises:
        Refused: ``not-found`` when the model is not at work here or the study is not held; ``model-wrong-modality``
            when nothing of the study is for this model.
        NotYet: as :func:`predict`.
    """
    with reading(node.index) as connection:
        deployed = rows.deployment(connection, model)
        found = connection.execute(
            select(PACKS.c.digest, PACKS.c.registry, SERIES.c.modality)
            .join(SERIES, SERIES.c.series_instance_uid == PACKS.c.series_instance_uid)
            .where(SERIES.c.study_instance_uid == study_instance_uid)
            .order_by(PACKS.c.digest)
        ).all()
    if deployed is None or not found:
        raise Refused("not-found")
    card = deployed.card
    packs = tuple(row.digest for row in found if (row.registry, row.modality) == (card.registry, card.modality))
    if not packs:
        raise Refused(WRONG_MODALITY, modality=card.modality)
    for pack in packs:
        predict(node, f"{model}:{pack}")
    return packs
