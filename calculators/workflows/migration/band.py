"""Climbing-image nudged elastic bands, for hops whose saddle point no symmetry fixes.

Henkelman, Uberuaga, Jónsson, J. Chem. Phys. 113, 9901 (2000), doi:10.1063/1.1329672; start by image-dependent pair potentials,
Smidstrup et al., J. Chem. Phys. 140, 214106 (2014), doi:10.1063/1.4878664.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.mep import NEB
from ase.optimize import BFGS, FIRE
from ase.optimize.optimize import Optimizer

from tansaku.calculators.workflows.migration.relaxing import Relaxer, State
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.pool import FloatArray

_CHUNK = 15
"""Steps after which a band with a guess of the curvature starts again with the guess."""

_MAX_STEP = 0.1
FLAT = 2e-3
"""An image that is not higher than both ends by this is no saddle point [eV]."""

_LOOSE = 0.15
"""Largest force at which the highest image begins to climb [eV/Å]."""

ROUGH_STEPS = 45
"""Steps after which a band has shown where its highest point is, converged or not."""


@dataclass(frozen=True)
class Band:
    """A band, converged or not.

    Attributes:
        energies: Of all images, the ends included [eV].
        positions: Of all images [Å].
        highest: Index of the climbing image.
        left: Largest force of a band that did not converge, springs included; 0 of one that did [eV/Å].
    """

    energies: tuple[float, ...]
    positions: tuple[FloatArray, ...]
    highest: int
    left: float

    @property
    def converged(self) -> bool:
        """Whether no force is left."""
        return self.left == 0.0

    @property
    def saddle(self) -> float:
        """Energy of the climbing image [eV]."""
        return self.energies[self.highest]


def climb(
    relaxer: Relaxer,
    atoms: Atoms,
    ends: tuple[State, State],
    images: int,
    curvature: FloatArray | None = None,
    bend: FloatArray | None = None,
) -> Band:
    """Finds the saddle point between two states.

    Args:
        relaxer: Its threshold, steps and calculator are used.
        ends: The states, with positions that are not wrapped.
        images: Number of intermediate images.
        curvature: Guess of the second derivatives, positive definite [eV/Å^2], shape ``(3 n_atoms, 3 n_atoms)``.
        bend: Displacement of the middle of the start, less and less towards the ends [Å], shape ``(n_atoms, 3)``.

    Raises:
        CalculationError: ``exploded``.
    """
    neb = _between(relaxer, atoms, ends, images)
    for number, image in enumerate(neb.images[1:-1], start=1):
        if bend is not None:
            image.positions += np.sin(np.pi * number / (images + 1)) * bend
    found = relaxer.through.band([_plain(image) for image in neb.images], relaxer.fmax, relaxer.max_steps)
    if found is None:
        return _band(neb, ends, _climb_in_ase(neb, relaxer, max(end.energy for end in ends), curvature))
    positions = [neb.images[0].positions.copy(), *(image.atoms.positions for image in found), neb.images[-1].positions.copy()]
    return _outline([image.energy for image in found], tuple(positions), ends, 0.0)


def climb_along(relaxer: Relaxer, atoms: Atoms, ends: tuple[State, State], start: Sequence[FloatArray]) -> Band:
    """Finds the saddle point between two states from a start that is known.

    Args:
        relaxer: Its threshold, steps and calculator are used.
        atoms: What the states consist of; its constraints hold for all images.
        ends: The states, with positions that are not wrapped.
        start: Positions of the intermediate images [Å], shape ``(n_atoms, 3)`` each.

    Raises:
        CalculationError: ``exploded``.
    """
    neb = _between(relaxer, atoms, ends, len(start), start)
    return _band(neb, ends, _climb_in_ase(neb, relaxer, max(end.energy for end in ends), None))


def _climb_in_ase(neb: NEB, relaxer: Relaxer, upper: float, curvature: FloatArray | None) -> bool:
    """Relaxes a band; whether it converged."""
    if not _run(neb, relaxer, max(_LOOSE, relaxer.fmax), curvature):
        return False
    # Between two states with nothing in between there is nothing to climb to.
    if max(np.asarray(neb.energies)[1:-1]) <= upper + FLAT:
        return True
    neb.climb = True
    return _run(neb, relaxer, relaxer.fmax, curvature)


def _plain(image: Atoms) -> Atoms:
    bare: Atoms = image.copy()
    bare.calc = None
    return bare


def roughly(
    relaxer: Relaxer, atoms: Atoms, ends: tuple[State, State], images: int, curvature: FloatArray | None, enough: float
) -> Band:
    """A band that is relaxed until it shows where its highest point is.

    Args:
        relaxer: Its calculator is used.
        ends: The states, with positions that are not wrapped.
        images: Number of intermediate images.
        curvature: As for :func:`climb`.
        enough: Energy below which nothing more is asked of any image [eV].

    Raises:
        CalculationError: ``exploded``.
    """
    neb = _between(relaxer, atoms, ends, images)
    soon = replace(relaxer, max_steps=min(relaxer.max_steps, ROUGH_STEPS))
    return _band(neb, ends, _run(neb, soon, max(_LOOSE, relaxer.fmax), curvature, enough))


def _between(
    relaxer: Relaxer, atoms: Atoms, ends: tuple[State, State], images: int, start: Sequence[FloatArray] | None = None
) -> NEB:
    chain = [_end(atoms, ends[0])]
    for _ in range(images):
        image = chain[0].copy()
        # ASE's optimisers ask for the forces of a step three times over: each image remembers its own.
        image.calc = relaxer.through.another()
        chain.append(image)
    chain.append(_end(atoms, ends[1]))
    neb = NEB(chain, climb=False, method="improvedtangent")
    if start is None:
        neb.interpolate("idpp")
        return neb
    for image, positions in zip(neb.images[1:-1], start, strict=True):
        image.set_positions(positions, apply_constraint=False)
    return neb


def _band(neb: NEB, ends: tuple[State, State], converged: bool) -> Band:
    between = [float(value) for value in np.asarray(neb.energies)[1:-1]]
    left = 0.0 if converged else _largest_force(neb)
    return _outline(between, tuple(image.positions.copy() for image in neb.images), ends, left)


def _outline(between: list[float], positions: tuple[FloatArray, ...], ends: tuple[State, State], left: float) -> Band:
    energies = [ends[0].energy, *between, ends[1].energy]
    return Band(tuple(energies), positions, 1 + int(np.argmax(between)), left)


def _end(atoms: Atoms, state: State) -> Atoms:
    image: Atoms = atoms.copy()
    image.positions = state.positions
    image.calc = SinglePointCalculator(image, energy=state.energy, forces=state.forces)
    return image


def _run(neb: NEB, relaxer: Relaxer, fmax: float, curvature: FloatArray | None, enough: float = -np.inf) -> bool:
    """Relaxes a band; returns whether it converged or fell below a sufficient energy. Else its best state is kept."""
    done, smallest, best = 0, np.inf, neb.get_positions()
    while done < relaxer.max_steps:
        with _optimizer(neb, curvature) as optimizer:
            chunk = relaxer.max_steps - done if curvature is None else min(_CHUNK, relaxer.max_steps - done)
            for converged in optimizer.irun(fmax=fmax, steps=chunk):
                if not np.isfinite(neb.get_positions()).all():
                    raise CalculationError("exploded", f"a band's positions are no longer finite after {done} steps")
                if converged or max(np.asarray(neb.energies)[1:-1]) < enough:
                    return True
                force = _largest_force(neb)
                if force < smallest:
                    smallest, best = force, neb.get_positions()
            done += int(optimizer.nsteps)
    # A band that does not converge goes astray sooner or later: images slide from the ridge, or the crystal changes.
    neb.set_positions(best)
    neb.get_forces()
    return False


def _largest_force(neb: NEB) -> float:
    return float(np.linalg.norm(np.asarray(neb.get_forces()), axis=1).max())


def _optimizer(neb: NEB, curvature: FloatArray | None) -> Optimizer:
    if curvature is None:
        fire: Optimizer = FIRE(neb, logfile=os.devnull, maxstep=_MAX_STEP)
        return fire
    images: Any = neb
    optimizer = BFGS(images, logfile=os.devnull, maxstep=_MAX_STEP)
    optimizer.H0 = np.kron(np.eye(neb.nimages - 2), curvature)
    return optimizer
