"""Ask and tell on a space of parameters, whose later proposals are neighbours that its pool does not list."""

import pytest

from tansaku.models.domain.states import EvaluationState

SPACE = {
    "type": "parameters",
    "parameters": {
        "mix": {"type": "fractions", "parts": ["a", "b", "c"], "step": 0.05},
        "heat": {"type": "number", "low": 300, "high": 900, "step": 10},
        "solvent": {"type": "category", "values": ["water", "ethanol"]},
    },
    "constraints": [{"terms": {"mix.a": 1, "mix.b": 1}, "at_least": 0.5}],
    "pool": 64,
}


@pytest.fixture
def laboratory(open_laboratory):
    return open_laboratory(
        space=SPACE,
        objective={"property": "loss", "unit": "1"},
        proposer={"type": "gp", "initial_points": 4},
        budget={"evaluations": 14},
    )


def loss(cells):
    there = (cells["mix.a"] - 0.45) ** 2 + (cells["mix.b"] - 0.35) ** 2 + ((cells["heat"] - 700) / 200) ** 2
    return there + (0.3 if cells["solvent"] == "water" else 0.0)


def test_what_waits_shows_its_parameters_and_meets_the_constraints(laboratory):
    best = []
    while laboratory.ask(2).reason == "waiting":
        waiting = laboratory.waiting()
        assert "number,candidate,mix.a,mix.b,mix.c,heat,solvent,value," in waiting.to_csv()
        for item in waiting.waiting:
            assert item.cells["mix.a"] + item.cells["mix.b"] + item.cells["mix.c"] == pytest.approx(1)
            assert item.cells["mix.a"] + item.cells["mix.b"] >= 0.5 - 1e-9
            best.append(loss(item.cells))
        laboratory.tell(*({"number": item.number, "value": loss(item.cells)} for item in waiting.waiting))
    assert len(best) == 14
    assert min(best) < min(best[:4])
    assert any("-" in item.proposal.candidate for item in laboratory.evaluations()), "neighbours were proposed"


def test_a_neighbour_is_known_by_its_id(laboratory):
    laboratory.ask(2)
    while not any("-" in item.candidate for item in laboratory.waiting().waiting):
        laboratory.tell(*({"number": item.number, "value": loss(item.cells)} for item in laboratory.waiting().waiting))
        assert laboratory.ask(2).reason == "waiting"
    name = next(item.candidate for item in laboratory.waiting().waiting if "-" in item.candidate)
    laboratory.tell({"candidate": name, "value": 0.25})
    told = next(item for item in laboratory.evaluations() if item.proposal.candidate == name)
    assert (told.state, told.outcome.value) == (EvaluationState.DONE, 0.25)
