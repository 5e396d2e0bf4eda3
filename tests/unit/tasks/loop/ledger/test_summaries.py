"""What a driver keeps of evaluations: all that its rounds go by, in little memory."""

from __future__ import annotations

import sys
from dataclasses import fields

import pytest

from tansaku.models.domain.records import Look, Quantity
from tansaku.models.domain.specs.label import LABEL_PROPERTY
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.loop.ledger.summaries import EvaluationSummary, summary_of
from tansaku.tasks.node.jobs.document import FIRST_LOOK_DEVIATION, FIRST_LOOK_ENERGY, OWN_LATTICE_PARAMETER

NAME = "small-table"
LOOK = Look(model="m@1", weights="f" * 64, bound=0.5, deviations=2.0)


@pytest.fixture
def evaluations(recorded):
    return recorded("a1", "a3", polish=("a2",)).evaluations(NAME)


def with_outcome(evaluation, **changes):
    return evaluation.model_copy(update={"outcome": evaluation.outcome.model_copy(update=changes)})


def looked_at(evaluation, label: float, **changes):
    found = {LABEL_PROPERTY: label, FIRST_LOOK_ENERGY: 2.0, FIRST_LOOK_DEVIATION: 0.5}
    quantities = {name: Quantity(value=value, unit="J/m^2") for name, value in found.items()}
    proposal = evaluation.proposal.model_copy(update={"look": LOOK})
    return with_outcome(evaluation.model_copy(update={"proposal": proposal}), quantities=quantities, **changes)


def test_a_summary_says_what_became_of_an_evaluation(evaluations):
    done, failed, polished = map(summary_of, evaluations)
    assert (done.number, done.candidate, done.value, done.attempts, done.failure) == (1, "a1", 5.0, 1, None)
    assert (failed.state, failed.value, failed.failure[:15]) == (EvaluationState.FAILED, None, "recorded_failur")
    assert (done.purpose, polished.purpose, polished.source) == ("search", "polish", "polish")
    assert [item.computed for item in (done, failed, polished)] == [True, False, False]
    assert done.own_lattice_parameter is None
    own = summary_of(with_outcome(evaluations[0], properties={OWN_LATTICE_PARAMETER: 4.05}))
    assert own.own_lattice_parameter == 4.05


def test_a_predicted_value_is_not_a_computed_one(evaluations):
    predicted = summary_of(with_outcome(evaluations[0], predicted_by="m@1", deviation=0.1))
    assert predicted.predicted
    assert not predicted.computed


@pytest.mark.parametrize(("label", "within"), [(2.5, True), (1.5, True), (2.51, False)])
def test_it_tells_whether_the_first_look_was_right(evaluations, label, within):
    found = summary_of(looked_at(evaluations[0], label))
    assert (found.looked, found.as_looked) == ("m@1", within)


def test_a_look_that_was_not_followed_by_a_computation_is_not_compared(evaluations):
    assert summary_of(looked_at(evaluations[0], 2.0, predicted_by="m@1")).looked is None
    assert summary_of(evaluations[0]).looked is None


def test_a_summary_is_small_and_shares_what_many_have_in_common(evaluations):
    first, again = summary_of(evaluations[0]), summary_of(evaluations[1])
    names = [field.name for field in fields(EvaluationSummary)]
    assert sys.getsizeof(first) + sum(sys.getsizeof(getattr(first, name)) for name in names) < 2000
    assert all(getattr(first, name) is getattr(again, name) for name in ("system", "source", "model"))
