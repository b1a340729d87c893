"""Readers mark what they see; where they agree, or an adjudicator decides, a case has its label.

Comes in: a task over series of the archive, then readings. Goes out: settled labels, agreement between readers, and at
a hub the settled cases for the cloud.
May be refused: ``task-name``, ``task-registry``, ``task-question``, ``not-found``, ``reading-invalid``,
``case-not-disputed``, ``readings-invalid``. May be forbidden: ``own-reading``. A reading is never overwritten.
"""
