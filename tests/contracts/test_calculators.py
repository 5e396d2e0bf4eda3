"""The contract of a calculator, run on every engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tansaku.calculators.calculator_registry import known_elements, open_calculator, resolve_calculator
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.level_of_theory import check_level
from tansaku.models.domain.ports import CalculationResult, Calculator
from tansaku.models.domain.specs.calculators.ase_table import ASE_CALCULATORS
from tansaku.models.domain.specs.calculators.contract import CalculatorBase
from tansaku.models.domain.specs.calculators.table import CALCULATORS, CalculatorSpec
from tansaku.models.domain.specs.commands import CommandSpec, offer_commands
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tests.support.slopes import by_position, by_strain

SPECS = {
    "emt": {"type": "emt"},
    "eam-alloy": {"type": "lammps", "potential": "NiAlH_jea.eam.alloy"},
    "eam-fs": {"type": "lammps", "potential": "Al_mm.eam.fs"},
    "eam": {"type": "lammps", "potential": "Al_jnp.eam"},
    "chgnet": {"type": "chgnet", "dtype": "float64"},
    "sevennet": {"type": "sevennet"},
    "potential": {"type": "potential", "model": "al-emt-symmetry.safetensors"},
    "potential-bispectrum": {"type": "potential", "model": "al-emt-bispectrum.safetensors"},
}
SPECS |= {
    kind.type_name(): {"type": kind.type_name(), **kind.facts.example}
    for kind in CALCULATORS
    if (kind.facts.atomic_energies or kind.facts.conforms) and kind.type_name() not in {spec["type"] for spec in SPECS.values()}
}
SPECS |= {
    f"ase-{name}": {"type": "ase", "name": name, "keywords": entry.example}
    for name, entry in ASE_CALCULATORS.items()
    if entry.example is not None
}
POTENTIALS = Path(__file__).parents[1] / "potentials"
"""Files of trained potentials."""

SLOW = ("chgnet", "command", "potential-bispectrum", "sevennet")
"""Calculators whose evaluations take a hundred times as long: they get smaller jobs."""

PROGRAM = Path(__file__).parents[1] / "support/pair_program.py"
COMMANDS = {
    "conformance-example": CommandSpec(
        argv=("python3", "-I", "-S", PROGRAM.name),
        files=(str(PROGRAM),),
        version=("python3", "-I", "-S", PROGRAM.name, "--version"),
        elements=("Al",),
    )
}
"""What a site has for the calculators of a suite."""


@pytest.fixture(scope="module", autouse=True)
def _site():
    offer_commands(COMMANDS)
    yield
    offer_commands({})


class Precision(NamedTuple):
    """What differences of energies can show.

    Attributes:
        step: Displacement [Å].
        strain: Strain.
        forces: Tolerance [eV/Å].
        stress: Tolerance [eV/Å^3].
        energy: Tolerance of a total energy [eV].
    """

    step: float = 1e-4
    strain: float = 1e-5
    forces: float = 2e-5
    stress: float = 2e-6
    energy: float = 1e-8


DOUBLE = Precision()
SINGLE = Precision(step=2e-2, strain=2e-3, forces=5e-3, stress=2e-4, energy=1e-4)

Open = Callable[[], Calculator]


@pytest.fixture(params=list(SPECS), scope="module")
def name(request: pytest.FixtureRequest) -> str:
    """The calculator's, in ``SPECS``."""
    return request.param


@pytest.fixture(scope="module")
def spec(name: str, require: Callable[[str], None]) -> CalculatorBase:
    """What describes the calculator."""
    spec = TypeAdapter(CalculatorSpec).validate_python(SPECS[name])
    if spec.facts.package is not None:
        require(spec.facts.package)
    return spec


@pytest.fixture(scope="module")
def opening(spec: CalculatorBase) -> Open:
    """Opens a calculator anew with each call."""
    return lambda: open_calculator(spec, POTENTIALS)


@pytest.fixture(scope="module")
def calculator(opening: Open) -> Iterator[Calculator]:
    """One calculator for all tests of a module: a warm one."""
    calculator = opening()
    yield calculator
    calculator.close()


