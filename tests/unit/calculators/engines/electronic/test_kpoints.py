import numpy as np
from ase.build import bulk
from hypothesis import given
from hypothesis import strategies as st

from tansaku.calculators.engines.electronic import GRID_CELL, kpoint_grid, structure_grid


@given(repeat=st.tuples(*[st.integers(1, 4)] * 3), density=st.floats(0.5, 8))
def test_a_supercell_s_grid_is_never_sparser_and_rounding_adds_no_points(repeat, density):
    cell = bulk("Al", "fcc", a=4.05).cell.array
    one, many = kpoint_grid(cell, density), kpoint_grid(np.array(repeat)[:, None] * cell, density)
    for n, m, times in zip(one, many, repeat, strict=True):
        assert (m - 1) * times < n <= m * times


def test_lengths_of_reciprocal_vectors_count_and_not_those_of_the_cell():
    assert kpoint_grid(np.diag([2 * np.pi, np.pi, 100.0]), 4.0) == (4, 8, 1)
    slanted = np.array([[1.0, 0.0, 0.0], [10.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert kpoint_grid(slanted, 1.0)[0] > kpoint_grid(np.eye(3), 1.0)[0]


def test_a_named_cell_s_grid_is_kept_while_the_volume_changes():
    start, stretched = (bulk("Al", "fcc", a=edge) for edge in (4.05, 4.6))
    assert structure_grid(stretched, 4.0) != structure_grid(start, 4.0)
    stretched.info[GRID_CELL] = start.cell.array
    assert structure_grid(stretched, 4.0) == structure_grid(start, 4.0)
