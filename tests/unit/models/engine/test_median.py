import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tansaku.models.engine.kernels import expand
from tansaku.models.engine.median import median_parameters, median_squared_distance
from tansaku.models.engine.presets import build_kernel


def test_each_distinct_distance_counts_once():
    assert median_squared_distance(np.array([[0.0], [1.0], [2.0], [3.0]])) == pytest.approx(4.0)


def test_rounding_does_not_split_a_distance():
    grid = np.arange(0.0, 0.85, 0.1)[:, None]
    assert median_squared_distance(grid) == pytest.approx(np.median(0.01 * np.arange(1, 9) ** 2))


def test_equal_rows_have_no_distance():
    assert median_squared_distance(np.zeros((4, 2))) == 1.0


@given(arrays(float, (7, 3), elements=st.floats(-5, 5).map(lambda v: round(v, 2))), st.floats(0.1, 10.0))
def test_the_median_scales_with_the_unit(values, unit):
    if len(np.unique(values, axis=0)) > 1:
        assert median_squared_distance(values * unit) == pytest.approx(median_squared_distance(values) * unit**2, rel=1e-6)


def test_more_rows_than_the_rule_looks_at():
    values = np.linspace(0.0, 1.0, 20_001)[:, None]
    assert median_squared_distance(values) == pytest.approx(0.25, rel=0.01)


def test_published_kernel_is_exp_of_distance_over_twice_the_median(grid_pool):
    parameters = median_parameters(grid_pool, expand(build_kernel("product", grid_pool)))
    assert parameters["angle.lengthscale"][0] ** 2 == pytest.approx(np.median([400.0, 900.0, 2500.0]))
    assert set(parameters) == {"variance", "angle.lengthscale", "structure.lengthscale", "translation.lengthscale"}


def test_places_that_differ_by_rounding_are_one():
    angle = 2.0 * np.pi * np.array([0.0, 1.0, 2.0, 7.0])
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    assert len(np.unique(circle, axis=0)) > 1
    assert median_squared_distance(circle) == 1.0
