"""Searches for saddle points, on a vacancy in copper whose saddle point symmetry gives."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from tansaku.calculators.engines.emt import EmtCalculator
from tansaku.calculators.workflows.migration import refine as refining
from tansaku.calculators.workflows.migration.crystal import Crystal
from tansaku.calculators.workflows.migration.curvature import crystal_curvature
from tansaku.calculators.workflows.migration.hops import Midpoint, relax_midpoint
from tansaku.calculators.workflows.migration.network import find_network
from tansaku.calculators.workflows.migration.passage import Passage, open_passage
from tansaku.calculators.workflows.migration.refine import refine, unit
from tansaku.calculators.workflows.migration.relaxing import Relaxer, Through
from tansaku.calculators.workflows.migration.supercell import make_supercell
from tansaku.models.domain.errors import CalculationError


@pytest.fixture(scope="module", params=[True, False], ids=["from the crystal's curvature", "from nothing"])
def place(request) -> tuple[Passage, Midpoint]:
    host = bulk("Cu", "fcc", a=3.59, cubic=True)
    network = find_network(host, "Cu", 2.9)
    through = Through(EmtCalculator())
    supercell = make_supercell(host, 6.5)
    curvature = crystal_curvature(supercell, network.operations, through) if request.param else None
    crystal = Crystal(network, supercell, Relaxer(through, 0.02, 300), curvature)
    hop = network.classes[0].hop
    return open_passage(crystal, hop), relax_midpoint(crystal, hop, supercell.swap(hop, network))


def test_a_search_from_beside_the_ridge_ends_on_the_saddle_point(place):
    rng = np.random.default_rng(5)
    passage, middle = place
    start = middle.state.positions + 0.05 * rng.standard_normal(middle.state.positions.shape)
    start[passage.ion] += 0.3 * middle.modes[0][passage.ion] / np.linalg.norm(middle.modes[0][passage.ion])
    through = passage.crystal.relaxer.through
    before = through.evaluations
    found = refine(passage, start, middle.modes[0])
    assert through.evaluations - before < 90
    assert found.state.energy == pytest.approx(middle.state.energy, abs=2e-3)
    assert np.linalg.norm(found.state.forces, axis=1).max() <= 0.02
    assert found.eigenvalues[0] < -0.5
    assert found.eigenvalues[1] > 0.1
    along = np.vdot(found.mode, middle.modes[0]) / np.linalg.norm(found.mode) / np.linalg.norm(middle.modes[0])
    assert abs(along) > 0.9


def test_a_state_at_rest_is_not_taken_for_a_saddle_point(place):
    passage, middle = place
    rest = passage.relax(passage.atoms().positions)
    with pytest.raises(CalculationError, match="no motion lowers the energy") as caught:
        refine(passage, rest.positions, unit(middle.modes[0]))
    assert caught.value.reason == "no_saddle"


def test_a_search_that_leaves_the_place_is_ended(place, monkeypatch):
    passage, middle = place
    monkeypatch.setattr(refining, "_ASTRAY", 0.05)
    start = middle.state.positions.copy()
    start[passage.ion] += 0.3 * unit(middle.modes[0])[passage.ion]
    with pytest.raises(CalculationError, match="away from its start") as caught:
        refine(passage, start, middle.modes[0])
    assert caught.value.reason == "no_saddle"
