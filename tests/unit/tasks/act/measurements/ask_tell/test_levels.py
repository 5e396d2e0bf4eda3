"""Measured campaigns with a quicker measurement: which one each proposal asks for, and what a value of it counts as."""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import pytest

import tansaku as ts
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.evaluation_columns import result_row
from tansaku.tasks.act.measurements.history import reported_history
from tansaku.tasks.act.measurements.report_file import ReportError, read_report, report_of
from tansaku.tasks.act.measurements.stored_commands import open_manual, store_report
from tansaku.tasks.act.measurements.waiting import waiting_proposals
from tansaku.tasks.read.figures.campaign import drawings_of
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.campaign_figures import look_points
from tansaku.tasks.read.views.levels import look_values
from tests.support.actors import ADA

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
    said = search.status.describe()
    assert "waiting for values of 2 proposals" in said
    assert "evaluations 1: 0 done, 0 failed, 1 in progress" in said
    assert "quick: 1 look, 0 failed, 1 in progress" in said


def test_a_level_is_reported_and_shown_in_its_own_unit():
    levels = [{"name": "quick", "cost": 0.1, "unit": "g/cm3"}, {"name": "slow", "cost": 0.3, "unit": "K"}]
    search = campaign(levels=levels)
    first = search.ask(3)[0].id
    with search._place.open() as resources:
        asked = waiting_proposals(resources.store, search.name)
        rows = list(csv.DictReader(io.StringIO(asked.to_csv())))
        assert [(row["level"], row["unit"]) for row in rows] == [("quick", "g/cm3"), ("slow", "K"), ("full", "1")]
        with pytest.raises(ReportError, match=r"'K'.*cannot be converted to 'g/cm3'"):
            store_report(resources.store, ADA, search.name, report_of([{"number": 1, "value": "5 K"}]))
        told = [{"number": 1, "value": "5000 kg/m3"}, {"number": 2, "value": 300}, {"number": 3, "value": 0.5}]
        store_report(resources.store, ADA, search.name, report_of(told))
        search.ask(1)
        data = Campaign.load(resources.store, search.name)
        (figure,) = [item for item in drawings_of(data, resources.artifacts) if item.stem == "looks"]
        assert figure.table[0] == ["candidate", "level", "look", "full"]
        found = look_points(look_values(data))
        assert (found.levels, found.unit) == (("quick [g/cm3]", "slow [K]"), "1")
        assert (look_values(data).at("quick").shared_unit, data.spec.unit_at(None)) == ("g/cm3", "1")
        shown = [result_row(item, data.spec) for item in resources.store.evaluations(search.name)[:3]]
    assert [(row["value"], row["unit"]) for row in shown] == [(pytest.approx(5.0), "g/cm3"), (300.0, "K"), (0.5, "1")]
    assert search.best.id == first


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"candidate": "FIRST", "level": "other", "value": 1}, "level: 'other'; expected 'quick' or 'full'"),
        ({"candidate": "s00", "level": "quick", "value": 1}, "no look at 's00' at level 'quick' was proposed"),
        ({"number": 1, "level": "full", "value": 1}, "level: 'full', but proposal 1 is at level 'quick'"),
        ({"candidate": "FIRST", "value": 1}, "number, level: both are missing; expected level 'quick' or 'full'"),
        ({"number": 1, "value": 1, "instead": "s01"}, "proposal 1 asks for a look at level quick, which nothing else replaces"),
    ],
)
def test_a_row_whose_level_does_not_fit_stores_nothing(row, problem):
    search = campaign()
    first = search.ask(2)[0].id
    assert first != "s00"
    row = {key: first if cell == "FIRST" else cell for key, cell in row.items()}
    with search._place.open() as resources, pytest.raises(ReportError, match=problem):
        store_report(resources.store, ADA, search.name, report_of([row]))


def test_a_row_with_candidate_and_level_is_of_that_level():
    search = campaign()
    first = search.ask(2)[0].id
    with search._place.open() as resources:
        rows = [{"candidate": first, "level": "quick", "value": 70.0}, {"candidate": first, "Level": "full", "value": 0.5}]
        for row in (*rows, {**rows[0], "value": 80.0, "status": "correction"}):
            store_report(resources.store, ADA, search.name, report_of([row]))
            search.ask(1)
        found = {item.proposal.level: item.outcome.value for item in resources.store.evaluations(search.name) if item.outcome}
        shown = reported_history(open_manual(resources.store, search.name), 9)
    assert found == {"quick": 80.0, None: 0.5}
    values = {item.level: [(value.measurement.value, value.replaced) for value in item.values] for item in shown}
    assert values == {"quick": [(80.0, False), (70.0, True)], None: [(0.5, False)]}
    assert search.best.value == 0.5


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
