"""An export full of bad files: each ends with its reason, none stops another."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kaname.gateway.reception import take_in
from kaname.testing.badexport import REGISTRY, SLIDES, make_bad_exports
from kaname.testing.badinput import PASSES

from .hospitals import make_gateway


@pytest.mark.parametrize("registry", [REGISTRY, SLIDES])
def test_each_bad_file_has_its_reason(tmp_path: Path, registry: str) -> None:
    """Every file of the export is received or held or refused with one of its codes, and the good ones go through."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("the program ffmpeg is not there: videos are held")
    bad = make_bad_exports(tmp_path / "in", registry)
    hospital = make_gateway(tmp_path, registries=(registry,))
    found: dict[str, set[str]] = {}
    export = sorted(path for path in (tmp_path / "in").rglob("*") if path.is_file())
    for path, result in take_in(hospital, export, hospital.engine(registry)):
        if path.stem in bad:
            found.setdefault(path.stem, set()).add(PASSES if result.state == "received" else result.reason)
    wrong = {
        name: (reasons, set(bad[name].reasons)) for name, reasons in found.items() if not reasons <= bad[name].reasons
    }
    assert not wrong
    assert found.keys() == bad.keys()
    assert all(reasons == {PASSES} for name, reasons in found.items() if name.startswith("good"))
