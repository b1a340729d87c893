from __future__ import annotations

from pathlib import Path

import pydicom
import pytest

from kaname.testing.data import real_ct_mr, real_file
from kaname.testing.data import test_data as find_test_data


def test_real_files_are_ct_and_mr() -> None:
    """Every listed file is a CT or MR image that ships inside pydicom."""
    files = real_ct_mr()
    assert len(files) >= 12
    assert {pydicom.dcmread(file, stop_before_pixels=True).Modality for file in files} == {"CT", "MR"}


def test_distinct_files_share_no_uid() -> None:
    """The distinct files are one file per SOP Instance UID."""
    uids = [pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID for file in real_ct_mr(distinct=True)]
    assert len(uids) == len(set(uids)) == 5


def test_a_file_that_pydicom_does_not_have_is_said_to_be_missing() -> None:
    """A name that pydicom does not carry raises an error and downloads nothing."""
    with pytest.raises(FileNotFoundError):
        real_file("no_such_file.dcm")


def test_test_data_is_a_folder_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of public test data is taken from the setting, and is nothing where there is none."""
    monkeypatch.setenv("KANAME_TEST_DATA", str(tmp_path))
    assert find_test_data() == tmp_path
    monkeypatch.setenv("KANAME_TEST_DATA", str(tmp_path / "absent"))
    assert find_test_data() is None
