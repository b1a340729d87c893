"""The page of requirements: all 241, each met by a file and a test that exist, or honestly not yet."""

from __future__ import annotations

import re

from .sources import ROOT, definitions_of_tests

PAGE = ROOT / "docs" / "coverage.md"
GROUPS = {"P": 40, "N": 29, "E": 31, "R": 22, "W": 26, "O": 25, "D": 25, "U": 26, "V": 17}
NOT_YET = "not yet"


def rows() -> list[tuple[str, str, str, str]]:
    """ID, our wording, where it is met, its test."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if re.match(r"\| [PNERWODUV]\d", line)
    ]
    assert all(len(row) == 4 for row in cells)
    return [(row[0], row[1], row[2], row[3]) for row in cells]


def test_all_241_requirements_stand_in_their_order() -> None:
    """None is missing, none comes twice."""
    expected = [f"{group}{number:02}" for group, count in GROUPS.items() for number in range(1, count + 1)]
    assert len(expected) == 241
    assert [row[0] for row in rows()] == expected


def test_every_requirement_has_a_wording_of_its_own() -> None:
    """Short, one line, no two alike."""
    wordings = [row[1] for row in rows()]
    assert all(15 <= len(wording) <= 160 for wording in wordings), [w for w in wordings if not 15 <= len(w) <= 160]
    assert len(set(wordings)) == len(wordings)


def test_every_row_is_met_by_what_exists_or_says_not_yet() -> None:
    """A met row names files of ours and test functions, in backticks; the others claim nothing."""
    wrong: list[str] = []
    for identifier, _, where, test in rows():
        if where == NOT_YET:
            if test:
                wrong.append(f"{identifier}: a test of what is not there yet")
            continue
        places, tests = re.findall(r"`([^`]+)`", where), re.findall(r"`([^`]+)`", test)
        if not places or not tests:
            wrong.append(f"{identifier}: no place or no test")
        wrong += [f"{identifier}: {path} does not exist" for path in places if not (ROOT / path).exists()]
        for named in tests:
            path, _, function = named.partition("::")
            if not (ROOT / path).is_file() or function not in definitions_of_tests(ROOT / path):
                wrong.append(f"{identifier}: {named} does not exist")
    assert not wrong, "\n".join(wrong)


def test_the_page_counts_itself() -> None:
    """The sentence at its head is true."""
    met = sum(where != NOT_YET for _, _, where, _ in rows())
    assert f"**{met} of 241**" in PAGE.read_text(encoding="utf-8")
