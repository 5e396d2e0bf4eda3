"""Chooses the structures to label: those that reduce the variance of all predictions most for their cost.

The model assumes that the energies of atoms are linear in the leading components of their standardised features, with
weights of equal prior variance and a little noise. If the energies of a structure's atoms, rows X, become known, the
covariance A of the weights becomes (A⁻¹ + XᵀX/σ²)⁻¹, whatever the energies are. The mean variance of all predictions is
tr(C A), where C is the mean of x xᵀ over all atoms. Structures are chosen one by one, each the one that lowers this mean
most for its cost. The choice needs no energies and does not depend on the model that is trained afterwards (Cohn,
Ghahramani and Jordan 1996, doi:10.1613/jair.295).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.specs.descriptors import DescriptorSpec
from tansaku.models.features.atomic_environment import environment_features
from tansaku.models.features.species import species_of

if TYPE_CHECKING:
    from ase import Atoms

NOISE = 0.01
"""Variance of the part that is not linear in the components, divided by the prior variance of the energies. On the
structures of ``benchmarks/local_energies`` a tenth of it and ten times as much choose about as well."""

COMPONENTS = 40
"""Leading components of each element's features."""

_CONSTANT = 1e-9
_AT_ONCE = 32


Features = Callable[["Atoms", Sequence[DescriptorSpec], Sequence[str]], FloatArray]


@dataclass(frozen=True)
class Environments:
    """Summary of the atoms of many structures, from which some are chosen.

    Attributes:
        factors: Of each structure R with RᵀR = XᵀX, X being the rows of its atoms, shape ``(n, m, m)``.
        mean: C, the mean of x xᵀ over all atoms of all structures, shape ``(m, m)``.
    """

    factors: FloatArray
    mean: FloatArray

    @classmethod
    def of(
        cls, structures: Sequence[Atoms], descriptors: Sequence[DescriptorSpec], features: Features = environment_features
    ) -> Environments:
        """Reads the structures twice; only the features of one at a time are in memory.

        Args:
            structures: To be labelled, or to be predicted.
            descriptors: Descriptors of their atoms.
            features: Computes a structure's features; a caller that chooses among the same structures many times can cache
                them.

        Raises:
            FitError: No atom differs from another.
        """
        species = species_of(structures)
        every = _Every(structures, descriptors, species, features)
        projections = [_Projection.learned(every.of_element(element)) for element in species]
        width = sum(item.axes.shape[1] for item in projections)
        if not width:
            raise FitError("no feature varies over the structures: there is nothing to choose by")
        factors = np.zeros((len(structures), width, width))
        total, count = np.zeros((width, width)), 0
        for number, structure in enumerate(structures):
            found = features(structure, descriptors, species)
            rows, begin = np.zeros((len(structure), width)), 0
            for element, projection in zip(species, projections, strict=True):
                mine = np.asarray(structure.symbols == element)
                end = begin + projection.axes.shape[1]
                rows[mine, begin:end] = projection.rows(found[mine])
                begin = end
            upper = np.linalg.qr(rows, mode="r")
            factors[number, : len(upper)] = upper
            total += rows.T @ rows
            count += len(rows)
        return cls(factors, total / count)


def informative_order(environments: Environments, cost: FloatArray, candidates: IntArray) -> IntArray:
    """Candidates in the order of their gain for their cost.

    Args:
        environments: Of all structures, those that are only to be predicted included.
        cost: Of each structure, positive, any unit, shape ``(n,)``.
        candidates: Positions of the structures that may be chosen.

    Returns:
        The same positions in order; of equals the first given comes first.
    """
    mean = environments.mean
    covariance = np.eye(len(mean)) / np.trace(mean)
    left = np.array(candidates, dtype=np.intp)
    # Gains almost never grow as others are chosen, so an old one is a bound until its candidate comes first.
    gains = np.full(len(left), np.inf)
    order: list[int] = []
    while len(left):
        fresh = np.zeros(len(left), dtype=np.bool_)
        while not fresh[int(np.argmax(gains))]:
            stale = np.flatnonzero(~fresh)
            asked = np.sort(stale[np.argsort(-gains[stale], kind="stable")[:_AT_ONCE]])
            gains[asked] = _drop(environments.factors[left[asked]], covariance, mean) / cost[left[asked]]
            fresh[asked] = True
        best = int(np.argmax(gains))
        order.append(int(left[best]))
        covariance = _after(environments.factors[left[best]], covariance)
        left, gains = np.delete(left, best), np.delete(gains, best)
    return np.array(order, dtype=np.intp)


