"""How far a host's atoms move between neighbours of a path, where the answer is known exactly."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from tansaku.calculators.structures.ion_grid import Symmetry, host_symmetry
from tansaku.diffusion.hops.host_jumps import HostFrame, RelaxedHosts, largest_jump
from tansaku.models.domain.pool import FloatArray

EDGE = 3.0
HOST = bulk("Po", "sc", a=EDGE)
CELL = np.asarray(HOST.cell.array)


def hosts(repeats: tuple[int, int, int] = (2, 2, 2)) -> tuple[RelaxedHosts, FloatArray]:
    """A simple cubic host, and its atoms' ideal places."""
    large = HOST.repeat(repeats)
    return RelaxedHosts(large.positions, large.cell.array, CELL, host_symmetry(HOST)), large.positions


def pushed(ideal: FloatArray, ion: FloatArray, size: float) -> FloatArray:
    """The nearest image of each atom pushed straight away from the ion, less the farther it is; periodic and symmetric."""
    apart = ideal - ion
    apart -= 2 * EDGE * np.rint(apart / (2 * EDGE) - 1e-9)
    lengths = np.linalg.norm(apart, axis=1, keepdims=True)
    return np.asarray(ideal + np.where(lengths < EDGE, size * apart / lengths, 0.0))


def test_a_host_that_answers_each_point_alike_makes_no_jump():
    relaxed, ideal = hosts()
    ion = np.array([0.5, 0.25, 0.25]) * EDGE
    positions = pushed(ideal, ion, 0.2)
    # All images of the point in a cell: by symmetry each has the same host around it, in its own place.
    for image in ([0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.75, 0.5, 0.75], [1.5, -0.25, 0.25]):
        place = np.array(image) * EDGE
        expected = relaxed.displacements(pushed(ideal, place, 0.2))
        found = relaxed.images(relaxed.displacements(positions), ion, place)
        assert min(np.abs(field - expected).max() for field in found) < 1e-9, image
    path = np.array([[0.5, 0.25, 0.25], [0.5, 0.5, 0.25]]) * EDGE
    assert largest_jump(relaxed, path[[0, 0]], np.array([0, 0]), {0: HostFrame(ion, positions)}).moved == pytest.approx(
        0.0, abs=1e-9
    )


def test_the_jump_is_the_farthest_move_of_an_atom_between_computed_neighbours():
    relaxed, ideal = hosts()
    path = np.array([[0.5, 0.5, 0.3], [0.5, 0.5, 0.4], [0.5, 0.5, 0.5], [0.5, 0.5, 0.6]]) * EDGE
    along_axis = Symmetry(np.eye(3, dtype=np.intp)[None], np.zeros((1, 3)))
    relaxed = RelaxedHosts(ideal, HOST.repeat(2).cell.array, CELL, along_axis)
    other = ideal.copy()
    other[3] += [0.0, 0.4, 0.0]
    other += [0.1, -0.2, 0.3]  # the host as a whole: not counted
    computed = {0: HostFrame(path[0], ideal), 1: HostFrame(path[1], ideal), 3: HostFrame(path[3], other)}
    found = largest_jump(relaxed, path, np.arange(4), computed)
    # One of eight atoms moves by 0.4 Å, and the mean of all by an eighth of it.
    assert found.moved == pytest.approx(0.4 * 7 / 8)
    # Point 2 was not computed: the neighbours are two steps of 0.3 Å apart.
    assert (found.first, found.second, found.apart) == (1, 3, pytest.approx(0.6))
    assert largest_jump(relaxed, path, np.arange(4), {2: HostFrame(path[2], ideal)}) is None


def test_atoms_that_cross_the_border_of_the_cell_have_not_moved_far():
    relaxed, ideal = hosts()
    moved = ideal.copy()
    moved[0] += [2 * EDGE, 0.0, 0.0]
    assert relaxed.displacements(moved) == pytest.approx(0.0, abs=1e-12)


def test_operations_that_the_larger_cell_does_not_have_map_nothing():
    # In a cell of two by one by one the first direction is not equal to the others.
    relaxed, ideal = hosts((2, 1, 1))
    start = np.array([0.5, 0.5, 0.25]) * EDGE
    field = relaxed.displacements(ideal)
    assert len(relaxed.images(field, start, np.array([0.5, 0.25, 0.5]) * EDGE)) > 0
    assert len(relaxed.images(field, start, np.array([0.25, 0.5, 0.5]) * EDGE)) == 0
