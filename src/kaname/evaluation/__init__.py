"""Predictions against truth become figures with intervals, and a table is asked whether it can be true.

Goes in: a score of each case beside its truth and subject; or a confusion table (rows = prediction, columns = truth),
and what a paper or a registry declares about it. Comes out: an :class:`~kaname.evaluation.scored.Assessment` or an
:class:`~kaname.evaluation.model.Evaluation` with its figures and flags. May be refused: ``table-unreadable``,
``table-not-square``, ``table-cell``, ``unknown-class``, ``declared-invalid``, ``predictions-invalid``,
``predictions-one-class``, ``predictions-cell``, ``predictions-columns``.
"""
