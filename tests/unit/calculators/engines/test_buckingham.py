"""Charged ions: energies against independent sums, and structures that have no energy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, surface
from ase.geometry import permute_axes
from ase.neighborlist import neighbor_list
from pydantic import ValidationError
from scipy.optimize import minimize_scalar

from tansaku.calculators.calculator_registry import known_elements, open_calculator
from tansaku.calculators.engines.lammps import LammpsCalculator
from tansaku.models.domain.annealing import AnnealRun
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.specs.calculators.buckingham import BuckinghamSpec
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tests.support.slopes import by_position, by_strain

MGO = {
    "charges": {"Mg": 2, "O": -2},
    "pairs": [
        {"between": ["Mg", "Mg"]},
        {"between": ["Mg", "O"], "A": 821.6, "rho": 0.3242},
        {"between": ["O", "O"], "A": 22764.3, "rho": 0.149, "C": 27.88},
    ],
}
"""G. V. Lewis and C. R. A. Catlow, J. Phys. C 18, 1149 (1985), doi:10.1088/0022-3719/18/6/010, without shells."""

FREE = RelaxationSpec(translation="free")


def salt(a: float = 4.2) -> Atoms:
    return bulk("MgO", "rocksalt", a=a, cubic=True)


def rattled(atoms: Atoms, seed: int = 0, amplitude: float = 0.1) -> Atoms:
    moved = atoms.copy()
    moved.positions += np.random.default_rng(seed).normal(scale=amplitude, size=moved.positions.shape)
    return moved


def skewed() -> Atoms:
    """Three formula units in a cell without a right angle."""
    atoms = bulk("MgO", "rocksalt", a=4.2) * (3, 1, 1)
    strain = np.array([[1.02, 0.10, 0.03], [0.0, 0.97, 0.08], [0.0, 0.0, 1.01]])
    atoms.set_cell(atoms.cell.array @ strain, scale_atoms=True)
    return rattled(atoms)


STRUCTURES = {"perfect": salt(), "rattled": rattled(salt() * (2, 1, 1)), "skewed": skewed()}


@pytest.fixture
def opened(require: Callable[[str], None]) -> Callable[..., LammpsCalculator]:
    """Opens a calculator of MgO with other keys."""
    require("lammps")
    calculators = []

    def open_it(**changes: object) -> LammpsCalculator:
        calculators.append(open_calculator(BuckinghamSpec.model_validate(MGO | changes), Path()))
        return calculators[-1]

    yield open_it
    for calculator in calculators:
        calculator.close()


def summed(atoms: Atoms, spec: BuckinghamSpec) -> tuple[np.ndarray, np.ndarray]:
    """Energies of the atoms [eV] and forces [eV/Å] by pymatgen's Ewald sum and a sum over ASE's neighbours."""
    from pymatgen.analysis.ewald import EwaldSummation
    from pymatgen.core.structure import Structure

    symbols = atoms.get_chemical_symbols()
    points = Structure(atoms.cell.array, symbols, atoms.get_scaled_positions())
    points.add_oxidation_state_by_site([spec.charges[symbol] for symbol in symbols])
    ewald = EwaldSummation(points, acc_factor=16.0, compute_forces=True)
    energies = np.array([ewald.get_site_energy(index) for index in range(len(atoms))])
    forces = np.array(ewald.forces)
    first, second, distances, vectors = neighbor_list("ijdD", atoms, spec.cutoff)
    rows = {pair.between: pair for pair in spec.pairs}
    for i, j, r, vector in zip(first, second, distances, vectors, strict=True):
        pair = rows[tuple(sorted((symbols[i], symbols[j])))]
        rho = pair.rho or 1.0
        energy, at_end = (pair.A * np.exp(-x / rho) - pair.C / x**6 for x in (r, spec.cutoff))
        energies[i] += (energy - at_end) / 2
        forces[i] -= (pair.A / rho * np.exp(-r / rho) - 6 * pair.C / r**7) * vector / r
    return energies, forces


@pytest.mark.parametrize("charge", [2.0, 1.7])
@pytest.mark.parametrize("name", list(STRUCTURES))
def test_energies_of_atoms_and_forces_are_those_of_independent_sums(opened, require, name, charge):
    require("pymatgen")
    calculator, atoms = opened(charges={"Mg": charge, "O": -charge}), STRUCTURES[name]
    energies, forces = summed(atoms, BuckinghamSpec.model_validate(MGO | {"charges": {"Mg": charge, "O": -charge}}))
    found = calculator.evaluate(atoms)
    assert found.energy == pytest.approx(energies.sum(), rel=1e-6)
    assert found.energies.sum() == pytest.approx(found.energy, abs=1e-9)
    np.testing.assert_allclose(found.energies, energies, rtol=1e-6)
    np.testing.assert_allclose(found.forces, forces, atol=5e-6)


@pytest.mark.parametrize("name", ["rattled", "skewed"])
def test_forces_and_stress_are_gradients_of_the_energy(opened, name):
    calculator, atoms = opened(), STRUCTURES[name]
    found = calculator.evaluate(atoms)

    def energy(each: Atoms) -> float:
        return calculator.evaluate(each).energy

    for atom, axis in ((0, 0), (3, 1), (5, 2)):
        assert found.forces[atom, axis] == pytest.approx(-by_position(energy, atoms, atom, axis, 1e-3), abs=2e-5)
    for voigt, (i, j) in enumerate([(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]):
        assert found.stress[voigt] == pytest.approx(by_strain(energy, atoms, i, j, 1e-3) / atoms.get_volume(), abs=2e-5)


def test_a_cell_free_in_all_directions_finds_the_lattice_parameter(opened, require):
    require("pymatgen")
    spec = BuckinghamSpec.model_validate(MGO)
    best = minimize_scalar(
        lambda a: summed(bulk("MgO", "rocksalt", a=a), spec)[0].sum(), bounds=(4.0, 4.4), options={"xatol": 1e-4}
    )
    start = salt()
    start.set_cell(start.cell.array @ np.array([[1.02, 0.03, 0.0], [0.0, 0.98, 0.02], [0.0, 0.0, 1.01]]), scale_atoms=True)
    found = opened().evaluate(start, RelaxationSpec(cell="full", translation="free"))
    np.testing.assert_allclose(found.atoms.cell.cellpar(), [best.x] * 3 + [90.0] * 3, rtol=5e-4)
    assert found.converged
    assert found.energies.sum() == pytest.approx(found.energy, abs=1e-9)


def test_lammps_relaxes_a_cell_in_all_directions_for_every_potential(require):
    require("lammps")
    atoms = bulk("Al", "fcc", a=4.1, cubic=True)
    atoms.set_cell(atoms.cell.array @ np.array([[1.02, 0.03, 0.0], [0.0, 0.98, 0.02], [0.0, 0.0, 1.01]]), scale_atoms=True)
    calculator = open_calculator(LammpsSpec(potential="Al_jnp.eam"), Path())
    found = calculator.evaluate(atoms, RelaxationSpec(cell="full", translation="free"))
    calculator.close()
    edges = found.atoms.cell.lengths()
    np.testing.assert_allclose(found.atoms.cell.cellpar(), [edges.mean()] * 3 + [90.0] * 3, rtol=2e-3)
    assert np.abs(found.stress).max() * found.atoms.get_volume() / 4 <= 1e-3


def test_the_energy_is_smooth_enough_for_small_forces(opened):
    found = opened().evaluate(rattled(salt() * (2, 2, 2)), RelaxationSpec(translation="free", fmax=1e-5))
    assert np.linalg.norm(found.forces, axis=1).max() <= 1e-5


def test_earlier_structures_change_no_bit_of_a_result(opened):
    """Neither their charges nor the waves of their Ewald sums are left."""
    warm, relaxation = opened(), RelaxationSpec(translation="free", cell="normal", fmax=0.01)
    for atoms in (*STRUCTURES.values(), salt() * (2, 2, 2), rattled(salt() * (1, 1, 2), seed=3)):
        for how in (None, relaxation):
            if how is not None and atoms is STRUCTURES["skewed"]:
                continue  # its axes are not those of a relaxation along the normal
            used, fresh = (calculator.evaluate(atoms, how) for calculator in (warm, opened()))
            assert used.energy == fresh.energy
            np.testing.assert_array_equal(used.forces, fresh.forces)
            np.testing.assert_array_equal(used.atoms.positions, fresh.atoms.positions)


def test_held_atoms_and_a_free_normal_relax_by_lammps(opened):
    atoms = rattled(salt() * (1, 1, 2))
    atoms.arrays["held"] = np.arange(len(atoms)) < 2
    found = opened().evaluate(atoms, RelaxationSpec(cell="normal"))
    assert found.energy < opened().evaluate(atoms).energy
    np.testing.assert_allclose(found.atoms.positions[:2, :2], atoms.positions[:2, :2], atol=1e-9)
    assert abs(found.stress[2]) * found.atoms.get_volume() / len(atoms) <= 1e-3


@pytest.mark.parametrize("vacuum", [0.0, 8.0])
def test_a_structure_that_is_not_neutral_has_no_energy(opened, vacuum):
    """Nor has a slab with vacuum; a neutral one has."""
    calculator, slab = opened(), salt() * (1, 1, 2)
    slab.cell[2, 2] += vacuum
    assert calculator.evaluate(slab).energy < 0
    del slab[0]
    for relaxation in (None, FREE):
        with pytest.raises(
            CalculationError, match=r"Mg7O8 has a charge of -2 e by calculator\.charges; expected none"
        ) as caught:
            calculator.evaluate(slab, relaxation)
        assert caught.value.reason == "charged"


@pytest.mark.parametrize("across", [0, 2])
def test_a_slab_with_a_dipole_has_no_energy(opened, across):
    """Planes (1 1 1) of Mg and of O in turn; the crystal in the same cell without vacuum has an energy."""
    crystal = permute_axes(surface(salt(), (1, 1, 1), 3, periodic=True), [(axis + 2 - across) % 3 for axis in range(3)])
    slab = crystal.copy()
    slab.cell[across, across] += 15.0
    slab.positions[:, across] += 18.0
    slab.wrap()  # the vacuum is in the middle of the cell
    # Planes of charge s by area, d apart: the potential rises by 4 pi k s d at each of three pairs.
    rise = 3 * 4 * np.pi * 14.39964 * 2 / (np.sqrt(3) / 4 * 4.2**2) * 4.2 / (2 * np.sqrt(3))
    with pytest.raises(
        CalculationError, match=f"with a dipole: the potential of its surfaces differs by {rise:.3g} V"
    ) as caught:
        opened().evaluate(slab)
    assert caught.value.reason == "dipole"
    assert opened().evaluate(crystal).energy < 0


def collapsing(first: str, second: str, distance: float) -> Atoms:
    """MgO with two ions at a distance."""
    atoms = salt() * (2, 2, 2)
    i = atoms.get_chemical_symbols().index(first)
    j = len(atoms) - 1 - atoms.get_chemical_symbols()[::-1].index(second)
    atoms.positions[j] = atoms.positions[i] + [distance, 0.0, 0.0]
    return atoms


@pytest.mark.parametrize(("first", "second", "distance"), [("O", "O", 0.7), ("Mg", "O", 0.1)])
def test_ions_that_fall_together_have_no_energy(opened, first, second, distance):
    with pytest.raises(
        CalculationError, match=f"{distance} Å apart; nearer than .* {first} and {second} fall together"
    ) as caught:
        opened().evaluate(collapsing(first, second, distance))
    assert caught.value.reason == "collapsed"


@pytest.mark.parametrize("ending", [{}, {"cell": "full"}, {"unconverged": "keep", "max_steps": 50}])
def test_a_relaxation_that_ends_in_the_singularity_is_no_minimum(opened, ending):
    """At 0.8 Å the energy of two O²⁻ still has a slope that parts them by themselves; their neighbours push them over."""
    calculator, atoms = opened(), collapsing("O", "O", 0.8)
    assert calculator.evaluate(atoms).energy < 0
    with pytest.raises(CalculationError) as caught:
        calculator.evaluate(atoms, RelaxationSpec.model_validate({"translation": "free"} | ending))
    assert caught.value.reason == "collapsed"
    assert calculator.evaluate(salt()).converged


def test_molecular_dynamics_keeps_a_crystal_and_refuses_a_charge(opened):
    calculator, atoms = opened(), salt() * (2, 2, 2)
    run = AnnealRun(temperature=500.0, steps=50, seed=1)
    hot = calculator.anneal(atoms, run, FREE)
    moved = hot.positions - atoms.positions
    assert 0.05 < np.abs(moved - moved.mean(axis=0)).max() < 0.6
    assert calculator.evaluate(hot, FREE).energy == pytest.approx(calculator.evaluate(atoms, FREE).energy, abs=1e-3)
    del atoms[0]
    with pytest.raises(CalculationError, match="charge of -2 e"):
        calculator.anneal(atoms, run, FREE)


def test_cutoff_and_accuracy_have_an_effect(opened):
    energy = opened().evaluate(STRUCTURES["rattled"]).energy
    fine = opened(accuracy=1e-9).evaluate(STRUCTURES["rattled"]).energy
    coarse = opened(accuracy=1e-4).evaluate(STRUCTURES["rattled"]).energy
    assert abs(coarse - fine) > 10 * abs(energy - fine)
    assert abs(opened(cutoff=6.0).evaluate(STRUCTURES["rattled"]).energy - energy) > 0.01


def test_ions_without_charges_are_computed_too(opened):
    pairs = [{"between": ["Ar", "Ar"], "A": 151680.0, "rho": 0.22, "C": 406.6}]
    calculator = opened(charges={"Ar": 0}, pairs=pairs)
    assert calculator.evaluate(bulk("Ar", "fcc", a=4.1)).energy < 0


def test_one_potential_has_one_form(opened):
    turned = {"charges": dict(reversed(MGO["charges"].items())), "pairs": MGO["pairs"][::-1]}
    turned["pairs"] = [pair | {"between": pair["between"][::-1]} for pair in turned["pairs"]]
    assert BuckinghamSpec.model_validate(turned).model_dump_json() == BuckinghamSpec.model_validate(MGO).model_dump_json()
    assert opened().provenance.settings["charges"] == {"Mg": 2.0, "O": -2.0}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"charges": {"Mg": 2}}, r"charges\n.*Mg \+2: no structure is neutral; expected charges of both signs, or 0 for all"),
        (
            {"charges": {"Mg": 2, "O": -2, "Sr": 2}},
            r"pairs: nothing between Mg and Sr; expected an entry with A, rho and C, or",
        ),
        ({"charges": {"Mg": 2, "N": -3}}, r"pairs: Mg-O; charges is Mg \+2, N -3, expected a charge of O"),
        ({"pairs": [*MGO["pairs"], {"between": ["O", "Mg"]}]}, "Mg-O is given twice; expected one entry for each pair"),
        ({"pairs": [{"between": ["Mg", "O"], "A": 1.0}]}, "rho: None; expected a number of Å, because A is given"),
        ({"pairs": [{"between": ["Mg", "O"], "rho": 1.0}]}, r"rho: 1\.0; expected none without A"),
    ],
)
def test_a_spec_that_says_too_little_names_key_value_and_expectation(changes, message):
    with pytest.raises(ValidationError, match=message):
        BuckinghamSpec.model_validate(MGO | changes)


@pytest.mark.parametrize(
    ("between", "message"),
    [
        (
            {"A": 1.0, "rho": 0.1},
            r"Mg and O attract each other everywhere \(A 1, rho 0\.1, C 0, charges \+2 and -2\); expected",
        ),
        ({}, r"Mg and O attract each other everywhere \(A 0, rho 0, "),
    ],
)
def test_ions_that_nothing_parts_are_refused(between, message):
    pairs = [MGO["pairs"][0], {"between": ["Mg", "O"], **between}, MGO["pairs"][2]]
    with pytest.raises(ConfigurationError, match=f"calculator.pairs: {message}"):
        known_elements(BuckinghamSpec.model_validate(MGO | {"pairs": pairs}), Path())


def test_symbols_are_those_of_elements():
    spec = BuckinghamSpec.model_validate({"charges": {"Xx": 0}, "pairs": [{"between": ["Xx", "Xx"]}]})
    with pytest.raises(ConfigurationError, match=r"calculator\.charges: Xx; expected symbols of elements"):
        known_elements(spec, Path())
    assert known_elements(BuckinghamSpec.model_validate(MGO), Path()) == {"Mg", "O"}
