"""Columns of evaluations that are brought up to date."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from tansaku.models.domain.records import Evaluation, Outcome, Quantity
from tansaku.models.domain.specs.objective import FurtherObjectiveSpec
from tansaku.models.domain.views import Columns
from tansaku.tasks.backends.stores.columns import columns_of
from tests.support.records import NOW, evaluation_of, proposal_of

GOALS = [
    FurtherObjectiveSpec.model_validate({"property": name, "unit": "eV", "direction": "maximize"}) for name in ("gap", "width")
]


def evaluation(number: int, gap: float | None = None, unit: str = "meV") -> Evaluation:
    quantities = {} if gap is None else {"gap": Quantity(value=gap, unit=unit)}
    outcome = Outcome(value=float(number), wall_time=1.0, quantities=quantities)
    return evaluation_of(proposal_of(number, system=f"s{number % 2}"), outcome, finished_at=NOW)


def columns(*items: Evaluation) -> Columns:
    return columns_of(items, [goal.property for goal in GOALS])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([evaluation(1, 500.0), evaluation(2)], [evaluation(2, 1500.0), evaluation(3, 2.0, "eV")]),
        ([evaluation(1), evaluation(4, 100.0)], [evaluation(2, 200.0), evaluation(3), evaluation(4)]),
        ([], [evaluation(1, 1000.0)]),
        ([evaluation(1, 1000.0)], []),
    ],
)
def test_changed_columns_are_those_of_all_evaluations(old, new):
    now = {item.proposal.number: item for item in (*old, *new)}
    found, expected = columns(*old).updated(columns(*new)), columns(*(now[number] for number in sorted(now)))
    for part in fields(found):
        np.testing.assert_array_equal(getattr(found, part.name), getattr(expected, part.name), err_msg=part.name)
    for name in (
        "system_names",
        "system_codes",
        "candidate_hashes",
    ):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)


def test_further_objectives_are_in_their_own_units():
    found = columns(evaluation(1, 500.0), evaluation(2), evaluation(3, 3.0, "GPa"))
    # Nothing, and a quantity of another kind, are no value.
    np.testing.assert_array_equal(found.further(GOALS), [[0.5, np.nan], [np.nan, np.nan], [np.nan, np.nan]])
