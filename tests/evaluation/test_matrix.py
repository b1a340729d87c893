from __future__ import annotations

import pytest

from kaname.errors import Refused
from kaname.evaluation.matrix import LARGEST_BYTES, read_matrix
from kaname.evaluation.printed import read_count, read_figure

PLAIN = "推定,悪性,良性\n悪性,12,2\n良性,2,11\n"
COUNTS = ((12, 2), (2, 11))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_people_export_tables_in_many_ways(encoding: str, delimiter: str, end: str) -> None:
    """Encoding, delimiter and line end do not matter."""
    table = read_matrix(PLAIN.replace(",", delimiter).replace("\n", end).encode(encoding))
    assert (table.rows, table.columns, table.counts) == (("悪性", "良性"), ("悪性", "良性"), COUNTS)


@pytest.mark.parametrize(
    ("text", "count"),
    [("１２", 12), ("1,251", 1251), ("１，２５１", 1251), (" 7 ", 7), ("12.0", 12), ("0", 0), ("1,000,000", 1_000_000)],
)
def test_counts_as_they_are_printed(text: str, count: int) -> None:
    """Full-width digits, thousands separators, spaces around and a decimal of nothing are read."""
    assert read_count(text) == count
    assert read_matrix(f'x,A\nA,"{text}"\n'.encode()).counts == ((count,),)


@pytest.mark.parametrize(
    "text", ["", "-1", "1.5", "1e3", "=1+1", "12,34", "1,2345", "x", "１２例", "٣", "1_000", "nan", "9" * 16]
)
def test_what_is_no_count_is_refused_by_row_and_column(text: str) -> None:
    """An empty cell is no 0, a formula is no number, and the refusal names the place, not the content."""
    with pytest.raises(Refused) as refused:
        read_matrix(f'x,A,B\nA,1,2\nB,3,"{text}"\n'.encode())
    assert (refused.value.code, refused.value.facts) == ("table-cell", {"row": 3, "column": 3})


def test_rows_are_brought_into_the_order_of_the_columns() -> None:
    """The same classes in another order are the same table."""
    table = read_matrix(b"x,B,A\nA,1,2\nB,3,4\n")
    assert (table.columns, table.counts) == (("B", "A"), ((3, 4), (1, 2)))


def test_names_are_compared_without_their_width() -> None:
    """ＮＢＩ and NBI are one class, and so are names with a line break inside."""
    assert read_matrix('x,ＮＢＩ,"白色\n光"\nNBI,1,2\n白色 光,3,4\n'.encode()).columns == ("NBI", "白色 光")


@pytest.mark.parametrize("name", ["計", "合計", "total", "Total", "合　計", "総計"])
def test_totals_are_no_class(name: str) -> None:
    """A row and a column of totals are kept beside the counts."""
    table = read_matrix(f"x,A,B,{name}\nA,12,2,14\nB,2,11,13\n{name},14,13,27\n".encode())
    assert (table.columns, table.counts) == (("A", "B"), COUNTS)
    assert (table.row_totals, table.column_totals, table.grand_total) == ((14, 13), (14, 13), 27)


def test_totals_may_stand_first_or_be_left_blank() -> None:
    """Where a total is not printed there is none to check."""
    table = read_matrix("x,計,A,B\n計,,14,\nA,14,12,2\nB,,2,11\n".encode())
    assert (table.row_totals, table.column_totals, table.grand_total) == ((14, None), (14, None), None)
    assert table.counts == COUNTS


def test_blank_lines_and_blank_last_columns_are_left_out() -> None:
    """Spreadsheets export the area around a table too."""
    assert read_matrix(b"x,A,B,,\n\nA,12,2,,\nB,2,11,,\n,,,,\n").counts == COUNTS


def test_thousands_separators_do_not_choose_the_delimiter() -> None:
    """A comma inside numbers of a table of semicolons is no delimiter."""
    assert read_matrix(b"x;A;B\nA;1,251;2\nB;3;4\n").counts == ((1251, 2), (3, 4))


