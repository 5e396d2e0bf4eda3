"""Search for a saddle point from a pass of the grid without a band by the dimer method; direction of a path at a pass.

Henkelman, Jónsson, J. Chem. Phys. 111, 7010 (1999), https://doi.org/10.1063/1.480097, as ASE has it (with the rotations of
Kästner, Sherwood, J. Chem. Phys. 128, 014106 (2008), https://doi.org/10.1063/1.2815812).
"""

from __future__ import annotations

import os

import numpy as np
from ase import Atoms
from ase.mep import DimerControl, MinModeAtoms, MinModeTranslate

from tansaku.calculators.workflows.migration.relaxing import Relaxer, State
from tansaku.diffusion.hops.grid_path import GridPath
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.pool import FloatArray

_AROUND = 0.5
"""Length of the path on either side of a pass that tells its direction there [Å]."""

_ASTRAY = 1.5
"""The ion goes no farther than this from the pass of the grid [Å]."""

_PUSH = 0.15
"""Displacement off a saddle point, down its two slopes [Å]."""

_SAME = 0.3
"""A slope leads to a minimum if its end is this near to it [Å]."""


def distance_to(way: GridPath, fraction: FloatArray, cell: FloatArray) -> float:
    """Length of a path from its start to a point of it [Å]; arguments as for :func:`local_direction`."""
    nearest = int(np.argmin(np.linalg.norm((way.fractions - fraction) @ cell, axis=1)))
    return float(way.lengths(cell)[nearest])


def local_direction(way: GridPath, fraction: FloatArray, cell: FloatArray) -> FloatArray:
    """Direction of a path where it crosses a point of the grid, shape ``(3,)``, length one.

    It is that of the straight line between the points of the path half an Å before and behind.

    Args:
        fraction: Fractional coordinates of a point of it, not wrapped.
        cell: Cell vectors as rows [Å].
    """
    lengths, place = way.lengths(cell), distance_to(way, fraction, cell)
    before, behind = (
        np.array([np.interp(place + sign * _AROUND, lengths, column) for column in (way.fractions @ cell).T])
        for sign in (-1.0, 1.0)
    )
    return np.asarray((behind - before) / np.linalg.norm(behind - before))


def climb_by_dimer(
    relaxer: Relaxer, start: Atoms, positions: FloatArray, direction: FloatArray, ends: tuple[State, State]
) -> State:
    """Finds the saddle point near a pass, and sees to it that its slopes lead to the two minima of the hop.

    Args:
        relaxer: Its threshold, steps and calculator are used.
        start: The host with its constraints, and the ion as its last atom.
        positions: Where the search begins [Å], shape ``(n_atoms, 3)``.
        direction: Of the path there, from the first minimum to the second, shape ``(3,)``.
        ends: The minima, their ions not wrapped.

    Raises:
        CalculationError: ``not_converged``; ``no_saddle``: the search left the pass; ``another_hop``: a slope leads elsewhere.
    """
    atoms = start.copy()
    atoms.positions = positions
    atoms.calc = relaxer.through
    mode = np.zeros_like(positions)
    mode[-1] = direction
    # Displacements that ASE draws at random by itself are not wanted: the search begins on the path.
    control = DimerControl(initial_eigenmode_method="displacement", displacement_method="vector", logfile=None)
    dimer = MinModeAtoms(atoms, control, eigenmodes=[mode])
    with MinModeTranslate(dimer, logfile=os.devnull) as climber:
        converged = False
        for converged in climber.irun(fmax=relaxer.fmax, steps=relaxer.max_steps):
            gone = float(np.linalg.norm(atoms.positions[-1] - positions[-1]))
            if not converged and not gone <= _ASTRAY:
                raise CalculationError("no_saddle", f"a search for a saddle point took the ion {gone:.1f} Å from the pass")
        steps = int(climber.nsteps)
    if not converged:
        raise CalculationError("not_converged", f"a search for a saddle point did not end in {relaxer.max_steps} steps")
    forces = np.asarray(dimer.get_forces(real=True))
    found = State(atoms.positions.copy(), float(dimer.get_potential_energy()), forces, steps)
    mode = np.asarray(dimer.get_eigenmode())
    _check_slopes(relaxer, start, found, mode * np.sign(float(mode[-1] @ direction) or 1.0), ends)
    return found


def _check_slopes(relaxer: Relaxer, start: Atoms, top: State, mode: FloatArray, ends: tuple[State, State]) -> None:
    """Goes down both slopes of a saddle point; raises where one does not lead to its minimum."""
    unit = mode / float(np.linalg.norm(mode, axis=1).max())
    for sign, end in zip((-1.0, 1.0), ends, strict=True):
        atoms = start.copy()
        atoms.set_positions(top.positions + sign * _PUSH * unit, apply_constraint=False)
        bottom = relaxer.at_fixed_cell(atoms)
        off = float(np.linalg.norm(bottom.positions[-1] - end.positions[-1]))
        if off > _SAME:
            raise CalculationError("another_hop", f"a descent from the saddle point ends {off:.2f} Å from the hop's minimum")
