from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmarks.composition.statistics.models import OwnModel
from benchmarks.composition.statistics.searches import first_bests, search_all
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.engine.acquisition import first_best
from tansaku.models.engine.goals import Goal
from tansaku.models.engine.presets import PRESETS

SETTINGS = replace(PRESETS["abo"], initial_points=3)
VALUES = np.cos(np.arange(12.0))


@given(
    arrays(float, (4, 6), elements=st.sampled_from([-2.0, 0.0, 1.0, 1.0 + 1e-12, 3.0])),
    arrays(bool, (4, 6)),
    st.booleans(),
)
def test_every_row_has_its_first_best(values, allowed, logarithmic):
    allowed[:, 2] = True
    found = first_bests(values, allowed, logarithmic=logarithmic)
    assert found.tolist() == [first_best(*row, logarithmic=logarithmic) for row in zip(values, allowed, strict=True)]


def test_a_search_ends_with_the_pool(bare_pool):
    found = search_all(OwnModel(SETTINGS, bare_pool), VALUES, [0, 1], 99)
    assert np.array_equal(np.sort(found, axis=1), [range(12), range(12)])


def test_where_everything_fails_random_candidates_follow(bare_pool):
    found = search_all(OwnModel(SETTINGS, bare_pool), np.full(12, np.nan), [0], 8)
    assert len(set(found[0].tolist())) == 8


def test_the_number_of_initial_points_matters(bare_pool):
    found = [
        search_all(OwnModel(replace(SETTINGS, initial_points=points), bare_pool), VALUES, [4], 9)[0].tolist()
        for points in (2, 3, 6)
    ]
    assert found[0][:2] == found[1][:2] == found[2][:2]
    assert found[0] != found[2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"acquisition": "thompson"}, "statistics: acquisition thompson, expected one of ei, log_ei"),
        ({"goal": Goal("top_k", 3)}, "statistics: goal top_k, expected the best candidate or all below"),
        ({"initial_points": 13}, "initial_points: 13, but system"),
    ],
)
def test_what_is_not_covered_is_refused(bare_pool, changes, message):
    with pytest.raises(ConfigurationError, match=message):
        search_all(OwnModel(replace(SETTINGS, **changes), bare_pool), VALUES, [0], 5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rule": "median"}, r"proposer\.hyperparameters median, expected map"),
        ({"rule": "bayes"}, r"proposer\.hyperparameters bayes, expected map"),
        ({"avoid_failures": True}, r"constraints\.avoid_failures is not covered"),
    ],
)
def test_models_that_are_not_covered_are_refused(bare_pool, changes, message):
    with pytest.raises(ConfigurationError, match=message):
        OwnModel(replace(SETTINGS, **changes), bare_pool)


def test_one_system_is_covered(grid_pool):
    with pytest.raises(ConfigurationError, match="a pool of 3 systems, expected one"):
        OwnModel(SETTINGS, grid_pool)
