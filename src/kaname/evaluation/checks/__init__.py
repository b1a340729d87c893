"""What the table doctor asks, one module a question.

Questions about numbers that hang together (``totals``, ``sizes``, ``collapsed``, ``stated``) have three verbs:
``findings`` (what cannot be true), ``changes`` (which declared number may be the wrong one, and what it would have to
be) and ``spans`` (which values of one count would satisfy the question). The others have ``findings`` alone.
"""
