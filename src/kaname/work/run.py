"""Executes one flow: step by step, each outcome mapped to what happens next.

``Refused``, ``Forbidden``: the flow ends ``refused``. ``NotYet`` that waits for a person: ``held``. ``NotYet`` that
waits for time: the flow is put off and tried again, for ever. Anything else is a bug: ``failed``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from dbos import DBOS
from sqlalchemy.exc import SQLAlchemyError

from kaname.errors import KanameError
from kaname.ledger import Json, canonical
from kaname.work.again import Again
from kaname.work.model import Flow, Outcome, outcome_of, outcome_of_bug, waits_for_time


class _Ended(Exception):
    """No error: the flow is over."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


class _PutOff(BaseException):
    """No error: this execution ends without an outcome. DBOS writes nothing down, and the flow stays on the list."""


def execute(run: Flow, again: Again, payload: Json) -> Json:
    """Runs a flow inside a DBOS workflow; returns its outcome as JSON."""
    flow_id = str(DBOS.workflow_id)
    with again.running(flow_id):
        try:
            return Outcome("done", plain(run(partial(_do, again, flow_id), payload))).to_json()
        except _Ended as end:
            return end.outcome.to_json()
        except KanameError as error:
            if waits_for_time(error):
                again.put_off(flow_id)
                raise _PutOff from error
            return outcome_of(error).to_json()
        except Exception as error:  # noqa: BLE001 -- the one place where a bug becomes an outcome
            return outcome_of_bug(error).to_json()


def _do(again: Again, flow_id: str, step: Callable[..., Any], *arguments: Json) -> Json:
    if again.stopping:
        raise _PutOff
    try:
        verdict = DBOS.run_step({"name": _name(step)}, _judged, again, flow_id, step, arguments)
    except SQLAlchemyError as error:  # DBOS could not write it down: the step is done again when it can
        raise _PutOff from error
    if "outcome" in verdict:
        raise _Ended(Outcome.from_json(verdict["outcome"]))
    return verdict["value"]


def _judged(again: Again, flow_id: str, step: Callable[..., Any], arguments: tuple[Json, ...]) -> dict[str, Json]:
    """What is written down about a step: its value, or how it ended the flow."""
    try:
        value = plain(step(*arguments))
    except KanameError as error:
        if waits_for_time(error):
            again.put_off(flow_id)
            raise _PutOff from error
        return {"outcome": outcome_of(error).to_json()}
    except Exception as error:  # noqa: BLE001 -- as above, for what the step itself did
        return {"outcome": outcome_of_bug(error).to_json()}
    again.went_on(flow_id)
    return {"value": value}


def plain(value: Json) -> Json:
    """The value as it will be read back: a flow sees the same the first time and after a crash.

    Raises:
        TypeError, ValueError: when it is no JSON.
    """
    return json.loads(canonical(value))


def _name(step: Callable[..., Any]) -> str:
    while isinstance(step, partial):
        step = step.func
    return f"{step.__module__}.{step.__qualname__}"
