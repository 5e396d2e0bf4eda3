"""Effective-medium theory as ASE implements it: no extra package, slower, the cheap twin of every other engine.

Jacobsen, Stoltze, Nørskov, Surf. Sci. 366, 394 (1996), doi:10.1016/0039-6028(96)00816-3.
"""

from __future__ import annotations

from collections.abc import Sequence

import ase
import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes
from ase.calculators.emt import EMT, beta, parameters
from scipy.spatial import cKDTree

from tansaku.calculators.engine import Engine
from tansaku.calculators.engines.ase_evaluation import evaluate_with_ase
from tansaku.calculators.engines.relaxation import check_axes, check_input
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.calculators.emt import EmtSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec


class EmtCalculator:
    """``Calculator`` on ASE's EMT; relaxes with L-BFGS. Holds no state."""

    @property
    def provenance(self) -> Provenance:
        """Version of ASE."""
        return Provenance(code="ase-emt", code_version=ase.__version__, model="EMT", settings={"minimizer": "lbfgs"})

    def evaluate(self, structure: Atoms, relaxation: RelaxationSpec | None = None) -> CalculationResult:
        """Computes a structure, relaxed if asked for, as a ``Calculator``."""
        check_input(structure)
        check_axes(structure, relaxation)
        unknown = set(structure.get_chemical_symbols()) - set(parameters)
        if unknown:
            raise ConfigurationError(f"calculator type emt has no {min(unknown)}; it describes {', '.join(sorted(parameters))}")
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return evaluate_with_ase(structure, relaxation, PairwiseEMT(), self.provenance)

    def close(self) -> None:
        """Nothing to release."""


ENGINE = Engine[EmtSpec](open=lambda *_: EmtCalculator())


_SKIN = 0.6
"""Distance beyond the cutoff up to which neighbours are listed, so that a list serves several steps [Å]."""


