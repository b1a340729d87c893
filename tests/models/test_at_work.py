"""A model at work: it travels signed, looks at what arrives, says so in a report, and forgets with the archive."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from kaname.access.signing import SigningKey
from kaname.archive import purge as archive
from kaname.archive.flow import shelve
from kaname.archive.index import PACKS
from kaname.archive.rebuild import rebuild
from kaname.archive.shelf import load_index
from kaname.cli.model import model as command
from kaname.cli.train import train as train_command
from kaname.database import reading
from kaname.dicom.objects.prediction import read_prediction
from kaname.errors import KanameError, Refused
from kaname.intake.flow import accept
from kaname.models.compare import compare
from kaname.models.deploy import deploy, export
from kaname.models.flow import at_work, predictions, versions
from kaname.models.model import Deployment
from kaname.models.package import open_package, write_package
from kaname.models.predict import predict, predict_pack, predict_study, predictions_waiting
from kaname.models.purge import forget
from kaname.node import Node
from kaname.pack import pack_key
from kaname.parcel.enrolment import signing_key
from kaname.store.whole import whole_file
from kaname.testing.deliveries import Facility, hub_keys, make_hub, series
from kaname.testing.task import LearningTask, nodule_patients

from .conftest import IMAGES, MODEL, SIZE, Made, parcel_of

NEW = 100
"""Sequence of the first parcel that comes once the model is at work."""
Arrive = Callable[..., str]


def now(step: Callable[..., Any], *arguments: Any) -> Any:
    """Does a step at once."""
    return step(*arguments)


@pytest.fixture
def package(hub: Node, tmp_path: Path) -> Path:
    """The model's package."""
    export(hub, MODEL, None, tmp_path / "model.tar", actor="curator")
    return tmp_path / "model.tar"


@pytest.fixture
def deployed(hub: Node, package: Path) -> Deployment:
    """The model, at work."""
    return deploy(hub, package, actor="curator")


@pytest.fixture
def newcomers(tmp_path: Path) -> LearningTask:
    """Patients that nothing was learned from."""
    return nodule_patients(tmp_path / "new", 11, patients=2, images=IMAGES, size=SIZE)


@pytest.fixture
def arrive(hub: Node, facility: Facility, newcomers: LearningTask, tmp_path: Path) -> Arrive:
    """Shelves the study of a newcomer; returns its Study Instance UID."""

    def shelved(number: int = 0) -> str:
        path = parcel_of(facility, tmp_path / "new", newcomers, number, NEW + number)
        taken = accept(hub, path)
        shelve(hub, taken.digest)
        (pack,) = packs_of(hub, taken.digest)
        return _study_of(hub, pack)

    return shelved


def packs_of(node: Node, parcel: str | None = None) -> list[str]:
    """Packs on the shelf, of one parcel if given; those of reports have none."""
    query = select(PACKS.c.digest).order_by(PACKS.c.digest)
    if parcel is not None:
        query = query.where(PACKS.c.parcel == parcel)
    with reading(node.index) as connection:
        return list(connection.scalars(query))


def run_all(node: Node) -> list[Any]:
    """Does everything that waits for a model."""
    return [predict_pack(node, now, one) for one in predictions_waiting(node)]


def test_a_new_study_is_predicted_and_the_report_says_so(hub: Node, deployed: Deployment, arrive: Arrive) -> None:
    """Every image has a score and an answer, in the archive's report as in the table; again, nothing changes."""
    assert predictions_waiting(hub) == (), "what was there before is not looked at"
    study = arrive()
    (done,) = run_all(hub)
    assert (done["state"], done["images"]) == ("predicted", IMAGES)
    assert predictions_waiting(hub) == ()
    (said,) = predictions(hub, ["j-mid"], study)
    (pack,) = packs_of(hub, "")
    (member,) = load_index(hub.store, pack).members
    report = read_prediction(hub.store.read(pack_key(pack), member.offset, member.length))
    assert report.sop_instance_uid == said.report
    assert (report.model.digest, report.model.target) == (deployed.card.digest, "present")
    assert [(one.sop_instance_uid, one.label, one.score) for one in report.judged] == [
        (score.sop_instance_uid, score.label, pytest.approx(score.score, abs=1e-5)) for score in said.scores
    ]
    for score in said.scores:
        assert score.label == ("present" if score.score >= deployed.card.threshold else "absent")
    assert predict(hub, f"{deployed.card.digest}:{said.pack}") == done
    assert predictions(hub, ["j-mid"], study) == (said,)
    assert predictions(hub, ["basic"], study) == ()


