"""The command line answers at once, and a hospital's install stays small."""

from __future__ import annotations

import subprocess
import sys

from .sources import ROOT

HEAVY = {"torch", "duckdb", "dbos", "fastapi", "pydicom", "sqlalchemy"}


def test_help_imports_nothing_heavy() -> None:
    """``kaname --help`` loads neither database nor web nor DICOM."""
    code = (
        "import sys\nfrom kaname.cli import kaname\n"
        "kaname(['--help'], standalone_mode=False)\n"
        f"print('LOADED', *sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].split() == ["LOADED"]


def test_the_base_is_at_most_400_mb() -> None:
    """What ``pip install kaname`` brings, every requirement of a requirement included."""
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "check_size.py"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
