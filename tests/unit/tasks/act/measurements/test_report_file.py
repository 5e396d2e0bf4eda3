"""Reports as spreadsheets write them: read, or refused by line."""

from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tansaku.tasks.act.measurements.report_file import ReportError, number, quantity, read_report, report_at, report_of

PLAIN = "number,value [GPa],note\n4,5.25,soft\n5,-1.5e-3,\n"


def rows(content):
    report = read_report(content if isinstance(content, bytes) else content.encode())
    return [(row.line, dict(row.cells)) for row in report.rows], report


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace(",", "\t").encode(),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", ";").replace(".", ",").encode(),
        "number;value (GPa);note\n 4 ; 5,25\u00a0;soft;;\n5;-1,5e-3;\n;;\n".encode(),
        b'"number","value [GPa]","note"\n"4","5.25","soft"\n"5","-1.5e-3",""\n',
    ],
)
def test_the_same_table_in_many_ways(content):
    found, report = rows(content)
    assert [line for line, _ in found] == [2, 3]
    assert [cells.get("note") for _, cells in found] == ["soft", None]
    assert report.units == {"value": "GPa"}
    assert [number(cells["value"], comma=report.comma) for _, cells in found] == [5.25, -0.0015]


def test_lines_count_as_the_spreadsheet_counts_them():
    found, _ = rows('sep=;\n\nnumber;note\n1;"two\nlines"\n\n2;x\n')
    assert [line for line, _ in found] == [4, 7]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"number,value\n1,\xff\n", "line 2: the report is not UTF-8"),
        (b"number,value\n1,2\x00\n", "line 2: the report is no text file"),
        (b"number,value,value\n", "line 1: two columns are named 'value'"),
        (b"number,value\n1,2,3\n", "line 2: 3 cells, but the heading names 2 columns"),
        (b'number,value\n1,"2\n', "line 2: unexpected end of data"),
        (b"number\n" + b"1\n" * 5001, "5,001 rows; expected at most 5,000"),
        (b"x" * 4_000_001, "bytes; expected at most"),
        (b" x" * 50_000, "line 1: a heading has 99,999 characters"),
        (b"number,note\n1," + b"x" * 2001, "line 2: note: the cell has more than 2,000 characters"),
        (b"number,[GPa]\n1,5\n", r"line 1: the heading '\[GPa\]' has a unit and no name"),
        (b",".join(b"c%d" % n for n in range(1001)) + b"\n", "line 1: the heading has 1,001 columns; expected at most 1,000"),
    ],
)
def test_what_cannot_be_read_is_refused_by_line(content, message):
    with pytest.raises(ReportError, match=message):
        read_report(content)


@pytest.mark.parametrize(
    ("cell", "comma", "message"),
    [
        ("1,234", False, "may be 1.234 or 1234"),
        ("1.234,5", True, "not a plain number"),
        ("1 234", True, "not a plain number"),
        ("1'234.5", False, "not a plain number"),
        ("nan", True, "is not a number"),
        ("", True, "is not a number"),
        ("1" * 100_000 + "x", True, "has 100,001 characters and is not a number"),
    ],
)
def test_numbers_that_may_be_meant_in_two_ways_are_refused(cell, comma, message):
    with pytest.raises(ValueError, match=message):
        number(cell, comma=comma)


def test_numbers_with_decimal_commas_and_units():
    assert number("1,5", comma=False) == 1.5
    assert number("1,234", comma=True) == 1.234
    assert number("\u22121,5", comma=True) == -1.5
    assert quantity("5,2 GPa", comma=True) == (5.2, "GPa")
    with pytest.raises(ValueError, match="unit 'GPx' is not known"):
        quantity("5 GPx", comma=True)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_a_program_gives_is_read_exactly(value):
    (row,) = report_of([{"number": 1, "value": value}]).rows
    assert number(row.cells["value"], comma=False) == value


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content):
    with suppress(ReportError):
        assert read_report(content).columns


def test_percent_signs_are_units():
    assert quantity("33%", comma=False) == (33.0, "%")
    assert quantity("33,5 %", comma=True) == (33.5, "%")


def test_a_point_beside_decimal_commas_may_separate_thousands():
    report = read_report(b"number;value\n1;345,5\n2;1.234\n")
    assert report.quantity("345,5") == (345.5, None)
    assert report.quantity("0.234") == (0.234, None)
    for cell in ("1.234", "-12.345", "1.234 MPa"):
        with pytest.raises(ValueError, match="as other cells have decimal commas"):
            report.quantity(cell)
    points = read_report(b"number;value\n1;345.5\n2;1.234\n")
    assert points.quantity("1.234") == (1.234, None), "all numbers of this file have points"


def test_missing_cells_of_a_frame_are_empty():
    rows = [{"number": 1, "value": 1.5, "note": pd.NA}, {"number": 2, "value": pd.NA, "note": None}]
    assert [dict(row.cells) for row in report_of(rows).rows] == [{"number": "1", "value": "1.5"}, {"number": "2"}]


def test_keys_that_differ_in_their_unit_only_are_refused():
    with pytest.raises(ReportError, match="two columns are named 'value'"):
        report_of([{"number": 1, "value": 1.0, "value [GPa]": 0.3}])


def test_a_file_without_end_is_refused():
    with pytest.raises(ReportError, match="at least 4,000,001 bytes"):
        report_at(Path("/dev/zero"))
