"""Fronts of finite sets: against the definition, against Monte Carlo, and against BoTorch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tansaku.models.engine.front import dominated_volume, most_isolated, on_front, volume_curve, worst

# Few different numbers, so that ties and equal rows are common.
points = st.integers(1, 4).flatmap(
    lambda m: arrays(np.float64, st.tuples(st.integers(1, 12), st.just(m)), elements=st.integers(0, 5).map(float))
)


@given(points)
def test_the_front_is_what_no_other_row_beats(values):
    beaten = [any((one <= row).all() and (one < row).any() for one in values) for row in values]
    assert on_front(values).tolist() == [not one for one in beaten]


@settings(max_examples=60)
@given(points)
def test_the_volume_is_the_number_of_unit_cells_that_a_point_dominates(values):
    reference = np.full(values.shape[1], 5.0)
    corners = np.stack(np.meshgrid(*[np.arange(5.0)] * values.shape[1], indexing="ij"), axis=-1).reshape(-1, values.shape[1])
    dominated = (values[:, None, :] <= corners[None, :, :]).all(axis=2).any(axis=0)
    assert dominated_volume(values, reference) == pytest.approx(dominated.sum())


@given(points)
def test_the_curve_grows_to_the_whole_volume_and_failures_change_nothing(values):
    reference = np.full(values.shape[1], 5.0)
    curve = volume_curve(values, reference)
    assert curve[-1] == pytest.approx(dominated_volume(values, reference))
    assert (np.diff(curve) >= -1e-12).all()
    failed = np.full((1, values.shape[1]), np.nan)
    np.testing.assert_array_equal(volume_curve(np.vstack([failed, values]), reference), np.append(0.0, curve))


def test_points_beyond_the_reference_count_for_nothing():
    values = np.array([[0.0, 2.0], [2.0, 0.0], [1.0, 1.0]])
    assert dominated_volume(values, np.array([2.0, 2.0])) == 1.0
    assert dominated_volume(values, np.array([1.0, 1.0])) == 0.0


def test_the_worst_value_of_each_objective_leaves_failures_out():
    assert worst(np.array([[1.0, 5.0], [np.nan, np.nan], [3.0, 2.0]])).tolist() == [3.0, 5.0]


@pytest.mark.parametrize("m", [2, 3, 4])
def test_volumes_are_those_of_botorch(require, m):
    require("botorch")
    import torch
    from botorch.utils.multi_objective.hypervolume import Hypervolume
    from botorch.utils.multi_objective.pareto import is_non_dominated

    values, reference = np.random.default_rng(m).uniform(size=(40, m)), np.full(m, 0.9)
    flipped = torch.as_tensor(-values)
    np.testing.assert_array_equal(on_front(values), is_non_dominated(flipped).numpy())
    expected = Hypervolume(torch.as_tensor(-reference)).compute(flipped[is_non_dominated(flipped)])
    assert dominated_volume(values, reference) == pytest.approx(expected, rel=1e-12)


@given(points)
def test_isolated_members_are_the_front_whatever_the_units(values):
    order = most_isolated(values)
    assert sorted(order.tolist()) == np.flatnonzero(on_front(values)).tolist()
    assert most_isolated(values * 8.0).tolist() == order.tolist()


def test_a_member_beside_a_gap_comes_before_a_crowded_one():
    values = np.array([[0.0, 10.0], [1.0, 9.0], [2.0, 8.0], [9.0, 1.0], [10.0, 0.0], [5.0, 9.5]])
    assert most_isolated(values).tolist()[:2] == [2, 3]
