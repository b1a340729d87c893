"""A question becomes a frozen list.

Goes in: a name, a registry, a question about its series and their labels. Comes out: a :class:`DatasetVersion`, a list
that never changes, kept under its own SHA-256, with labels, the marks they rest on and clinical items, and every
subject in one split; its frames, pairs of frames or whole instances, by the loader. A withdrawal
makes a newer version with a named hole.
May be refused: ``dataset-empty``, ``dataset-name``, ``dataset-registry``, ``dataset-damaged``, ``split-empty``,
``dataset-whole``, ``dataset-format``, ``not-found``.
"""
