"""The worker of a node: which flow takes what from which room, by the role of the node.

A room never calls the next one. It leaves an outcome in its own table; here stands who takes it from there.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial

from kaname.node import Node
from kaname.upkeep.renewal import certificates_ending, renew_ending
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
    work.flow("renew", partial(renew_ending, node), partial(certificates_ending, node))
    work.start()
    try:
        yield work
    finally:
        work.stop()


def _hospital(work: Work, node: Node) -> None:
    from kaname.gateway.flow import register
    from kaname.gateway.hospital import open_hospital
    from kaname.upkeep.heads import send_head, untold_head

    register(work, open_hospital(node))
    work.flow("send-head", partial(send_head, node), partial(untold_head, node))


def _society(work: Work, node: Node) -> None:
    """Rooms of the de-identified side, in the order in which an image visits them."""
    from kaname.annotation.arrivals import locate_images, unlocated
    from kaname.annotation.exchange import send_readings, unsent
    from kaname.archive.flow import shelve_parcel, unshelved
    from kaname.governance.withdraw import finish_withdrawal, unfinished
    from kaname.intake.facilities import pass_holdings_on, untold
    from kaname.intake.forward import forward_parcel, unforwarded
    from kaname.models.predict import predict_pack, predictions_waiting
    from kaname.upkeep.heads import send_head, untold_head

    work.flow("forward", partial(forward_parcel, node), partial(unforwarded, node), lanes=2)
    work.flow("pass-holdings-on", partial(pass_holdings_on, node), partial(untold, node))
    work.flow("shelve", partial(shelve_parcel, node), partial(unshelved, node))
    work.flow("locate-images", partial(locate_images, node), partial(unlocated, node))
    work.flow("send-readings", partial(send_readings, node), partial(unsent, node))
    work.flow("send-head", partial(send_head, node), partial(untold_head, node))
    if node.settings.role == "cloud":
        _research(work, node)
    work.flow("predict", partial(predict_pack, node), partial(predictions_waiting, node))
    work.flow("withdraw", partial(finish_withdrawal, node), partial(unfinished, node))


def _research(work: Work, node: Node) -> None:
    """Rooms that only the research cloud opens: what runs on the data, and what leaves it."""
    from kaname.airlock.flow import requests_waiting, take_run
    from kaname.compute.flow import run_job, runs_waiting
    from kaname.models.admit import admit_release, releases_waiting

    work.flow("run", partial(run_job, node), partial(runs_waiting, node))
    work.flow("release", partial(take_run, node), partial(requests_waiting, node))
    work.flow("admit", partial(admit_release, node), partial(releases_waiting, node))
