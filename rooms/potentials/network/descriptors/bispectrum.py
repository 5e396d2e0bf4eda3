"""Bispectrum components as LAMMPS computes them (``compute sna/atom``).

Bartók, Payne, Kondor and Csányi, Phys. Rev. Lett. 104, 136403 (2010), doi:10.1103/PhysRevLett.104.136403; Thompson et al.,
J. Comput. Phys. 285, 316 (2015), doi:10.1016/j.jcp.2014.12.018; several elements: Cusentino, Wood and Thompson, J. Phys. Chem.
A 124, 5456 (2020), doi:10.1021/acs.jpca.0c02450.

A neighbour is mapped to a rotation: its direction gives the axis, its distance the angle. The elements of the Wigner matrices
of these rotations are summed over the neighbours, and products of three sums, coupled by Clebsch-Gordan coefficients, do not
change when the surroundings turn. Angular momenta are doubled, so that they are integers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch

from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.potentials.specs.environment import BispectrumSpec


def element_weights(species: Sequence[str], *, separate: bool) -> FloatArray:
    """Weight of a neighbour of each element: 1 where elements have their own channels, else from 1 down to ½."""
    return np.ones(len(species)) if separate else np.linspace(1.0, 0.5 if len(species) > 1 else 1.0, len(species))


def components(degree: int) -> list[tuple[int, int, int]]:
    """Doubled angular momenta of the components, in LAMMPS's order."""
    return [
        (item, right, total)
        for item in range(degree + 1)
        for right in range(item + 1)
        for total in range(item - right, min(degree, item + right) + 1, 2)
        if total >= item
    ]


@dataclass(frozen=True)
class _Coupling:
    """One component: Z[target] = Σ coefficient U[first] U[second], and B = Σ multiplicity Re(U*[place] Z).

    Attributes:
        first: Places in the matrices, shape ``(n_terms,)``.
        second: Shape ``(n_terms,)``.
        coefficient: Shape ``(n_terms,)``.
        target: Which Z, shape ``(n_terms,)``.
        place: Of each Z in the matrices, shape ``(n_targets,)``.
        multiplicity: Of each Z, shape ``(n_targets,)``.
    """

    first: torch.Tensor
    second: torch.Tensor
    coefficient: torch.Tensor
    target: torch.Tensor
    place: torch.Tensor
    multiplicity: torch.Tensor


