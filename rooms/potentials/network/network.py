"""Atomic networks, one per element: from descriptors to an energy and its gradient.

Behler and Parrinello 2007, doi:10.1103/PhysRevLett.98.146401. All weights of all elements are one vector. Gradients
with respect to the descriptors are written out, so that losses with forces need one backward pass, and their derivatives with
respect to the weights are rows of a least-squares system.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.pool import FloatArray

if TYPE_CHECKING:
    import torch

    Layers = Sequence[tuple[torch.Tensor, torch.Tensor]]


@dataclass(frozen=True)
class Architecture:
    """Sizes of the networks; all elements have the same.

    Attributes:
        n_features: Inputs.
        hidden: Neurons of each hidden layer.
        activation: ``tanh`` or ``silu``.
        n_species: Elements.
    """

    n_features: int
    hidden: tuple[int, ...]
    activation: str
    n_species: int

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Outputs and inputs of each layer, the last one's output being the energy."""
        sizes = (self.n_features, *self.hidden, 1)
        return tuple((after, before) for before, after in pairwise(sizes))

    @property
    def per_species(self) -> int:
        """Weights of one element."""
        return sum(after * (before + 1) for after, before in self.shapes)

    @property
    def n_weights(self) -> int:
        """Weights of all elements."""
        return self.n_species * self.per_species

    def layers(self, weights: torch.Tensor, species: int) -> Layers:
        """Matrices ``(n_out, n_in)`` and biases ``(n_out,)`` of an element, views of the vector of all weights."""
        found, begin = [], species * self.per_species
        for after, before in self.shapes:
            middle, end = begin + after * before, begin + after * (before + 1)
            found.append((weights[begin:middle].view(after, before), weights[middle:end]))
            begin = end
        return found

    def drawn(self, rng: np.random.Generator) -> FloatArray:
        """Weights uniform at random, of a width that keeps the variance from layer to layer; biases are zero.

        Glorot and Bengio 2010.
        """
        parts = []
        for _ in range(self.n_species):
            for after, before in self.shapes:
                limit = np.sqrt(6.0 / (after + before))
                parts += [rng.uniform(-limit, limit, after * before), np.zeros(after)]
        return np.concatenate(parts)


@dataclass(frozen=True)
class Passed:
    """Intermediate results of a forward pass.

    Attributes:
        inputs: Of each layer, shapes ``(n_atoms, n_in)``.
        first: First derivatives of the activations of each hidden layer, shapes ``(n_atoms, n_out)``.
        errors: Derivatives of the energy by the input of each hidden layer's activation, shapes ``(n_atoms, n_out)``.
        energies: Shape ``(n_atoms,)``.
        gradients: Derivatives of the energies by the descriptors, shape ``(n_atoms, n_features)``.
    """

    inputs: Sequence[torch.Tensor]
    first: Sequence[torch.Tensor]
    second: Sequence[torch.Tensor]
    errors: Sequence[torch.Tensor]
    energies: torch.Tensor
    gradients: torch.Tensor


def passed(layers: Layers, activation: str, features: torch.Tensor) -> Passed:
    """Forward pass of descriptors through an element's network.

    Args:
        layers: From :meth:`Architecture.layers`.
        activation: Of the hidden layers.
        features: Shape ``(n_atoms, n_features)``.
    """
    function = _ACTIVATIONS[activation]
    inputs, first, second = [features], [], []
    for matrix, bias in layers[:-1]:
        value, derivative, two = function(inputs[-1] @ matrix.T + bias)
        inputs.append(value)
        first.append(derivative)
        second.append(two)
    matrix, bias = layers[-1]
    energies = inputs[-1] @ matrix[0] + bias[0]
    errors = [first[-1] * matrix[0]]
    for (above, _), derivative in zip(reversed(layers[1:-1]), reversed(first[:-1]), strict=True):
        errors.insert(0, (errors[0] @ above) * derivative)
    return Passed(inputs, first, second, errors, energies, errors[0] @ layers[0][0])


def energy_rows(found: Passed, n_structures: int) -> torch.Tensor:
    """Derivatives of sums of atomic energies by an element's weights.

    Args:
        found: Of atoms, those of a structure together, as many in each.

    Returns:
        Shape ``(n_structures, n_weights)``.
    """
    import torch

    def by_structure(values: torch.Tensor) -> torch.Tensor:
        return values.view(n_structures, -1, values.shape[-1])

    parts = []
    for error, value in zip(found.errors, found.inputs[:-1], strict=True):
        errors = by_structure(error)
        parts += [(errors.transpose(1, 2) @ by_structure(value)).flatten(1), errors.sum(dim=1)]
    last = by_structure(found.inputs[-1])
    return torch.cat([*parts, last.sum(dim=1), torch.full_like(last[:, 0, :1], last.shape[1])], dim=1)


def gradient_rows(layers: Layers, found: Passed, directions: torch.Tensor) -> torch.Tensor:
    """Derivatives, by an element's weights, of gradient components along given directions, summed over atoms.

    Args:
        layers: Of the element.
        found: Of ``n_structures * n_atoms`` atoms, those of a structure together.
        directions: Of each atom's descriptors, shape ``(n_structures, n_atoms, n_directions, n_features)``.

    Returns:
        Shape ``(n_structures, n_directions, n_weights)``.
    """
    import torch

    structures, atoms, count, _ = directions.shape

    def spread(values: torch.Tensor) -> torch.Tensor:
        return values.view(structures, atoms, 1, values.shape[-1])

    # Forwards: how activations change along the directions.
    moved, rates = [directions], []
    for (matrix, _), derivative in zip(layers[:-1], found.first, strict=True):
        rates.append(moved[-1] @ matrix.T)
        moved.append(spread(derivative) * rates[-1])
    # Backwards: how the errors change.
    changes = [spread(layers[-1][0][0] * found.second[-1]) * rates[-1]]
    for place in range(len(layers) - 3, -1, -1):
        above = layers[place + 1][0]
        bend = spread((found.errors[place + 1] @ above) * found.second[place])
        changes.insert(0, (changes[0] @ above) * spread(found.first[place]) + bend * rates[place])
    parts = []
    for place, change in enumerate(changes):
        width = change.shape[-1]
        value = found.inputs[place].view(structures, atoms, -1)
        error = found.errors[place].view(structures, atoms, width)
        by_change = change.permute(0, 2, 3, 1).reshape(structures, count * width, atoms) @ value
        by_move = error.transpose(1, 2) @ moved[place].reshape(structures, atoms, -1)
        rows = by_change.view(structures, count, width, -1) + by_move.view(structures, width, count, -1).transpose(1, 2)
        parts += [rows.flatten(2), change.sum(dim=1)]
    last = moved[-1].sum(dim=1)
    return torch.cat([*parts, last, torch.zeros_like(last[..., :1])], dim=2)


Triple = tuple["torch.Tensor", "torch.Tensor", "torch.Tensor"]


def _tanh(values: torch.Tensor) -> Triple:
    import torch

    found = torch.tanh(values)
    first = 1.0 - found * found
    return found, first, -2.0 * found * first


def _silu(values: torch.Tensor) -> Triple:
    import torch

    gate = torch.sigmoid(values)
    rest = 1.0 - gate
    return values * gate, gate * (1.0 + values * rest), gate * rest * (2.0 + values * (1.0 - 2.0 * gate))


_ACTIVATIONS: dict[str, Callable[[torch.Tensor], Triple]] = {"tanh": _tanh, "silu": _silu}
