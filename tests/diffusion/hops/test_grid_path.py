"""Paths over grid points."""

from __future__ import annotations

import numpy as np
import pytest

from tansaku.diffusion.hops.grid_path import GridPaths
from tansaku.models.domain.pool import PeriodicGrid


def surface(energies: np.ndarray) -> GridPaths:
    return GridPaths(energies.ravel(), PeriodicGrid(energies.shape, np.arange(energies.size)), 4.0 * np.eye(3))


def test_a_path_leads_through_the_pass_into_the_next_cell_and_never_above_it():
    axes = np.meshgrid(*(np.arange(8) / 8,) * 3, indexing="ij")
    energies = sum((1.0 - np.cos(2 * np.pi * axis)) / 2 for axis in axes)
    way = surface(energies).through([np.zeros(3), np.array([0.5, 0.0, 0.0]), np.array([1.0, 0.0, 0.0])])
    assert way.fractions[:, 0] == pytest.approx(np.arange(9) / 8)
    assert np.abs(way.fractions[:, 1:]).max() == 0.0
    assert way.energies.max() == pytest.approx(1.0)
    assert way.candidates[0] == way.candidates[-1] == 0
    assert way.lengths(4.0 * np.eye(3))[-1] == pytest.approx(4.0)


def test_a_low_detour_is_preferred_to_a_high_short_cut():
    energies = np.full((7, 7, 1), 0.9)
    energies[1, 1:6] = energies[5, 1:6] = energies[1:6, 5] = 0.0
    way = surface(energies).through([np.array([1, 1, 0]) / [7, 7, 1], np.array([5, 1, 0]) / [7, 7, 1]])
    assert way.energies.max() == 0.0
    assert len(way.energies) > 9


def test_points_that_are_not_joined_are_refused():
    energies = np.full((6, 6, 6), np.inf)
    energies[1, 1, 1] = energies[3, 3, 3] = 0.0
    with pytest.raises(ValueError, match="no path joins"):
        surface(energies).through([np.full(3, 1 / 6), np.full(3, 0.5)])


def hairpin(cells: int) -> np.ndarray:
    """A channel that leads so many cells away along the first vector, slanted, so that it meets no image, and back above."""
    far = 4 * cells
    energies = np.full((4, far + 4, 6), np.inf)
    there = np.arange(far + 1)
    energies[there % 4, there, 1] = energies[there % 4, there, 3] = energies[far % 4, far, 2] = 0.0
    return energies


def test_a_path_leads_at_most_two_cells_away_and_back():
    ends = [np.array([0.0, 0.0, 1 / 6]), np.array([0.0, 0.0, 0.5])]
    way = surface(hairpin(2)).through(ends)
    assert way.fractions[:, 0].max() == 2.0
    assert len(way.energies) == 2 * 8 + 1
    with pytest.raises(ValueError, match="no path joins"):
        surface(hairpin(3)).through(ends)
