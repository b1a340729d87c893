"""The durable to-do list: take one, do it, write down the outcome.

Goes in: a flow by name, an id of ours, a JSON payload. Comes out: an :class:`Outcome`. A killed process loses nothing:
the next start goes on behind the last finished step. May say: ``NotYet("work-elsewhere")``.
"""

from kaname.work.model import Do, Flow, Outcome, attempt, shielded
from kaname.work.work import Work

__all__ = ["Do", "Flow", "Outcome", "Work", "attempt", "shielded"]
