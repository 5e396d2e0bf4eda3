"""Random surfaces and ions of any mass: hops, the error of the grid and diffusion are numbers, and can be written."""

import json
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tansaku.diffusion.hops.basins import find_hops
from tansaku.diffusion.hops.grid_error import GridErrors
from tansaku.diffusion.hops.rates import arrhenius
from tansaku.diffusion.hops.report import as_graphml, describe_diffusion, describe_network
from tansaku.models.domain.pool import PeriodicGrid


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    height=st.floats(-9.0, 5.0),
    levels=st.sampled_from([1, 2, 5, 1000]),
    walls=st.floats(0.0, 0.5),
    mass=st.sampled_from([1e-3, 1.0, 238.0, 1e6]),
    temperature=st.floats(1.0, 5000.0),
)
def test_a_random_surface_has_a_report(seed, height, levels, walls, mass, temperature):
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(1, 5, 3))
    grid = PeriodicGrid(shape, np.arange(int(np.prod(shape))))
    energies = 10.0**height * rng.integers(0, levels, int(np.prod(shape))) - 1e5 * rng.integers(0, 2)
    energies = np.where(rng.random(len(energies)) < walls, np.inf, energies)
    energies[0] = energies[0] if np.isfinite(energies).any() else 0.0
    network = find_hops(energies, grid, np.diag(rng.uniform(0.5, 20.0, 3)), int(rng.choice([6, 26])), shallow=0.01)
    sites = tuple(replace(site, frequencies=(1e13 / np.sqrt(mass),) * 3) for site in network.sites)
    network = replace(network, sites=sites)
    errors = GridErrors(network, energies, grid)
    found = [errors.of(dimensions) for dimensions in (1, 2, 3)]
    assert all(error is None or np.isfinite(error.bound) for error in found)
    diffusion = arrhenius(network, [temperature, 1.5 * temperature])
    assert (diffusion is None) == (network.percolations[0] is None)
    document = describe_network(network, {}) | ({} if diffusion is None else describe_diffusion(diffusion))
    assert json.loads(json.dumps(document, allow_nan=False))
    assert as_graphml(document)
