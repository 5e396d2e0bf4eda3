"""Climbing-image nudged elastic bands, for hops whose saddle point no symmetry fixes.

Henkelman, Uberuaga, Jónsson, J. Chem. Phys. 113, 9901 (2000), doi:10.1063/1.1329672; start by image-dependent pair potentials,
Smidstrup et al., J. Chem. Phys. 140, 214106 (2014), doi:10.1063/1.4878664.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
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
"""Steps after which a band with a guess of the curvature begins anew with the guess."""

_MAX_STEP = 0.1
FLAT = 2e-3
"""An image that is not higher than both ends by this is no saddle point [eV]."""

_LOOSE = 0.15
"""Largest force at which the highest image begins to climb [eV/Å]."""


@dataclass(frozen=True)
class Band:
    """A converged band.

    Attributes:
        energies: Of all images, the ends included [eV].
        positions: Of all images [Å].
        highest: Index of the climbing image.
    """

    energies: tuple[float, ...]
    positions: tuple[FloatArray, ...]
    highest: int

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
        atoms: What the states consist of.
        ends: The states, with positions that are not wrapped.
        images: Number of intermediate images.
        curvature: Guess of the second derivatives, positive definite [eV/Å^2], shape ``(3 n_atoms, 3 n_atoms)``.
        bend: Displacement of the middle of the start, less and less towards the ends [Å], shape ``(n_atoms, 3)``.

    Raises:
        CalculationError: ``not_converged`` or ``exploded``.
    """
    chain = [_end(atoms, ends[0])]
    for _ in range(images):
        image = chain[0].copy()
        # ASE's optimisers ask for the forces of a step three times over: each image remembers its own.
        image.calc = relaxer.through.another()
        chain.append(image)
    chain.append(_end(atoms, ends[1]))
    neb = NEB(chain, climb=False, method="improvedtangent")
    neb.interpolate("idpp")
    for number, image in enumerate(chain[1:-1], start=1):
        if bend is not None:
            image.positions += np.sin(np.pi * number / (images + 1)) * bend
    found = relaxer.through.band([_plain(image) for image in chain], relaxer.fmax, relaxer.max_steps)
    if found is None:
        between = _climb_in_ase(neb, relaxer, max(end.energy for end in ends), curvature)
        positions = [image.positions.copy() for image in chain]
    else:
        between = [one.energy for one in found]
        positions = [chain[0].positions.copy(), *(one.atoms.positions for one in found), chain[-1].positions.copy()]
    energies = [ends[0].energy, *between, ends[1].energy]
    highest = 1 + int(np.argmax(energies[1:-1]))
    return Band(tuple(energies), tuple(positions), highest)


def _climb_in_ase(neb: NEB, relaxer: Relaxer, upper: float, curvature: FloatArray | None) -> list[float]:
    """Relaxes a band and returns the energies of the images between its ends [eV]."""
    _run(neb, relaxer, max(_LOOSE, relaxer.fmax), curvature)
    # Between two states with nothing in between there is nothing to climb to.
    if max(np.asarray(neb.energies)[1:-1]) > upper + FLAT:
        neb.climb = True
        _run(neb, relaxer, relaxer.fmax, curvature)
    return [float(value) for value in np.asarray(neb.energies)[1:-1]]


def _plain(image: Atoms) -> Atoms:
    bare: Atoms = image.copy()
    bare.calc = None
    return bare


def _end(atoms: Atoms, state: State) -> Atoms:
    image: Atoms = atoms.copy()
    image.positions = state.positions
    image.calc = SinglePointCalculator(image, energy=state.energy, forces=state.forces)
    return image


def _run(neb: NEB, relaxer: Relaxer, fmax: float, curvature: FloatArray | None) -> None:
    done, converged = 0, False
    while not converged and done < relaxer.max_steps:
        with _optimizer(neb, curvature) as optimizer:
            chunk = relaxer.max_steps - done if curvature is None else min(_CHUNK, relaxer.max_steps - done)
            for reached in optimizer.irun(fmax=fmax, steps=chunk):
                converged = bool(reached)
                if not all(np.isfinite(image.positions).all() for image in neb.images):
                    raise CalculationError("exploded", f"a band's positions are no longer finite after {done} steps")
            done += int(optimizer.nsteps)
    if not converged:
        raise CalculationError("not_converged", f"a band did not converge to {fmax:g} eV/Å in {relaxer.max_steps} steps")


def _optimizer(neb: NEB, curvature: FloatArray | None) -> Optimizer:
    if curvature is None:
        fire: Optimizer = FIRE(neb, logfile=os.devnull, maxstep=_MAX_STEP)
        return fire
    images: Any = neb
    optimizer = BFGS(images, logfile=os.devnull, maxstep=_MAX_STEP)
    optimizer.H0 = np.kron(np.eye(neb.nimages - 2), curvature)
    return optimizer
