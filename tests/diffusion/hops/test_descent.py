"""Ways down that fork, against known answers."""

import numpy as np

from tansaku.diffusion.hops.descent import OPEN, descend
from tansaku.models.engine.percolation import neighbour_steps


def test_a_point_between_two_equal_neighbours_belongs_to_both_minima():
    basins = descend(np.array([0.0, 0.5, 0.0, 0.7, 0.9]), (5, 1, 1), neighbour_steps(6))
    assert basins.owners[0] == {(0, (0, 0, 0)): OPEN}
    assert basins.owners[1] == {(0, (0, 0, 0)): OPEN, (2, (0, 0, 0)): OPEN}
    # Point 3 leads to minimum 2 alone, and point 4 into the next cell.
    assert basins.ends.tolist() == [0, 1, 2, 2, 0]
    assert basins.cells[:, 0].tolist() == [0, 0, 0, 0, -1]


def test_what_leads_to_a_fork_belongs_to_all_minima_behind_it_in_their_cells():
    energies = np.full((5, 4), np.inf)
    energies[:, 0] = [0.5, 0.0, 0.6, 0.6, 0.0]
    energies[0, 1] = 0.7
    basins = descend(energies.ravel(), (5, 4, 1), neighbour_steps(6))
    assert basins.owners[0] == {(4, (0, 0, 0)): OPEN, (16, (-1, 0, 0)): OPEN}
    # The point above the fork leads to it; points on the level top between the minima each to their own.
    assert basins.ends[[1, 8, 12]].tolist() == [0, 4, 16]


def test_walls_lead_nowhere():
    basins = descend(np.array([0.0, np.inf, 0.2]), (3, 1, 1), neighbour_steps(6))
    assert basins.ends.tolist() == [0, -1, 0]


def test_over_a_plateau_ways_lead_to_the_nearest_edges_that_go_down():
    energies = np.array([0.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.2, 0.4, 0.4])
    basins = descend(energies, (9, 1, 1), neighbour_steps(6))
    # Point 3 is as far from both edges; points 7 and 8 are a plateau with an edge on either side.
    assert basins.owners[3] == {(0, (0, 0, 0)): OPEN, (6, (0, 0, 0)): OPEN}
    assert basins.ends.tolist() == [0, 0, 0, 3, 6, 6, 6, 6, 0]
    assert basins.cells[:, 0].tolist() == [0, 0, 0, 0, 0, 0, 0, 0, -1]


def test_a_plateau_without_an_edge_has_minima_only():
    basins = descend(np.array([0.3, 0.1, 0.1, 0.3]), (4, 1, 1), neighbour_steps(6))
    assert basins.ends[[1, 2]].tolist() == [1, 2]
