"""Real files to test with: those that ship inside pydicom, and the public test data beside the checkout."""

from __future__ import annotations

from pathlib import Path

from pydicom.data import get_testdata_file

from kaname.settings import test_data_from_environment

_DISTINCT = ("693_J2KI.dcm", "CT_small.dcm", "J2K_pixelrep_mismatch.dcm", "MR_small.dcm", "examples_overlay.dcm")
_SAME_MR = (
    "MR_small_RLE.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_expb.dcm",
    "MR_small_implicit.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "MR_small_padded.dcm",
)


def real_file(name: str) -> Path:
    """A file that ships inside the pydicom package, e.g. ``CT_small.dcm``.

    Raises:
        FileNotFoundError: when this version of pydicom does not carry it.
    """
    found = get_testdata_file(name, download=False)
    if not isinstance(found, str):
        raise FileNotFoundError(name)
    return Path(found)


def real_ct_mr(*, distinct: bool = False) -> list[Path]:
    """The whole CT and MR images inside the pydicom package, sorted by name: eight transfer syntaxes, one padded.

    Args:
        distinct: leave out the seven files that are one MR image in other encodings: they share its SOP Instance UID.
    """
    return [real_file(name) for name in sorted(_DISTINCT if distinct else _DISTINCT + _SAME_MR)]


def test_data() -> Path | None:
    """The folder of public test data, or ``None`` where this machine has none."""
    folder = test_data_from_environment()
    return folder if folder.is_dir() else None


vars(test_data)["__test__"] = False  # its name looks like a test to pytest
