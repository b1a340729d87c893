"""What a withdrawal means for runs: what is under way on the subject's data is stopped, and what has ended is named."""

from __future__ import annotations

from kaname.compute import rows
from kaname.compute.execute import take_away
from kaname.compute.flow import end, runs_on
from kaname.compute.model import Ended, Run
from kaname.compute.watch import TAKEN_AWAY
from kaname.datasets.flow import versions_naming
from kaname.node import Node


def forget(node: Node, registry: str, subject: str) -> tuple[Run, ...]:
    """Takes the data away from every run that works on a dataset version which names the subject.

    To be called when the subject's packs have left the store. Such a run ends here and now as ``run-data-withdrawn``,
    its job soon after, and what that leaves is not kept. Again, it changes nothing.

    Returns:
        All runs on such versions, those that ended long ago, too.
    """
    versions = versions_naming(node, registry, subject)
    for run in runs_on(node, versions):
        if run.state in rows.OPEN:
            end(node, run, Ended("refused", TAKEN_AWAY))
            take_away(node, run.id)
    return runs_on(node, versions)  # looked at again: what a run left that ended in between has to go, too
