"""Results within limits."""

import numpy as np
import pytest

from tansaku.models.domain.feasibility import answers_of, excess, keeps_limits, limits_said
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.objective import LimitSpec
from tansaku.models.domain.units import convert

LIMITS = (
    LimitSpec(property="impurity", at_most="5 %"),
    LimitSpec(property="acidity", at_least="6 1", at_most="8 1"),
)
FURTHER = np.array([[9.0, 5.0, 6.0], [9.0, 5.1, 7.0], [9.0, 1.0, 8.5], [9.0, np.nan, 7.0]])
"""A further objective, and the two quantities with limits."""


def test_the_last_columns_are_compared_with_the_limits():
    assert keeps_limits(LIMITS, FURTHER).tolist() == [True, False, False, False]
    assert keeps_limits((), FURTHER).tolist() == [True] * 4
    assert limits_said(LIMITS) == "impurity <= 5 %, 6 1 <= acidity <= 8 1"


@pytest.mark.parametrize(
    ("limit", "value", "unit"),
    [
        ({"at_most": "7 %"}, 0.07, "1"),
        ({"at_most": "0.7 mm"}, 700.0, "um"),
        ({"at_least": "29 %"}, 0.29, "1"),
        ({"at_least": "10 mol/m3"}, 10.0, "mmol/l"),
    ],
)
def test_a_value_at_a_limit_keeps_it_in_every_unit(limit, value, unit):
    spec = LimitSpec(property="found", **limit)
    there = convert(value, unit, spec.quantity.unit)
    assert there not in spec.bounds, "the case shows nothing"
    assert keeps_limits((spec,), np.array([[there]])).all()
    beyond = there * (1 + 1e-6 if "at_most" in limit else 1 - 1e-6)
    assert not keeps_limits((spec,), np.array([[beyond]])).any()


def test_an_excess_is_measured_in_deviations_of_its_own_quantity():
    further = np.array([[5.0, 5.0], [7.0, 7.0], [5.0, 9.0]])
    assert excess(LIMITS, further) == pytest.approx(
        [1.0 / further[:, 1].std(), 2.0 / further[:, 0].std(), 1.0 / further[:, 1].std()]
    )
    assert excess(LIMITS[:1], np.array([[6.0], [6.0]])).tolist() == [1.0, 1.0], "equal values have no deviation"


def test_answers_are_the_objectives_of_results_within_all_limits():
    goal = {"type": "pareto", "also": [{"property": "strength", "unit": "GPa"}]}
    objective = ObjectiveSpec.model_validate({"unit": "eV", "goal": goal, "limits": [limit.model_dump() for limit in LIMITS]})
    found = answers_of(objective, np.column_stack([np.arange(4.0), FURTHER]))
    assert found[0].tolist() == [0.0, 9.0]
    assert np.isnan(found[1:]).all()
