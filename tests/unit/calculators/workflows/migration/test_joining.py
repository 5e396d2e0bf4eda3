"""Ways between states with others between them, on two vacancies in copper."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from tansaku.calculators.engines.emt import EmtCalculator
from tansaku.calculators.workflows.migration.crystal import Crystal
from tansaku.calculators.workflows.migration.curvature import crystal_curvature
from tansaku.calculators.workflows.migration.hops import restrict
from tansaku.calculators.workflows.migration.joining import join, over_both, same
from tansaku.calculators.workflows.migration.network import Hop, find_network
from tansaku.calculators.workflows.migration.passage import Passage
from tansaku.calculators.workflows.migration.relaxing import Relaxer, State, Through
from tansaku.calculators.workflows.migration.supercell import make_supercell
from tansaku.models.domain.errors import CalculationError


@pytest.fixture(scope="module")
def row() -> tuple[Passage, State, State, State]:
    """Three sites in a row and one atom on them: at the first, in the middle, at the last."""
    host = bulk("Cu", "fcc", a=3.59, cubic=True)
    network = find_network(host, "Cu", 2.9)
    through = Through(EmtCalculator())
    supercell = make_supercell(host, 6.5)
    crystal = Crystal(
        network, supercell, Relaxer(through, 0.03, 300), crystal_curvature(supercell, network.operations, through)
    )
    places = supercell.atoms.positions
    step = np.array([1.795, 1.795, 0.0])
    sites = [int(np.linalg.norm(places - places[0] - k * step, axis=1).argmin()) for k in range(3)]
    kept = np.delete(np.arange(len(places)), sites[1:])
    passage = Passage(crystal, kept, int(np.searchsorted(kept, sites[0])))
    states = []
    for site in sites:
        start = passage.atoms().positions
        start[passage.ion] = places[site]
        states.append(passage.relax(start))
    return passage, states[0], states[1], states[2]


def test_a_state_on_the_way_splits_the_band(row):
    passage, first, middle, last = row
    way = join(passage, (first, last), 3)
    half = join(passage, (first, middle), 3)
    assert way.saddle.state.energy == pytest.approx(half.saddle.state.energy, abs=2e-3)
    assert 0.6 < way.saddle.state.energy - first.energy < 1.0
    assert way.saddle.eigenvalues[0] < 0.0 < way.saddle.eigenvalues[1]
    assert way.points[0][1] == first.energy
    assert way.points[-1][1] == last.energy
    # Over the ridge, down into the state half way, and over the other ridge.
    energies = [energy for _, energy in way.points]
    at = min(range(len(energies)), key=lambda k: abs(energies[k] - middle.energy))
    assert energies[at] == pytest.approx(middle.energy, abs=5e-3)
    assert max(energies[:at]) == pytest.approx(max(energies[at + 1 :]), abs=5e-3)


def test_a_saddle_point_and_its_image_lead_over_the_state_between_them(row):
    """One band's evaluations less: the other half is known by symmetry."""
    passage, first, middle, last = row
    saddle = join(passage, (first, middle), 3).saddle
    network, supercell = passage.crystal.network, passage.crystal.supercell
    mapping = restrict(supercell.swap(Hop(0, 0, (1, 1, 0)), network), passage.kept, passage.ion)

    def turn(positions: np.ndarray) -> np.ndarray:
        return middle.positions + mapping.turn(positions - middle.positions)

    np.testing.assert_allclose(turn(first.positions), last.positions, atol=0.05)
    through = passage.crystal.relaxer.through
    before = through.evaluations
    way = over_both(passage, (first, last), saddle, 3, turn)
    assert through.evaluations - before < 60
    assert way.saddle.state.energy == saddle.state.energy
    energies = [energy for _, energy in way.points]
    assert energies.count(saddle.state.energy) == 2
    assert min(energies[2:-2]) == pytest.approx(middle.energy, abs=5e-3)
    np.testing.assert_allclose(way.points[-1][0], last.positions, atol=0.05)
    # The same from its image, with the ends exchanged.
    back = over_both(passage, (last, first), saddle, 3, turn)
    assert [energy for _, energy in back.points][1:-1] == pytest.approx(energies[1:-1], abs=5e-3)


def test_below_a_saddle_point_that_is_known_nothing_is_asked_for(row):
    passage, first, middle, _ = row
    through = passage.crystal.relaxer.through
    known = join(passage, (first, middle), 3)
    before = through.evaluations
    way = join(passage, (first, middle), 3, level=known.saddle.state.energy + 0.3)
    assert way.saddle is None
    assert max(energy for _, energy in way.points) <= known.saddle.state.energy + 0.3
    assert through.evaluations - before < 25


def test_a_way_that_may_not_be_split_any_more_is_a_failure(row):
    passage, first, _, last = row
    with pytest.raises(CalculationError, match="too many states") as caught:
        join(passage, (first, last), 3, splits=-1)
    assert caught.value.reason == "no_saddle"
    assert join(passage, (first, first), 3, splits=-1).saddle is None
    assert same(first, first)
    assert not same(first, last)
