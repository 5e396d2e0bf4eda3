"""The tabulated free energy is the double integral on fine grids."""

import numpy as np
import pytest
from scipy.special import logsumexp

from tansaku.models.averaging.design import Design
from tansaku.models.averaging.evidence import NoiseGrid
from tansaku.sparse.models.search.scores import FreeEnergy


def direct(design, columns, grid):
    """Both deviations on fine log grids, with the matrix of the rows."""
    n = design.n_rows
    x = design.x[:, columns]
    values, vectors = np.linalg.eigh(x @ x.T)
    squares = (vectors.T @ design.y) ** 2
    noise = middles(*grid.noise, 600)[:, None]
    weight = middles(*grid.weight, 150)[None, :]
    variance = noise[..., None] ** 2 + weight[..., None] ** 2 * np.maximum(values, 0.0)
    logs = np.log(variance).sum(-1) - 2.0 * np.log(noise) + (squares / variance).sum(-1)
    logs = -0.5 * (logs + (n - 1) * np.log(2.0 * np.pi) + np.log(n))
    return -(logsumexp(logs) - np.log(logs.size))


def middles(low, high, count):
    edges = np.linspace(np.log(low), np.log(high), count + 1)
    return np.exp(0.5 * (edges[1:] + edges[:-1]))


@pytest.mark.parametrize("columns", [[], [0], [0, 3], [1, 2, 4]])
def test_it_is_the_double_integral(columns):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 5))
    design = Design.of(x, x[:, 0] - 0.5 * x[:, 3] + 0.3 * rng.normal(size=20))
    grid = NoiseGrid()
    found = FreeEnergy(design, grid).energies(np.array([columns], dtype=np.int64))
    assert found[0] == pytest.approx(direct(design, columns, grid), abs=0.02)


def test_the_step_hardly_matters_and_the_bounds_do():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(30, 3))
    design = Design.of(x, x[:, 0] + 0.1 * rng.normal(size=30))
    support = np.array([[0]])
    usual = FreeEnergy(design).energies(support)[0]
    assert FreeEnergy(design, NoiseGrid(step=0.06)).energies(support)[0] == pytest.approx(usual, abs=0.01)
    assert FreeEnergy(design, NoiseGrid(noise=(0.5, 2.0))).energies(support)[0] > usual + 5.0
