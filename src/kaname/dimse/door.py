"""Opens the DIMSE door of a gateway; what comes through it is the gateway's affair."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import partial

from kaname.dicom.network import Ended, Limits, storage_scp
from kaname.errors import NotYet
from kaname.gateway.arrivals import arrive, count_association
from kaname.gateway.hospital import Hospital


@contextmanager
def listening(hospital: Hospital, *, port: int | None = None, limits: Limits | None = None) -> Generator[int]:
    """Takes associations as the settings say (``dimse_port``, ``ae_title``, ``calling_aes``, ``dimse_registry``).

    Args:
        hospital: the gateway that takes in what comes.
        port: instead of ``dimse_port``; 0 takes any that is free.
        limits: what peers may ask.

    Gives:
        The port that it listens on.

    Raises:
        Refused: ``port-taken``; ``settings-invalid`` when no AE title may call; ``unknown-registry``.
    """
    settings = hospital.node.settings
    one_at_a_time = threading.Lock()

    def count(ended: Ended) -> None:
        # A number for the data manager: where the index cannot be written just now, the association matters more.
        with one_at_a_time, suppress(NotYet):
            count_association(hospital, ended)

    with storage_scp(
        settings.host,
        settings.dimse_port if port is None else port,
        settings.ae_title,
        settings.calling_aes,
        on_object=partial(arrive, hospital, hospital.engine(settings.dimse_registry)),
        on_end=count,
        limits=limits,
    ) as opened:
        yield opened
