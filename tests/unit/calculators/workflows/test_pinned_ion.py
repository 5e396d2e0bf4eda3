"""A host relaxed around a pinned ion."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atom
from ase.build import bulk

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.workflows.pinned_ion import relax_around_ion
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.specs.calculators.emt import EmtSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec


@pytest.fixture(scope="module")
def emt():
    return open_calculator(EmtSpec(), None)


def aluminium_with_hydrogen(place: tuple[float, float, float]):
    atoms = bulk("Al", "fcc", a=4.05, cubic=True).repeat(2)
    atoms.append(Atom("H", np.array(place) * 4.05))
    return atoms


def test_the_ion_stays_and_the_host_makes_way_without_sliding(emt):
    start = aluminium_with_hydrogen((0.5, 0.3, 0.1))
    found = relax_around_ion(emt, start, RelaxationSpec(fmax=0.02))
    assert found.atoms.positions[-1] == pytest.approx(start.positions[-1])
    moved = found.atoms.positions[:-1] - start.positions[:-1]
    assert np.abs(moved).max() > 0.01
    assert moved.mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-10)
    assert found.energy < emt.evaluate(start).energy - 0.01
    # What is left is the pull on the ion, and on the host as a whole.
    assert np.linalg.norm(found.forces[-1]) > 0.05
    inner = found.forces[:-1] - found.forces[:-1].mean(axis=0)
    assert np.linalg.norm(inner, axis=1).max() < 0.02
    assert found.steps > 0


def test_places_that_a_lattice_vector_joins_have_one_energy(emt):
    first = relax_around_ion(emt, aluminium_with_hydrogen((0.5, 0.3, 0.1)), RelaxationSpec(fmax=0.01))
    second = relax_around_ion(emt, aluminium_with_hydrogen((1.0, 0.8, 0.1)), RelaxationSpec(fmax=0.01))
    assert second.energy == pytest.approx(first.energy, abs=1e-4)


def test_a_relaxation_that_does_not_end_fails(emt):
    with pytest.raises(CalculationError, match="after 2 steps"):
        relax_around_ion(emt, aluminium_with_hydrogen((0.5, 0.3, 0.1)), RelaxationSpec(fmax=1e-4, max_steps=2))
    kept = RelaxationSpec(fmax=1e-4, max_steps=2, unconverged="keep")
    found = relax_around_ion(emt, aluminium_with_hydrogen((0.5, 0.3, 0.1)), kept)
    assert (found.steps, found.converged) == (2, False)
