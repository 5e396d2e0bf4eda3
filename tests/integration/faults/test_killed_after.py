"""SIGKILL after every call of the store and launcher ports; the resumed campaign is the undisturbed one."""

from __future__ import annotations

import pytest

from tansaku.models.domain.states import EvaluationState
from tests.support.kill_points import DRIVEN, METHODS, NOT_CALLED, SCENARIOS


def test_the_reference_has_everything_in_it(kill_points):
    references = {name: kill_points.reference(name) for name in SCENARIOS}
    states = [(state, attempts) for _, state, _, attempts in references["search"].facts]
    assert ("DONE", 2) in states
    assert ("FAILED", 2) in states
    assert len(states) == 12
    assert [state for _, state, _, _ in references["cancel"].facts].count(EvaluationState.CANCELLED) == 1
    assert len(references["edit"].facts) == 9
    ends = [end for _, end in references["retrain"].retrained]
    assert [end["ok"] for end in ends].count(False) >= 1
    assert sum(end["promoted"] for end in ends) >= 1
    predicted = [fact for fact in references["retrain"].facts if '"look":{' in fact[0]]
    assert predicted
    asked = [fact for fact in references["ask"].facts if '"acquisition":null' not in fact[0]]
    assert len(asked) >= 3
    assert [begun["reason"] for begun, _ in references["ask"].retrained] == ["first", "every", "end"]
    assert all(end["ok"] for _, end in references["ask"].retrained)


def test_methods_left_out_are_called_by_no_driver(kill_points):
    called = {method for name in SCENARIOS for method in kill_points.reference(name).counts}
    assert sorted(called & set(NOT_CALLED)) == []
    assert set(NOT_CALLED) < set(METHODS)


@pytest.mark.parametrize("method", DRIVEN)
def test_killed_driver_resumes_as_if_nothing_had_happened(kill_points, method):
    kill_points.check(method, "after")
