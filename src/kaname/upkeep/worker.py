"""The worker of a node: which flow takes what from which room, by the role of the node.

A room never calls the next one. It leaves an outcome in its own table; here stands who takes it from there.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial

from kaname.node import Node
from kaname.work import Work


@contextmanager
def working(node: Node) -> Generator[Work]:
    """The node's worker, for as long as the context lasts; first on what a killed process left behind.

    Raises:
        NotYet: ``work-elsewhere`` when another process does this node's work.
        Refused: what :func:`kaname.gateway.hospital.open_hospital` raises, at a gateway.
    """
    settings = node.settings
    work = Work(f"sqlite:///{settings.home / 'work.sqlite'}", settings.name, retry_seconds=settings.retry_seconds)
    if settings.role == "gateway":
        _hospital(work, node)
    else:
        _society(work, node)
    work.start()
    try:
        yield work
    finally:
        work.stop()


def _hospital(work: Work, node: Node) -> None:
    from kaname.gateway.flow import register
    from kaname.gateway.hospital import open_hospital

    register(work, open_hospital(node))


def _society(work: Work, node: Node) -> None:
    """Rooms of the de-identified side, in the order in which an image visits them."""
    from kaname.archive.flow import shelve_parcel, unshelved

    work.flow("shelve", partial(shelve_parcel, node), partial(unshelved, node))
