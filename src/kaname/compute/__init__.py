"""Code travels to the data: a run of somebody's program on a frozen dataset, in a sandbox.

Goes in: a :class:`~kaname.compute.model.RunSpec` and who asks. Comes out: a :class:`~kaname.compute.model.Run` with its
outputs by digest; nothing of it leaves here but through the airlock. May be refused: ``run-invalid``, ``not-found``,
``output-not-allowed``, ``output-too-large``. May wait: ``sandbox-missing``.
"""
