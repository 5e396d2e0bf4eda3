"""Passes that several hops share, and meetings that are none, against known answers."""

from __future__ import annotations

import numpy as np
import pytest

from tansaku.diffusion.hops.basins import find_hops
from tansaku.diffusion.hops.rates import diffusion_tensor, hop_rates
from tansaku.models.domain.pool import FloatArray
from tansaku.models.engine.percolation import bottleneck
from tests.diffusion.hops.symmetric_surfaces import LATTICES, folded_grid, plane, point_group


def forked() -> FloatArray:
    """A way down from a pass that divides, on a mirror plane, between two minima; beyond the pass there is a third one."""
    energies = np.full((7, 6), np.inf)
    energies[1:6, 1] = [0.1, 0.2, 0.3, 0.2, 0.1]
    energies[3, 2:4] = [0.5, 0.0]
    return energies


def test_a_way_down_that_divides_at_a_mirror_plane_leads_to_both_minima():
    network = plane(forked())
    assert [site.energy for site in network.sites] == [0.1, 0.0, 0.1]
    found = {(item.hop.first, item.hop.second): (item.energy, item.share) for item in network.passes}
    # Both hops to the third minimum lead over the one pass: half of what crosses it takes each.
    assert found == {(0, 2): (0.3, 1.0), (0, 1): (0.5, 0.5), (1, 2): (0.5, 0.5)}


def test_the_ion_crosses_a_shared_pass_as_often_as_one_that_is_not():
    alone = forked()
    alone[4:6, 1] = np.inf
    flows = []
    for network in (plane(forked()), plane(alone)):
        rates = hop_rates(network, 600.0)
        third = next(number for number, site in enumerate(network.sites) if site.energy == 0.0)
        out = [rates.forward[n] if item.hop.first == third else rates.backward[n] for n, item in enumerate(network.passes)]
        flows.append(sum(rate for rate, item in zip(out, network.passes, strict=True) if item.energy == 0.5))
    assert flows[0] == pytest.approx(flows[1], rel=1e-12)


def test_minima_that_meet_in_the_middle_of_a_ring_have_no_hop_across_it():
    # Four minima around a hill: lower passes lead along the ring, over two of them to the other side.
    ring = [(2, 2), (2, 3), (2, 4), (3, 4), (4, 4), (4, 3), (4, 2), (3, 2)]
    energies = np.full((7, 7), np.inf)
    for place, level in zip(ring, [0.0, 0.1] * 4, strict=True):
        energies[place] = level
    energies[3, 3] = 0.4
    assert sorted(item.energy for item in plane(energies).passes) == [0.1] * 4


@pytest.mark.parametrize("name", ["face-centred", "simple"])
def test_diffusion_in_a_cubic_host_has_no_direction(name):
    rng, cell = np.random.default_rng(0), LATTICES[name]
    grid = folded_grid(4, point_group(cell))
    values = rng.random(int(grid.members.max()) + 1)
    network = find_hops(values, grid, 3.0 * cell)
    levels = [found.level if found else np.inf for found in network.percolations]
    assert levels == list(bottleneck(values, grid).levels)
    eigenvalues = np.linalg.eigvalsh(diffusion_tensor(network, hop_rates(network, 2000.0)))
    assert np.ptp(eigenvalues) < 1e-9 * eigenvalues.mean()
