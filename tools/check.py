"""Runs every check of the project, one after the other, and tells how many seconds each took.

    .venv/bin/python tools/check.py [--no-skips]

All stages run even when one fails, so that one run shows everything. ``--no-skips`` counts a skipped test as a failure:
for machines where ``make system`` installed what the tests use. The last line tells the tests passed and failed.
"""

from __future__ import annotations

import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
TEST_REPORT = ROOT / "build" / "tests.xml"

WHOLLY_COVERED = ("deid", "parcel", "pack")  # where a line that no test has seen could be a leak
WHOLLY_PERCENT = 100
OVERALL_PERCENT = 90


@dataclass(frozen=True, slots=True)
class Stage:
    """One check: its name and the program of ``.venv/bin`` with its arguments."""

    name: str
    program: str
    arguments: tuple[str, ...]
    talks: bool = False
    """Whether its output is shown as it comes; otherwise only when it fails."""


STAGES = (
    Stage("ruff check", "ruff", ("check", ".")),
    Stage("ruff format", "ruff", ("format", "--check", ".")),
    Stage("pyright", "pyright", ()),
    Stage("imports", "lint-imports", ("--no-cache",)),
    Stage("licences", "python", ("tools/check_licences.py",)),
    Stage(
        "tests",
        "pytest",
        ("-n", "auto", "--dist", "loadgroup", "-m", "not drill", "--cov", "--cov-report=", f"--junitxml={TEST_REPORT}"),
        talks=True,
    ),
    Stage(
        "coverage " + " ".join(WHOLLY_COVERED),
        "coverage",
        (
            "report",
            "--include=" + ",".join(f"src/kaname/{room}/*" for room in WHOLLY_COVERED),
            f"--fail-under={WHOLLY_PERCENT}",
        ),
    ),
    Stage("coverage all", "coverage", ("report", f"--fail-under={OVERALL_PERCENT}")),
)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many tests passed, failed (errors included) and were skipped."""

    passed: int
    failed: int
    skipped: int


def run(stage: Stage) -> tuple[bool, float]:
    """Runs one stage in the project's folder; whether it passed, and its seconds."""
    print(f"── {stage.name}", flush=True)
    start = time.monotonic()
    done = subprocess.run(
        [BIN / stage.program, *stage.arguments],
        cwd=ROOT,
        check=False,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=None if stage.talks else subprocess.PIPE,
        stderr=None if stage.talks else subprocess.STDOUT,
    )
    passed = done.returncode == 0
    if done.stdout:
        lines = done.stdout.rstrip().splitlines()
        print(*(lines[-1:] if passed else lines), sep="\n", flush=True)
    return passed, time.monotonic() - start


def counts(report: Path) -> Counts:
    """The numbers of a JUnit report; all zero when the tests never got that far."""
    if not report.is_file():
        return Counts(0, 0, 0)
    suites = list(ET.parse(report).getroot().iter("testsuite"))  # noqa: S314 # our own file of a moment ago
    number = {
        name: sum(int(suite.get(name, "0")) for suite in suites) for name in ("tests", "failures", "errors", "skipped")
    }
    failed = number["failures"] + number["errors"]
    return Counts(number["tests"] - failed - number["skipped"], failed, number["skipped"])


def main() -> int:
    """Runs all stages; 1 when one of them failed."""
    TEST_REPORT.unlink(missing_ok=True)
    failed: list[str] = []
    times: list[tuple[str, float]] = []
    for stage in STAGES:
        passed, seconds = run(stage)
        times.append((stage.name, seconds))
        if not passed:
            failed.append(stage.name)
    result = counts(TEST_REPORT)
    if result.skipped and "--no-skips" in sys.argv[1:]:
        failed.append(f"{result.skipped} tests skipped")
    print("── seconds")
    for name, seconds in times:
        print(f"{seconds:8.1f}  {name}{'  FAILED' if name in failed else ''}")
    print(f"{sum(seconds for _, seconds in times):8.1f}  all")
    if failed:
        print(f"failed: {', '.join(failed)}")
    print(f"{result.passed} passed, {result.failed} failed, {result.skipped} skipped")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
