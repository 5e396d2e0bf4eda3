"""A potential's energies, forces and stress of one structure of any size, without derivatives of single descriptors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.potentials.network.descriptors.contract import features

if TYPE_CHECKING:
    from tansaku.potentials.network.descriptors.contract import Descriptor
    from tansaku.potentials.network.descriptors.neighbours import Neighbours
    from tansaku.potentials.network.model import Potential

_PAIRS = {"cpu": 4_000, "cuda": 1_000_000}
"""Number of pairs computed at once, which fits into the processor's cache and the GPU's memory."""


@dataclass(frozen=True)
class Evaluation:
    """Predictions of a potential for a structure.

    Attributes:
        energies: Of the atoms by each network of the committee [eV], shape ``(n_members, n_atoms)``.
        forces: Of the mean energy [eV/Å], shape ``(n_atoms, 3)``.
        virial: Stress of the mean energy times the volume, tension positive [eV], shape ``(3, 3)``.
    """

    energies: FloatArray
    forces: FloatArray
    virial: FloatArray


def evaluate(model: Potential, descriptor: Descriptor, neighbours: Neighbours) -> Evaluation:
    """Evaluates a structure, some atoms at a time.

    Args:
        descriptor: The model's, in the wanted precision and place.
        neighbours: Of the structure; pairs beyond the cutoff are left out.
    """
    vectors = neighbours.vectors
    near = np.flatnonzero((vectors**2).sum(axis=1) < descriptor.cutoff**2)
    vectors, centre, neighbour = vectors[near], neighbours.centre[near], neighbours.neighbour[near]
    n_atoms = len(neighbours.species)
    energies = np.zeros((len(model.members), n_atoms))
    pull = np.zeros_like(vectors)
    first = 0
    while first < n_atoms:
        begin = int(np.searchsorted(centre, first))
        full = begin + _PAIRS[descriptor.device.type]
        last = n_atoms if full >= len(centre) else max(first + 1, int(centre[full]))
        pairs = slice(begin, int(np.searchsorted(centre, last)))
        kinds = neighbours.species[first:last], neighbours.species[neighbour[pairs]]
        energies[:, first:last], pull[pairs] = _some(model, descriptor, vectors[pairs], centre[pairs] - first, kinds)
        first = last
    forces = np.stack(
        [np.bincount(centre, pull[:, axis], n_atoms) - np.bincount(neighbour, pull[:, axis], n_atoms) for axis in range(3)],
        axis=1,
    )
    virial = vectors.T @ pull
    return Evaluation(energies, forces, (virial + virial.T) / 2)


def energy_deviation(model: Potential, energies: FloatArray) -> float:
    """Calibrated deviation of the total energy from the spread of the networks [eV].

    Args:
        energies: Of the atoms by each network [eV], shape ``(n_members, n_atoms)``.
    """
    n_members, n_atoms = energies.shape
    spread = float(np.std(energies.sum(axis=1), ddof=1)) / n_atoms if n_members > 1 else 0.0
    return float(model.of_energies.deviation(np.asarray(spread)) * n_atoms)


def _some(
    model: Potential, descriptor: Descriptor, vectors: FloatArray, centre: IntArray, kinds: tuple[IntArray, IntArray]
) -> tuple[FloatArray, FloatArray]:
    """Energies of some atoms, and the gradient of the mean energy with respect to each of their vectors.

    Args:
        vectors: From centre to neighbour, shape ``(n_pairs, 3)``.
        centre: Counted from the first of these atoms, shape ``(n_pairs,)``.
        kinds: Elements of these atoms, shape ``(n_atoms,)``, and of the pairs' neighbours, shape ``(n_pairs,)``.
    """
    device = descriptor.device
    moving = torch.as_tensor(vectors, dtype=descriptor.dtype, device=device).requires_grad_(True)
    owner, species, others = (torch.as_tensor(item, device=device) for item in (centre, *kinds))
    found = features(descriptor, moving, owner, others, species)
    with torch.no_grad():
        energies, gradients = model.atomic(found.detach(), species)
        mean = gradients.mean(dim=0)
    pull = torch.autograd.grad(found, moving, mean)[0]
    return energies.cpu().numpy().astype(np.float64), pull.cpu().numpy().astype(np.float64)
