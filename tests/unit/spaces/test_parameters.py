"""Spaces of parameters: what is drawn, its neighbours, constraints and grids."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.specs.parameters import ParametersSpaceSpec
from tansaku.models.features.standard_functions import ackley, hartmann6
from tansaku.spaces.parameters import ParametersSpace

MIXED = {
    "parameters": {
        "t": {"type": "number", "low": 300, "high": 900, "step": 10},
        "rate": {"type": "number", "low": 1e-3, "high": 10, "log": True},
        "n": {"type": "integer", "low": 1, "high": 5},
        "solvent": {"type": "category", "values": ["water", "ethanol", "none"]},
        "mix": {"type": "fractions", "parts": ["a", "b", "c"], "step": 0.05},
    },
    "constraints": [{"terms": {"mix.a": 1, "mix.b": 1}, "at_least": 0.5}, {"terms": {"t": 0.01, "n": -1}, "at_most": 6}],
    "pool": 64,
}


def opened(**changes: object) -> ParametersSpace:
    return ParametersSpace(ParametersSpaceSpec.model_validate(MIXED | changes))


def check(cells: dict) -> None:
    assert 300 <= cells["t"] <= 900
    assert cells["t"] % 10 == pytest.approx(0, abs=1e-9)
    assert 1e-3 <= cells["rate"] <= 10
    assert cells["n"] in (1, 2, 3, 4, 5)
    assert cells["solvent"] in ("water", "ethanol", "none")
    parts = [cells[f"mix.{part}"] for part in "abc"]
    assert sum(parts) == pytest.approx(1)
    assert all(abs(20 * part - round(20 * part)) < 1e-9 for part in parts)
    assert parts[0] + parts[1] >= 0.5 - 1e-9
    assert 0.01 * cells["t"] - cells["n"] <= 6 + 1e-9


SPACE = opened()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 63), st.lists(st.integers(1, 999), max_size=4))
def test_every_candidate_and_neighbour_keeps_bounds_grids_and_constraints(number, path):
    check(dict(SPACE.cells(f"p{number:06d}" + "".join(f"-{step:03d}" for step in path))))


def test_ids_mean_the_same_whatever_was_asked_before_and_however_many_neighbours_there_are():
    other = opened(refine={"neighbours": 5, "around": 1})
    name = "p000003-004-017"
    assert SPACE.cells(name) == other.cells(name)
    assert SPACE.cells(name) != opened(seed=1).cells(name)
    pool = other.refined([name], ["p000005"])
    assert name in pool.ids
    assert 0 < len(pool) - len(other.pool()) <= 6


@pytest.mark.parametrize("name", ["p000064", "p000001-000", "p000001-1", "q000001", "p000001" + 41 * "-001", "p000001-0001"])
def test_an_id_that_means_nothing_is_not_found(name):
    with pytest.raises(NotFoundError):
        SPACE.cells(name)
    with pytest.raises(NotFoundError):
        SPACE.refined([name], [])


def test_a_part_that_is_too_small_is_refused():
    with pytest.raises(ConfigurationError, match=r"space\.constraints: .* of [\d,]+ points drawn meet them"):
        opened(constraints=[{"terms": {"t": 1}, "at_most": 301}, {"terms": {"rate": 1, "n": 1}, "at_most": 1.0012}])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"constraints": [{"terms": {"solvent": 1}, "at_most": 1}]}, "'solvent' is no number"),
        ({"constraints": [{"terms": {"mix": 1}, "at_most": 1}]}, "'mix' is no number"),
        ({"constraints": [{"terms": {"t": 1}}]}, "give at_least, at_most or both"),
        ({"function": "hartmann6"}, "n is none"),
        ({"parameters": {"t": {"type": "number", "low": 2, "high": 1}}, "constraints": []}, "expected less than high"),
        ({"parameters": {"t": {"type": "number", "low": 0, "high": 1, "log": True}}, "constraints": []}, "positive"),
        ({"parameters": {"m": {"type": "fractions", "parts": ["a", "b"], "step": 0.3}}, "constraints": []}, "divisor of one"),
        ({"parameters": {"s": {"type": "category", "values": ["a", "a"]}}, "constraints": []}, "listed twice"),
    ],
)
def test_what_does_not_fit_is_refused_by_key(changes, message):
    with pytest.raises(ValueError, match=message):
        ParametersSpaceSpec.model_validate(MIXED | changes)


def test_a_grid_smaller_than_the_pool_is_listed_once():
    space = opened(parameters={"n": {"type": "integer", "low": 1, "high": 5}}, constraints=[])
    assert sorted(space.cells(str(name))["n"] for name in space.pool().ids) == [1, 2, 3, 4, 5]


def test_fractions_without_a_grid_are_spread_evenly_over_the_triangle():
    parts = {"mix": {"type": "fractions", "parts": ["a", "b", "c"]}}
    space = opened(parameters=parts, constraints=[], pool=4096)
    rows = space.pool().groups["numbers"].values
    np.testing.assert_allclose(rows.mean(axis=0), 1 / 3, atol=0.01)  # of a flat Dirichlet distribution
    np.testing.assert_allclose(rows.var(axis=0), 2 / 36, atol=0.005)


def test_functions_have_their_known_minima():
    best = np.array([[0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573]])
    assert hartmann6(best)[0] == pytest.approx(-3.32237, abs=1e-5)
    assert ackley(np.zeros((1, 10)))[0] == pytest.approx(0.0, abs=1e-12)
    numbers = {f"x{number}": {"type": "number", "low": -5, "high": 5} for number in range(3)}
    space = opened(parameters=numbers, constraints=[], function="ackley")
    candidate = str(space.pool().ids[7])
    outcome = space.recorded(candidate)
    assert outcome.value == pytest.approx(ackley(np.array([list(space.cells(candidate).values())]))[0])
    assert outcome.value == space.values()[7]


ALLOY = {
    "parameters": {
        "mix": {"type": "fractions", "parts": list("abcdefgh"), "step": 0.05},
        "salt": {"type": "number", "low": 0, "high": 4},
        "acid": {"type": "number", "low": 0, "high": 1},
        "drops": {"type": "integer", "low": 0, "high": 9},
        "solvent": {"type": "category", "values": ["water", "ethanol", "none"]},
        "base": {"type": "category", "values": ["NaH", "KOH", "KH"]},
    },
    "constraints": [
        {"nonzero": [f"mix.{part}" for part in "abcdefgh"], "at_least": 2, "at_most": 3},
        {"nonzero": ["mix.a", "mix.b"], "at_most": 1},
        {"nonzero": ["salt", "acid", "drops"], "at_most": 1},
        {"ratio": ["mix.c", "mix.d"], "at_least": 0.5, "at_most": 2},
        {"exclude": {"solvent": ["water"], "base": ["NaH", "KH"]}},
    ],
    "pool": 256,
}


def test_counts_ratios_and_excluded_pairs_hold_for_candidates_and_neighbours():
    space = ParametersSpace(ParametersSpaceSpec.model_validate(ALLOY))
    seen = set()
    for number in range(0, 256, 5):
        for name in (f"p{number:06d}", f"p{number:06d}-007", f"p{number:06d}-007-421"):
            cells = space.cells(name)
            parts = [cells[f"mix.{part}"] for part in "abcdefgh"]
            assert sum(parts) == pytest.approx(1)
            assert all(abs(20 * part - round(20 * part)) < 1e-9 for part in parts)
            assert 2 <= sum(part > 0 for part in parts) <= 3
            assert not (parts[0] > 0 and parts[1] > 0)
            assert 0.5 * parts[3] - 1e-9 <= parts[2] <= 2 * parts[3] + 1e-9
            assert sum(cells[key] > 0 for key in ("salt", "acid", "drops")) <= 1
            assert not (cells["solvent"] == "water" and cells["base"] in ("NaH", "KH"))
            seen |= {part for part, value in zip("abcdefgh", parts, strict=True) if value > 0}
            seen |= {key for key in ("salt", "acid", "drops") if cells[key] > 0} | {cells["solvent"], cells["base"]}
    assert seen == set("abcdefgh") | {"salt", "acid", "drops", "water", "ethanol", "none", "NaH", "KOH", "KH"}


def test_a_neighbour_with_the_values_of_a_candidate_is_none():
    whole = {"type": "integer", "low": 1, "high": 5}
    space = ParametersSpace(ParametersSpaceSpec.model_validate({"parameters": {"p": whole}}))
    names = space.pool().ids.tolist()
    assert sorted(space.refined(names[:1], names[:1]).ids) == sorted(names)
    assert len(names) == 5


def test_constraints_hold_for_small_numbers():
    thin = {"type": "number", "low": 0.0, "high": 1e-8, "unit": "m"}
    rules = [
        {"terms": {"barrier": 1, "cap": 1}, "at_most": 9e-9},
        {"ratio": ["barrier", "cap"], "at_least": 0.5, "at_most": 2},
        {"nonzero": ["wet", "dry"], "at_most": 1},
    ]
    document = {"parameters": dict.fromkeys(("barrier", "cap", "wet", "dry"), thin), "constraints": rules, "pool": 64}
    space = ParametersSpace(ParametersSpaceSpec.model_validate(document))
    for number in range(64):
        cells = space.cells(f"p{number:06d}")
        assert cells["barrier"] + cells["cap"] <= 9e-9 * (1 + 1e-8)
        assert 0.5 - 1e-8 <= cells["barrier"] / cells["cap"] <= 2 + 1e-8
        assert cells["wet"] == 0.0 or cells["dry"] == 0.0


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        ({"at_most": 1}, "no rule; expected one of terms, ratio, nonzero, exclude"),
        ({"terms": {"salt": 1}, "ratio": ["salt", "acid"], "at_most": 1}, "terms and ratio; expected one of"),
        ({"ratio": ["salt", "acid"]}, "give at_least, at_most or both"),
        (
            {"ratio": ["salt", "solvent"], "at_most": 1},
            r"constraints\[0\].ratio: 'solvent' is no number; expected one of mix.a",
        ),
        ({"terms": {"salt": 1}, "at_least": 2, "at_most": 1}, "at_least 2 is above at_most 1"),
        ({"nonzero": ["salt", "acid"], "at_most": 2.5}, "at_most: 2.5; expected a whole number from 0 to 2"),
        ({"nonzero": ["salt", "salt"], "at_most": 1}, "nonzero: .salt. is listed twice"),
        ({"nonzero": ["salt", "mix.a"], "at_most": 1}, "nonzero: expected parts of one parameter, or numbers"),
        ({"nonzero": [f"mix.{part}" for part in "abcdefgh"], "at_most": 0}, "at_most: 0; fractions add up to one"),
        ({"nonzero": ["salt", "hot"], "at_most": 1}, "nonzero: 'hot' is never zero; expected numbers with low: 0"),
        ({"exclude": {"salt": ["1"]}}, "exclude: 'salt' is no category; expected one of solvent, base"),
        ({"exclude": {"solvent": ["oil"]}}, "exclude.solvent: 'oil' is not known; expected some of water, ethanol, none"),
        ({"exclude": {"solvent": ["water"]}, "at_most": 1}, "exclude has no bounds"),
    ],
)
def test_a_wrong_constraint_is_named(constraint, message):
    parameters = ALLOY["parameters"] | {"hot": {"type": "number", "low": 300, "high": 900}}
    with pytest.raises(ValueError, match=message):
        ParametersSpaceSpec.model_validate({"parameters": parameters, "constraints": [constraint]})
