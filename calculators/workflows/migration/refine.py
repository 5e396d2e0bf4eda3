"""Converges to a saddle point from a nearby start, and verifies it.

Quasi-Newton steps, up the lowest motion and down all others, from second derivatives that are those of the crystal but for what
Davidson's method has measured (Hermes, Sargsyan, Najm, Zádor, J. Chem. Theory Comput. 15, 6536 (2019),
doi:10.1021/acs.jctc.9b00869). A band's climbing image does the same with every other image in tow, and goes astray where the
band is coarse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tansaku.calculators.workflows.migration.modes import Modes, lowest_modes
from tansaku.calculators.workflows.migration.passage import Passage
from tansaku.calculators.workflows.migration.relaxing import State
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.pool import FloatArray

PUSH = 0.15
"""Displacement along an unstable motion, off a ridge or down a slope [Å]."""

_MAX_STEP = 0.1
_STIFFNESS = 10.0
"""Curvature where nothing is known of it [eV/Å^2]."""

_SOFTEST = 0.3
"""Smaller curvatures count as this in a step [eV/Å^2]."""

_MOST_STEPS = 60
_FIRST, _AGAIN, _PROOF = 6, 3, 12
"""Directions in which curvatures are measured: at the start, on the way, and at the end."""

_EVERY = 8
"""Steps after which the motion that is climbed is measured again."""

_ASTRAY = 1.5
"""Displacement of an atom after which a search has left what it was to find [Å]."""

_RIDGES = 3
"""Ridges that a search leaves before it is given up."""


@dataclass(frozen=True)
class SaddlePoint:
    """A stationary point at which exactly one motion lowers the energy.

    Attributes:
        eigenvalues: The lowest two [eV/Å^2].
        mode: The motion that lowers the energy, shape ``(n_atoms, 3)``; the largest displacement is one.
    """

    state: State
    eigenvalues: tuple[float, ...]
    mode: FloatArray


def refine(passage: Passage, start: FloatArray, direction: FloatArray) -> SaddlePoint:
    """Finds the saddle point near a place.

    Args:
        start: Where to begin [Å], shape ``(n_atoms, 3)``.
        direction: Along which the energy has its maximum there, about, shape ``(n_atoms, 3)``.

    Raises:
        CalculationError: ``not_converged``: no stationary point was reached; ``no_saddle``: the one that was reached is none.
    """
    search = _Search(passage, start)
    ion_alone = np.zeros_like(direction)
    ion_alone[passage.ion] = direction[passage.ion]
    search.measure([direction.ravel(), ion_alone.ravel()], _FIRST)
    for _ in range(_RIDGES):
        search.walk()
        modes = search.measure(list(search.guessed_modes()), _PROOF, both_sides=True)
        if modes.unstable == 1:
            passage.check(search.positions)
            state = State(search.positions, search.energy, search.forces, search.steps)
            mode = modes.vectors[0].reshape(-1, 3)
            return SaddlePoint(state, tuple(float(value) for value in modes.values[:2]), unit(mode))
        if modes.unstable == 0:
            raise CalculationError("no_saddle", f"no motion lowers the energy ({modes.values[0]:.3f} eV/Å^2 at least)")
        search.go(search.positions + PUSH * unit(modes.vectors[1].reshape(-1, 3)))
    raise CalculationError("no_saddle", "more than one motion lowers the energy wherever a search for a saddle point ends")


def unit(vectors: FloatArray) -> FloatArray:
    """A motion in which the atom that moves most moves by one, shape ``(n_atoms, 3)``."""
    return vectors / float(np.linalg.norm(vectors, axis=1).max())


class _Search:
    """State of the search for a saddle point: the current point and an approximation of its second derivatives."""

    def __init__(self, passage: Passage, start: FloatArray) -> None:
        self._passage = passage
        guess = passage.curvature
        self._curvature = guess.copy() if guess is not None else _STIFFNESS * np.eye(start.size)
        self._precondition = np.asarray(np.linalg.inv(self._curvature), dtype=np.float64)
        self._start = start
        self.positions = start.copy()
        self.energy, self.forces = passage.forces(start)
        self.steps = 0

    def walk(self) -> None:
        """Steps until the forces are small."""
        fmax = self._passage.crystal.relaxer.fmax
        while np.linalg.norm(self.forces, axis=1).max() > fmax:
            if self.steps >= _MOST_STEPS:
                raise CalculationError("not_converged", f"a search for a saddle point did not end in {_MOST_STEPS} steps")
            if self.steps % _EVERY == _EVERY - 1:
                self.measure(list(self.guessed_modes()[:1]), _AGAIN)
            self.go(self.positions + self._step())
            self.steps += 1

    def go(self, positions: FloatArray) -> None:
        """Moves to a point, computes its forces and updates the second derivatives."""
        before, moved = self.forces, (positions - self.positions).ravel()
        self.energy, self.forces = self._passage.forces(positions)
        if not np.isfinite(self.forces).all():
            raise CalculationError("exploded", f"forces are no longer finite after {self.steps} steps")
        gone = float(np.linalg.norm(positions - self._start, axis=1).max())
        if gone > _ASTRAY:
            raise CalculationError("no_saddle", f"a search for a saddle point moved {gone:.1f} Å away from its start")
        self.positions = positions
        self._learn(moved, (before - self.forces).ravel())

    def measure(self, starts: list[FloatArray], most: int, both_sides: bool = False) -> Modes:
        """Measures the lowest motions here."""

        def apply(direction: FloatArray) -> FloatArray:
            return self._passage.bend(self.positions, direction, None if both_sides else self.forces)

        modes = lowest_modes(apply, starts, self._precondition, internal, most)
        # What was measured replaces what was guessed, on the directions in which it was.
        rest = modes.images - modes.basis @ self._curvature
        small = rest @ modes.basis.T
        known = modes.basis
        self._curvature += rest.T @ known + known.T @ rest - known.T @ (0.5 * (small + small.T)) @ known
        self._tame(modes)
        return modes

    def _tame(self, modes: Modes) -> None:
        """Leaves no motion unstable but measured ones: of what lies between measured and guessed, signs mean nothing."""
        lowest = modes.vectors[:2]
        aside = np.eye(len(self._curvature)) - lowest.T @ lowest
        values, vectors = np.linalg.eigh(aside @ self._curvature @ aside)
        others = (vectors * np.abs(values)) @ vectors.T
        self._curvature = others + (lowest.T * modes.values[: len(lowest)]) @ lowest

    def guessed_modes(self) -> FloatArray:
        """The two lowest modes of the current approximation, shape ``(2, 3 n_atoms)``."""
        _, vectors = self._spectrum()
        return np.asarray(vectors[:, :2].T)

    def _spectrum(self) -> tuple[FloatArray, FloatArray]:
        values, vectors = np.linalg.eigh(0.5 * (self._curvature + self._curvature.T))
        return values, vectors

    def _step(self) -> FloatArray:
        values, vectors = self._spectrum()
        along = vectors.T @ self.forces.ravel()
        along /= np.maximum(np.abs(values), _SOFTEST)
        along[0] *= -1.0
        step = np.asarray(vectors @ along).reshape(-1, 3)
        step -= step.mean(axis=0)
        return step * min(1.0, _MAX_STEP / float(np.linalg.norm(step, axis=1).max()))

    def _learn(self, moved: FloatArray, change: FloatArray) -> None:
        """A symmetric update that keeps negative curvatures (Bofill's TS-BFGS, doi:10.1002/qua.10709)."""
        values, vectors = self._spectrum()
        positive = (vectors * np.abs(values)) @ (vectors.T @ moved)
        first, second = float(moved @ change), float(moved @ positive)
        weight = first * first + second * second
        if weight < 1e-20:
            return
        towards = (first * change + second * positive) / weight
        rest = change - self._curvature @ moved
        self._curvature += np.outer(rest, towards) + np.outer(towards, rest) - float(rest @ moved) * np.outer(towards, towards)


def internal(direction: FloatArray) -> FloatArray:
    """A motion without its rigid translation."""
    vectors = direction.reshape(-1, 3)
    return np.asarray((vectors - vectors.mean(axis=0)).ravel())
