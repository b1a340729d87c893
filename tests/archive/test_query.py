"""Studies, series and instances are found by what they are, within the registries that a caller may see."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.archive.flow import shelve
from kaname.archive.model import Level
from kaname.archive.query import search
from kaname.archive.question import LIMIT_MOST, VALUE_CHARACTERS, VALUES_MOST, ask
from kaname.errors import Refused
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.testing.deliveries import REGISTRY, Facility, make_hub, series
from kaname.testing.postgres import find_programs, postgres_server

UID, SERIES_UID, STUDY_UID = "00080018", "0020000E", "0020000D"


@pytest.fixture(scope="module")
def facility(tmp_path_factory: pytest.TempPathFactory) -> Facility:
    """A facility with three studies of two patients."""
    return Facility(tmp_path_factory.mktemp("facility"))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Generator[str]:
    """An empty database of each kind; the empty URL is SQLite in the home."""
    if request.param == "sqlite":
        yield ""
        return
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: make system")
    with postgres_server(programs) as url:
        yield url


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, facility: Facility, database: str) -> Generator[Node]:
    """A hub that has them on the shelf."""
    node = make_hub(tmp_path_factory.mktemp("hub") / "home", database=database)
    facility.admitted_to(node)
    parcels = [
        series(slices=(1, 2, 3), StudyDate="20240501") + series(number=2, StudyDate="20240501"),
        series(study=2, StudyDate="20240601", BodyPartExamined="CHEST"),
        series("777", study=3, StudyDate="20230101", StudyTime="235959"),
    ]
    for sequence, slices in enumerate(parcels, 1):
        shelve(node, accept(node, facility.parcel(slices, sequence)).digest)
    yield node
    node.index.dispose()


def found(hub: Node, level: Level, *parameters: tuple[str, str], registry: str = REGISTRY) -> list[dict[str, Any]]:
    """The documents of an answer."""
    return json.loads(search(hub, ask(level, parameters), [registry]).to_json())


def uids(documents: list[dict[str, Any]], tag: str) -> list[str]:
    """One UID of each document."""
    return [document[tag]["Value"][0] for document in documents]


def test_all_studies(hub: Node) -> None:
    """Without a condition every study comes, the newest first."""
    documents = found(hub, "study")
    dates = [document["00080020"]["Value"][0] for document in documents]
    assert len(documents) == 3
    assert dates == sorted(dates, reverse=True)


def test_another_registry_sees_nothing(hub: Node, facility: Facility) -> None:
    """The registry is part of every question, on every level, also for a UID that is known."""
    study = facility.identity.uid("1.2.1")
    for level in ("study", "series", "instance"):
        assert found(hub, level, ("StudyInstanceUID", study), registry="basic") == []
        assert search(hub, ask(level, []), []).documents == ()


def test_studies_by_attribute(hub: Node, facility: Facility) -> None:
    """Each attribute finds what has it, by keyword and by tag, exactly or by wildcard."""
    me, one, two = facility.subject("777"), facility.identity.uid("1.2.1"), facility.identity.uid("1.2.2")
    accession = facility.identity.accession("A-2")
    assert len(found(hub, "study", ("PatientID", me))) == 1
    assert len(found(hub, "study", ("00100020", me))) == 1
    assert len(found(hub, "study", ("PatientName", me[:6] + "*"))) == 1
    assert found(hub, "study", ("PatientID", me[:6].lower() + "*")) == []
    assert uids(found(hub, "study", ("AccessionNumber", accession)), STUDY_UID) == [two]
    assert uids(found(hub, "study", ("AccessionNumber", accession[:-1] + "?")), STUDY_UID) == [two]
    assert len(found(hub, "study", ("StudyInstanceUID", f"{one},{two}"))) == 2
    assert len(found(hub, "study", ("StudyInstanceUID", f"{one}\\{two}"))) == 2
    assert len(found(hub, "study", ("ModalitiesInStudy", "MR,CT"))) == 3
    assert len(found(hub, "study", ("ModalitiesInStudy", "C?"))) == 3
    assert found(hub, "study", ("ModalitiesInStudy", "MR")) == []
    assert len(found(hub, "study", ("StudyDescription", "*"), ("StudyID", ""), ("fuzzymatching", "true"))) == 3
    assert found(hub, "study", ("PatientID", "[A-Z]*")) == []
    assert found(hub, "study", ("PatientID", "_%*")) == []


def test_dates_and_times_by_range(hub: Node) -> None:
    """A range takes its ends in, and either end may be open."""
    (*_, oldest) = [document["00080020"]["Value"][0] for document in found(hub, "study")]
    assert len(found(hub, "study", ("StudyDate", oldest))) == 1
    assert len(found(hub, "study", ("StudyDate", f"-{oldest}"))) == 1
    assert len(found(hub, "study", ("StudyDate", f"{oldest}-{oldest}"))) == 1
    assert len(found(hub, "study", ("StudyDate", f"{oldest}-"))) == 3
    assert len(found(hub, "study", ("StudyTime", "1015-1015"))) == 2
    assert len(found(hub, "study", ("StudyTime", "00-1014"))) == 0
    assert len(found(hub, "study", ("StudyTime", "101530.25"))) == 2


def test_series(hub: Node, facility: Facility) -> None:
    """Series are found by their own attributes and by their study's."""
    study = facility.identity.uid("1.2.1")
    assert len(found(hub, "series")) == 4
    assert len(found(hub, "series", ("StudyInstanceUID", study))) == 2
    (document,) = found(hub, "series", ("StudyInstanceUID", study), ("SeriesNumber", "2"))
    assert uids([document], SERIES_UID) == [facility.identity.uid("1.2.1.2")]
    assert document["00201209"]["Value"] == [2]
    assert len(found(hub, "series", ("BodyPartExamined", "CHEST"))) == 1
    assert len(found(hub, "series", ("Modality", "CT"), ("PatientID", facility.subject("777")))) == 1


