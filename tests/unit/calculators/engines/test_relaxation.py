from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given
from hypothesis import strategies as st

from tansaku.calculators.engines.emt import EmtCalculator
from tansaku.calculators.engines.motion import Motion
from tansaku.calculators.engines.relaxation import Relaxed, check_cell_change, check_input, is_converged, relax
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.specs.relaxation import RelaxationSpec

NOBODY = Motion()


class Spring:
    """A crystal whose normal stress is a given function of its height; its atoms are always at rest."""

    def __init__(self, stress, height: float = 10.0, force: float = 0.0) -> None:
        self.stress = stress
        self.height = height
        self.force = force
        self.settled = 0

    def settle(self, steps: int) -> Relaxed:
        self.settled += 1
        stress = np.zeros((3, 3))
        stress[2, 2] = self.stress(self.height)
        return Relaxed(min(steps, 7), np.full((4, 3), self.force), stress, np.diag([2.0, 2.0, self.height]))

    def stretch(self, factor: float) -> None:
        self.height *= factor


NORMAL = RelaxationSpec(cell="normal", fmax=1e-3)


@given(stiffness=st.floats(0.15, 4.0), rest=st.floats(9.0, 11.5), softening=st.floats(-2.0, 2.0))
def test_the_height_of_zero_stress_is_found(stiffness, rest, softening):
    def stress(height: float) -> float:
        strain = height / rest - 1
        return stiffness * (strain + softening * strain**2)

    spring = Spring(stress)
    steps, converged = relax(spring, NORMAL, NOBODY)
    assert spring.height == pytest.approx(rest, rel=1e-3 / stiffness)
    assert (steps, converged) == (7 * spring.settled, True)


def test_a_cell_free_in_all_directions_finds_the_crystal():
    """EMT's aluminium from a sheared and stretched cell."""
    atoms = bulk("Al", "fcc", a=3.994, cubic=True)
    atoms.set_cell(atoms.cell.array @ np.array([[1.02, 0.03, 0.0], [0.0, 0.98, 0.02], [0.0, 0.0, 1.01]]), scale_atoms=True)
    atoms.arrays["held"] = np.array([True, False, False, False])
    full = RelaxationSpec(cell="full", translation="free", fmax=1e-3)
    result = EmtCalculator().evaluate(atoms, full)
    assert result.atoms.get_volume() / 4 == pytest.approx(3.994**3 / 4, rel=2e-3)
    np.testing.assert_allclose(result.atoms.cell.cellpar(), [3.994] * 3 + [90.0] * 3, rtol=2e-3)
    assert np.abs(result.stress).max() * result.atoms.get_volume() / 4 <= 1e-3
    with pytest.raises(ConfigurationError, match="nothing can be held"):
        EmtCalculator().evaluate(atoms, RelaxationSpec(cell="full"))
    with pytest.raises(CalculationError, match="largest stress") as caught:
        EmtCalculator().evaluate(atoms, full.model_copy(update={"max_steps": 2}))
    assert caught.value.reason == "not_converged"


def test_a_fixed_cell_stays_as_it_is():
    spring = Spring(lambda height: 0.5)
    relax(spring, RelaxationSpec(), NOBODY)
    assert (spring.height, spring.settled) == (10.0, 1)


@pytest.mark.parametrize(("stress", "reason"), [(0.5, "not_converged"), (float("nan"), "exploded")])
def test_a_crystal_that_pulls_for_ever_or_has_no_stress_is_a_failure(stress, reason):
    with pytest.raises(CalculationError) as caught:
        relax(Spring(lambda height: stress), NORMAL, NOBODY)
    assert caught.value.reason == reason


def test_steps_are_counted_over_all_heights():
    spring = Spring(lambda height: 0.3 * (height / 11.0 - 1))
    with pytest.raises(CalculationError) as caught:
        relax(spring, NORMAL.model_copy(update={"max_steps": 10}), NOBODY)
    assert caught.value.reason == "not_converged"
    assert spring.settled == 2
    kept = NORMAL.model_copy(update={"max_steps": 10, "unconverged": "keep"})
    assert relax(Spring(lambda height: 0.3 * (height / 11.0 - 1)), kept, NOBODY) == (10, False)


def test_held_components_do_not_count_in_convergence():
    forces = np.array([[3.0, 4.0, 0.1], [0.0, 0.0, 0.2]])
    assert NOBODY.largest_force(forces) == pytest.approx(np.hypot(5.0, 0.1))
    assert Motion(held=np.array([0])).largest_force(forces) == pytest.approx(0.2)
    state = Relaxed(1, forces, np.zeros((3, 3)), np.eye(3))
    assert is_converged(state, RelaxationSpec(fmax=0.25), Motion(held=np.array([0])))
    assert not is_converged(state, RelaxationSpec(fmax=0.25), NOBODY)
    assert forces[0, 0] == 3.0


def test_a_number_that_is_none_is_never_converged():
    forces = np.array([[np.nan, 0.0, 0.0]])
    assert not is_converged(Relaxed(1, forces, np.zeros((3, 3)), np.eye(3)), RelaxationSpec(), NOBODY)


@pytest.mark.parametrize("apart", [0.0, 0.02])
def test_coinciding_atoms_are_found_across_a_face_of_a_skewed_cell(apart):
    atoms = bulk("Al", "fcc", a=4.05) * (3, 2, 2)
    check_input(atoms)
    atoms.positions[0] = atoms.positions[7] + 2 * atoms.cell[0] - atoms.cell[2] + (apart, 0, 0)
    with pytest.raises(CalculationError) as caught:
        check_input(atoms)
    assert caught.value.reason == "overlap"


@pytest.mark.parametrize(("factor", "fine"), [(0.7, False), (0.9, True), (1.2, True), (1.6, False)])
def test_a_cell_that_bursts_is_a_failure(factor, fine):
    cell = np.diag([4.0, 5.0, 6.0])
    if fine:
        check_cell_change(cell, cell * np.array([1, 1, factor]))
    else:
        with pytest.raises(CalculationError, match="volume"):
            check_cell_change(cell, cell * np.array([1, 1, factor]))
