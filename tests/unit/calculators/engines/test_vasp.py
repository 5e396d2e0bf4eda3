"""VASP's makers, run for real but for VASP itself: ``tests.support.vasp_program`` checks its inputs and leaves its outputs."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from pydantic import TypeAdapter
from pymatgen.io.vasp import Incar, Kpoints, Poscar, Vasprun

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.frozen_files import watching
from tansaku.models.domain.errors import CalculationError, ConfigurationError, TransientError
from tansaku.models.domain.ports import ScratchCalculator
from tansaku.models.domain.specs.calculators.table import CalculatorSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec

KEYS = {"type": "vasp", "potcars": {"Al": "Al", "Cu": "Cu"}, "cutoff": 300, "kpoint_density": 1.0}
FREE = RelaxationSpec(fmax=0.01, max_steps=60, translation="free")


def opened(**changes):
    return open_calculator(TypeAdapter(CalculatorSpec).validate_python({**KEYS, **changes}), Path("/nonexistent"))


def crystal():
    """Copper in aluminium, out of place; not sorted by element, one atom in another periodic image, the first one held."""
    atoms = bulk("Al", "fcc", a=4.05, cubic=True)
    atoms.symbols[1] = "Cu"
    atoms.positions += np.random.default_rng(0).normal(scale=0.05, size=(4, 3))
    atoms.positions[2] += atoms.cell[0]
    atoms.arrays["held"] = np.array([True, False, False, False])
    atoms.info["candidate"] = "c1"
    return atoms


def reference(atoms):
    """The numbers that the program has."""
    return open_calculator(TypeAdapter(CalculatorSpec).validate_python({"type": "emt"}), Path("/nonexistent")).evaluate(atoms)


def test_program_and_potcars_are_watched(vasp):
    with watching() as watch:
        opened()
    assert sorted(file.path.name.partition(".")[0] for file in watch.used) == ["POTCAR", "POTCAR", "vasp_std"]


def test_inputs_are_what_was_asked_for_and_outputs_are_read_in_our_order(vasp, tmp_path):
    calculator = opened(smearing={"type": "methfessel_paxton", "width": 0.2}, scf_steps=40, energy_tolerance=1e-6)
    assert isinstance(calculator, ScratchCalculator)
    result = calculator.within(tmp_path / "here").evaluate(crystal())
    expected = reference(crystal())
    assert result.energy == pytest.approx(expected.energy, abs=1e-6)
    np.testing.assert_allclose(result.forces, expected.forces, atol=1e-6)
    np.testing.assert_allclose(result.stress, expected.stress, atol=1e-6)
    np.testing.assert_array_equal(result.atoms.positions, crystal().positions)
    assert (result.steps, result.atoms.calc, result.atoms.info["candidate"]) == (0, None, "c1")
    # Fermi and other smearing: VASP tells the energy at zero width itself.
    assert result.terms["entropy_energy"] == pytest.approx(4 * vasp.ENTROPY)
    assert result.energy == pytest.approx(result.terms["free_energy"] - result.terms["entropy_energy"] / 2, abs=1e-6)

    def unpacked(name):
        path = tmp_path / name
        path.write_bytes(gzip.decompress(result.files[f"{name}.gz"].read_bytes()))
        return path

    assert dict(Incar.from_file(unpacked("INCAR"))) == {
        "ALGO": "Normal", "EDIFF": 4e-6, "ENCUT": 300.0, "GGA": "Pe", "IBRION": -1, "ISMEAR": 1, "ISPIN": 1, "LASPH": True,
        "LCHARG": False, "LMAXMIX": 4, "LREAL": False, "LWAVE": False, "NELM": 40, "NSW": 0, "PREC": "Accurate", "SIGMA": 0.2,
    }  # fmt: skip
    assert Kpoints.from_file(unpacked("KPOINTS")).kpts == [(2, 2, 2)]
    poscar = Poscar.from_file(unpacked("POSCAR"))
    assert (poscar.site_symbols, poscar.natoms) == (["Al", "Cu"], [3, 1])
    assert Vasprun(unpacked("vasprun.xml"), parse_potcar_file=False).vasp_version == vasp.VERSION
    assert not [name for name in result.files if name.startswith("POTCAR")]


def test_every_result_says_what_it_is(vasp):
    calculator = opened()
    result = calculator.evaluate(crystal())
    provenance = result.provenance
    assert (provenance.code, provenance.code_version, provenance.model) == ("vasp", vasp.VERSION, "PBE")
    assert len(provenance.model_sha256) == 64
    assert provenance.settings["titels"] == {"Al": "PAW_PBE Al 01Jan2000", "Cu": "PAW_PBE Cu 01Jan2000"}
    assert {"cutoff", "kpoint_density", "atomate2", "custodian", "pymatgen"} <= set(provenance.settings)
    assert calculator.provenance.settings == provenance.settings
    assert result.details == {
        "kpoints": [2, 2, 2], "irreducible_kpoints": 8, "electrons": 20.0, "scf_steps": 7, "corrections": [], "ranks": 1,
    }  # fmt: skip
    assert result.wall_time > 0
    assert result.files == {}


def test_a_relaxation_is_two_jobs_and_holds_what_is_held(vasp):
    before = crystal()
    result = opened().evaluate(before, RelaxationSpec(fmax=0.01, max_steps=60))
    assert before == crystal()
    assert result.steps > 2
    moved = result.atoms.positions - before.positions
    np.testing.assert_allclose(moved[0, :2], 0.0, atol=1e-8)
    assert 1e-3 < np.abs(moved).max() < 0.5
    again = reference(result.atoms)
    assert result.energy == pytest.approx(again.energy, abs=1e-6)
    assert np.linalg.norm(again.forces[1:], axis=1).max() <= 0.0101
    assert result.details["scf_steps"] == 7 * (result.steps + 2)


def test_a_cell_free_in_all_directions_ends_without_stress(vasp):
    result = opened().evaluate(crystal(), FREE.model_copy(update={"cell": "full"}))
    again = reference(result.atoms)
    np.testing.assert_allclose(again.stress * result.atoms.get_volume() / 4, 0.0, atol=0.0101)
    assert np.abs(result.atoms.cell.lengths() - 4.05).min() > 0.05
    assert result.energy < opened().evaluate(crystal(), FREE).energy - 0.01


def test_what_it_cannot_do_is_said(vasp):
    with pytest.raises(ConfigurationError, match="normal; with type vasp expected fixed or full"):
        opened().evaluate(crystal(), RelaxationSpec(cell="normal"))
    nickel = crystal()
    nickel.symbols[0] = "Ni"
    with pytest.raises(ConfigurationError, match=r"calculator\.potcars has no Ni"):
        opened().evaluate(nickel)
    tilted = crystal()
    tilted.set_cell(tilted.cell.array + np.array([[0, 0, 0], [0, 0, 0], [0.3, 0, 0]]))
    with pytest.raises(ConfigurationError, match=r"holds atoms along cell vectors.*expected free"):
        opened().evaluate(tilted, RelaxationSpec())
    with pytest.raises(CalculationError, match="largest force") as caught:
        opened().evaluate(crystal(), RelaxationSpec(fmax=1e-4, max_steps=2))
    assert caught.value.reason == "not_converged"


def test_a_density_that_does_not_converge_and_a_crash_are_told_apart(vasp, monkeypatch, tmp_path):
    monkeypatch.setenv("VASP_TEST", "unconverged")
    with pytest.raises(CalculationError, match="no self-consistent density in 150 steps") as caught:
        opened().evaluate(crystal())
    assert caught.value.reason == "not_converged"
    monkeypatch.setenv("VASP_TEST", "crash")
    with pytest.raises(TransientError, match=r"without a result.*SIGSEGV"):
        opened().within(tmp_path / "there").evaluate(crystal())


def test_another_level_of_theory_than_was_asked_for_is_no_result(vasp, monkeypatch):
    """As when a user's own VASP reads another INCAR: the program here says that it used a smaller cutoff."""
    monkeypatch.setenv("VASP_TEST", "cutoff")
    with pytest.raises(CalculationError, match=r"ENCUT is 250\.0, expected 300\.0") as caught:
        opened().evaluate(crystal())
    assert caught.value.reason == "level"


def test_ranks_are_started_by_the_site_s_program(vasp, tmp_path):
    from tansaku.calculators.engines.vasp import VaspCalculator
    from tansaku.models.domain.specs.calculators.vasp import VaspSpec
    from tansaku.models.domain.specs.parallel import ParallelSpec

    mpiexec = tmp_path / "mpiexec"
    mpiexec.write_text(f'#!/bin/sh\necho "$1 $2" > {tmp_path}/asked\nshift 2\nexec "$@"\n')
    mpiexec.chmod(0o755)
    calculator = VaspCalculator(VaspSpec.model_validate(KEYS), ParallelSpec(ranks=4, mpiexec=str(mpiexec)))
    assert calculator.evaluate(crystal()).details["ranks"] == 4
    assert (tmp_path / "asked").read_text() == "-n 4\n"


def test_moments_go_to_the_atoms_that_they_are_of(vasp, tmp_path):
    result = opened(spin=True, magnetic_moments={"Cu": 1.5}).within(tmp_path / "here").evaluate(crystal())
    incar = Incar.from_str(gzip.decompress(result.files["INCAR.gz"].read_bytes()).decode())
    assert (incar["ISPIN"], incar["MAGMOM"]) == (2, [0.0, 0.0, 0.0, 1.5])
