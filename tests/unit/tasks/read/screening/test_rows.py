"""Rows of a screen: kept line by line, ranked, written as a table and read back."""

from __future__ import annotations

import gzip

import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.read.figures.screen import draw_screen
from tansaku.tasks.read.screening.rows import (
    RowFile,
    ScreenRow,
    best_of_each,
    boundary_name,
    family,
    lowest_labelled,
    rank_correlation,
    ranked,
    read_table,
    write_table,
)


def row(number: int, predicted: float, computed: float, **keys: object) -> ScreenRow:
    known = {
        "candidate": f"c{number}",
        "axis": (1, -1, 0),
        "system": "s003-111",
        "sigma": 3,
        "plane": (1, 1, 1),
        "angle": 109.471221,
        "removed_planes": 0,
        "atoms": 36,
        "deviation": 5.5,
        "atom_deviation": 0.001,
        "structure": f"{number:064d}",
    }
    return ScreenRow.model_validate(known | {"predicted": predicted, "computed": computed} | keys)


ROWS = [row(0, 30.0, 31.0), row(1, 10.0, 12.0), row(2, 20.0, 19.0, system="s009-114"), row(3, 20.0, 40.0, axis=(0, 0, 1))]


def test_rows_come_back_and_half_a_row_is_cut_off(tmp_path):
    file = RowFile(tmp_path / "deep" / "rows.jsonl", ScreenRow)
    assert file.read() == []
    assert list(file.extend(iter(ROWS[:2]))) == ROWS[:2]
    path = tmp_path / "deep" / "rows.jsonl"
    with path.open("a", encoding="utf-8") as stream:
        stream.write(ROWS[2].model_dump_json()[:40])
    assert file.read() == ROWS[:2]
    assert list(file.extend(iter(ROWS[2:]))) == ROWS[2:]
    assert file.read() == ROWS


def test_a_killed_writer_leaves_what_it_handed_on(tmp_path):
    file = RowFile(tmp_path / "rows.jsonl", ScreenRow)
    rows = file.extend(iter(ROWS))
    next(rows)
    rows.close()
    assert file.read() == ROWS[:1]


def test_a_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"candidate": "c1"}\n')
    with pytest.raises(ConfigurationError, match="does not contain rows of a screen"):
        RowFile(path, ScreenRow).read()


def test_the_lowest_come_first_and_each_boundary_once():
    assert [one.candidate for one in ranked(ROWS)] == ["c1", "c3", "c2", "c0"]
    assert [one.candidate for one in best_of_each(ROWS)] == ["c1", "c3", "c2"]


def test_ranks_agree_or_do_not():
    assert rank_correlation(ROWS[:3]) == pytest.approx(1.0)
    assert rank_correlation([row(n, float(n), float(-n)) for n in range(5)]) == pytest.approx(-1.0)
    assert rank_correlation(ROWS[:2]) is None
    assert rank_correlation([row(n, 1.0, float(n)) for n in range(5)]) is None


@pytest.mark.parametrize("name", ["table.csv", "table.csv.gz"])
def test_a_table_comes_back_lowest_first_and_is_the_same_file_again(tmp_path, name):
    rows = [*ROWS, row(4, 50.0, 60.0, deviation=None, atom_deviation=None)]
    by = {"predicted_by": "copper@2", "computed_by": "emt"}
    first, second = (write_table(order, tmp_path / f"{number}{name}", **by) for number, order in enumerate((rows, rows[::-1])))
    assert first.read_bytes() == second.read_bytes()
    assert read_table(first) == ranked(rows)
    text = gzip.decompress(first.read_bytes()) if name.endswith(".gz") else first.read_bytes()
    heading, *lines = text.decode().splitlines()
    assert heading.startswith("rank,candidate,axis,")
    assert heading.endswith(",predicted_by,computed_by")
    assert all(line.endswith(",copper@2,emt") for line in lines)


def test_rows_of_a_compound_come_back_with_what_was_computed(tmp_path):
    known = {"axis": None, "sigma": None, "angle": None, "removed_planes": None}
    rows = [
        row(0, 10.0, 12.0, system="210", upper_plane=(3, -4, 0), corrected=11.0, corrected_deviation=2.0, label=11.5, **known),
        row(1, 20.0, 21.0, system="310", axis=(0, 0, 1), sigma=5, removed_planes=None),
    ]
    table = write_table(rows, tmp_path / "t.csv", predicted_by="m@1", computed_by="buckingham")
    assert read_table(table) == rows
    assert [boundary_name(item) for item in rows] == ["(1 1 1)/(3 -4 0)", "⟨100⟩ Σ5 (1 1 1)"]
    assert draw_screen(rows, tmp_path / "ranks.png").stat().st_size > 10_000


def test_the_computed_rank_by_what_was_computed():
    rows = [
        row(0, 10.0, 0.0, label=30.0),
        row(1, 20.0, 0.0, label=15.0),
        row(2, 5.0, 0.0),
        row(3, 9.0, 0.0, axis=(0, 0, 1), label=20.0),
    ]
    assert [item.candidate for item in lowest_labelled(rows)] == ["c1", "c3"]


def test_what_is_no_table_is_said(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ConfigurationError, match="is not a table of a screen"):
        read_table(path)


@pytest.mark.parametrize(("axis", "name"), [((1, -1, 0), "⟨110⟩"), ((0, 0, 1), "⟨100⟩"), ((1, 11, -1), "⟨11 1 1⟩")])
def test_axes_equal_by_symmetry_share_a_name(axis, name):
    assert family(axis) == name


def test_the_figure_is_drawn(tmp_path):
    assert draw_screen(ROWS, tmp_path / "ranks.png").stat().st_size > 10_000
