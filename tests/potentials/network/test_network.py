"""Slopes of networks, and their derivatives by the weights, against what torch finds."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tansaku.potentials.network.network import Architecture, energy_rows, gradient_rows, passed  # noqa: E402

STRUCTURES, ATOMS, DIRECTIONS, FEATURES = 2, 3, 4, 5


@pytest.mark.parametrize("activation", ["tanh", "silu"])
@pytest.mark.parametrize("hidden", [(6,), (4, 3), (5, 4, 3)])
def test_slopes_and_rows_are_derivatives(activation, hidden):
    rng = np.random.default_rng(0)
    architecture = Architecture(FEATURES, hidden, activation, 2)
    weights = torch.tensor(architecture.drawn(rng) + 0.1 * rng.normal(size=architecture.n_weights), requires_grad=True)
    features = torch.tensor(rng.normal(size=(STRUCTURES * ATOMS, FEATURES)), requires_grad=True)
    directions = torch.tensor(rng.normal(size=(STRUCTURES, ATOMS, DIRECTIONS, FEATURES)))
    layers = architecture.layers(weights, 1)
    found = passed(layers, activation, features)
    gradients = torch.autograd.grad(found.energies.sum(), features, retain_graph=True)[0]
    assert torch.allclose(found.gradients, gradients)

    mine = slice(architecture.per_species, None)
    totals = found.energies.view(STRUCTURES, ATOMS).sum(dim=1)
    expected = torch.stack([torch.autograd.grad(one, weights, retain_graph=True)[0][mine] for one in totals])
    assert torch.allclose(energy_rows(found, STRUCTURES), expected)

    along = torch.einsum("sak,saqk->sq", found.gradients.view(STRUCTURES, ATOMS, FEATURES), directions).flatten()
    expected = torch.stack([torch.autograd.grad(one, weights, retain_graph=True)[0][mine] for one in along])
    assert torch.allclose(gradient_rows(layers, found, directions).flatten(0, 1), expected)


def test_elements_have_weights_of_their_own():
    architecture = Architecture(FEATURES, (4, 3), "tanh", 2)
    weights = torch.tensor(architecture.drawn(np.random.default_rng(0)))
    assert len(weights) == 2 * (4 * 6 + 3 * 5 + 4)
    changed = weights.clone()
    changed[: architecture.per_species] += 1.0
    features = torch.ones((1, FEATURES), dtype=torch.float64)
    one, other = (
        [float(passed(architecture.layers(values, species), "tanh", features).energies[0].detach()) for species in (0, 1)]
        for values in (weights, changed)
    )
    assert one[0] != other[0]
    assert one[1] == other[1]
