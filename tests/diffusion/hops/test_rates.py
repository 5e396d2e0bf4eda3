"""Diffusion by the master equation, against exact results and a kinetic Monte Carlo of our own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase.units import kB
from hypothesis import given, settings
from hypothesis import strategies as st

from tansaku.calculators.workflows.migration.network import Hop
from tansaku.diffusion.hops.hop_network import HopNetwork, Pass, Site
from tansaku.diffusion.hops.rates import arrhenius, diffusion_tensor, hop_rates

HERE = (0, 0, 0)


def network(
    energies: list[float], fractions: list[float], passes: list[tuple[int, int, tuple[int, int, int], float]]
) -> HopNetwork:
    sites = tuple(
        Site((x, 0.0, 0.0), energy, number) for number, (x, energy) in enumerate(zip(fractions, energies, strict=True))
    )
    return HopNetwork(2.0 * np.eye(3), sites, tuple(Pass(Hop(i, j, cell), HERE, energy, 0) for i, j, cell, energy in passes))


CUBIC = network([0.0], [0.0], [(0, 0, (1, 0, 0), 0.3), (0, 0, (0, 1, 0), 0.3), (0, 0, (0, 0, 1), 0.3)])
UNEVEN = network(
    [0.0, 0.02, 0.05],
    [0.0, 0.3, 0.7],
    [(0, 1, HERE, 0.10), (1, 2, HERE, 0.15), (2, 0, (1, 0, 0), 0.12), (0, 0, (0, 1, 0), 0.13), (0, 2, (0, -1, 0), 0.14)],
)


def test_a_simple_cubic_lattice_has_the_rate_times_the_square_of_its_step():
    rates = hop_rates(CUBIC, 600.0)
    rate = 1e13 * np.exp(-0.3 / (kB * 600.0))
    assert rates.forward == pytest.approx([rate] * 3)
    assert diffusion_tensor(CUBIC, rates) == pytest.approx(rate * 4.0 * 1e-16 * np.eye(3))


def test_a_chain_of_unequal_passes_is_limited_like_resistors_in_a_row():
    # In one dimension the exact answer is the harmonic mean of the flows: a²/Σ 1/(p k).
    chain = network([0.0, 0.05], [0.0, 0.4], [(0, 1, HERE, 0.2), (1, 0, (1, 0, 0), 0.3)])
    rates = hop_rates(chain, 500.0)
    flows = rates.occupation[[0, 1]] * rates.forward
    exact = 1e-16 * 2.0**2 / (1.0 / flows).sum()
    assert diffusion_tensor(chain, rates)[0, 0] == pytest.approx(exact)
    assert np.abs(diffusion_tensor(chain, rates)[1:]).max() == 0.0


def test_where_the_sites_are_drawn_does_not_matter():
    moved = replace(UNEVEN, sites=(UNEVEN.sites[0], replace(UNEVEN.sites[1], fraction=(0.41, 0.2, -0.3)), UNEVEN.sites[2]))
    rates = hop_rates(UNEVEN, 400.0)
    assert diffusion_tensor(moved, rates) == pytest.approx(diffusion_tensor(UNEVEN, rates), abs=1e-12)


def test_rates_keep_detailed_balance():
    rates = hop_rates(UNEVEN, 300.0)
    for item, forward, backward in zip(UNEVEN.passes, rates.forward, rates.backward, strict=True):
        assert rates.occupation[item.hop.first] * forward == pytest.approx(rates.occupation[item.hop.second] * backward)


def test_vibrations_give_the_attempt_frequency():
    sites = tuple(replace(site, frequencies=(3e13, 2e13, 1e13)) for site in CUBIC.sites)
    passes = tuple(replace(item, frequencies=(4e13, 5e12)) for item in CUBIC.passes)
    known = replace(CUBIC, sites=sites, passes=passes)
    assert hop_rates(known, 600.0).forward == pytest.approx(hop_rates(CUBIC, 600.0, 3e13).forward)
    # For a pass that is not known the stated frequency counts.
    partly = hop_rates(replace(known, passes=(*passes[:2], CUBIC.passes[2])), 600.0)
    assert partly.forward / hop_rates(CUBIC, 600.0).forward == pytest.approx([3.0, 3.0, 1.0])


def walked(given: HopNetwork, temperature: float, walkers: int, hops: int, rng: np.random.Generator) -> np.ndarray:
    """Diffusion by kinetic Monte Carlo: residence times are drawn, all walkers hop equally often."""
    rates = hop_rates(given, temperature)
    ways: list[list[tuple[float, int, np.ndarray]]] = [[] for _ in given.sites]
    for number, item in enumerate(given.passes):
        move = given.displacement(number)
        ways[item.hop.first].append((rates.forward[number], item.hop.second, move))
        ways[item.hop.second].append((rates.backward[number], item.hop.first, -move))
    most = max(len(way) for way in ways)
    heights = np.array([np.pad(np.cumsum([rate for rate, _, _ in way]), (0, most - len(way)), mode="edge") for way in ways])
    onto = np.array([[way[min(k, len(way) - 1)][1] for k in range(most)] for way in ways])
    moves = np.array([[way[min(k, len(way) - 1)][2] for k in range(most)] for way in ways])
    site = rng.choice(len(given.sites), walkers, p=rates.occupation)
    place, clock = np.zeros((walkers, 3)), np.zeros(walkers)
    span = hops / (rates.occupation @ heights[:, -1])
    while (running := clock < span).any():
        total = heights[site, -1]
        clock = clock + np.where(running, rng.exponential(1.0, walkers) / total, 0.0)
        running = clock < span
        chosen = (rng.random(walkers)[:, None] * total[:, None] >= heights[site]).sum(axis=1)
        place += np.where(running[:, None], moves[site, chosen], 0.0)
        site = np.where(running, onto[site, chosen], site)
    return 1e-16 * place.T @ place / (2.0 * span * walkers)


def test_kinetic_monte_carlo_agrees_with_the_master_equation():
    exact = diffusion_tensor(UNEVEN, hop_rates(UNEVEN, 500.0))
    found = walked(UNEVEN, 500.0, 20_000, 200, np.random.default_rng(0))
    assert exact[0, 0] > 0.0 < exact[1, 1]
    assert abs(exact[0, 1]) > 0.02 * exact[0, 0]
    # Statistical error of 20,000 walkers: 1 %; their finite time adds as much.
    assert found[:2, :2] == pytest.approx(exact[:2, :2], abs=0.04 * exact[0, 0])
    assert np.abs(exact[2]).max() == 0.0


def test_the_apparent_activation_energy_is_the_barrier_of_equal_hops():
    found = arrhenius(CUBIC, [500.0, 700.0, 1000.0])
    assert found.energy == pytest.approx(0.3)
    assert found.prefactor == pytest.approx(1e13 * 4.0 * 1e-16)
    assert found.coefficients[0] == pytest.approx(1e13 * 4.0e-16 * np.exp(-0.3 / (kB * 500.0)))


def test_an_ion_that_does_not_get_away_has_no_diffusion():
    trapped = network([0.0, 0.1], [0.0, 0.4], [(0, 1, HERE, 0.2)])
    assert diffusion_tensor(trapped, hop_rates(trapped, 500.0)) == pytest.approx(np.zeros((3, 3)), abs=1e-25)
    assert arrhenius(trapped, [500.0, 1000.0]) is None


def by_linear_algebra(given: HopNetwork, temperature: float) -> np.ndarray:
    """The same by the linear system over the sites (Trinkle), where its numbers are harmless."""
    rates, count = hop_rates(given, temperature), len(given.sites)
    flows = rates.occupation[[item.hop.first for item in given.passes]] * rates.forward
    flows_of_one = flows / flows.max()
    laplacian, drift = np.zeros((count, count)), np.zeros((count, 3))
    moves = np.array([given.displacement(number) for number in range(len(given.passes))])
    for item, flow, move in zip(given.passes, flows_of_one, moves, strict=True):
        ends = np.zeros(count)
        ends[item.hop.first] -= 1.0
        ends[item.hop.second] += 1.0
        laplacian += flow * np.outer(ends, ends)
        drift -= flow * np.outer(ends, move)
    shifts = np.linalg.lstsq(laplacian, drift, rcond=None)[0]
    steps = moves + np.array([shifts[item.hop.second] - shifts[item.hop.first] for item in given.passes])
    return 1e-16 * np.einsum("h,ha,hb->ab", flows, steps, steps)


fractions = st.floats(-0.5, 0.5)
cells = st.tuples(*[st.integers(-1, 1)] * 3)


@st.composite
def networks(draw: st.DrawFn, highest: float) -> HopNetwork:
    """One to five sites with hops of any height between them, some of them several times."""
    sites = tuple(
        Site(draw(st.tuples(fractions, fractions, fractions)), draw(st.floats(0.0, 0.3)), number)
        for number in range(draw(st.integers(1, 5)))
    )
    ends = st.integers(0, len(sites) - 1)
    hops = draw(st.lists(st.tuples(ends, ends, cells, st.floats(0.0, highest)), min_size=1, max_size=12))
    passes = tuple(
        Pass(Hop(first, second, cell), HERE, 0.3 + above, 0)
        for first, second, cell, above in sorted(hops, key=lambda hop: hop[3])
        if first != second or any(cell)
    )
    cell = np.array([[2.0, 0.0, 0.0], [draw(st.floats(-1, 1)), 3.0, 0.0], [0.2, 0.1, draw(st.floats(1, 9))]])
    return HopNetwork(cell, sites, passes)


@settings(max_examples=60, deadline=None)
@given(networks(0.5))
def test_removing_sites_solves_the_master_equation(found):
    exact = by_linear_algebra(found, 900.0) if found.passes else np.zeros((3, 3))
    assert diffusion_tensor(found, hop_rates(found, 900.0)) == pytest.approx(
        exact, rel=1e-7, abs=1e-10 * np.abs(exact).max() + 1e-30
    )


@settings(max_examples=60, deadline=None)
@given(networks(80.0), st.floats(1.0, 5000.0), st.sampled_from([(), (1e-3, 1e-3), (3e13, 1e12), (1e25,)]))
def test_networks_of_any_barrier_have_their_diffusion_at_any_temperature(found, temperature, frequencies):
    found = replace(found, passes=tuple(replace(item, frequencies=frequencies) for item in found.passes))
    diffusion = arrhenius(found, [temperature, 2.0 * temperature])
    assert (diffusion is None) == (found.percolations[0] is None)
    if diffusion is None:
        return
    for part in (diffusion.coefficients, diffusion.tensors, diffusion.along, diffusion.energy, diffusion.prefactor):
        assert np.isfinite(part).all()
    assert (diffusion.along >= 0.0).all()
    assert (np.diff(diffusion.along, axis=1) <= 0.0).all()
    # Of a barrier of 80 eV at 1 K nothing is left: 1e-403000 cm²/s.
    assert (diffusion.coefficients[1] >= diffusion.coefficients[0]) or diffusion.energy < 0.0
    assert diffusion.along.sum(axis=1) == pytest.approx(3.0 * diffusion.coefficients, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("barrier", [0.3, 24.0, 240.0])
def test_the_activation_energy_of_a_high_barrier_is_known_where_no_number_holds_the_rate(barrier):
    """Cells of a fast triangle of sites, joined by a hop that is next to impossible: nothing of the fast hops may be left."""
    triangle = [(0, 1, HERE, 0.1), (1, 2, HERE, 0.11), (0, 2, HERE, 0.12)]
    steep = network([0.0, 0.0, 0.0], [0.0, 0.1, 0.3], [*triangle, (2, 0, (1, 0, 0), barrier)])
    found = arrhenius(steep, [300.0, 400.0])
    assert found.energy == pytest.approx(barrier, rel=1e-3)
    assert found.dimensions == 1
    assert (found.coefficients > 0).all() == (barrier < 10.0)


def test_a_conductor_along_one_direction_says_so():
    chain = network([0.0], [0.0], [(0, 0, (1, 0, 0), 0.3)])
    found = arrhenius(chain, [500.0, 1000.0])
    assert found.dimensions == 1
    assert found.along == pytest.approx(np.outer(3.0 * found.coefficients, [1.0, 0.0, 0.0]))
    layer = network([0.0], [0.0], [(0, 0, (1, 0, 0), 0.3), (0, 0, (0, 1, 0), 0.3)])
    found = arrhenius(layer, [500.0, 1000.0])
    assert found.dimensions == 2
    assert found.along == pytest.approx(np.outer(1.5 * found.coefficients, [1.0, 1.0, 0.0]))
