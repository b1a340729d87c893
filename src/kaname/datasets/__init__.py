"""A question becomes a frozen list.

Goes in: a name, a registry, a question about its series. Comes out: a :class:`DatasetVersion`, a list that never
changes, kept under its own SHA-256. A withdrawal makes a newer version with a named hole.
May be refused: ``dataset-empty``, ``dataset-name``, ``dataset-registry``, ``dataset-damaged``, ``not-found``.
"""
