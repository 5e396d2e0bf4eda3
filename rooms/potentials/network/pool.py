"""Structures that are evaluated repeatedly by committees with different weights.

Neighbours and descriptors do not depend on the weights and are found once. Forces are computed again for each version from
gradients with respect to the neighbours' vectors: this takes less time than the stored derivatives of every descriptor, and
no memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from scipy.spatial.distance import pdist

from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.specs.proposer import Compared
from tansaku.potentials.network.descriptors.contract import Descriptor, features, open_descriptor
from tansaku.potentials.network.descriptors.jacobian import portions
from tansaku.potentials.network.descriptors.neighbours import Neighbours
from tansaku.potentials.network.model import Potential
from tansaku.potentials.network.problem import one_thread_each
from tansaku.potentials.specs.environment import EnvironmentSpec

if TYPE_CHECKING:
    from ase import Atoms

Found = TypeVar("Found")

_COMPARED = 1000
"""Number of structures from which the median distance is computed."""


@dataclass(frozen=True)
class Seen:
    """Predictions of a committee for every structure.

    Attributes:
        energies: Per atom, by each member [eV], shape ``(n_members, n_structures)``.
        spread: Spread of the members in the compared quantity, shape ``(n_structures,)``. Structures are weighted as in the
            loss of training; where ``softening`` reduces the weight of large forces, the predicted forces are used.
    """

    energies: FloatArray
    spread: FloatArray

    @property
    def energy_spread(self) -> FloatArray:
        """Spread of the members' energies per atom [eV], shape ``(n_structures,)``."""
        return _apart(self.energies)


class PotentialPool:
    """Structures with their descriptors.

    Args:
        environment: Descriptors of the potential.
        structures: As they stand.
        species: Elements of the potential, in order.

    Raises:
        FitError: A structure has another element.
        MissingComponentError: matscipy is not installed.
    """

    def __init__(self, environment: EnvironmentSpec, structures: Sequence[Atoms], species: Sequence[str]) -> None:
        self._sizes = np.array([len(structure) for structure in structures], dtype=np.intp)
        self._descriptor = open_descriptor(environment, species)
        self._portions = portions(self._descriptor, structures, species)

    def seen_by(self, model: Potential, of: Compared) -> Seen:
        """Predicts with a version.

        Args:
            model: Of the same environment and elements.
            of: The quantity in which its members are compared: energies per atom [eV], forces [eV/Å], or both combined as in
                the loss of training [eV].
        """
        spec, described = model.spec, self._features

        def energies(place: int) -> FloatArray:
            batch = self._portions[place]
            with torch.no_grad():
                found = model.atomic(described[place], torch.as_tensor(batch.species))[0].numpy()
            return np.stack([np.bincount(batch.structure, item, len(batch.cells)) for item in found])

        per_atom = np.asarray(np.hstack(_side_by_side(energies, len(self._portions))) / self._sizes)
        if of == "energy" and spec.softening is None:
            return Seen(per_atom, _apart(per_atom))
        variances, squares = np.hstack(_side_by_side(self._pushes(model), len(self._portions)))
        apart = {"energy": _apart(per_atom) ** 2, "forces": variances}
        apart["both"] = apart["energy"] + spec.force_weight * apart["forces"]
        return Seen(per_atom, np.asarray(np.sqrt(apart[of] * shares(spec.softening, squares))))

    @cached_property
    def places(self) -> FloatArray:
        """Coordinates of the structures: mean and deviation of each feature over the atoms, standardised over the structures.

        Returns:
            In units of the median distance of two structures, shape ``(n_structures, 2 n_features)``.
        """
        rows = np.vstack([_moments(batch, found) for batch, found in zip(self._portions, self._features, strict=True)])
        spread = rows.std(axis=0)
        varies = spread > 1e-9 * np.maximum(np.abs(rows).max(axis=0), 1.0)
        standard = np.where(varies, (rows - rows.mean(axis=0)) / np.where(varies, spread, 1.0), 0.0)
        some = standard[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _COMPARED)).astype(np.intp))]
        median = float(np.median(pdist(some))) if len(some) > 1 else 0.0
        return np.asarray(standard / median if median > 0 else standard)

    @cached_property
    def _features(self) -> list[torch.Tensor]:
        def of(place: int) -> torch.Tensor:
            with torch.no_grad():
                return _features(self._descriptor, self._portions[place], _vectors(self._portions[place]))

        return _side_by_side(of, len(self._portions))

    def _pushes(self, model: Potential) -> Callable[[int], FloatArray]:
        """Variance of a portion's forces over the members, and the square of their mean, shape ``(2, n_structures)``.

        Both are means over the components [eV^2/Å^2].
        """

        def of(place: int) -> FloatArray:
            batch = self._portions[place]
            vectors = _vectors(batch).requires_grad_(True)
            with torch.enable_grad():
                found = _features(self._descriptor, batch, vectors)
            with torch.no_grad():
                gradients = model.atomic(found.detach(), torch.as_tensor(batch.species))[1]
            forces = []
            for gradient in gradients:
                pull = torch.autograd.grad(found, vectors, gradient, retain_graph=True)[0]
                force = torch.zeros((len(batch.species), 3), dtype=pull.dtype)
                force.index_add_(0, torch.as_tensor(batch.centre), pull)
                force.index_add_(0, torch.as_tensor(batch.neighbour), -pull)
                forces.append(force.numpy())
            moments = np.var(forces, axis=0, ddof=1), np.mean(forces, axis=0) ** 2
            return np.stack([_means(item, batch.structure) for item in moments])

        return of


def _apart(energies: FloatArray) -> FloatArray:
    return np.asarray(energies.std(axis=0, ddof=1))


def _means(rows: FloatArray, structure: IntArray) -> FloatArray:
    """Means over each structure's atoms, shape ``(n_atoms, k)``."""
    return np.asarray(np.bincount(structure, rows.mean(axis=1)) / np.bincount(structure))


def _features(descriptor: Descriptor, batch: Neighbours, vectors: torch.Tensor) -> torch.Tensor:
    species = torch.as_tensor(batch.species)
    return features(descriptor, vectors, torch.as_tensor(batch.centre), species[torch.as_tensor(batch.neighbour)], species)


def _vectors(batch: Neighbours) -> torch.Tensor:
    return torch.as_tensor(batch.vectors, dtype=torch.float64)


def _moments(batch: Neighbours, found: torch.Tensor) -> FloatArray:
    """Mean and deviation of the features over each structure's atoms."""
    first = np.searchsorted(batch.structure, np.arange(len(batch.cells)))
    values, count = found.numpy(), np.bincount(batch.structure)[:, None]
    mean = np.add.reduceat(values, first) / count
    square = np.add.reduceat((values - mean[batch.structure]) ** 2, first) / count
    return np.hstack([mean, np.sqrt(square)])


def _side_by_side(compute: Callable[[int], Found], count: int) -> list[Found]:
    """Computes all portions with one thread per processor; the number of threads does not change the result."""
    with one_thread_each() as workers:
        return list(workers.map(compute, range(count)))


def shares(softening: float | None, squares: FloatArray) -> FloatArray:
    """Returns the weights of structures relative to one without forces.

    Args:
        softening: Root mean square force at which a structure counts half [eV/Å]; None: all count alike.
        squares: Mean squares of their forces' components [eV^2/Å^2], shape ``(n_structures,)``.

    Returns:
        Above 0, at most 1, same shape.
    """
    if softening is None:
        return np.ones(len(squares))
    return np.asarray(1.0 / (1.0 + squares / softening**2))