def smallest_order(cost: FloatArray, candidates: IntArray, rng: np.random.Generator) -> IntArray:
    """Candidates by rising cost, those of equal cost in random order."""
    mixed = rng.permutation(candidates)
    return np.asarray(mixed[np.argsort(cost[mixed], kind="stable")], dtype=np.intp)


def within(order: IntArray, cost: FloatArray, limit: float) -> IntArray:
    """The first ones of an order that together cost no more than a limit, and one at least."""
    spent = np.cumsum(cost[order])
    # Sums of the same numbers in another order may differ by rounding.
    return order[: max(1, int(np.searchsorted(spent, limit * (1 + 1e-9), side="right")))]


def _drop(factors: FloatArray, covariance: FloatArray, mean: FloatArray) -> FloatArray:
    """Returns by how much each structure alone would lower tr(C A), shape ``(n,)``."""
    seen = factors @ covariance
    noisy = seen @ factors.transpose(0, 2, 1) + NOISE * np.eye(factors.shape[1])
    change = np.linalg.solve(noisy, seen @ mean @ seen.transpose(0, 2, 1))
    return np.asarray(np.trace(change, axis1=1, axis2=2))


def _after(factor: FloatArray, covariance: FloatArray) -> FloatArray:
    """The covariance when a structure's energies are known too."""
    seen = factor @ covariance
    noisy = seen @ factor.T + NOISE * np.eye(len(factor))
    after = covariance - seen.T @ np.linalg.solve(noisy, seen)
    return np.asarray(0.5 * (after + after.T))


@dataclass(frozen=True)
class _Projection:
    """Features of one element's atoms to their leading components."""

    centre: FloatArray
    axes: FloatArray

    @classmethod
    def learned(cls, parts: Iterator[FloatArray]) -> _Projection:
        first = next(parts)
        count, total, products = len(first), first.sum(axis=0), first.T @ first
        for part in parts:
            count += len(part)
            total += part.sum(axis=0)
            products += part.T @ part
        centre = total / count
        covariance = products / count - np.outer(centre, centre)
        scale = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        # The products have only half of the digits of features that hardly vary.
        varies = scale > np.sqrt(_CONSTANT) * np.maximum(np.abs(centre), 1.0)
        inverse = np.where(varies, 1.0 / np.where(varies, scale, 1.0), 0.0)
        values, vectors = np.linalg.eigh(covariance * inverse[:, None] * inverse)
        leading = np.argsort(-values, kind="stable")[: min(COMPONENTS, int(varies.sum()))]
        # Directions without variance carry no information.
        leading = leading[values[leading] > _CONSTANT * len(values)]
        return cls(centre, inverse[:, None] * vectors[:, leading])

    def rows(self, features: FloatArray) -> FloatArray:
        return np.asarray((features - self.centre) @ self.axes)


@dataclass(frozen=True)
class _Every:
    """All structures."""

    structures: Sequence[Atoms]
    descriptors: Sequence[DescriptorSpec]
    species: Sequence[str]
    features: Features

    def of_element(self, element: str) -> Iterator[FloatArray]:
        """Features of an element's atoms, one structure after the other."""
        for structure in self.structures:
            mine: npt.NDArray[np.bool_] = np.asarray(structure.symbols == element)
            if mine.any():
                yield self.features(structure, self.descriptors, self.species)[mine]
