from __future__ import annotations

from importlib.resources import files

import pytest

from kaname.errors import Refused
from kaname.registries import ids, load
from kaname.registries.load import parse

TEXT = files("kaname.registries").joinpath("basic.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("registry", ids())
def test_every_registry_loads(registry: str) -> None:
    """Every registry file of this version is right, names itself and gives a reason for each decision."""
    found = load(registry)
    assert found.id == registry
    assert all(k.reason for k in found.deid.keep.values())
    assert all(found.sop_classes.values())


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('id = "basic"', "id = 1", "id"),
        ("[name]", "[nome]", "nome"),
        ("Manufacturer = ", "Manufakturer = ", "deid.keep.Manufakturer"),
        ("modified_dates", "modified_date", "deid.options.modified_date"),
        (
            '1.2.840.10008.5.1.4.1.1.2"',
            '1.2.840.10008.5.1.4.1.1.999"',
            "accepts.sop_classes.1.2.840.10008.5.1.4.1.1.999",
        ),
        ("keep_times", "keep_time", "deid.keep_time"),
        ("[deid.options]", "[deid.options]\nx = 1", "deid.options.x"),
        ("[pixels.hold_image_types]", '[pixels.hold_image_types]\nX = ""', "X"),
        ("[society]", "[accepts]\nx=1\n[society]", "accepts.x"),
        ("[name]", "society = 1\n[name]", "x"),
        ("[name]", "[name", "x"),
    ],
)
def test_mistakes(old: str, new: str, line: str) -> None:
    """A mistake in a registry file is refused, and its line is named; nothing of the file is loaded."""
    with pytest.raises(Refused, match="registry-invalid") as caught:
        parse(TEXT.replace(old, new, 1))
    if line != "x":
        assert caught.value.facts["line"] == line


def test_a_part_that_is_no_table() -> None:
    """A part that should be a table and is not, or is missing, is named."""
    with pytest.raises(Refused, match="registry-invalid") as caught:
        parse('id = "x"\nversion = "1"\ndeid = 1\n')
    assert caught.value.facts["line"] == "deid"


def test_unknown_registry() -> None:
    """There is no registry of another name."""
    with pytest.raises(Refused, match="unknown-registry"):
        load("nobody")
