"""Ask and tell where a further measured quantity has a limit."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tansaku.deploy.cli import results
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.act.checks.check import preview_campaign
from tansaku.tasks.act.measurements.report_file import ReportError
from tansaku.tasks.loop.steps.propose import incumbents
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.evaluation_table import best_series
from tansaku.tasks.read.views.headline import headline_of
from tansaku.tasks.read.views.proposals import system_lines
from tansaku.tasks.read.views.results import convergence, evaluation_rows, system_rows
from tansaku.tasks.read.views.tabulation import write_table
from tests.unit.tasks.act.measurements.ask_tell.conftest import SOLVENTS, hardness

OBJECTIVE = {
    "property": "hardness",
    "unit": "GPa",
    "direction": "maximize",
    "goal": {"type": "best_overall"},
    "limits": [{"property": "toxicity", "at_most": "5 %"}],
}


def toxicity(temperature: float, solvent: str) -> float:
    """What a measurement would give [%]: the hardest is poisonous."""
    return 3.0 + 3.0 * SOLVENTS.index(solvent) + abs(temperature - 380.0) / 100.0


def measured(item):
    place = float(item.cells["temperature"]), str(item.cells["solvent"])
    return {"number": item.number, "value": hardness(*place), "toxicity": toxicity(*place)}


@pytest.fixture
def laboratory(open_laboratory):
    return open_laboratory(objective=OBJECTIVE, proposer={"type": "gp", "engine": 3})


def read(laboratory) -> Campaign:
    return Campaign.load(laboratory.store, "lab")


def test_the_best_within_the_limit_is_found(laboratory):
    while laboratory.ask(2).reason == "waiting":
        laboratory.tell(*map(measured, laboratory.waiting().waiting))
    everything = [(hardness(t, s), toxicity(t, s)) for t in range(300, 600, 25) for s in SOLVENTS]
    best = max(value for value, poison in everything if poison <= 5.0)
    assert best < max(value for value, _ in everything)
    (row,) = system_rows(read(laboratory))
    assert row["value"] == best


def test_only_results_within_the_limit_are_answers(laboratory, capsys):
    told = (("water-300", 3.0, 4.0), ("water-325", 5.0, 6.0), ("water-350", 4.0, 5.0), ("water-375", 9.0, 5.01))
    for name, value, poison in told[1:2]:
        laboratory.tell({"candidate": name, "value": value, "toxicity": poison})
    data = read(laboratory)
    assert headline_of(data).describe() == ["0 of 1 result within toxicity <= 5 %"]
    laboratory.tell(
        *({"candidate": name, "value": value, "toxicity": poison} for name, value, poison in told if name != "water-325")
    )
    data = read(laboratory)
    assert headline_of(data).describe() == ["best so far: 4 GPa (water-350)", "2 of 4 results within toxicity <= 5 %"]
    assert system_rows(data)[0]["best_candidate"] == "water-350"
    assert [line.candidate for line in system_lines(data)] == ["water-350"]
    assert best_series(data).best[-1] == 4.0
    assert convergence(data).mean_gap.tolist()[-1] == 0.0
    rows = {row["candidate"]: (row["limits"], row["others"]["toxicity"]) for row in evaluation_rows(data)}
    assert rows == {name: ("kept" if poison <= 5 else "broken", poison) for name, _, poison in told}
    results._show_evaluations(data, ("search",), as_json=False)
    head, *lines = capsys.readouterr().out.splitlines()
    at = head.split("\t").index("limits")
    assert sorted(line.split("\t")[at] for line in lines) == ["broken", "broken", "kept", "kept"]
    results._show_evaluations(data, ("search",), as_json=True)
    assert {row["limits"] for row in json.loads(capsys.readouterr().out)} == {"kept", "broken"}


def test_other_campaigns_have_no_such_column(open_laboratory):
    laboratory = open_laboratory()
    laboratory.tell({"candidate": "water-300", "value": 3.0})
    assert "limits" not in evaluation_rows(read(laboratory))[0]
    assert headline_of(read(laboratory)).limits is None


def test_a_measurement_gives_the_limited_quantity_too(laboratory):
    with pytest.raises(ReportError, match="toxicity: missing; a measurement gives value and toxicity"):
        laboratory.tell({"candidate": "water-300", "value": 3.0}, {"candidate": "water-325", "value": 3.0, "toxicity": 1.0})
    laboratory.tell({"candidate": "water-300", "value": 3.0, "toxicity": "0.01 1"})
    assert laboratory.evaluations()[0].outcome.quantities["toxicity"].value == pytest.approx(1.0)
    laboratory.ask(2)
    assert laboratory.waiting().headings == ("value [GPa]", "toxicity [%]")


def test_a_table_made_of_the_results_keeps_the_limits(laboratory, tmp_path):
    laboratory.ask(4)
    laboratory.tell(*map(measured, laboratory.waiting().waiting))
    *_, file = write_table(read(laboratory), tmp_path)
    loaded = load_campaign(file)
    assert loaded.spec.objective.limits == laboratory.spec.objective.limits
    open_space(loaded.spec.space, loaded.base_path).quantity("toxicity", "%")
    assert "  wanted      only toxicity <= 5 %" in preview_campaign(file).describe().splitlines()


def test_neighbours_are_those_of_results_within_the_limits(grid_pool):
    objective = ObjectiveSpec.model_validate(OBJECTIVE)
    history = History(np.array([3, 5, 7]), np.array([-9.0, -4.0, -5.0]), others=np.array([[9.0], [5.0], [4.0]]))
    names = grid_pool.ids[history.observed].tolist()
    assert incumbents(grid_pool, history, objective) == [names[2], names[1]]
    nothing = History(history.observed, history.values, others=np.array([[9.0], [6.0], [7.0]]))
    assert incumbents(grid_pool, nothing, objective) == [names[1], names[2], names[0]]
