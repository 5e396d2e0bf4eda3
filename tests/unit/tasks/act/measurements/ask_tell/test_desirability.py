"""Ask and tell where several measured quantities are combined by desirability."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from tansaku.deploy.cli import results
from tansaku.models.domain.desirability import desirability
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.objective import DesiredSpec
from tansaku.tasks.act.measurements.report_file import ReportError
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.headline import headline_of
from tests.unit.tasks.act.measurements.ask_tell.conftest import SOLVENTS, campaign_document, hardness

OBJECTIVE = {
    "unit": "1",
    "direction": "maximize",
    "goal": {"type": "best_overall"},
    "desirability": [
        {"property": "strength", "worthless": "2 GPa", "ideal": "6 GPa", "weight": 2},
        {"property": "toxicity", "worthless": "9 %", "ideal": "3 %"},
    ],
}


def toxicity(temperature: float, solvent: str) -> float:
    """What a measurement would give [%]."""
    return 3.0 + 2.5 * SOLVENTS.index(solvent) + abs(temperature - 380.0) / 100.0


def measured(item):
    place = float(item.cells["temperature"]), str(item.cells["solvent"])
    return {"number": item.number, "strength": hardness(*place), "toxicity": toxicity(*place)}


@pytest.fixture
def laboratory(open_laboratory):
    return open_laboratory(objective=OBJECTIVE, proposer={"type": "gp", "engine": 3})


def test_the_value_is_the_weighted_geometric_mean_and_results_list_the_quantities(laboratory, capsys):
    laboratory.ask(2)
    first, second = laboratory.numbers()
    laboratory.tell(
        {"number": first, "strength": "4000 MPa", "toxicity": 6}, {"number": second, "strength": 1.5, "toxicity": 3}
    )
    values = [item.outcome.value for item in laboratory.evaluations()]
    assert values == pytest.approx([0.5, 0.0])
    assert headline_of(Campaign.load(laboratory.store, "lab")).search.value == pytest.approx(0.5)
    results._show_evaluations(Campaign.load(laboratory.store, "lab"), ("search",), as_json=False)
    head, row, *_ = capsys.readouterr().out.splitlines()
    assert head.split("\t")[-2:] == ["strength [GPa]", "toxicity [%]"]
    assert row.split("\t")[-2:] == ["4", "6"]


def test_a_search_finds_the_best_compromise(laboratory):
    for _ in range(8):
        laboratory.ask(2)
        laboratory.tell(*map(measured, laboratory.waiting().waiting))
    best = max(item.outcome.value for item in laboratory.evaluations())
    every = [
        (hardness(temperature, solvent), toxicity(temperature, solvent))
        for temperature in range(300, 600, 25)
        for solvent in SOLVENTS
    ]
    assert best >= np.sort(desirability(laboratory.spec.objective.desirability, np.array(every)))[-2] - 1e-12
    proposal = laboratory.evaluations()[-1].proposal
    assert proposal.model.endswith("+desirability")
    assert len(proposal.predicted_others) == 2


def test_a_table_to_be_filled_in_asks_for_the_quantities_alone(laboratory):
    laboratory.ask(2)
    head = laboratory.waiting().to_csv().splitlines()[0].split(",")
    at = head.index("strength [GPa]")
    assert head[at : at + 6] == ["strength [GPa]", "toxicity [%]", "status", "note", "prediction", "uncertainty"]
    assert "prediction of toxicity" in head
    assert "value" not in [name.split(" ")[0] for name in head]
    assert "deviation" not in head


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            {"value": 0.3, "strength": 4, "toxicity": 6},
            "the value is the desirability of strength, toxicity; leave the column out",
        ),
        ({"strength": 4}, "no column 'toxicity'"),
        ({"strength": 4, "toxicity": 6, "deviation": 0.1}, "the value is a desirability, which is not measured"),
    ],
)
def test_what_gives_something_else_is_refused(laboratory, cells, message):
    laboratory.ask(1)
    with pytest.raises(ReportError, match=message):
        laboratory.tell({"number": laboratory.numbers()[0]} | cells)
    assert laboratory.values() == dict.fromkeys(laboratory.values())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objective": OBJECTIVE | {"unit": "GPa"}}, 'expected unit: "1" and direction: maximize'),
        ({"objective": OBJECTIVE | {"goal": {"type": "all_below", "threshold": "0.5 1"}}}, "not with the goal all_below"),
        ({"objective": OBJECTIVE | {"desirability": OBJECTIVE["desirability"][:1] * 2}}, "'strength' is named twice"),
        ({"proposer": {"type": "gp", "acquisition": "ucb"}}, "expected ei, its expected improvement"),
        ({"proposer": {"type": "sparse"}}, "proposer sparse does not learn them"),
        (
            {"budget": {"evaluations": 9, "stop": {"within": "0.1 1"}}},
            "budget.stop.when: certain, but with objective.desirability",
        ),
    ],
)
def test_a_campaign_that_could_not_use_it_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        CampaignSpec.model_validate(campaign_document(objective=OBJECTIVE) | changes)


def test_ends_are_of_one_kind_and_apart():
    low_wanted = DesiredSpec(property="price", worthless="5 eV", ideal="1000 meV")
    assert low_wanted.ends == (5.0, 1.0)
    assert desirability([low_wanted], np.array([[7.0], [5.0], [3.0], [1.0], [0.0]])).tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]
    for ideal, message in (("5 eV", "is also worthless"), ("3 GPa", "the unit of worthless")):
        with pytest.raises(ValidationError, match=message):
            DesiredSpec(property="price", worthless="5 eV", ideal=ideal)
