"""A campaign with two objectives: its front, its failures, and the same sequence whatever happens."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from tansaku.deploy.cli import inspection, results
from tansaku.models.engine.front import on_front
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.act.measurements.campaign_view import CampaignView
from tansaku.tasks.act.replay.records import ReplayTask
from tansaku.tasks.act.replay.run import run_one
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.read.figures.campaign import drawings_of
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.campaign_figures import figures_of
from tansaku.tasks.read.views.fronts import campaign_front, oriented_values, tabulated_values
from tansaku.tasks.read.views.results import convergence, evaluation_rows, system_rows
from tansaku.tasks.read.views.status import campaign_status
from tansaku.tasks.read.views.tabulation import write_table
from tests.support.campaign_files import table_space

SPACE = table_space("table.csv", {
        "id": "id", "system": "system", "value": "value", "cost": "cost",
        "quantities": {"volume": {"column": "d1", "unit": "1"}, "shift": {"column": "x", "unit": "Angstrom"}},
    }, {"translation": {"columns": ["x", "y"]}})  # fmt: skip
GOAL = {"type": "pareto", "also": [{"property": "shift", "unit": "Angstrom", "direction": "maximize"}]}
CAMPAIGN = {
    "space": SPACE,
    "objective": {"unit": "mJ/m2", "goal": GOAL},
    "proposer": {"type": "gp", "preset": "obo"},
    "budget": {"evaluations": 24},
}


@pytest.fixture
def searched(require, open_bench):
    require("botorch")
    bench = open_bench(**CAMPAIGN)
    assert bench.drive().reason == "evaluations"
    return bench


def read(bench) -> Campaign:
    return Campaign.load(bench.store, "small")


def test_neither_timing_nor_a_kill_moves_the_sequence(searched, open_bench):
    other = open_bench(seed=5, **CAMPAIGN)
    for at in (2, 7, 13, 18):
        other.drive(halt_at=at)
    other.drive()
    assert other.sequence() == searched.sequence()


def test_a_replay_makes_the_campaign_s_proposals_and_measures_the_volume(searched):
    task = ReplayTask(
        spec=searched.launcher.spec, base_path=str(searched.folder), method="spec", seed=0, in_flight=3, count_initial=True
    )
    run = run_one(task)
    assert run.candidates == searched.sequence()
    front = campaign_front(read(searched))
    np.testing.assert_allclose(run.volume, front.volume)
    assert (np.diff(run.volume) >= 0).all()
    assert 0.5 < run.volume[-1] <= 1.0 + 1e-12


def test_the_front_is_what_nothing_found_beats(searched):
    front = campaign_front(read(searched))
    assert [(axis.name, axis.unit, axis.direction) for axis in front.axes] == [
        ("value", "mJ/m2", "minimize"),
        ("shift", "Angstrom", "maximize"),
    ]
    table = pd.read_csv(searched.folder / "table.csv").set_index("id").loc[searched.sequence()]
    rows = pd.DataFrame(front.rows).set_index("candidate")
    for name, one in rows.iterrows():
        better = (table["value"] <= one["value"]) & (table["x"] >= one["shift"])
        assert set(table.index[better & ((table["value"] < one["value"]) | (table["x"] > one["shift"]))]) == set()
        assert table.loc[name, "value"] == one["value"]
    assert rows["value"].is_monotonic_increasing
    assert rows["shift"].is_monotonic_increasing
    growth = front.summary()["growth"]
    assert growth[-1]["volume"] == front.summary()["volume"]
    json.dumps(front.summary(), allow_nan=False)
    seen = CampaignView(read(searched)).front()
    assert (seen.rows, seen.axes) == (front.rows, front.axes)


def test_the_commands_list_the_front(searched, capsys):
    data = read(searched)
    results._show_front(data, as_json=False, as_csv=False)
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split("\t")[:3] == ["value [mJ/m2]", "shift [Angstrom]", "candidate"]
    assert len(lines) == len(campaign_front(data).rows) + 1
    assert "of the true front" in lines[-1]
    table = pd.read_csv(searched.folder / "table.csv").set_index("id")
    rows = evaluation_rows(data)
    assert [row["others"] for row in rows] == [{"shift": table.loc[row["candidate"], "x"]} for row in rows]
    results._show_front(data, as_json=True, as_csv=False)
    assert json.loads(capsys.readouterr().out) == [dict(row) for row in campaign_front(data).rows]
    shown = inspection._front(read(searched))["front"]
    assert shown["candidates"] == list(campaign_front(data).rows)


def test_a_table_made_of_the_results_has_the_same_front(searched, tmp_path):
    data = read(searched)
    *_, file = write_table(data, tmp_path)
    loaded = load_campaign(file)
    assert loaded.spec.objective == data.spec.objective
    space = open_space(loaded.spec.space, loaded.base_path)
    theirs, ours = (tabulated_values(one, data.spec.objective) for one in (space, data.space))
    np.testing.assert_array_equal(theirs, ours[data.pool.positions(space.pool().ids.tolist())])
    signed = oriented_values(theirs, data.spec.objective)
    assert set(space.pool().ids[on_front(signed)]) == {row["candidate"] for row in campaign_front(data).rows}


def test_before_the_first_value_there_is_no_front(require, open_bench, capsys):
    require("botorch")
    bench = open_bench(**CAMPAIGN)
    assert campaign_front(read(bench)) is None
    results._show_front(read(bench), as_json=False, as_csv=False)
    assert "no evaluation has a value yet" in capsys.readouterr().out
    assert inspection._front(read(bench)) == {}


def test_a_candidate_without_one_of_the_values_failed_and_ends_nothing(require, open_bench):
    require("botorch")
    bench = open_bench(table={"failures": [3, 9, 20]}, **CAMPAIGN | {"budget": {"evaluations": 64}})
    assert bench.drive().reason in ("evaluations", "exhausted")
    assert campaign_status(bench.store, "small").failed == 3
    assert len(set(bench.sequence())) == len(bench.sequence())
    front = campaign_front(read(bench))
    assert np.isnan(front.values).all(axis=1).sum() == 3
    # Everything that has values was evaluated, so the front is the true one.
    assert front.volume[-1] == pytest.approx(1.0)


def test_a_unit_is_converted(searched):
    spec, space = searched.launcher.spec, searched.launcher.space
    plain = spec.objective.model_copy(
        update={"goal": spec.objective.goal.model_copy(update={"also": (spec.objective.further[0],)})}
    )
    values = tabulated_values(space, plain)
    assert values.shape == (len(space.pool()), 2)
    assert space.recorded("s0-0-1-0").quantities["shift"].model_dump() == {"value": 0.25, "unit": "Angstrom"}


def test_the_front_is_drawn(searched, tmp_path):
    (front,) = [drawn for drawn in drawings_of(read(searched), searched.resources.artifacts) if drawn.stem == "front"]
    assert front.draw(tmp_path / "front.png").stat().st_size > 10_000
    assert "], higher is better" in front.draw(tmp_path / "front.svg").read_text(encoding="utf-8")


def further(bench) -> str:
    (said,) = campaign_status(bench.store, "small").further
    return said


def test_it_ends_with_the_growth_of_the_volume_that_is_expected(searched):
    assert re.match(
        r"Another 5 evaluations are expected to enlarge the volume that the front dominates by \S+ %; ", further(searched)
    )


LIMITED = CAMPAIGN | {
    "objective": {
        "unit": "mJ/m2",
        "goal": {"type": "best_overall"},
        "limits": [{"property": "shift", "at_least": "0.4 Angstrom"}],
    }
}


def test_a_limit_of_a_table_counts_in_the_campaign_and_in_its_replay(open_bench):
    bench = open_bench.driven(**LIMITED)
    data = read(bench)
    table = pd.read_csv(bench.folder / "table.csv").set_index("id")
    answers = table[table["x"] >= 0.4]
    assert 0 < len(answers) < len(table)
    best = min(row["value"] for row in system_rows(data) if row["value"] is not None)
    assert best == answers.loc[answers.index.intersection(bench.sequence()), "value"].min()
    task = ReplayTask(
        spec=bench.launcher.spec, base_path=str(bench.folder), method="spec", seed=0, in_flight=3, count_initial=True
    )
    run = run_one(task)
    assert (run.candidates, run.volume) == (bench.sequence(), [])
    np.testing.assert_allclose(run.mean_gap[-1], convergence(data).mean_gap[-1])
    assert re.match(r"Another 5 evaluations are expected to lower the best by \S+ mJ/m2; chance that it falls ", further(bench))


def test_while_no_result_keeps_the_limits_it_ends_with_the_chance_of_the_first(open_bench):
    limits = [{"property": "shift", "at_least": "9 Angstrom"}]
    bench = open_bench.driven(**LIMITED | {"objective": LIMITED["objective"] | {"limits": limits}})
    assert further(bench).startswith("No result keeps all limits yet; the models see a chance of ")


def test_a_front_has_only_members_within_the_limits(require, open_bench):
    require("botorch")
    limits = [{"property": "volume", "at_most": "0.6 1"}]
    bench = open_bench.driven(**CAMPAIGN | {"objective": CAMPAIGN["objective"] | {"limits": limits}})
    front = campaign_front(read(bench))
    table = pd.read_csv(bench.folder / "table.csv").set_index("id")
    within = table["d1"] <= 0.6
    assert 0 < within.sum() < len(table)
    assert all(within[row["candidate"]] for row in front.rows)
    assert 0 < front.volume[-1] <= 1.0 + 1e-12
    drawn = figures_of(read(bench)).front
    members = {name for name, member in zip(drawn.candidates, drawn.member, strict=True) if member}
    assert members == {row["candidate"] for row in front.rows}
