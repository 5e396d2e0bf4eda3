"""Symmetry functions: Behler, J. Chem. Phys. 134, 074106 (2011), doi:10.1063/1.3553717.

Radial functions are his G2 (equation 6), angular ones his G5 (equation 8), with centres of the Gaussians as in the radial
ones. G5 sums over pairs of neighbours, but a power of a cosine is a product of powers of both directions' components:

    cos(θ_jk)^n = Σ_{a+b+c=n} n!/(a! b! c!) (x_j^a y_j^b z_j^c) (x_k^a y_k^b z_k^c),

so the sum over pairs is a sum of squares of sums over neighbours (the terms with j = k are subtracted), and the cost grows
with the number of neighbours instead of its square. The grids of centres and widths are ours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from ase.data import atomic_numbers

from tansaku.models.domain.pool import FloatArray
from tansaku.potentials.specs.environment import SymmetryFunctionsSpec


def radial_grid(spec: SymmetryFunctionsSpec) -> FloatArray:
    """Exponents [1/Å^2] and centres [Å] of the radial functions, shape ``(radial, 2)``."""
    return _shells(spec.shortest, spec.cutoff, spec.radial)


def angular_grid(spec: SymmetryFunctionsSpec) -> FloatArray:
    """Exponents [1/Å^2] and centres [Å] of the angular functions' Gaussians, shape ``(angular, 2)``.

    The first one is centred at the atom, half as wide as its reach, and sees pairs of neighbours in different shells.
    """
    if not spec.angular:
        return np.zeros((0, 2))
    reach = spec.angular_cutoff or spec.cutoff
    broad = np.array([[2.0 / reach**2, 0.0]])
    return np.vstack([broad, _shells(spec.shortest, reach, spec.angular - 1)])


def _shells(first: float, cutoff: float, count: int) -> FloatArray:
    """Gaussians whose standard deviation is the distance between two of them; none is centred at the cutoff."""
    width = (cutoff - first) / max(count, 1)
    return np.stack([np.full(count, 0.5 / width**2), first + width * np.arange(count)], axis=1)


class SymmetryFunctions:
    """``Descriptor``: per element the radial functions, then per pair of elements Gaussian by Gaussian λ and ζ.

    Args:
        spec: Cutoffs and numbers of functions.
        species: Elements, in the order of their numbers.
        dtype: Precision.
    """

    def __init__(self, spec: SymmetryFunctionsSpec, species: Sequence[str], dtype: torch.dtype, device: torch.device) -> None:
        self.spec = spec
        self.species = tuple(species)
        self.cutoff, self.dtype, self.device = spec.cutoff, dtype, device
        self._radial, self._angular = self._tensor(radial_grid(spec)), self._tensor(angular_grid(spec))
        self._counts = self._tensor([float(atomic_numbers[symbol]) for symbol in species])
        self._degree = max(spec.zetas) if spec.angular else -1
        self._multiplicity = [self._tensor(_multinomials(degree)) for degree in range(self._degree + 1)]
        self._mixing = self._tensor([_powers(zeta, sign, self._degree) for zeta in spec.zetas for sign in (-1, 1)])

    @property
    def channels(self) -> int:
        """Sums that are kept apart: one for each element of the neighbours, or one for all."""
        return len(self.species) if self.spec.elements == "separate" else 1

    @property
    def element_pairs(self) -> list[tuple[int, int]]:
        """Channels of the two neighbours that an angular function belongs to."""
        return [(item, other) for item in range(self.channels) for other in range(item, self.channels)]

    @property
    def size(self) -> int:
        """Number of features of an atom."""
        per_pair = self.spec.angular * 2 * len(self.spec.zetas)
        return self.channels * self.spec.radial + len(self.element_pairs) * per_pair

    def contributions(self, vectors: torch.Tensor, neighbour_species: torch.Tensor) -> torch.Tensor:
        """Radial functions, products of Gaussian and direction, and their squares for the terms with j = k."""
        distance = torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
        radial = _gaussians(distance, self._radial) * self._fade(distance, self.spec.cutoff)
        weight = self._counts[neighbour_species][:, None] if self.channels < len(self.species) else None
        parts = [radial if weight is None else radial * weight]
        if self.spec.angular:
            reach = self.spec.angular_cutoff or self.spec.cutoff
            shells = _gaussians(distance, self._angular) * self._fade(distance, reach)
            shells = shells if weight is None else shells * weight
            directions = _monomials(vectors / distance, self._degree)
            parts += [(shells[:, :, None] * directions[:, None, :]).flatten(1), shells**2]
        return torch.cat(parts, dim=1)

    def parts(self, sums: torch.Tensor, species: torch.Tensor) -> list[torch.Tensor]:  # noqa: ARG002
        """Yields the features part by part; they do not depend on the element of the atom itself."""
        radial, shells = self.spec.radial, self.spec.angular
        parts = [sums[:, :, :radial].flatten(1)]
        if shells:
            moments = sums[:, :, radial:-shells].unflatten(2, (shells, -1))
            alone = sums[:, :, -shells:]
            parts += [self._angular_features(moments, alone, *pair) for pair in self.element_pairs]
        return parts

    def _angular_features(self, moments: torch.Tensor, alone: torch.Tensor, channel: int, other: int) -> torch.Tensor:
        """G5 of pairs of neighbours of two channels, shape ``(n_atoms, angular * 2 * n_zetas)``."""
        powers = []
        first = 0
        for multiplicity in self._multiplicity:
            here = slice(first, first := first + len(multiplicity))
            total = (moments[:, channel, :, here] * moments[:, other, :, here]) @ multiplicity
            # Unordered pairs: within one channel each pair was summed twice, and each neighbour with itself.
            powers.append((total - alone[:, channel]) / 2 if channel == other else total)
        return (torch.stack(powers, dim=2) @ self._mixing.T).flatten(1)

    def _fade(self, distance: torch.Tensor, cutoff: float) -> torch.Tensor:
        share = (distance / cutoff).clamp(max=1.0)
        if self.spec.cutoff_function == "cosine":
            return 0.5 * (torch.cos(math.pi * share) + 1.0)
        return ((15.0 - 6.0 * share) * share - 10.0) * share**3 + 1.0

    def _tensor(self, values: FloatArray | Sequence[object]) -> torch.Tensor:
        return torch.as_tensor(np.asarray(values, dtype=np.float64), dtype=self.dtype, device=self.device)


def _gaussians(distance: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    return torch.exp(-grid[:, 0] * (distance - grid[:, 1]) ** 2)


def _exponents(degree: int) -> list[tuple[int, int, int]]:
    """Returns the exponents in the order of :func:`_monomials`."""
    return [(degree - bc, bc - c, c) for bc in range(degree + 1) for c in range(bc + 1)]


def _multinomials(degree: int) -> list[float]:
    return [math.factorial(degree) / math.prod(math.factorial(power) for power in exponent) for exponent in _exponents(degree)]


def _powers(zeta: int, sign: int, degree: int) -> list[float]:
    """2^(1-ζ) (1 + λ cos θ)^ζ as a polynomial of the cosine."""
    return [2.0 ** (1 - zeta) * math.comb(zeta, power) * sign**power for power in range(degree + 1)]


def _monomials(directions: torch.Tensor, degree: int) -> torch.Tensor:
    """Products of powers of the components up to a degree, shape ``(n_pairs, (degree + 1)(degree + 2)(degree + 3) / 6)``."""
    x, y, z = directions[:, :1], directions[:, 1:2], directions[:, 2:]
    last = torch.ones_like(x)
    rows = [last]
    for power in range(1, degree + 1):
        # Those without x are the last ones of each degree: y^power down to z^power.
        without_x = last[:, -power:]
        last = torch.cat([x * last, y * without_x, z * without_x[:, -1:]], dim=1)
        rows.append(last)
    return torch.cat(rows, dim=1)
