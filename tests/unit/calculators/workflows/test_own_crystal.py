"""A calculator's own lattice parameter and the stress at another one."""

from pathlib import Path

import numpy as np
import pytest
from ase.calculators.emt import EMT
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS
from ase.units import GPa

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.engines.emt import EmtCalculator
from tansaku.calculators.engines.gpaw import GpawCalculator
from tansaku.calculators.structures.crystal import CubicCrystal
from tansaku.calculators.workflows.own_crystal import OwnCrystal, likely_crystal, own_crystal, refuse_misfit
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.calculators.gpaw import GpawSpec
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec
from tansaku.models.domain.specs.grain_boundary import CrystalSpec


@pytest.mark.parametrize(("element", "given"), [("Cu", 3.4), ("Cu", 3.59), ("Cu", 4.1), ("Al", 4.05), ("Ni", 3.52)])
def test_it_is_where_a_free_cell_relaxes_to(element, given):
    found = own_crystal(EmtCalculator(), CubicCrystal("fcc", element, given))
    atoms = CubicCrystal("fcc", element, given).unit_cell()
    atoms.calc = EMT()
    stress = float(np.mean(atoms.get_stress()[:3])) / GPa
    with BFGS(FrechetCellFilter(atoms), logfile=None) as optimizer:
        optimizer.run(fmax=1e-6, steps=200)
    assert found.lattice_parameter == pytest.approx(atoms.cell[0, 0], rel=2e-5)
    assert found.stress == pytest.approx(stress, abs=1e-9)
    assert found.misfit == pytest.approx(given / atoms.cell[0, 0] - 1.0, abs=2e-5)


@pytest.mark.parametrize(
    ("potential", "structure", "element", "given", "published"),
    [
        ("NiAlH_jea.eam.alloy", "fcc", "Al", 4.05, 4.05),
        ("Fe_mm.eam.fs", "bcc", "Fe", 2.95, 2.8553),
        ("Cu_mishin1.eam.alloy", "fcc", "Cu", 3.7, 3.615),
    ],
)
def test_published_lattice_parameters(require, potential, structure, element, given, published):
    require("lammps")
    calculator = open_calculator(LammpsSpec(potential=potential), Path())
    found = own_crystal(calculator, CubicCrystal(structure, element, given))
    calculator.close()
    assert found.lattice_parameter == pytest.approx(published, abs=2e-4)


def test_where_to_begin_without_a_number():
    for structure, element, expected in (("fcc", "Cu", 3.61), ("bcc", "Fe", 2.87), ("diamond", "Si", 5.43)):
        assert likely_crystal(structure, element).lattice_parameter == pytest.approx(expected, abs=0.01)
    # Other structures begin at the density of the element's own.
    assert likely_crystal("bcc", "Cu").lattice_parameter == pytest.approx(3.61 / 2 ** (1 / 3), abs=0.01)
    with pytest.raises(ConfigurationError, match="auto; nothing is known of the density of Fm"):
        likely_crystal("fcc", "Fm")


def test_a_misfit_names_both_numbers():
    crystal = CrystalSpec(structure="bcc", element="Fe", lattice_parameter=2.95)
    own = OwnCrystal(2.8553, 2.95, 14.4)
    with pytest.raises(ConfigurationError, match=r"2\.95 Å; EAM has bcc Fe at 2\.8553 Å, .* \+3\.32 % off .*14 GPa") as error:
        refuse_misfit(crystal, own, "EAM")
    assert "strained: true" in error.value.hint
    refuse_misfit(crystal.model_copy(update={"strained": True}), own, "EAM")
    refuse_misfit(crystal, OwnCrystal(2.8553, 2.8553 * 1.0049, None), "EAM")
    with pytest.raises(ConfigurationError):
        refuse_misfit(crystal, OwnCrystal(2.8553, 2.8553 * 0.9949, None), "EAM")


def test_a_calculator_without_such_a_crystal_says_so():
    with pytest.raises(ConfigurationError, match="emt has no Fe"):
        own_crystal(EmtCalculator(), CubicCrystal("bcc", "Fe", 2.87))


def test_energies_at_all_volumes_are_of_one_grid_of_k_points(require):
    """At this density the grid would fall from 5 to 4 points a side between 3.9 and 4.0 Å, and the energy jump."""
    require("gpaw")
    level = GpawSpec(xc="LDA", cutoff=200, kpoint_density=2.5, smearing={"width": 0.2}, energy_tolerance=1e-5)
    grids = []

    class Noted(GpawCalculator):
        def evaluate(self, structure, relaxation=None):
            result = super().evaluate(structure, relaxation)
            grids.append(tuple(result.details["kpoints"]))
            return result

    found = own_crystal(Noted(level), CubicCrystal("fcc", "Al", 3.9), precision=1e-3)
    assert set(grids) == {(5, 5, 5)}
    # Al's in the local-density approximation, published: 3.98–3.99 Å.
    assert found.lattice_parameter == pytest.approx(3.98, abs=0.04)