class NeighbourPairs:
    """Pairs of atoms within a distance, each of them once; found again when atoms have moved too far.

    Args:
        cutoff: Longest distance of a pair [Å].
    """

    def __init__(self, cutoff: float) -> None:
        self._cutoff = cutoff
        self._positions, self._cell, self._periodic = np.empty((0, 3)), np.empty((3, 3)), np.zeros(3, dtype=bool)
        self._first = self._second = np.empty(0, dtype=int)
        self._shifts = np.empty((0, 3))

    def of(self, atoms: Atoms) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Finds the pairs.

        Returns:
            First atoms (n_pairs,), second atoms (n_pairs,), vectors from first to second (n_pairs, 3) [Å] and distances
            (n_pairs,) [Å].
        """
        if self._moved(atoms):
            self._find(atoms)
        vectors = atoms.positions[self._second] - atoms.positions[self._first] + self._shifts @ atoms.cell.array
        distances = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        near = distances < self._cutoff
        return self._first[near], self._second[near], vectors[near], distances[near]

    def _moved(self, atoms: Atoms) -> bool:
        if len(atoms) != len(self._positions) or not np.array_equal(atoms.pbc, self._periodic):
            return True
        if not np.array_equal(atoms.cell.array, self._cell):
            return True
        return bool((((atoms.positions - self._positions) ** 2).sum(axis=1) > (_SKIN / 2) ** 2).any())

    def _find(self, atoms: Atoms) -> None:
        reach, cell = self._cutoff + _SKIN, atoms.cell.complete().array
        inside = np.where(atoms.pbc, np.floor(np.linalg.solve(cell.T, atoms.positions.T).T + 1e-12), 0.0)
        wrapped = atoms.positions - inside @ cell
        shifts = _half_of_the_shifts(cell, atoms.pbc, reach)
        images = (wrapped + (shifts @ cell)[:, None, :]).reshape(-1, 3)
        close = ((images > wrapped.min(axis=0) - reach) & (images < wrapped.max(axis=0) + reach)).all(axis=1)
        numbers = np.flatnonzero(close)
        found = cKDTree(wrapped).sparse_distance_matrix(cKDTree(images[close]), reach, output_type="ndarray")
        first, (shift, second) = found["i"], np.divmod(numbers[found["j"]], len(atoms))
        once = (shift > 0) | (first < second)  # the first shift is zero
        self._first, self._second = first[once], second[once]
        self._shifts = (shifts[shift] + inside[first] - inside[second])[once]
        self._positions, self._cell, self._periodic = atoms.positions.copy(), atoms.cell.array.copy(), atoms.pbc.copy()


def _half_of_the_shifts(cell: np.ndarray, periodic: np.ndarray, reach: float) -> np.ndarray:
    """Shifts of images within reach [Å] of a cell, one of each two opposite ones (n_shifts, 3); the first is zero."""
    heights = 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    most = np.where(periodic, np.ceil(reach / heights), 0.0)
    shifts = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in most), indexing="ij"), axis=-1).reshape(-1, 3)
    return shifts[len(shifts) // 2 :]  # the list is symmetric about its middle, the zero shift


class PairwiseEMT(EMT):
    """Equal to ``ase.calculators.emt.EMT`` up to rounding, and several times as fast for tens of atoms."""

    def __init__(self) -> None:
        EMT.__init__(self)

    def initialize(self, atoms: Atoms) -> None:
        """Takes ASE's parameters of the atoms' elements."""
        EMT.initialize(self, atoms)
        self._pairs = NeighbourPairs(self.rc_list)

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Computes energies [eV], forces [eV/Å] and, in a periodic cell, the stress [eV/Å³].

        Raises:
            PropertyNotImplementedError: The stress is asked for and there is no cell.
        """
        Calculator.calculate(self, atoms, properties, system_changes)
        assert self.atoms is not None
        if "numbers" in system_changes:
            self.initialize(self.atoms)
        energies, forces, virial = self._sums(self.atoms)
        self.results["energy"] = self.results["free_energy"] = energies.sum()
        self.results["energies"], self.results["forces"] = energies, forces
        if self.atoms.cell.rank == 3:
            stress = 0.5 * (virial + virial.T) / self.atoms.get_volume()
            self.results["stress"] = stress.flat[[0, 4, 8, 5, 2, 1]]
        elif "stress" in properties:
            raise PropertyNotImplementedError

    def _sums(self, atoms: Atoms) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Energies of the atoms (n_atoms,) [eV], forces (n_atoms, 3) [eV/Å] and the virial (3, 3) [eV]."""
        n_atoms, par = len(atoms), self.par
        first, second, vectors, distances = self._pairs.of(atoms)
        kinds, others = self.ia2iz[first], self.ia2iz[second]
        weights = 1.0 / (1.0 + np.exp(self.acut * (distances - self.rc)))
        decay = self.acut * (weights - 1.0)
        chi = self.chi[kinds, others]
        # What the second atom adds to the density at the first, and the first to that at the second.
        at_first = _tail(par, "eta2", others, distances - beta * par["s0"][others]) * chi * weights
        at_second = _tail(par, "eta2", kinds, distances - beta * par["s0"][kinds]) / chi * weights
        density = _per_atom(first, at_first, n_atoms) + _per_atom(second, at_second, n_atoms)
        energies, slopes = self._embedding(density)

        scale = par["neghalfv0overgamma2"]
        from_second = scale[kinds] * _tail(par, "kappa", others, distances / beta - par["s0"][others]) * chi * weights
        from_first = scale[others] * _tail(par, "kappa", kinds, distances / beta - par["s0"][kinds]) / chi * weights
        shared = 0.5 * (from_second + from_first)
        energies += _per_atom(first, shared, n_atoms) + _per_atom(second, shared, n_atoms)

        derivative = (
            from_second * (decay - par["kappa"][others] / beta)
            + from_first * (decay - par["kappa"][kinds] / beta)
            + slopes[first] * at_first * (decay - par["eta2"][others])
            + slopes[second] * at_second * (decay - par["eta2"][kinds])
        )
        pulls = (derivative / distances)[:, None] * vectors
        forces = np.stack([_per_atom(first, pull, n_atoms) - _per_atom(second, pull, n_atoms) for pull in pulls.T], axis=1)
        return energies - par["E0"][self.ia2iz], forces, vectors.T @ pulls

    def _embedding(self, density: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Energies that depend on the density alone [eV], and their derivatives; none of an atom without neighbours."""
        energies, slopes = np.zeros_like(density), np.zeros_like(density)
        bound = density > 0.0
        found, kinds = density[bound], self.ia2iz[bound]
        e0, v0, eta2, lambda_, kappa, gamma = (
            self.par[name][kinds] for name in ("E0", "V0", "eta2", "lambda", "kappa", "inv12gamma1")
        )
        radius = -np.log(found * gamma) / (beta * eta2)
        cohesive = e0 * np.exp(-lambda_ * radius)
        repulsive = 6.0 * v0 * np.exp(-kappa * radius)
        energies[bound] = cohesive * (1.0 + lambda_ * radius) + repulsive
        slopes[bound] = (cohesive * lambda_**2 * radius + kappa * repulsive) / (beta * eta2 * found)
        return energies, slopes


def _tail(par: dict[str, np.ndarray], name: str, kinds: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(-par[name][kinds] * lengths))


def _per_atom(atoms: np.ndarray, values: np.ndarray, n_atoms: int) -> np.ndarray:
    return np.bincount(atoms, weights=values, minlength=n_atoms)