def test_names_may_repeat_when_both_sides_are_in_order() -> None:
    """Positions tell them apart; the doctor flags them."""
    assert read_matrix(b"x,A,A\nA,1,2\nA,3,4\n").counts == ((1, 2), (3, 4))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "table-unreadable"),
        (b"\n\n", "table-unreadable"),
        (b"x,A\n", "table-unreadable"),
        (b"only\nnames\n", "table-unreadable"),
        (b"x,A\nA,1\nB\n", "table-unreadable"),
        (b"\x00\x01,\x02\n", "table-unreadable"),
        (b"\xff\xfe\xfd,\x81\n\xa0\x80", "table-unreadable"),
        (b"PK\x03\x04\x00\x00", "table-unreadable"),
        (b'x,"A\nA,1', "table-unreadable"),
        (b"x,A,B\nA,1\nB,3,4\n", "table-unreadable"),
        (b"x,A\x1b[31m\nA\x1b[31m,1\n", "table-unreadable"),
        (b"x," + b"A" * 200_000 + b"\n", "table-unreadable"),
        (b"1" * (LARGEST_BYTES + 1), "table-unreadable"),
        (b"x,A,B\nA,1,2\n", "table-not-square"),
        (b"x,A,B\nA,1,2\nC,3,4\n", "table-not-square"),
        (b"x,A,\nA,1,2\nB,3,4\n", "table-not-square"),
        (b"x,total,total\nA,1,2\ntotal,3,4\n", "table-not-square"),
        (b"x,total\ntotal,3\n", "table-not-square"),
        (b"x,A,A,B\nA,1,2,3\nB,1,2,3\nA,1,2,3\n", "table-not-square"),
    ],
)
def test_hostile_tables_are_refused(data: bytes, code: str) -> None:
    """Nothing is guessed, and the refusal carries numbers alone."""
    with pytest.raises(Refused) as refused:
        read_matrix(data)
    assert refused.value.code == code
    assert all(isinstance(fact, int) for fact in refused.value.facts.values())


def test_a_line_of_another_width_is_named() -> None:
    """The refusal gives the line of the file."""
    with pytest.raises(Refused) as refused:
        read_matrix(b"x,A,B\nA,1,2\n\nB,3\n")
    assert (refused.value.code, refused.value.facts) == ("table-unreadable", {"row": 4})


@pytest.mark.parametrize(
    ("text", "low", "high", "again"),
    [
        ("94.1%", 0.9405, 0.9415, "94.9%"),
        ("94.1", 0.9405, 0.9415, "94.9%"),
        ("９４．１％", 0.9405, 0.9415, "94.9%"),
        (".941", 0.9405, 0.9415, "0.949"),
        ("0.9410", 0.94095, 0.94105, "0.9490"),
        ("−.5", -0.55, -0.45, "0.9"),
        ("94 %", 0.935, 0.945, "95%"),
    ],
)
def test_figures_keep_their_last_decimal(text: str, low: float, high: float, again: str) -> None:
    """A printed figure stands for everything that rounds to it."""
    figure = read_figure(text)
    assert figure is not None
    assert (float(figure.low), float(figure.high)) == (pytest.approx(low), pytest.approx(high))
    assert figure.like(0.94898) == again
    assert figure.fits(figure.value)
    assert not figure.fits(high + 0.001)


@pytest.mark.parametrize("text", ["", "1e5", "nan", "inf", "1,5", "%", ".", "94.1%%"])
def test_what_is_no_figure_is_none(text: str) -> None:
    """There is no half-read figure."""
    assert read_figure(text) is None


def test_a_likelihood_ratio_is_no_percentage() -> None:
    """6.38 is 6.38."""
    figure = read_figure("6.38", share=False)
    assert figure is not None
    assert float(figure.value) == pytest.approx(6.38)