@pytest.fixture
def precision(calculator: Calculator) -> Precision:
    """How exact the calculator's energies are."""
    return SINGLE if calculator.provenance.settings.get("dtype") == "float32" else DOUBLE


Rattled = Callable[..., Atoms]


@pytest.fixture(scope="module")
def rattled(name: str) -> Rattled:
    """Makes crystals: of 4 atoms for the slow calculators, else of 16."""
    return partial(rattled_crystal, repeat=(1, 1, 1) if name in SLOW else (2, 1, 2))


def rattled_crystal(seed: int = 0, *, repeat: tuple[int, int, int], amplitude: float = 0.12) -> Atoms:
    """A crystal of Al with displaced atoms, two of them held."""
    atoms = bulk("Al", "fcc", a=4.05, cubic=True) * repeat
    atoms.positions += np.random.default_rng(seed).normal(scale=amplitude, size=atoms.positions.shape)
    atoms.arrays["held"] = np.arange(len(atoms)) < 2
    atoms.info["candidate"] = "c1"
    return atoms


@pytest.fixture(scope="module")
def single(calculator: Calculator, rattled: Rattled) -> CalculationResult:
    """The rattled crystal as it is, computed once."""
    return calculator.evaluate(rattled())


def same_bits(one: CalculationResult, other: CalculationResult) -> bool:
    pairs = [
        (one.energy, other.energy),
        (one.forces, other.forces),
        (one.energies, other.energies),
        (one.stress, other.stress),
        (one.atoms.positions, other.atoms.positions),
        (one.atoms.cell.array, other.atoms.cell.array),
    ]
    return all(np.array_equal(first, second) for first, second in pairs) and one.steps == other.steps


def test_provenance_records_the_level_of_theory(spec, calculator):
    provenance, data = calculator.provenance, resolve_calculator(spec, POTENTIALS).model_dump(mode="json")
    check_level(data, provenance, "x")
    recorded = provenance.settings | ({} if spec.facts.model is None else {spec.facts.model: provenance.model})
    assert {key: recorded.get(key) for key in spec.level_keys()} == {key: data[key] for key in spec.level_keys()}
    if any(data.get(file.path or file.content) for file in spec.facts.files):
        assert len(provenance.model_sha256) == 64


def test_what_is_exported_is_read_back_by_ase(calculator, check_exported, tmp_path, rattled):
    check_exported(calculator, rattled(), tmp_path)


