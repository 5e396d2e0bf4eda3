"""Energies of the elements by a calculator."""

from pathlib import Path

import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.workflows.references import check_reference, reference_result
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.specs.calculators.emt import EmtSpec


@pytest.fixture(scope="module")
def emt():
    return open_calculator(EmtSpec(), Path())


def reference_energy(calculator, element):
    result = reference_result(calculator, element)
    return result.energy / len(result.atoms)


@pytest.mark.parametrize("element", ["Cu", "Au", "Ni"])
def test_a_metal_is_its_relaxed_crystal(emt, element):
    crystal = bulk(element)
    crystal.calc = EMT()
    BFGS(FrechetCellFilter(crystal), logfile=None).run(fmax=1e-4)
    assert reference_energy(emt, element) == pytest.approx(crystal.get_potential_energy(), abs=1e-6)


def test_a_gas_is_its_relaxed_molecule(emt):
    molecule = Atoms("N2", [(0, 0, 0), (0, 0, 1.1)])
    molecule.calc = EMT()
    BFGS(molecule, logfile=None).run(fmax=1e-3)
    assert reference_energy(emt, "N") == pytest.approx(molecule.get_potential_energy() / 2, abs=1e-3)


def test_what_cannot_be_computed_is_told(emt):
    with pytest.raises(ConfigurationError, match="the usual crystal of P is none of fcc, bcc, hcp, diamond") as told:
        check_reference("P")
    assert "energies: {P: ...}" in told.value.hint
    with pytest.raises(CalculationError, match=r"space\.phases\.references: compute; Fe: "):
        reference_energy(emt, "Fe")
