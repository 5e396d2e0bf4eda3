"""Shells of atoms, the grid of all shells that are considered, and the free energy of a set of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tansaku.models.averaging.subsets import FloatArray, IntArray
from tansaku.models.domain.errors import ConfigurationError
from tansaku.sparse.models.exafs.scattering import Scatterer, Wave
from tansaku.sparse.models.exafs.signal import FineStructure
from tansaku.sparse.models.spectra.score import ColumnScore

ATOMS = 10.0
"""Atoms per unit of a height: the prior of heights is that of tens of atoms."""

_STEP = 0.04  # of distance in the coarse grid [A]
_VARIANCES = 6
_SHORTEST = 0.8  # of an element's shortest Feff path: from this distance on its amplitude and phase are used
_KEPT = 64  # waves at shifts of energy that are remembered


@dataclass(frozen=True)
class Bounds:
    """Bounds of the shells' parameters.

    Attributes:
        distance: Smallest and largest mean distance [A].
        variance: Smallest and largest mean square displacement [A^2].
        energy: Smallest and largest shift of the zero of energy [eV].
    """

    distance: tuple[float, float] = (1.5, 10.0)
    variance: tuple[float, float] = (0.002, 0.03)
    energy: tuple[float, float] = (-15.0, 15.0)

    def __post_init__(self) -> None:
        if not 0.5 <= self.distance[0] < self.distance[1] <= 20.0:
            raise ConfigurationError(f"distances {_pair(self.distance)}: expected a range between 0.5 and 20 A")
        if not 1e-5 <= self.variance[0] < self.variance[1] <= 0.2:
            raise ConfigurationError(f"mean square displacements {_pair(self.variance)}: expected a range in 1e-5 to 0.2 A^2")
        if not -30.0 <= self.energy[0] < self.energy[1] <= 30.0:
            raise ConfigurationError(f"shifts of energy {_pair(self.energy)}: expected a range between -30 and 30 eV")

    def log_prior(self, energy: FloatArray) -> FloatArray:
        """Logarithm of the prior of shifts of energy [eV] up to a constant: normal, bounds ten deviations apart."""
        middle, deviation = np.mean(self.energy), np.ptp(self.energy) / 10.0
        return np.asarray(-0.5 * ((energy - middle) / deviation) ** 2)


def _pair(values: tuple[float, float]) -> str:
    return f"{values[0]:g} to {values[1]:g}"


@dataclass(frozen=True, eq=False)
class Shells:
    """A few shells.

    Attributes:
        element: Number of the scatterer, (n_shells,).
        distance: Mean distance [A].
        variance: Mean square displacement [A^2].
    """

    element: IntArray
    distance: FloatArray
    variance: FloatArray

    @classmethod
    def none(cls) -> Shells:
        """Returns no shell."""
        return cls(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0))

    def __len__(self) -> int:
        return len(self.distance)

    def chosen(self, places: IntArray) -> Shells:
        """Some of them."""
        return Shells(self.element[places], self.distance[places], self.variance[places])

    def joined(self, other: Shells) -> Shells:
        """Both together, by distance."""
        whole = Shells(
            np.concatenate([self.element, other.element]),
            np.concatenate([self.distance, other.distance]),
            np.concatenate([self.variance, other.variance]),
        )
        return whole.chosen(np.argsort(whole.distance, kind="stable"))


class ShellScore(ColumnScore):
    """Free energies of sets of shells at a shift of energy.

    The numbers of atoms are not negative and have a normal prior of common deviation; smooth remains of the background have a
    flat prior; the noise is integrated.

    Args:
        signal: That is explained.
        scatterers: Elements around the absorber.

    Raises:
        ConfigurationError: The signal is nothing but background, or reaches beyond the wavenumbers of the Feff files, or an
            element's Feff files are all for far longer distances than are wanted.

    Attributes:
        lowest: Smallest distance of each element [A], (n_elements,).
    """

    def __init__(self, signal: FineStructure, scatterers: tuple[Scatterer, ...], bounds: Bounds) -> None:
        self.signal, self.scatterers, self.bounds = signal, scatterers, bounds
        for path in (path for scatterer in scatterers for path in scatterer.paths):
            largest = np.sqrt(signal.k[-1] ** 2 - min(0.0, bounds.energy[0]) * 0.2625)
            if path.k[-1] < largest:
                raise ConfigurationError(
                    f"{path.name}: k up to {path.k[-1]:g} 1/A; expected {largest:.1f} 1/A, or a smaller largest k of the data"
                )
        self.lowest = np.array([max(bounds.distance[0], _SHORTEST * paths.paths[0].distance) for paths in scatterers])
        for scatterer, lowest in zip(scatterers, self.lowest, strict=True):
            if lowest >= bounds.distance[1]:
                raise ConfigurationError(
                    f"{scatterer.paths[0].name}: serves from {lowest:.2f} A on ({_SHORTEST:g} times its distance), and the "
                    f"distances end at {bounds.distance[1]:g} A; expected larger distances, or not this file"
                )
        basis = signal.background * signal.weights[:, None]
        super().__init__(signal.chi * signal.weights, basis, "a smooth background")
        self._waves = lru_cache(maxsize=_KEPT)(self._wave)

    def _wave(self, energy: float) -> tuple[Wave, ...]:
        return tuple(scatterer.wave(self.signal.k, energy) for scatterer in self.scatterers)

    def waves(self, shells: Shells, energy: float) -> FloatArray:
        """The fine structure of one atom of each shell, (n_shells, n_points)."""
        made = np.empty((len(shells), len(self.signal.k)))
        for number, wave in enumerate(self._waves(energy)):
            own = shells.element == number
            made[own] = wave.columns(shells.distance[own], shells.variance[own])
        return made

    def columns(self, shells: Shells, energy: float) -> FloatArray:
        """Weighted waves of :data:`ATOMS` atoms in units of the signal, less their background, (n_shells, n_points)."""
        scaled = self.waves(shells, energy) * (self.signal.weights * (ATOMS / self.scale))
        return self.without_background(scaled)

    @property
    def target(self) -> FloatArray:
        """Values that the columns explain, (n_points,)."""
        return self._y

    def energy(self, shells: Shells, energy: float) -> float:
        """Free energy [nats]."""
        return float(self.energies_of(self.columns(shells, energy)[None])[0])

    def coarse(self) -> Shells:
        """All shells of a coarse grid of element, distance and displacement."""
        low, high = self.bounds.distance
        distances = np.linspace(low, high, int(np.ceil((high - low) / _STEP)) + 1)
        variances = np.geomspace(*self.bounds.variance, _VARIANCES)
        mesh = np.meshgrid(np.arange(len(self.scatterers)), distances, variances, indexing="ij")
        shells = Shells(mesh[0].ravel(), mesh[1].ravel(), mesh[2].ravel())
        return shells.chosen(np.flatnonzero(shells.distance >= self.lowest[shells.element]))