def test_forces_are_the_energy_s_gradient(calculator, single, precision, rattled):
    atoms = rattled()
    for atom, axis in ((0, 0), (3, 1), (len(atoms) // 2, 2)):
        slope = by_position(lambda each: calculator.evaluate(each).energy, atoms, atom, axis, precision.step)
        assert single.forces[atom, axis] == pytest.approx(-slope, abs=precision.forces)


def test_stress_is_the_energy_s_gradient_with_strain(calculator, single, precision, rattled):
    atoms = rattled()
    for voigt, (i, j) in enumerate([(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]):
        slope = by_strain(lambda each: calculator.evaluate(each).energy, atoms, i, j, precision.strain)
        assert single.stress[voigt] == pytest.approx(slope / atoms.get_volume(), abs=precision.stress)


def test_the_atoms_energies_sum_up_and_nothing_is_left_on_the_atoms(calculator, single, rattled):
    result = single
    assert result.energies.shape == (len(rattled()),)
    assert result.energies.sum() == pytest.approx(result.energy, abs=1e-9)
    assert result.atoms.calc is None
    assert result.atoms.info["candidate"] == "c1"
    assert result.provenance == calculator.provenance
    assert result.wall_time > 0
    assert result.steps == 0


@pytest.mark.parametrize("relaxation", [None, RelaxationSpec(fmax=0.5)], ids=["single", "relaxed"])
def test_the_given_atoms_are_left_untouched(calculator, relaxation, rattled):
    atoms = rattled()
    atoms.positions[0] -= atoms.cell[0]
    before = atoms.copy()
    calculator.evaluate(atoms, relaxation)
    assert atoms == before
    assert atoms.calc is None
    assert atoms.constraints == []


def test_a_structure_computed_as_it_is_stays_where_it_is(calculator, rattled):
    atoms = rattled()
    atoms.positions[3] += atoms.cell[1] - 2 * atoms.cell[2]
    np.testing.assert_allclose(calculator.evaluate(atoms).atoms.positions, atoms.positions, rtol=0, atol=1e-12)


@given(shift=st.tuples(*[st.floats(-20, 20)] * 3), whole=st.tuples(*[st.integers(-2, 2)] * 3))
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rigid_and_whole_period_translations_change_nothing(calculator, single, precision, shift, whole, rattled):
    atoms, result = rattled(), single
    moved = atoms.copy()
    moved.positions += np.array(shift) + np.array(whole) @ atoms.cell.array
    moved.positions[-1] += atoms.cell[2]
    other = calculator.evaluate(moved)
    assert other.energy == pytest.approx(result.energy, abs=precision.energy)
    np.testing.assert_allclose(other.forces, result.forces, rtol=0, atol=precision.energy)


def test_the_order_of_the_atoms_does_not_matter(calculator, single, precision, rattled):
    atoms, result = rattled(), single
    order = np.random.default_rng(1).permutation(len(atoms))
    permuted = calculator.evaluate(atoms[order])
    assert permuted.energy == pytest.approx(result.energy, abs=precision.energy)
    np.testing.assert_allclose(permuted.forces, result.forces[order], rtol=0, atol=precision.energy)
    np.testing.assert_allclose(permuted.energies, result.energies[order], rtol=0, atol=precision.energy)


def test_a_skewed_and_rotated_cell_gives_the_same_crystal(calculator, precision):
    cubic = calculator.evaluate(bulk("Al", "fcc", a=4.1, cubic=True))
    primitive = bulk("Al", "fcc", a=4.1) * (2, 3, 2)
    primitive.rotate(33.0, (1, 2, 3), rotate_cell=True)
    primitive.positions[0] += (0.01, -0.02, 0.005)
    result = calculator.evaluate(primitive)
    assert result.energy / 12 == pytest.approx(cubic.energy / 4, abs=1e-3)
    step, energies = precision.step, []
    for sign in (-1, 1):
        moved = primitive.copy()
        moved.positions[0, 2] += sign * step
        energies.append(calculator.evaluate(moved).energy)
    assert result.forces[0, 2] == pytest.approx(-(energies[1] - energies[0]) / (2 * step), abs=precision.forces)


@pytest.mark.parametrize("cell", ["fixed", "normal"])
@pytest.mark.parametrize("translation", ["held", "free"])
def test_a_relaxation_lowers_the_energy_and_meets_its_threshold(calculator, cell, translation, rattled):
    atoms = rattled(amplitude=0.05)
    atoms.set_cell(atoms.cell.array * np.array([1.0, 1.0, 1.02]), scale_atoms=True)
    relaxation = RelaxationSpec(cell=cell, translation=translation, fmax=0.01)
    result = calculator.evaluate(atoms, relaxation)
    assert result.converged
    assert result.steps > 0
    assert result.energy < calculator.evaluate(atoms).energy
    held = atoms.arrays["held"] & (translation == "held")
    moved = result.atoms.positions - atoms.positions
    free = result.forces.copy()
    free[held, :2] = 0.0
    assert np.linalg.norm(free, axis=1).max() <= 0.01
    assert np.abs(moved[held, :2]).max(initial=0.0) <= 1e-9
    assert np.abs(moved[~held, :2]).max() > 1e-3
    assert np.abs(moved[:, 2]).max() > 1e-3
    change = result.atoms.cell.array - atoms.cell.array
    if cell == "normal":
        assert abs(result.stress[2]) * result.atoms.get_volume() / len(atoms) <= 0.01
        assert abs(change[2, 2]) > 1e-3
        change[2, 2] = 0.0
    np.testing.assert_allclose(change, 0.0, atol=1e-9)


def test_a_warm_calculator_s_results_are_those_of_a_fresh_one_bit_by_bit(calculator, opening, name):
    jobs, order = _few_jobs() if name in SLOW else _many_jobs()
    cold = []
    for atoms, relaxation in jobs:
        fresh = opening()
        cold.append(fresh.evaluate(atoms, relaxation))
        fresh.close()
    for position in order:
        assert same_bits(calculator.evaluate(*jobs[position]), cold[position])


def _few_jobs():
    jobs = [
        (rattled_crystal(0, repeat=(1, 1, 2), amplitude=0.05), RelaxationSpec(fmax=0.1)),
        (rattled_crystal(1, repeat=(1, 1, 1), amplitude=0.05), RelaxationSpec(fmax=0.1, cell="normal", translation="free")),
        (bulk("Al", "fcc", a=4.0) * (2, 2, 1), None),
    ]
    return jobs, (0, 2, 1, 0)


def _many_jobs():
    jobs = [
        (rattled_crystal(0, repeat=(1, 1, 2)), RelaxationSpec(fmax=0.02)),
        (
            rattled_crystal(1, repeat=(2, 1, 2), amplitude=0.05),
            RelaxationSpec(fmax=0.02, cell="normal", translation="free"),
        ),
        (rattled_crystal(2, repeat=(1, 2, 3)), RelaxationSpec(fmax=0.02)),
        (bulk("Al", "fcc", a=4.0) * (2, 2, 3), None),
    ]
    return jobs, (0, 2, 1, 3, 1, 0, 3, 2)


def test_too_few_steps_are_a_failure_and_no_number(calculator, rattled):
    with pytest.raises(CalculationError) as caught:
        calculator.evaluate(rattled(), RelaxationSpec(fmax=1e-4, max_steps=2))
    assert caught.value.reason == "not_converged"


def test_atoms_on_top_of_each_other_are_a_failure(calculator, rattled):
    atoms = rattled()
    atoms.positions[2] = atoms.positions[3]
    for relaxation in (None, RelaxationSpec()):
        with pytest.raises(CalculationError) as caught:
            calculator.evaluate(atoms, relaxation)
        assert caught.value.reason == "overlap"


def test_a_start_that_is_not_a_number_is_a_failure(calculator, rattled):
    atoms = rattled()
    atoms.positions[3, 1] = np.nan
    with pytest.raises(CalculationError) as caught:
        calculator.evaluate(atoms)
    assert caught.value.reason == "nan"


def test_a_calculator_works_on_after_a_failure_as_if_nothing_had_happened(calculator, rattled):
    atoms, relaxation = rattled(3, amplitude=0.05), RelaxationSpec(fmax=0.1)
    before = calculator.evaluate(atoms, relaxation)
    assert before.steps > 0
    with pytest.raises(CalculationError):
        calculator.evaluate(rattled(4), RelaxationSpec(fmax=1e-4, max_steps=2))
    broken = rattled(4)
    broken.positions[2] = broken.positions[3]
    with pytest.raises(CalculationError):
        calculator.evaluate(broken)
    assert same_bits(calculator.evaluate(atoms, relaxation), before)


def test_an_element_the_model_does_not_know_is_named(spec, calculator, rattled):
    atoms = rattled()
    atoms.symbols[0] = "Cm"
    if known_elements(spec, POTENTIALS) is None:  # it computes any element
        assert np.isfinite(calculator.evaluate(atoms).energy)
        return
    with pytest.raises(ConfigurationError, match="Cm"):
        calculator.evaluate(atoms)


def test_a_structure_with_a_free_surface_is_refused(calculator, rattled):
    atoms = rattled()
    atoms.pbc = (True, True, False)
    with pytest.raises(ConfigurationError, match="periodic"):
        calculator.evaluate(atoms)


def test_a_held_relaxation_needs_the_axes_where_it_means_them(calculator, rattled):
    atoms = rattled()
    atoms.rotate(20.0, "z", rotate_cell=True)
    with pytest.raises(ConfigurationError, match="cell vector"):
        calculator.evaluate(atoms, RelaxationSpec())


def test_provenance_is_the_same_on_every_machine(calculator, opening):
    fresh = opening()
    assert fresh.provenance == calculator.provenance
    assert fresh.provenance.host == ""
    assert fresh.provenance.code_version
