import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.features.radial import RadialGrid

GRID = RadialGrid(cutoff=8.0, bins=40, smearing=0.2)
DISTANCES = arrays(float, st.integers(1, 30), elements=st.floats(1.0, 12.0))


def shells(grid):
    return 4.0 / 3.0 * np.pi * np.diff(grid.edges**3)


def test_an_ideal_gas_has_one_everywhere():
    rng = np.random.default_rng(0)
    density, reach, number = 4.0, GRID.reach, 400
    pairs = round(density * 4 / 3 * np.pi * reach**3 * number)
    distances = reach * rng.random(pairs) ** (1 / 3)
    found = GRID.distribution(distances, None, number, density)
    np.testing.assert_allclose(found[10:], 1.0, atol=0.05)


def test_all_pairs_inside_the_cutoff_are_counted():
    distances = np.array([2.0, 3.3, 5.123])
    found = GRID.distribution(distances, None, 1.0, 1.0)
    assert found @ shells(GRID) == pytest.approx(3.0, abs=1e-9)


@given(DISTANCES, st.randoms(use_true_random=False))
def test_the_order_of_pairs_does_not_matter(distances, random):
    order = list(range(len(distances)))
    random.shuffle(order)
    np.testing.assert_allclose(
        GRID.distribution(distances, None, 2.0, 0.1), GRID.distribution(distances[order], None, 2.0, 0.1), atol=1e-12
    )


@given(DISTANCES)
def test_weights_add_up_and_pairs_beyond_reach_do_not_count(distances):
    twice = GRID.distribution(distances, np.full(len(distances), 2.0), 1.0, 1.0)
    np.testing.assert_allclose(twice, 2 * GRID.distribution(distances, None, 1.0, 1.0), atol=1e-12)
    near = distances[distances < GRID.reach]
    np.testing.assert_array_equal(GRID.distribution(near, None, 1.0, 1.0), GRID.distribution(distances, None, 1.0, 1.0))


@given(st.floats(1.0, 7.0))
def test_a_distance_moved_a_little_changes_it_a_little(distance):
    one, other = (GRID.distribution(np.array([d]), None, 1.0, 1.0) for d in (distance, distance + 1e-9))
    np.testing.assert_allclose(one, other, atol=1e-7)


def test_smearing_matters():
    sharp = RadialGrid(8.0, 40, 0.05).distribution(np.array([3.1]), None, 1.0, 1.0)
    wide = GRID.distribution(np.array([3.1]), None, 1.0, 1.0)
    assert np.count_nonzero(sharp > 1e-6) < np.count_nonzero(wide > 1e-6)


@pytest.mark.parametrize("values", [(0.0, 100, 0.1), (10.0, 0, 0.1), (10.0, 100, 0.0)])
def test_impossible_grids_are_refused(values):
    with pytest.raises(ConfigurationError, match="radial grid"):
        RadialGrid(*values)


def test_columns_name_the_bins():
    assert RadialGrid().columns[0] == "g(0.050 Å)"
    assert len(RadialGrid().columns) == 100
