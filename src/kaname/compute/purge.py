"""What a withdrawal means for runs: what is under way on the subject's data is stopped, and what has ended is named."""

from __future__ import annotations

from kaname.compute import rows
from kaname.compute.execute import take_away
from kaname.compute.flow import runs_on
from kaname.compute.model import Run
from kaname.datasets.flow import versions_naming
from kaname.node import Node


def forget(node: Node, registry: str, subject: str) -> tuple[Run, ...]:
    """Takes the data away from every run that works on a dataset version which names the subject.

    To be called when the subject's packs have left the store. Such a run ends as ``run-data-withdrawn``; one that is
    still queued is refused when its turn comes. Again, it changes nothing.

    Returns:
        All runs on such versions, those that ended long ago, too.
    """
    seen = runs_on(node, versions_naming(node, registry, subject))
    for run in seen:
        if run.state in rows.OPEN:
            take_away(node, run.id)
    return seen
