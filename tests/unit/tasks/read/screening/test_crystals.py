"""The crystal that a screen's structures are compared with, by whatever gives energies of cells."""

from __future__ import annotations

import pytest
from ase.build import bulk
from ase.io import write

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.structures.compound_boundary import Content
from tansaku.calculators.workflows.boundary_energy import planar_area
from tansaku.models.domain.specs.calculators.emt import EmtSpec
from tansaku.models.domain.specs.compound_boundary import CompoundBoundarySpaceSpec
from tansaku.models.domain.specs.grain_boundary import GrainBoundarySpaceSpec
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.node.jobs.opened import opened_compound
from tansaku.tasks.read.screening.crystals import opened_crystal
from tansaku.tasks.read.screening.predicting import excess_energy

NEAR = {"planes": [[1, 0, 0], [1, 1, 0]], "directions": [[0, 0, 1], [0, 0, 1]], "max_strain": 0.011}
EMT = EmtSpec.model_validate({"type": "emt", "relaxation": {"cell": "normal", "translation": "free", "fmax": 0.01}})


@pytest.mark.parametrize(
    ("keys", "strained"), [({"planes": [[2, 1, 0]]}, False), ({"boundaries": {"general": [NEAR]}, "max_atoms": 1000}, True)]
)
def test_the_crystal_of_a_compound_is_that_of_its_boundary_energies(tmp_path, keys, strained):
    write(tmp_path / "cu.cif", bulk("Cu", "fcc", a=3.6, cubic=True))
    spec = CompoundBoundarySpaceSpec.model_validate({"crystal": "cu.cif", "thickness": 8, "step": 2.0} | keys)
    space = open_space(spec, tmp_path)
    candidate = str(space.pool().ids[0])
    reference = opened_compound(EMT, str(tmp_path), spec, EMT.relaxation, candidate)
    assert (reference.grains is not None) == strained
    atoms = space.built(candidate, *reference.crystals)
    calculator = open_calculator(EMT, tmp_path)
    energy = calculator.evaluate(atoms).energy
    in_crystal = opened_crystal(spec, EMT, tmp_path).energies(lambda cell: calculator.evaluate(cell).energy)
    share = space.slabs(candidate, *reference.crystals).share
    wanted = reference.boundary_energy(energy, Content(int(atoms.info["formula_units"]), 0), planar_area(atoms), share)
    assert excess_energy(energy, in_crystal(atoms), atoms) == pytest.approx(1000.0 * wanted, abs=0.05)


def test_the_crystal_of_an_element_has_the_energy_of_its_atoms(tmp_path):
    crystal = {"structure": "fcc", "element": "Cu", "lattice_parameter": 3.6}
    spec = GrainBoundarySpaceSpec.model_validate({"crystal": crystal, "boundaries": {"planes": [[1, 1, 3]]}})
    in_crystal = opened_crystal(spec, EMT, tmp_path).energies(lambda cell: -3.0 * len(cell))
    assert in_crystal(bulk("Cu") * (7, 1, 1)) == pytest.approx(-21.0)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"supercell": [2, 2, 2]}, "space.supercell: a model's energy of that crystal is not known"),
        ({"unit": {"formula": "O", "energy": "-4.9 eV"}}, "space.unit: a model's energy"),
    ],
)
def test_crystals_that_a_model_does_not_know_are_refused(keys, message):
    spec = CompoundBoundarySpaceSpec.model_validate({"crystal": "a.cif", "planes": [[2, 1, 0]]} | keys)
    with pytest.raises(ValueError, match=message):
        spec.screens(None)


def test_axes_beside_the_model_are_those_of_an_element():
    spec = CompoundBoundarySpaceSpec.model_validate({"crystal": "a.cif", "planes": [[2, 1, 0]], "convergence": "checked"})
    with pytest.raises(ValueError, match=r"expected boundaries\.axes of a compound_boundary space"):
        spec.screens([(0, 0, 1)])
    (alone,) = spec.screens(None).values()
    assert alone.final_checks == 0
