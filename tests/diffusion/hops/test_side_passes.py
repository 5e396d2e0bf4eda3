"""Minima of the border of two basins."""

from __future__ import annotations

import numpy as np
import pytest

from tansaku.diffusion.hops.side_passes import separate_minima


def line(levels: list[float]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([[place, 0, 0] for place in range(len(levels))]), np.array(levels)


@pytest.mark.parametrize(("ridge", "expected"), [(0.36, [[1], [3]]), (0.34, [[1]])])
def test_a_minimum_counts_if_the_way_to_a_lower_one_rises_enough(ridge, expected):
    assert separate_minima(*line([0.5, 0.1, ridge, 0.3, 0.5])) == expected


def test_borders_that_do_not_touch_have_a_pass_each():
    places = np.array([[0, 0, 0], [1, 1, 1], [5, 0, 0], [6, 1, 0]])
    assert separate_minima(places, np.array([0.3, 0.2, 0.2, 0.1])) == [[3], [1]]


def test_a_point_that_comes_twice_counts_once_at_its_lower_level():
    places = np.array([[0, 0, 0], [0, 0, 0], [1, 0, 0]])
    assert separate_minima(places, np.array([0.9, 0.1, 0.2])) == [[1]]


def test_between_three_minima_each_is_judged_by_its_own_ridge():
    assert separate_minima(*line([0.0, 0.3, 0.2, 0.22, 0.1, 0.4, 0.05])) == [[0], [6], [4]]


def test_equally_low_points_of_one_minimum_all_count_and_those_of_two_stay_apart():
    assert separate_minima(*line([0.1, 0.1, 0.14, 0.1, 0.3, 0.1])) == [[0, 1, 3], [5]]


def test_the_steps_around_a_point_decide_what_touches():
    places, levels = np.array([[0, 0, 0], [2, 0, 0]]), np.array([0.1, 0.2])
    assert separate_minima(places, levels) == [[0], [1]]
    assert separate_minima(places, levels, np.array([[2, 0, 0], [-2, 0, 0]])) == [[0]]
