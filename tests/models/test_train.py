"""A recipe in its job: what it is told, what it leaves, and that a second person and the platform come after it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kaname.airlock.flow import find as find_request
from kaname.compute.flow import find, submit
from kaname.compute.outputs import key_of
from kaname.datasets.flow import content, show
from kaname.datasets.mount import mount
from kaname.errors import Refused
from kaname.models import train as training
from kaname.models.admit import admit, releases_waiting
from kaname.models.flow import show as show_model
from kaname.models.flow import trained_on
from kaname.models.recipes import classify
from kaname.models.recipes.classify import UnfitError, main
from kaname.models.train import code_digest, spec_of
from kaname.node import Node

from .conftest import IMAGES, MODEL, SIZE, Made


@pytest.fixture
def run_recipe(hub: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, Path]]:
    """Runs the recipe in this process, on the mounted dataset, for two epochs; gives its exit code and outputs."""

    def run(positive: str = "present", **environment: str) -> tuple[int, Path]:
        mount(hub, show(hub, "lungs"), tmp_path / "data", ("train", "validation"))
        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        told = {"KANAME_DATA": str(tmp_path / "data"), "KANAME_OUT": str(out), "KANAME_SEED": "1"}
        for name, value in (told | environment).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(classify.train, "__defaults__", (2,))
        return main([positive]), out

    return run


def test_a_model_is_trained_let_out_and_judged(hub: Node, made: Made) -> None:
    """The job never sees the test split; a second person lets its files out; the platform judges them and registers."""
    spec = spec_of(hub, "classify", "lungs", None, 7)
    assert (spec.splits, spec.trusted, spec.version) == (("train", "validation"), True, 1)
    assert spec.command[-1] == "present", "the first label of the registry's question"
    assert submit(hub, spec, "researcher") == made.run, "the same again is the same run"
    run = find(hub, made.run)
    assert (run.state, run.reason) == ("finished", ""), hub.store.get(key_of(run.id, run.log)).decode()
    assert [output.name for output in run.outputs] == ["model.json", "model.onnx"]
    assert find_request(hub, made.request).findings == ()
    version = show_model(hub, MODEL)
    assert (made.admitted["model"], version.card.code) == (version.card.digest, code_digest())
    assert version.evaluation["n"] == IMAGES
    (named,) = trained_on(hub, [run.dataset_digest])
    assert named.digest == version.card.digest
    assert (releases_waiting(hub), admit(hub, made.request)) == ((), made.admitted)


def test_the_description_says_what_serving_has_to_know(run_recipe: Callable[..., tuple[int, Path]]) -> None:
    """Labels, size, scale and the course of the training; the same run again leaves the same bytes."""
    code, out = run_recipe()
    told = json.loads((out / "model.json").read_bytes())
    assert code == 0
    assert (told["classes"], told["positive"], told["rows"], told["columns"]) == (
        ["absent", "present"],
        "present",
        SIZE,
        SIZE,
    )
    assert [epoch for epoch, _, _ in told["curve"]] == [2]
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    run_recipe()
    assert {path.name: path.read_bytes() for path in out.iterdir()} == first
    run_recipe(KANAME_SEED="2")
    assert (out / "model.onnx").read_bytes() != first["model.onnx"]


def test_a_recipe_says_what_it_prints_in_figures(
    run_recipe: Callable[..., tuple[int, Path]], capsys: pytest.CaptureFixture[str], hub: Node
) -> None:
    """Epoch, loss and area; no UID, no subject."""
    run_recipe()
    said = capsys.readouterr().out
    assert said.startswith("epoch 2  loss 0.")
    frozen = content(hub, show(hub, "lungs"))
    assert not [
        word for member in frozen.members for word in (member.subject, member.study_instance_uid) if word in said
    ]


def test_a_label_that_is_not_there_ends_the_recipe(
    run_recipe: Callable[..., tuple[int, Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says why; no file is left."""
    code, out = run_recipe("malignant")
    assert (code, list(out.iterdir())) == (1, [])
    assert capsys.readouterr().out.count("\n") == 1


def test_images_of_several_sizes_are_not_learned_from(
    run_recipe: Callable[..., tuple[int, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network of this kind has one size of image; cutting some to it would show it something else."""
    sizes = iter(range(100))

    def cut(pixels: Any) -> Any:
        return pixels[: SIZE - next(sizes)]

    monkeypatch.setattr(classify, "scaled", cut)
    assert run_recipe()[0] == 1


def test_one_label_for_all_cannot_be_learned(
    run_recipe: Callable[..., tuple[int, Path]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """There is nothing to tell apart."""
    run_recipe()
    whole = classify.cases_of

    def alike(*arguments: Any) -> Any:
        found = whole(*arguments)
        return replace(found, answers=found.answers | True)

    monkeypatch.setattr(classify, "cases_of", alike)
    with pytest.raises(UnfitError):
        classify.train(tmp_path / "data", tmp_path / "out", "present", 1)


@pytest.mark.parametrize(
    ("recipe", "dataset", "version", "code"),
    [
        ("../../etc", "lungs", None, "recipe-unknown"),
        ("classify", "unread", None, "recipe-unfit"),
        ("classify", "lungs", 9, "not-found"),
        ("classify", "nothing", None, "not-found"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    hub: Node, recipe: str, dataset: str, version: int | None, code: str
) -> None:
    """Before anything runs."""
    with pytest.raises(Refused) as refused:
        spec_of(hub, recipe, dataset, version, 1)
    assert refused.value.code == code


def test_the_code_is_named_by_its_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other sources, another digest; the same, the same."""
    assert code_digest() == code_digest()
    before = code_digest()
    monkeypatch.setattr(training, "SOURCES", training.SOURCES[1:])
    assert code_digest() != before
