"""The contract of a calculator, run on the DFT codes: as in ``test_calculators``, on cells that they compute in a second."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.optimize import LBFGS
from pydantic import TypeAdapter

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.ports import ScratchCalculator
from tansaku.models.domain.specs.calculators.table import CalculatorSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec

COARSE = {"cutoff": 200, "kpoint_density": 1.3, "smearing": {"width": 0.3}, "energy_tolerance": 1e-8}
SPECS = {
    "gpaw": {"type": "gpaw", "xc": "LDA", "density_tolerance": 1e-7, **COARSE},
    "espresso": {"type": "espresso", "pseudopotentials": {"Al": "Al.pz-vbc.UPF"}, **COARSE},
}


def opened(name, **changes):
    return open_calculator(TypeAdapter(CalculatorSpec).validate_python({**SPECS[name], **changes}), Path("/nonexistent"))


@pytest.fixture(params=list(SPECS), scope="module")
def name(request, require):
    require(request.param)
    return request.param


@pytest.fixture(scope="module")
def calculator(name):
    return opened(name)


@pytest.fixture(scope="module")
def single(calculator):
    return calculator.evaluate(pair())


def pair(stretch=1.0):
    """Two atoms of fcc aluminium in a tetragonal cell, out of place; the first one is held."""
    edge = 4.0
    atoms = Atoms("Al2", [(0, 0, 0), (0.5, 0.5, 0.5)], cell=(1, 1, 1), pbc=True)
    atoms.set_cell([edge / 2**0.5, edge / 2**0.5, edge * stretch], scale_atoms=True)
    atoms.positions[1] += (0.12, 0.05, -0.1)
    atoms.arrays["held"] = np.array([True, False])
    atoms.info["candidate"] = "c1"
    return atoms


def free_energy(calculator, atoms):
    return calculator.evaluate(atoms).terms["free_energy"]


def test_forces_and_stress_are_the_free_energy_s_gradients(calculator, single):
    energies = []
    for sign in (-1, 1):
        moved = pair()
        moved.positions[1, 0] += sign * 0.02
        energies.append(free_energy(calculator, moved))
    assert single.forces[1, 0] == pytest.approx(-(energies[1] - energies[0]) / 0.04, abs=0.01)
    assert abs(single.forces[1, 0]) > 0.2
    energies = []
    for sign in (-1, 1):
        strained = pair()
        strained.set_cell(strained.cell.array * np.array([1.0, 1.0, 1.0 + sign * 0.005]), scale_atoms=True)
        energies.append(free_energy(calculator, strained))
    # Plane waves at a fixed cutoff: energies at two volumes are of two basis sets.
    assert single.stress[2] == pytest.approx((energies[1] - energies[0]) / 0.01 / pair().get_volume(), abs=0.02)


def test_what_is_exported_is_read_back_by_ase(calculator, check_exported, tmp_path):
    check_exported(calculator, pair(), tmp_path)


def test_a_result_says_what_was_done(calculator, single, name):
    assert single.energies is None
    assert single.atoms.calc is None
    assert single.atoms.info["candidate"] == "c1"
    assert single.provenance == calculator.provenance
    assert single.provenance.code == name
    assert len(single.provenance.model_sha256) == 64
    assert single.provenance.settings["cutoff"] == 200
    assert single.details["kpoints"] == [3, 3, 3]
    assert single.details["electrons"] == 6
    assert single.details["scf_steps"] > 3
    assert single.steps == 0
    # Energies are at zero width: half of -TS above the free energy, which electrons at a temperature have.
    terms = single.terms
    assert single.energy == pytest.approx(terms["free_energy"] - terms["entropy_energy"] / 2, abs=1e-6)
    assert terms["entropy_energy"] < 0
    parts = [value for key, value in terms.items() if key != "free_energy"]
    assert sum(parts) == pytest.approx(terms["free_energy"], abs=2e-5)


def test_the_given_atoms_are_left_untouched_and_a_fresh_calculator_gives_the_same_bits(name, single):
    atoms = pair()
    fresh = opened(name).evaluate(atoms)
    assert atoms == pair()
    assert atoms.calc is None
    assert fresh.energy == single.energy
    np.testing.assert_array_equal(fresh.forces, single.forces)
    np.testing.assert_array_equal(fresh.stress, single.stress)


def test_a_relaxation_holds_what_is_held_and_meets_its_threshold(calculator, single):
    result = calculator.evaluate(pair(), RelaxationSpec(fmax=0.03, cell="normal", max_steps=60))
    assert result.converged
    assert result.energy < single.energy
    np.testing.assert_allclose(result.atoms.positions[0, :2], 0.0, atol=1e-9)
    assert np.linalg.norm(result.forces[1]) <= 0.03
    assert abs(result.stress[2]) * result.atoms.get_volume() / 2 <= 0.03
    change = result.atoms.cell.array - pair().cell.array
    assert abs(change[2, 2]) > 1e-3
    change[2, 2] = 0.0
    np.testing.assert_allclose(change, 0.0, atol=1e-9)


def test_a_cell_free_in_all_directions_ends_without_stress_as_the_crystal(name):
    """One atom in a cell stretched by four per cent, with k-points enough to know fcc."""
    calculator = opened(name, kpoint_density=2.0, smearing={"width": 0.4})
    start = bulk("Al", "fcc", a=3.95)
    start.set_cell(start.cell.array * np.array([1.0, 1.0, 1.04]), scale_atoms=True)
    result = calculator.evaluate(start, RelaxationSpec(fmax=0.03, cell="full", max_steps=20))
    assert result.converged
    assert result.steps >= 2
    assert np.abs(result.stress).max() * result.atoms.get_volume() <= 0.03
    cell = result.atoms.cell.cellpar()
    np.testing.assert_allclose(cell[3:], 60.0, atol=0.5)
    # LDA's aluminium, coarse as the basis is.
    np.testing.assert_allclose(cell[:3] * 2**0.5, 3.98, atol=0.04)
    assert result.energy < calculator.evaluate(start).energy - 0.003
    with pytest.raises(ConfigurationError, match="cell: full nothing can be held"):
        calculator.evaluate(pair(), RelaxationSpec(cell="full"))


def test_too_few_steps_of_either_kind_are_failures_with_a_reason(name, calculator):
    with pytest.raises(CalculationError, match="largest force") as caught:
        calculator.evaluate(pair(), RelaxationSpec(fmax=1e-4, max_steps=1))
    assert caught.value.reason == "not_converged"
    with pytest.raises(CalculationError, match="2 steps") as caught:
        opened(name, scf_steps=2).evaluate(pair())
    assert caught.value.reason == "not_converged"


def test_what_cannot_be_computed_is_told_before_anything_is_spent(calculator):
    close = pair()
    close.positions[1] = close.positions[0]
    with pytest.raises(CalculationError) as caught:
        calculator.evaluate(close)
    assert caught.value.reason == "overlap"
    unknown = pair()
    unknown.symbols[0] = "Cm"
    with pytest.raises(ConfigurationError, match="no Cm"):
        calculator.evaluate(unknown)
    open_surface = pair()
    open_surface.pbc = (True, True, False)
    with pytest.raises(ConfigurationError, match="periodic"):
        calculator.evaluate(open_surface)


def test_a_killed_relaxation_goes_on_where_it_was(name, tmp_path, single, monkeypatch):
    class Killed(BaseException):
        """What ends a worker."""

    whole = LBFGS.step

    def killed(self, *arguments):
        if self.nsteps == 2:
            raise Killed
        return whole(self, *arguments)

    calculator = opened(name).within(tmp_path) if name == "espresso" else resumable(tmp_path)
    assert isinstance(calculator, ScratchCalculator)
    relaxation = RelaxationSpec(fmax=0.05, max_steps=60)
    monkeypatch.setattr(LBFGS, "step", killed)
    with pytest.raises(Killed):
        calculator.evaluate(pair(), relaxation)
    monkeypatch.setattr(LBFGS, "step", whole)
    result = calculator.evaluate(pair(), relaxation)
    assert result.details["resumed"]
    assert result.converged
    assert result.energy < single.energy
    # What another structure or relaxation left there is not used.
    other = calculator.evaluate(pair())
    assert not other.details["resumed"]
    assert other.energy == pytest.approx(single.energy, abs=1e-5)


def resumable(folder):
    """GPAW with a checkpoint at every step."""
    from tansaku.calculators.engines.gpaw import GpawCalculator

    spec = TypeAdapter(CalculatorSpec).validate_python(SPECS["gpaw"])
    return GpawCalculator(spec, folder=folder, interval=0.0)
