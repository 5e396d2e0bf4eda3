"""CP2K by its shell, with a program that speaks the shell's language: a spring between two atoms."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from tansaku.calculators.calculator_registry import open_calculator, resolve_calculator
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.specs.calculators.ase import AseCalculatorSpec

STAND_IN = Path(__file__).parents[3] / "support" / "cp2k_stand_in.py"
HYDROGEN = Atoms("H2", positions=[(0, 0, 0), (0, 0, 0.8)], cell=(3, 4, 4), pbc=True)
KEYWORDS = {"basis_set": "SZV", "xc": "PBE", "cutoff": 150}


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A folder with basis sets and potentials, and the stand-in on the PATH."""
    programs = tmp_path / "programs"
    programs.mkdir()
    shutil.copy(STAND_IN, programs / "cp2k_shell.psmp")
    (programs / "cp2k_shell.psmp").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    for name in ("BASIS", "POTENTIALS"):
        (tmp_path / name).write_text("any")
    return tmp_path


def opened(place: Path, **keywords: object) -> Calculator:
    spec = AseCalculatorSpec.model_validate(
        {
            "name": "cp2k",
            "files": {"basis_set_file": "BASIS", "potential_file": "POTENTIALS"},
            "keywords": KEYWORDS | keywords,
        }
    )
    return open_calculator(resolve_calculator(spec, place), place)


def test_energy_forces_and_stress_come_back_in_ases_units_and_signs(place):
    result = opened(place).evaluate(HYDROGEN)
    assert result.energy == pytest.approx(0.5 * 5.0 * 0.05**2, abs=1e-12)
    np.testing.assert_allclose(result.forces[:, 2], [5.0 * 0.05, -5.0 * 0.05], atol=1e-12)
    np.testing.assert_allclose(result.stress, [-1, -2, -3, -6, -5, -4], atol=1e-12)
    assert result.provenance.code_version.endswith(", CP2K version 0.0, a stand-in")


def test_a_folder_of_any_length_and_with_blanks_is_none_of_cp2ks_business(place):
    calculator = opened(place).within(place / ("a folder " * 20))
    assert calculator.evaluate(HYDROGEN).energy > 0


def test_k_points_smearing_and_threshold_reach_the_input(place):
    folder = place / "job"
    opened(place, kpts=[3, 1, 2], electronic_temperature=300.0, eps_scf=1e-7).within(folder).evaluate(HYDROGEN)
    words = " ".join((folder / "cp2k.inp").read_text().split())
    assert "&KPOINTS SCHEME MONKHORST-PACK 3 1 2 &END KPOINTS" in words
    assert "&QS EXTRAPOLATION USE_GUESS &END QS" in words
    assert "&SMEAR ON METHOD FERMI_DIRAC ELECTRONIC_TEMPERATURE [K] 300.000000 &END SMEAR" in words
    assert "EPS_SCF 1.000e-07" in words
    assert "CUTOFF [eV] 2.04085" in words


@pytest.mark.parametrize("kpts", [[3, 3], [0, 1, 1]])
def test_k_points_that_are_none_are_refused_when_it_is_made(place, kpts):
    with pytest.raises(ConfigurationError, match=r"kpts: .*expected three whole numbers of 1 or more"):
        opened(place, kpts=kpts)


def test_an_energy_of_an_scf_that_has_not_converged_is_a_failure(place):
    with pytest.raises(CalculationError, match=r"has not converged; keywords\.max_scf") as caught:
        opened(place, max_scf=2).evaluate(HYDROGEN)
    assert caught.value.reason == "not_converged"


@pytest.mark.filterwarnings("ignore:CP2K-shell not ready:RuntimeWarning")
def test_a_program_that_ends_says_why(place):
    with pytest.raises(CalculationError, match=r"CP2K has ended: .*The requested basis set <NONE> was not found"):
        opened(place, basis_set="NONE").evaluate(HYDROGEN)