def test_another_modality_is_noted_and_left_alone(hub: Node, deployed: Deployment, facility: Facility) -> None:
    """The model says nothing of it, and asked for, refuses; nothing else waits behind it."""
    mr = series("55", study=55, SOPClassUID="1.2.840.10008.5.1.4.1.1.4", Modality="MR")
    shelve(hub, accept(hub, facility.parcel(mr, NEW)).digest)
    (done,) = run_all(hub)
    assert done["state"] == "not-for-this-model"
    assert predictions_waiting(hub) == ()
    study = _study_of(hub, done["pack"])
    (said,) = predictions(hub, ["j-mid"], study)
    assert (said.reason, said.report, said.scores) == ("model-wrong-modality", "", ())
    with pytest.raises(Refused) as refused:
        predict_study(hub, deployed.card.digest, study)
    assert refused.value.code == "model-wrong-modality"


@pytest.mark.usefixtures("deployed")
def test_another_size_is_refused_and_delays_nobody(hub: Node, facility: Facility, arrive: Arrive) -> None:
    """Eight pixels square is nothing that this model was made for; the next study is predicted all the same."""
    shelve(hub, accept(hub, facility.parcel(series("56", study=56), NEW + 5)).digest)
    arrive()
    states = sorted((done["state"], done["images"]) for done in run_all(hub))
    assert states == [("predicted", IMAGES), ("refused", 0)]
    assert predictions_waiting(hub) == ()


def test_a_study_is_predicted_when_somebody_asks(hub: Node, deployed: Deployment, made: Made) -> None:
    """Also one that was there before; what is not held is not found."""
    pack = packs_of(hub)[0]
    study = _study_of(hub, pack)
    assert predict_study(hub, deployed.card.digest, study) == (pack,)
    assert predictions(hub, ["j-mid"], study)[0].state == "predicted"
    for model, uid in ((deployed.card.digest, "1.2.3"), (made.run, study)):
        with pytest.raises(Refused, match="not-found"):
            predict_study(hub, model, uid)


def test_what_was_said_of_a_subject_goes_with_it(
    hub: Node, deployed: Deployment, arrive: Arrive, facility: Facility, newcomers: LearningTask
) -> None:
    """Its predictions are forgotten, and a step that comes too late writes nothing down."""
    study = arrive()
    run_all(hub)
    (said,) = predictions(hub, ["j-mid"], study)
    patient = newcomers.answer.patients[0]
    subject = facility.identity.subject(patient.patient_id, patient.issuer)
    archive.forget(hub, "j-mid", subject)
    assert forget(hub, "j-mid", subject) == 1
    assert forget(hub, "j-mid", subject) == 0
    assert predictions(hub, ["j-mid"], study) == ()
    assert predict(hub, f"{deployed.card.digest}:{said.pack}") == {"pack": said.pack, "state": "gone"}
    assert predictions(hub, ["j-mid"], study) == ()


