"""Measured campaigns with a quicker measurement: which one each proposal asks for, and what a value of it counts as."""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import pytest

import tansaku as ts
from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.act.measurements.report_file import read_report
from tansaku.tasks.act.measurements.waiting import waiting_proposals

POINTS = np.random.default_rng(0).uniform(size=(40, 2))
FULL = ((POINTS - [0.3, 0.6]) ** 2).sum(axis=1)
QUICK = 3.0 * FULL + 5.0
"""In another unit, but it rises with the full value."""


def campaign(**keys: object) -> ts.Campaign:
    rows = pd.DataFrame({"id": [f"s{i:02}" for i in range(len(POINTS))], "a": POINTS[:, 0], "b": POINTS[:, 1]})
    given = {"calculator": {"type": "manual"}, "levels": [{"name": "quick", "cost": 0.1}], "budget": {"cost": 8}} | keys
    space = ts.Table(candidates=rows, columns={"id": "id"}, features={"x": {"columns": ["a", "b"]}})
    return ts.Campaign(space=space, objective=ts.minimize("loss", unit="1"), store=None, **given)


def test_a_search_measures_quickly_where_that_pays_and_finds_the_best():
    search, asked = campaign(), []
    while not search.done:
        for row in search.ask(1):
            number = int(row.id[1:])
            asked.append(row.level)
            search.tell(row, value=QUICK[number] if row.level else FULL[number])
    assert asked[:4] == ["quick", None, "quick", None]
    assert asked.count("quick") > 2 * asked.count(None)
    assert search.best.id == f"s{int(np.argmin(FULL)):02}"
    assert search.best.value == pytest.approx(FULL.min())
    assert "level quick" in repr(campaign().ask(1)[0])


def test_a_table_to_be_filled_in_names_levels_and_is_read_again():
    search = campaign()
    search.ask(2)
    with search._place.open() as resources:
        asked = waiting_proposals(resources.store, search.name)
    assert [item.level for item in asked.waiting] == ["quick", None]
    rows = list(csv.DictReader(io.StringIO(asked.to_csv())))
    assert [row["level"] for row in rows] == ["quick", "full"]
    report = read_report(asked.to_csv().encode(), "table.csv")
    assert len(report.rows) == 2
    assert "waiting for values of 2 proposals" in search.status.describe()


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"levels": [{"name": "quick", "cost": 0.1, "column": "a"}]}, r"levels\[0\]\.column"),
        ({"budget": 8}, "budget: looks are weighed by their cost"),
        (
            {
                "levels": [{"name": "quick", "cost": 0.1, "relation": "unknown"}],
                "proposer": {"type": "multi_level", "screen": True},
            },
            r"levels\[0\]\.relation",
        ),
    ],
)
def test_keys_that_do_not_fit_are_named(keys, named):
    with pytest.raises(ConfigurationError, match=named):
        campaign(**keys)