def test_instances(hub: Node, facility: Facility) -> None:
    """Instances come from the series index, with the attributes asked for."""
    study, one = facility.identity.uid("1.2.1"), facility.identity.uid("1.2.1.1.1")
    assert len(found(hub, "instance")) == 9
    (document,) = found(hub, "instance", ("StudyInstanceUID", study), ("SOPInstanceUID", one))
    assert uids([document], UID) == [one]
    assert "00180060" not in document
    asked = (("SOPInstanceUID", one), ("StudyInstanceUID", study))
    assert "00180060" in found(hub, "instance", *asked, ("includefield", "KVP"))[0]
    assert "00180060" in found(hub, "instance", *asked, ("includefield", "00180060,00080008"))[0]
    everything = found(hub, "instance", *asked, ("includefield", "KVP"), ("includefield", "all"))[0]
    assert everything["7FE00010"]["BulkDataURI"] == "bulkdata/7FE00010"
    series_uid = ("SeriesInstanceUID", facility.identity.uid("1.2.1.1"))
    assert len(found(hub, "instance", series_uid, ("InstanceNumber", "2"))) == 1


@given(limit=st.integers(0, 12), offset=st.integers(0, 12))
def test_pages_join(hub: Node, limit: int, offset: int) -> None:
    """A page is the slice of the whole answer, on every level, and says whether more follows."""
    levels: tuple[Level, ...] = ("study", "series", "instance")
    for level in levels:
        whole = search(hub, ask(level, []), [REGISTRY]).documents
        page = search(hub, ask(level, [("limit", str(limit)), ("offset", str(offset))]), [REGISTRY])
        assert page.documents == whole[offset : offset + limit]
        assert page.more == (len(whole) > offset + limit)


def test_a_page_of_filtered_instances(hub: Node, facility: Facility) -> None:
    """An offset counts matches, not instances."""
    study = ("StudyInstanceUID", facility.identity.uid("1.2.1"))
    klass = ("SOPClassUID", "1.2.840.10008.5.1.4.1.1.2")
    whole = found(hub, "instance", study, klass)
    assert found(hub, "instance", study, klass, ("offset", "2"), ("limit", "2")) == whole[2:4]


@pytest.mark.parametrize(
    ("level", "name", "value"),
    [
        ("study", "PatientBirthName", "X"),
        ("study", "<script>", "X"),
        ("study", "Modality", "CT"),
        ("series", "SOPInstanceUID", "1.2"),
        ("study", "StudyInstanceUID", "1.2.*"),
        ("study", "StudyDate", "2024"),
        ("study", "StudyDate", "-"),
        ("study", "StudyTime", "1"),
        ("study", "limit", "-1"),
        ("study", "offset", "x"),
        ("series", "SeriesNumber", "one"),
        ("study", "includefield", "NoSuchThing"),
        ("study", "fuzzymatching", "maybe"),
        ("study", "StudyInstanceUID", ",".join(["1.2"] * (VALUES_MOST + 1))),
        ("study", "ModalitiesInStudy", "CT," * VALUES_MOST),
        ("study", "PatientID", "*" * (VALUE_CHARACTERS + 1)),
        ("study", "PatientID", "A\0"),
    ],
)
def test_what_cannot_be_matched_is_refused(level: Level, name: str, value: str) -> None:
    """A condition is understood or refused, never ignored, and its value is not echoed."""
    with pytest.raises(Refused, match="query-invalid") as caught:
        ask(level, [(name, value)])
    assert value not in caught.value.facts.values()
    assert "<" not in str(caught.value.facts)


def test_the_longest_conditions_are_answered(hub: Node) -> None:
    """As many and as long values as are allowed are no error of the database, all at once."""
    uids, codes = ",".join(["1.2"] * VALUES_MOST), ",".join(["C*"] * VALUES_MOST)
    terms = [("StudyInstanceUID", uids), ("ModalitiesInStudy", codes), ("PatientID", "*" * VALUE_CHARACTERS)]
    assert found(hub, "study", *terms) == []


def test_a_condition_given_twice_is_refused() -> None:
    """Two values of one attribute have no meaning that everybody shares."""
    with pytest.raises(Refused, match="query-invalid"):
        ask("study", [("PatientID", "A"), ("00100020", "B")])


def test_no_walk_through_the_whole_archive(hub: Node) -> None:
    """An instance alone cannot be searched for in all series."""
    with pytest.raises(Refused, match="query-invalid"):
        search(hub, ask("instance", [("SOPInstanceUID", "1.2.3")]), [REGISTRY])


def test_an_answer_has_an_end() -> None:
    """However many are asked for."""
    assert ask("study", [("limit", "999999")]).limit == LIMIT_MOST
