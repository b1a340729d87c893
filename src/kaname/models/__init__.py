"""Models: what was trained on which dataset version, how it was judged, where it is at work, what it said.

Comes in: an approved release of the airlock, at the research side; a signed package, where a model is at work. Out go
model versions with their evaluation, packages, DICOM reports on new images. May refuse: ``model-damaged``,
``model-format``, ``model-stranger``, ``model-wrong-modality``, ``model-wrong-size``, ``models-not-comparable``.
"""