@pytest.mark.usefixtures("deployed")
def test_a_report_under_way_goes_with_its_subject(
    hub: Node, arrive: Arrive, facility: Facility, newcomers: LearningTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the process is killed with the report on the disk: forgetting knows where it lies."""
    arrive()
    patient = newcomers.answer.patients[0]
    subject = facility.identity.subject(patient.patient_id, patient.issuer)
    looked: list[bool] = []

    def late(_node: Node, files: list[Path], **_entries: str) -> None:
        archive.forget(hub, "j-mid", subject)
        looked.extend(file.exists() for file in files)
        raise Refused("withdrawn")

    monkeypatch.setattr("kaname.models.predict.store", late)
    assert [done["state"] for done in run_all(hub)] == ["gone"]
    assert looked == [False]


def test_rebuilding_the_archive_predicts_nothing_again(hub: Node, deployed: Deployment, arrive: Arrive) -> None:
    """Rows are made again as they were, reports among them; the table of predictions stays."""
    study = arrive()
    run_all(hub)
    before = predictions(hub, ["j-mid"], study)
    rebuild(hub)
    assert (predictions_waiting(hub), predictions(hub, ["j-mid"], study)) == ((), before)
    assert at_work(hub, ["j-mid"])[0].card == deployed.card


def test_a_package_opens_as_it_was_written(hub: Node, package: Path) -> None:
    """Card and weights come back, with the key that vouches for them; the same version makes the same bytes."""
    card, weights, key = open_package(package, hub_keys(hub))
    assert card == versions(hub, ["j-mid"])[0].card
    assert key in hub_keys(hub)
    again = package.with_name("again.tar")
    write_package(card, weights, signing_key(hub.settings.keys), again)
    assert again.read_bytes() == package.read_bytes()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
def test_no_byte_of_a_package_may_differ(hub: Node, package: Path, place: float, change: int) -> None:
    """Whichever one is changed, the package is refused."""
    data = bytearray(package.read_bytes())
    data[int(place * len(data))] ^= change
    other = package.with_name("other.tar")
    other.write_bytes(data)
    with pytest.raises(Refused) as refused:
        open_package(other, hub_keys(hub))
    assert refused.value.code in {"model-damaged", "model-format", "model-stranger"}


def test_weights_with_another_digest_are_refused(hub: Node, package: Path) -> None:
    """Whoever signs a card does not get other weights in behind it."""
    card, weights, _ = open_package(package, hub_keys(hub))
    key = signing_key(hub.settings.keys)
    with pytest.raises(Refused, match="model-damaged"):
        write_package(card, weights + b"\0", key, package)
    whole = package.read_bytes()
    swapped = package.with_name("swapped.tar")
    with whole_file(swapped) as file:
        file.write(whole.replace(weights, weights[:-1] + bytes([weights[-1] ^ 1])))
    with pytest.raises(Refused) as refused:
        deploy(hub, swapped, actor="curator")
    assert refused.value.code == "model-damaged"
    assert at_work(hub, ["j-mid"]) == ()


def test_a_model_of_a_stranger_is_not_put_to_work(hub: Node, package: Path, tmp_path: Path) -> None:
    """Not by another node's key, and not at another node that does not know this one."""
    card, weights, _ = open_package(package, hub_keys(hub))
    write_package(card, weights, SigningKey.from_seed(bytes(32)), tmp_path / "forged.tar")
    elsewhere = make_hub(tmp_path / "elsewhere")
    for node, file in ((hub, tmp_path / "forged.tar"), (elsewhere, package)):
        with pytest.raises(Refused) as refused:
            deploy(node, file, actor="curator")
        assert refused.value.code == "model-stranger"
    elsewhere.index.dispose()


def test_deploying_again_changes_nothing(hub: Node, package: Path, deployed: Deployment) -> None:
    """Neither since when it looks, nor the ledger."""
    head = hub.ledger.head()
    assert deploy(hub, package, actor="somebody") == deployed
    assert hub.ledger.head() == head
    assert at_work(hub, ["j-mid"]) == (deployed,)
    assert at_work(hub, ["basic"]) == ()


def test_a_model_equals_itself_on_the_sealed_test(hub: Node) -> None:
    """The comparison runs both versions on the same images of the same subjects."""
    found = compare(hub, MODEL, 1, 1)
    assert (found.n, found.difference, found.first_auc) == (IMAGES, 0.0, versions(hub, ["j-mid"])[0].evaluation["auc"])
    with pytest.raises(Refused, match="not-found"):
        compare(hub, MODEL, 1, 2)


def test_models_on_the_command_line(hub: Node, tmp_path: Path, made: Made) -> None:
    """Trained, listed, shown, compared, exported, deployed, asked."""

    def ask(*arguments: str, of: Any = command) -> Any:
        done = CliRunner().invoke(of, [*arguments, "--home", str(hub.settings.home), "--json"])
        if isinstance(done.exception, KanameError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    again = ask("classify", "--dataset", "lungs", "--seed", "7", "--by", "researcher", of=train_command)
    assert again["run"] == made.run
    (line,) = ask("list")["versions"]
    assert ask("show", MODEL)["digest"] == line["digest"]
    assert ask("compare", MODEL, "1", "1")["difference"] == 0
    package = str(tmp_path / "out.tar")
    assert ask("export", MODEL, package)["digest"] == line["digest"]
    assert ask("deploy", package)["signer"] == hub.settings.name
    pack = packs_of(hub)[0]
    assert ask("predict", line["digest"], _study_of(hub, pack)) == {"packs": [pack]}
    with pytest.raises(Refused, match="recipe-unknown"):
        ask("nothing", "--dataset", "lungs", of=train_command)


def _study_of(node: Node, pack: str) -> str:
    return load_index(node.store, pack).study_instance_uid
