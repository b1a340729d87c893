"""What the recipe learns: the shapes, where there are some, and nothing where the answers are dealt out by chance."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from kaname.airlock.checks import problem
from kaname.evaluation.area import area
from kaname.inference.session import Session
from kaname.models.recipes.classify import scaled
from kaname.models.recipes.learn import Cases, learn, scores
from kaname.models.recipes.spots import averaged, factor_of, onnx_bytes
from kaname.testing.nodules import INTERCEPT, lung_images

IMAGES, SIZE = 6, 128
PEEKED = 48
"""Images that the curve is drawn from: a look at all of them after every third epoch would cost as much as learning."""


@cache
def cases(seed: int, first: int, patients: int) -> Cases:
    """Images of some patients with the truth, as the loader gives them and the recipe scales them."""
    found = [image for patient in range(first, first + patients) for image in lung_images(seed, patient, IMAGES)]
    stored = np.array([np.frombuffer(image.pixels, "<u2").reshape(SIZE, SIZE) for image in found])
    return Cases(scaled(stored.astype("f4") + INTERCEPT), np.array([image.nodule for image in found]))


def judged(net: Any, unseen: Cases) -> float:
    """AUC on images that were not learned from."""
    return area(unseen.answers, np.array(scores(net, unseen.images))).auc


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_shapes_are_learned_and_nobody_is_always_right(seed: int) -> None:
    """From 64 patients, as many as a dataset of 80 trains on: between 0.80 and 0.97 on patients never seen."""
    unseen = cases(seed, 64, 40)
    few = Cases(unseen.images[:PEEKED], unseen.answers[:PEEKED])
    learned = learn(cases(seed, 0, 64), few, seed)
    assert 0.80 < judged(learned.net, unseen) < 0.97
    (first, *_, last) = learned.curve
    assert last[1] < first[1], "the loss fell"
    data = onnx_bytes(learned.net, SIZE, SIZE)
    assert problem("model.onnx", data) == "", "it may pass the airlock"
    (told,) = Session.load(data).run({"image": unseen.images[:60, None]}).values()
    assert told.shape == (60,)
    np.testing.assert_allclose(told, scores(learned.net, unseen.images[:60]), atol=1e-4)


def test_answers_dealt_out_by_chance_teach_nothing() -> None:
    """No label reaches the network but through the pixels: shuffled, the area falls to chance."""
    seen, unseen = cases(1, 0, 64), cases(1, 64, 40)
    shuffled = replace(seen, answers=np.random.default_rng(1).permutation(seen.answers))
    assert 0.35 < judged(learn(shuffled, unseen, 1, epochs=6).net, unseen) < 0.65


def test_the_same_seed_learns_the_same_bytes() -> None:
    """Another seed learns others."""
    few = cases(4, 0, 4)
    made = [onnx_bytes(learn(few, few, seed, epochs=2).net, SIZE, SIZE) for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2]


@pytest.mark.parametrize(("rows", "columns"), [(128, 128), (70, 100), (33, 40)])
def test_the_graph_averages_as_training_did(rows: int, columns: int) -> None:
    """Also where the size is no multiple: what is left over at the edges is dropped in both."""
    images = np.random.default_rng(0).uniform(-1, 1, (6, rows, columns)).astype("f4")
    answers = np.array([True, False] * 3)
    learned = learn(Cases(images, answers), Cases(images[:0], answers[:0]), 0, epochs=1)
    assert learned.curve[-1][2] is None, "no validation cases, no area"
    factor = factor_of(rows, columns)
    assert averaged(images, factor).shape == (6, rows // factor, columns // factor)
    (told,) = Session.load(onnx_bytes(learned.net, rows, columns)).run({"image": images[:, None]}).values()
    np.testing.assert_allclose(told, scores(learned.net, images), atol=1e-4)
