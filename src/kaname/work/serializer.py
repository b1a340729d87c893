"""How DBOS writes values down here: as JSON, never as pickles (its default), which run code when they are read."""

from __future__ import annotations

import json
from typing import Any

from dbos import Serializer

from kaname.ledger import canonical


class WorkError(Exception):
    """An error that DBOS itself wrote down. Carries the type of the original, and nothing it said."""


class JsonSerializer(Serializer):
    """Canonical JSON; an exception is written as the name of its type alone."""

    def serialize(self, data: Any) -> str:  # noqa: ANN401 -- the signature of DBOS
        """The text to write down.

        Raises:
            TypeError, ValueError: when ``data`` is no JSON.
        """
        if isinstance(data, BaseException):
            data = {"error": type(data).__name__}
        return canonical(data).decode()

    def deserialize(self, serialized_data: str) -> Any:  # noqa: ANN401 -- the signature of DBOS
        """The value that was written."""
        data: Any = json.loads(serialized_data)
        match data:
            case {"error": str(type_name), **rest} if not rest:
                return WorkError(type_name)
            case _:
                return data

    def name(self) -> str:
        """Stands beside every value in the database."""
        return "kaname_json"
