from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.errors import NotYet, Refused
from kaname.gateway import records, tables
from kaname.gateway.records import is_report, is_table, receive_report
from kaname.gateway.tables import read_table

from .hospitals import REGISTRY, make_gateway

CELLS = st.text(st.characters(codec="cp932", exclude_categories=["Cs", "Cc"], exclude_characters="¢£¬‖−〜"), max_size=8)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5), st.sampled_from(["utf-8", "utf-8-sig", "cp932"]))
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], codec: str
) -> None:
    """Quoted cells of any text come back as they were, in each of the encodings of the field."""
    quoted = "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\r\n" for row in rows)
    path = tmp_path_factory.mktemp("t") / "t.csv"
    path.write_bytes(("受付番号,患者\r\n" + quoted).encode(codec))
    table = read_table(path)
    assert table.headings == ("受付番号", "患者")
    assert table.lines == tuple(rows)


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table beyond the limit is refused unread; one that is gone may come back."""
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n")
    monkeypatch.setattr(tables, "LIMIT_BYTES", 5)
    with pytest.raises(Refused, match="too-large"):
        read_table(path)
    path.unlink()
    with pytest.raises(NotYet, match="unreadable-file"):
        read_table(path)


def test_what_is_meant_as_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are told by their name, reports by what they say; links and endless files are neither."""
    table, report = tmp_path / "T.CSV", tmp_path / "r.json"
    table.write_text("a\n")
    report.write_text('{"accession_number": "A-1", "patient_id": "1"}')
    (tmp_path / "l.csv").symlink_to(table)
    (tmp_path / "l.json").symlink_to(report)
    assert [is_table(tmp_path / name) for name in ("T.CSV", "l.csv", "r.json")] == [True, False, False]
    assert [is_report(tmp_path / name) for name in ("r.json", "l.json", "T.CSV")] == [True, False, False]
    monkeypatch.setattr(records, "REPORT_LIMIT_BYTES", 5)
    assert not is_report(report)


def test_a_report_that_changes_while_it_is_taken(tmp_path: Path) -> None:
    """A file that was a report a moment ago and is none now is held, not guessed at."""
    hospital = make_gateway(tmp_path)
    (tmp_path / "r.json").write_text("{}")
    result = receive_report(hospital, tmp_path / "r.json", hospital.engine(REGISTRY))
    assert (result.state, result.reason, result.id) == ("held", "unreadable-file", "")
