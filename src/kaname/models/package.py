"""The package in which a model version travels: its card, signed, and its weights. Nothing else.

One USTAR file of two members, ``model.json`` (a signed statement of kind ``model``) and ``model.onnx``, every byte of
which is known beforehand, as in a parcel. Who opens it believes the signature, then the digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from kaname.access.signing import PublicKey, SigningKey, open_statement, read_statement, sign_statement
from kaname.errors import Refused
from kaname.models.model import Card
from kaname.models.told import CARD_FILE, WEIGHTS_FILE
from kaname.pack.ustar import END, header, padding
from kaname.parcel.strict import expect, read_small
from kaname.store.whole import whole_file

KIND = "model"
CARD_BYTES, WEIGHTS_BYTES = 64 << 10, 1 << 30
_TYPES = {"str": (str,), "int": (int,), "float": (float, int)}


def write_package(card: Card, weights: bytes, key: SigningKey, target: Path) -> None:
    """Writes the package of a model version; the same version and key give the same bytes.

    Raises:
        Refused: ``model-damaged`` when the weights are not those of the card.
        NotYet: ``storage-full``.
    """
    if sha256(weights).hexdigest() != card.weights:
        raise Refused("model-damaged", expected=card.weights)
    signed = sign_statement(KIND, asdict(card), key)
    with whole_file(target) as file:
        for name, data in ((CARD_FILE, signed), (WEIGHTS_FILE, weights)):
            file.writelines((header(name, len(data)), data, padding(len(data))))
        file.write(END)


def open_package(path: Path, keys: Mapping[str, PublicKey]) -> tuple[Card, bytes, str]:
    """Card, weights and id of the key that signed, whole or not at all.

    Args:
        path: The package.
        keys: Keys that are believed, by id.

    Raises:
        Refused: ``model-format`` when it is no package; ``model-stranger`` when its key is not among ``keys``, or the
            signature does not hold; ``model-damaged`` when the weights are not those of the card.
    """
    with path.open("rb") as source:
        signed = read_small(source, CARD_FILE, CARD_BYTES, "model-format")
        weights = read_small(source, WEIGHTS_FILE, WEIGHTS_BYTES, "model-format")
        expect(source, END, "model-format")
        if source.read(1):
            raise Refused("model-format", entry="end")
    try:
        card = _card(open_statement(signed, KIND, keys))
        signer = read_statement(signed).key_id
    except Refused as error:
        raise Refused("model-stranger" if error.code == "statement-invalid" else error.code) from error
    if sha256(weights).hexdigest() != card.weights:
        raise Refused("model-damaged", expected=card.weights)
    return card, weights, signer


def _card(value: object) -> Card:
    """A card of exactly the entries that one has.

    Raises:
        Refused: ``model-format``.
    """
    entries = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    wanted = {field.name: _TYPES[str(field.type)] for field in fields(Card)}
    if set(entries) != set(wanted):
        raise Refused("model-format", entry="card")
    for name, kinds in wanted.items():
        if type(entries[name]) not in kinds:
            raise Refused("model-format", entry=name)
    return Card(**entries)
