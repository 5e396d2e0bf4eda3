"""Cells of CSV files: none is a formula, and each is read back as it was."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tansaku.models.domain.spreadsheet import csv_line, safe_cell, text_of
from tansaku.spaces.table_file import TableFile
from tansaku.tasks.act.measurements.report_file import read_report
from tansaku.tasks.ground.formats.csv_text import csv_of, texts_of

HOSTILE = ["=1+1", "+cmd|' /C calc'!A0", "-1 1 2", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''-a", "--", "-", "=", "-1,5"]
HARMLESS = ["", "a", "'", "'a", "'-1.5", "-1.5e-3", "+4", "-.5", "1=2", " =1", "x\n=1", "-inf"]
texts = st.lists(st.sampled_from(["=", "+", "-", "@", "\t", "\r", "'", "a", "1", ".", "e", " "]), max_size=6).map("".join)


@given(st.one_of(st.text(max_size=20), texts))
def test_every_text_is_read_back(text):
    cell = safe_cell(text)
    assert text_of(cell) == text
    if cell.startswith(("=", "+", "-", "@", "\t", "\r")):
        float(cell)  # what is evaluated is a number


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_that_would_be_evaluated_has_an_apostrophe(text):
    assert safe_cell(text) == f"'{text}"


def test_other_texts_numbers_and_what_others_wrote_stay_as_they_are():
    given = [*HARMLESS, -1.5, None, 3]
    assert [safe_cell(value) for value in given] == given
    assert csv_line([None, -1.5, 2, "a\rb", '"'], "\n") == ',-1.5,2,"a\rb",""""\n'
    assert [text_of(text) for text in (*HARMLESS, *HOSTILE[:6])] == [*HARMLESS, *HOSTILE[:6]]


def written(header: list[str], rows: list[list[str]]) -> str:
    return "".join(csv_line(row, "\n") for row in [header, *rows])


def test_a_report_and_a_table_are_read_back_with_their_headings(tmp_path):
    text = written(["number", "=note"], [[str(number), name] for number, name in enumerate(HOSTILE)])
    report = read_report(text.encode())
    assert report.columns == ("number", "=note")
    assert [row.cells["=note"] for row in report.rows] == HOSTILE
    path = tmp_path / "rows.csv"
    path.write_text(text, newline="")
    table = TableFile(path, "space.candidates")
    assert table.names == ["number", "=note"]
    columns = table.read(["=note", "number"])
    assert columns.text("=note", "key").tolist() == HOSTILE
    assert columns.numbers("number", "key").tolist() == list(range(len(HOSTILE)))


def test_frames_are_read_back():
    frame = pd.DataFrame({"=name": HOSTILE, "value": [float(-number) for number in range(len(HOSTILE))]})
    text = csv_of(frame)
    assert not any(line.lstrip('"').startswith(("=", "+", "-", "@", "\t", "\r")) for line in text.split("\n"))
    pd.testing.assert_frame_equal(texts_of(pd.read_csv(io.StringIO(text, newline=""))), frame)
    assert csv_of(pd.DataFrame(columns=["@a"])) == "'@a\n"


def test_long_cells_are_read_in_linear_time():
    """With a pattern that can split digits in two ways, this takes minutes."""
    cell = f"'-{'1' * 60_000}x"
    assert text_of(cell) == cell[1:]
