"""What the Standard demands of an object, and examinations to make objects of."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pydicom
import pytest
from highdicom._standard_utils import get_iod_module_map, get_module_attribute_map, get_sop_class_iod_map

from kaname.dicomize import Examination

_MACROS = (["SharedFunctionalGroupsSequence"], ["PerFrameFunctionalGroupsSequence"])
"""Which macros are demanded depends on conditions that a table cannot tell; what stands in those used is looked at."""
Read = Callable[[bytes], pydicom.Dataset]


@pytest.fixture
def examination() -> Examination:
    """One that says everything."""
    return Examination(
        patient_id="0012345",
        issuer="HOSPITAL",
        patient_name="山田 太郎",
        birth_date="1980/1/3",
        sex="男",
        accession="A-77",
        study_date="2026-01-02",
        study_time="13:45",
        body_part="eye",
        laterality="右",
        description="検査",
        manufacturer="Maker",
        model="Model 1",
    )


@pytest.fixture
def read() -> Read:
    """Reads a made file with every value checked, and says what the Standard demands and it lacks."""

    def reading(data: bytes) -> pydicom.Dataset:
        pydicom.config.settings.reading_validation_mode = pydicom.config.RAISE
        try:
            dataset = pydicom.dcmread(BytesIO(data))
            list(dataset.iterall())
        finally:
            pydicom.config.settings.reading_validation_mode = pydicom.config.WARN
        assert not _lacking(dataset)
        return dataset

    return reading


def _lacking(dataset: pydicom.Dataset) -> list[str]:
    """Attributes of type 1 without a value and of type 2 that are absent, in the mandatory modules of the class."""
    iod = get_sop_class_iod_map()[dataset.SOPClassUID]
    modules = get_module_attribute_map()
    return [
        row["keyword"]
        for module in get_iod_module_map()[iod]
        if module["usage"] == "M"
        for row in modules[module["key"]]
        if row["path"] not in _MACROS
        for there in _items(dataset, row["path"])
        if (row["type"] == "1" and (row["keyword"] not in there or there[row["keyword"]].is_empty))
        or (row["type"] == "2" and row["keyword"] not in there)
    ]


def _items(dataset: pydicom.Dataset, path: list[str]) -> list[pydicom.Dataset]:
    found = [dataset]
    for keyword in path:
        found = [item for there in found for item in there.get(keyword, ())]
    return found
