"""Ask and tell by the sparse proposer on a spreadsheet of many descriptors without values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tests.support.campaign_files import table_space

COLUMNS = [f"d{place:02d}" for place in range(30)]
SPACE = table_space("many.csv", {"id": "name"}, {"descriptors": {"columns": "d*"}})


def yield_of(cells) -> float:
    """What a measurement would give: two of thirty columns matter."""
    return 10.0 + 3.0 * float(cells["d05"]) - 2.0 * float(cells["d21"])


@pytest.fixture
def open_spreadsheet(tmp_path, open_laboratory):
    """Makes a laboratory on 60 rows; keys of the campaign and a cell of the table may be given."""

    def build(cell: tuple[int, str, str] | None = None, **changes):
        rows = np.random.default_rng(0).normal(size=(60, 30)).round(4)
        texts = [[f"{value}" for value in row] for row in rows]
        if cell is not None:
            texts[cell[0]][COLUMNS.index(cell[1])] = cell[2]
        lines = [",".join(["name", *COLUMNS]), *(",".join([f"s{i:02d}", *row]) for i, row in enumerate(texts))]
        Path(tmp_path, "many.csv").write_text("\n".join(lines) + "\n")
        keys = {
            "space": SPACE,
            "proposer": {"type": "sparse", "max_features": 2, "initial_points": 6},
            "objective": {"property": "yield", "unit": "1", "direction": "maximize"},
            "budget": {"evaluations": 24},
        }
        return open_laboratory(**(keys | changes))

    return build


def measure(laboratory) -> list[str]:
    waiting = laboratory.waiting().waiting
    laboratory.tell(*({"number": item.number, "value": yield_of(item.cells)} for item in waiting))
    return [item.candidate for item in waiting]


def test_ask_tell_and_ask_again_finds_the_best_row(open_spreadsheet):
    laboratory = open_spreadsheet()
    assert laboratory.ask(6).reason == "waiting"
    first = laboratory.waiting().waiting
    assert len(first) == 6
    assert set(first[0].cells) == set(COLUMNS)
    assert all(item.prediction is None for item in first)
    measure(laboratory)
    assert laboratory.ask(3).reason == "waiting"
    second = laboratory.waiting().waiting
    assert len({item.candidate for item in (*first, *second)}) == 9
    assert all(item.prediction is not None and item.uncertainty > 0 for item in second)
    assert all("expected gain" in item.why for item in second)
    # Nothing is proposed for asking again.
    laboratory.ask(3)
    assert [item.number for item in laboratory.waiting().waiting] == [item.number for item in second]
    while laboratory.numbers():
        measure(laboratory)
        laboratory.ask(3)
    table = np.random.default_rng(0).normal(size=(60, 30)).round(4)
    best = max(yield_of(dict(zip(COLUMNS, row, strict=True))) for row in table)
    assert max(laboratory.values().values()) == pytest.approx(best)
    assert len(laboratory.values()) == 24


def test_predictions_come_close_once_the_columns_are_found(open_spreadsheet):
    laboratory = open_spreadsheet()
    for _ in range(6):
        laboratory.ask(3)
        measure(laboratory)
    laboratory.ask(1)
    (item,) = laboratory.waiting().waiting
    assert item.prediction == pytest.approx(yield_of(item.cells), abs=0.1)


@pytest.mark.parametrize(
    ("cell", "changes", "message"),
    [
        ((3, "d07", ""), {}, "d07"),
        ((3, "d07", "wet"), {}, "d07"),
        (None, {"space": SPACE | {"features": {"descriptors": {"columns": "x*"}}}}, r"x\*"),
        (None, {"proposer": {"type": "sparse", "max_features": 7}}, "max_features"),
    ],
)
def test_a_table_or_a_proposer_that_cannot_be_used_is_refused_before_anything_is_asked(
    open_spreadsheet, cell, changes, message
):
    with pytest.raises((ConfigurationError, ValueError), match=message):
        open_spreadsheet(cell, **changes)


def test_more_initial_points_than_rows_are_refused_when_one_asks(open_spreadsheet):
    laboratory = open_spreadsheet(proposer={"type": "sparse", "initial_points": 61})
    with pytest.raises(ConfigurationError, match="61"):
        laboratory.ask(1)
    assert laboratory.evaluations() == []