class Bispectrum:
    """``Descriptor``: the components, for each triple of elements where they are kept apart.

    Args:
        spec: Cutoff and degree.
        species: Elements, in the order of their numbers.
        dtype: Precision.
    """

    def __init__(self, spec: BispectrumSpec, species: Sequence[str], dtype: torch.dtype, device: torch.device) -> None:
        self.spec = spec
        self.species = tuple(species)
        self.cutoff, self.dtype, self.device = spec.cutoff, dtype, device
        separate = spec.elements == "separate"
        self._channels = len(species) if separate else 1
        self._weights = self._real(element_weights(species, separate=separate))
        factors = [_roots(momentum) for momentum in range(1, spec.degree + 1)]
        self._roots = [(self._real(same), self._real(lower)) for same, lower in factors]
        half, sign = _unfolding(spec.degree)
        self._half, self._sign = torch.as_tensor(half, device=device), self._real(sign)
        self._diagonal = self._real(np.concatenate([np.eye(momentum + 1).ravel() for momentum in range(spec.degree + 1)]))
        self._couplings = {component: self._coupling(*component) for component in components(spec.degree)}

    @property
    def channels(self) -> int:
        """Sums that are kept apart: one for each element of the neighbours, or one for all."""
        return self._channels

    @property
    def size(self) -> int:
        """Number of features of an atom."""
        return self._channels**3 * len(self._couplings)

    def contributions(self, vectors: torch.Tensor, neighbour_species: torch.Tensor) -> torch.Tensor:
        """Elements of the Wigner matrices, those that the others follow from: real parts, then imaginary ones."""
        distance = torch.linalg.vector_norm(vectors, dim=1)
        share = (distance / self.spec.cutoff).clamp(max=1.0)
        angle = self.spec.angle * math.pi * share
        x, y, z = (vectors / distance[:, None]).unbind(1)
        # The conjugate Cayley-Klein parameters of the rotation.
        a = torch.complex(torch.cos(angle), torch.sin(angle) * z)[:, None, None]
        b = torch.complex(torch.sin(angle) * y, torch.sin(angle) * x)[:, None, None]
        matrix = torch.ones_like(a)
        rows = [matrix.flatten(1)]
        for momentum, (same, lower) in enumerate(self._roots, start=1):
            if momentum % 2 == 0:
                matrix = _one_row_more(matrix)
            zero = torch.zeros_like(matrix[:, :, :1])
            stays, falls = torch.cat([matrix, zero], dim=2), torch.cat([zero, matrix], dim=2)
            matrix = same * a * stays - lower * b * falls
            rows.append(matrix.flatten(1))
        fade = 0.5 * (torch.cos(math.pi * share) + 1.0) * self._weights[neighbour_species]
        total = torch.cat(rows, dim=1)
        return torch.cat([total.real, total.imag], dim=1) * fade[:, None]

    def parts(self, sums: torch.Tensor, species: torch.Tensor) -> list[torch.Tensor]:
        """Yields the features part by part: one component for one triple of elements, zero without neighbours."""
        folded = sums.unflatten(2, (2, -1))[..., self._half]
        real, imaginary = folded[:, :, 0], folded[:, :, 1] * self._sign[0]
        own = torch.zeros_like(sums[:, :, :1])
        own = own.scatter(1, species[:, None, None], 1.0) if self._channels > 1 else own + 1.0
        matrices = torch.complex((real * self._sign[1]) + own * self._diagonal, imaginary)
        found = [self._component(matrices, coupling, self._own(own, item)) for item, coupling in self._couplings.items()]
        return [item[:, place, None] for place in range(self._channels**3) for item in found]

    def _component(self, matrices: torch.Tensor, coupling: _Coupling, own: torch.Tensor) -> torch.Tensor:
        """A component of all triples of channels, shape ``(n_atoms, channels^3)``."""
        pairs = matrices[:, :, None, coupling.first] * matrices[:, None, :, coupling.second] * coupling.coefficient
        coupled = pairs.new_zeros((*pairs.shape[:3], len(coupling.place))).index_add(3, coupling.target, pairs)
        third = matrices[:, :, coupling.place] * coupling.multiplicity
        total = torch.einsum("iabt,ict->iabc", coupled.real, third.real) + torch.einsum(
            "iabt,ict->iabc", coupled.imag, third.imag
        )
        return total.flatten(1) - own

    def _own(self, own: torch.Tensor, component: tuple[int, int, int]) -> torch.Tensor:
        """Returns the components of an atom without neighbours, shape ``(n_atoms, channels^3)``."""
        alone = own[:, :, 0]
        value = 1.0 if self._channels > 1 else component[2] + 1.0
        return value * torch.einsum("ia,ib,ic->iabc", alone, alone, alone).flatten(1)

    def _coupling(self, left: int, right: int, total: int) -> _Coupling:
        """The terms of a component; terms that are equal by symmetry are computed once and multiplied."""
        scale = 1.0 / (total + 1) if self._channels > 1 else 1.0
        couple = {
            (m1, m2): clebsch_gordan(left, m1, right, m2, total)
            for m1, m2 in product(range(left + 1), range(right + 1))
            if 0 <= m1 + m2 - (left + right - total) // 2 <= total
        }
        targets: dict[tuple[int, int], int] = {}
        terms: list[tuple[int, int, float, int]] = []
        for (b1, b2), (a1, a2) in product(couple, couple):
            row, column = (m1 + m2 - (left + right - total) // 2 for m1, m2 in ((b1, b2), (a1, a2)))
            if _multiplicity(total, row, column):
                target = targets.setdefault((row, column), len(targets))
                coefficient = scale * couple[b1, b2] * couple[a1, a2]
                terms.append((_place(left, b1, a1), _place(right, b2, a2), coefficient, target))
        first, second, coefficients, target_of = zip(*terms, strict=True)
        return _Coupling(
            first=self._whole(first),
            second=self._whole(second),
            coefficient=self._real(coefficients),
            target=self._whole(target_of),
            place=self._whole([_place(total, row, column) for row, column in targets]),
            multiplicity=self._real([_multiplicity(total, row, column) for row, column in targets]),
        )

    def _whole(self, values: Sequence[int]) -> torch.Tensor:
        return torch.as_tensor(values, dtype=torch.int64, device=self.device)

    def _real(self, values: FloatArray | Sequence[float]) -> torch.Tensor:
        return torch.as_tensor(np.asarray(values), dtype=self.dtype, device=self.device)


def clebsch_gordan(left: int, m1: int, right: int, m2: int, total: int) -> float:
    """Clebsch-Gordan coefficient of doubled angular momenta; projections are counted from 0 upwards.

    Varshalovich, Moskalev and Khersonskii, Quantum Theory of Angular Momentum (1988), equation 8.2.1(3).
    """
    f = math.factorial
    m = m1 + m2 - (left + right - total) // 2
    triangle = f((left + right - total) // 2) * f((left - right + total) // 2) * f((right - left + total) // 2)
    norm = (total + 1) * triangle / f((left + right + total) // 2 + 1)
    norm *= f(m1) * f(left - m1) * f(m2) * f(right - m2) * f(m) * f(total - m)
    # No argument of a factorial may be negative.
    lower, upper = (total - left - right) // 2 + m1, (total - left + right) // 2 - m2
    series = 0.0
    for k in range(max(0, -lower, -upper), min((left + right - total) // 2, left - m1, m2) + 1):
        series += (-1) ** k / (
            f(k) * f((left + right - total) // 2 - k) * f(left - m1 - k) * f(m2 - k) * f(lower + k) * f(upper + k)
        )
    return math.sqrt(norm) * series


def _multiplicity(momentum: int, row: int, column: int) -> float:
    """Returns how often an element of the matrix counts; half of the elements follow from the others."""
    if 2 * row != momentum:
        return 2.0 if 2 * row < momentum else 0.0
    return 2.0 if column < row else float(column == row)


def _place(momentum: int, row: int, column: int) -> int:
    """Returns the place of an element when all matrices are stored one behind the other."""
    return momentum * (momentum + 1) * (2 * momentum + 1) // 6 + row * (momentum + 1) + column


def _roots(momentum: int) -> tuple[FloatArray, FloatArray]:
    """Factors of the recursion for the rows up to the middle, shape ``(n_rows, momentum + 1)`` each."""
    row, column = np.arange(momentum // 2 + 1)[:, None], np.arange(momentum + 1)[None, :]
    return np.sqrt((momentum - column) / (momentum - row)), np.sqrt(column / (momentum - row))


def _one_row_more(matrix: torch.Tensor) -> torch.Tensor:
    """Adds the row behind the middle of a matrix of odd momentum, which the one before it gives."""
    last = matrix[:, -1:].flip(2).conj()
    signs = torch.ones(last.shape[2], dtype=matrix.real.dtype, device=matrix.device)
    # (-1)^(row + column) of the element that it is taken from, which is in row `shape[1] - 1`.
    signs[(torch.arange(len(signs)) + matrix.shape[1]) % 2 == 0] = -1.0
    return torch.cat([matrix, last * signs.flip(0)], dim=1)


def _unfolding(degree: int) -> tuple[IntArray, FloatArray]:
    """Returns the place where each element of the whole matrices is kept, and the signs of its imaginary and its real part."""
    kept: dict[tuple[int, int, int], int] = {}
    for momentum in range(degree + 1):
        for row, column in product(range(momentum // 2 + 1), range(momentum + 1)):
            kept[momentum, row, column] = len(kept)
    half, signs = [], []
    for momentum in range(degree + 1):
        for row, column in product(range(momentum + 1), repeat=2):
            mirrored = 2 * row > momentum
            sign = (-1.0) ** (row + column) if mirrored else 1.0
            half.append(kept[momentum, momentum - row, momentum - column] if mirrored else kept[momentum, row, column])
            signs.append((-sign if mirrored else sign, sign))
    return np.array(half, dtype=np.intp), np.array(signs).T
