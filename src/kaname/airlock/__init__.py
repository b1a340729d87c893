"""What leaves a run leaves through here: automatic checks first, then a second person.

Goes in: an ended run. Comes out: a :class:`~kaname.airlock.model.Request` that was approved, its objects released under
their digests. May be refused: ``not-found``, ``request-state``, ``review-reason``, ``release-denied``; forbidden:
``two-persons``; may wait: ``release-pending``.
"""
