"""Checks of a relaxed boundary: what is said of those that fail, and cells whose inversion is released."""

import numpy as np
import pytest
from ase.build import bulk

from tansaku.calculators.structures.compound_boundary import inversion_images, middle_of_grain
from tansaku.calculators.workflows.boundary_convergence import convergence_reasons, released_change, shaken_middle
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.compound_boundary import CompoundBoundarySpaceSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.spaces.compound_boundary import CompoundBoundarySpace

PROVENANCE = Provenance(code="test", code_version="1", model="test", settings={})


def result_of(atoms, energy):
    return CalculationResult(atoms, energy, None, np.zeros((len(atoms), 3)), np.zeros(6), True, 1, 0.0, PROVENANCE)


class Saddle:
    """The energy falls from the crystal's places by 2 eV, or the relaxation fails."""

    def __init__(self, *, fails=False):
        self.fails = fails

    def evaluate(self, structure, relaxation=None):
        if self.fails:
            raise CalculationError("not_converged", "no")
        shaken = np.abs(structure.positions - np.round(structure.positions / 2.0) * 2.0).max() > 1e-3
        return result_of(structure.copy(), -12.0 if shaken else -10.0)


@pytest.mark.parametrize(("fails", "change"), [(False, -0.1), (True, None)])
def test_a_cell_is_shaken_before_its_inversion_is_released(fails, change):
    result = result_of(bulk("Po", "sc", a=2.0).repeat(2), -10.0)
    found = released_change(Saddle(fails=fails), result, RelaxationSpec(translation="free"), area=10.0, per_area=1.0)
    assert found == (None if change is None else pytest.approx(change))


def test_the_middle_of_thick_grains_is_shaken_so_that_images_stay_images(tmp_path):
    bulk("MgO", "rocksalt", a=4.21, cubic=True).write(tmp_path / "mgo.cif")
    keys = {"crystal": "mgo.cif", "planes": [[3, 1, 0]], "thickness": 18}
    space = CompoundBoundarySpace(CompoundBoundarySpaceSpec.model_validate(keys), tmp_path)
    start = space.structure(str(space.pool().ids[7]))
    begin = start.copy()
    begin.positions += 0.01
    moved = shaken_middle(start, begin).positions - begin.positions
    images = inversion_images(start)
    assert moved[images] == pytest.approx(-moved)
    middle = np.concatenate([middle_of_grain(start, grain) for grain in (0, 1)])
    others = np.setdiff1d(np.arange(len(start)), np.concatenate((middle, images[middle])))
    assert np.abs(moved[others]).max() == 0.0
    assert moved[middle].std() == pytest.approx(0.1, rel=0.2)
    assert len(others) > len(start) / 2


def test_a_check_that_fails_is_named_with_its_limit():
    assert convergence_reasons((12.0, 24.0), -0.009, {"Mg": -0.029, "O": 0.029}, -0.009) == []
    assert convergence_reasons((12.0, 24.0), 0.0, {"Mg": 0.0}, None) == convergence_reasons((12.0, 24.0), 0.0, {}, None) == []
    assert convergence_reasons((12.0, 24.0), -0.015, {"Mg": 0.01}, 0.0) == [
        "grains of 24 instead of 12 Å change it by -15 mJ/m2 (expected 10 at most): raise space.thickness, and "
        "space.repeats where the crystal's distortion does not fit the cell"
    ]
    (note,) = convergence_reasons((12.0, 24.0), 0.0, {"Mg": 0.04, "O": -0.2}, 0.05)
    assert "a vacancy of O costs -0.200 eV more there (expected 0.03 at most)" in note
    (note,) = convergence_reasons((12.0, 24.0), 0.0, {"Mg": 0.0}, -0.3)
    assert "it falls by 300 mJ/m2: the value is an upper bound" in note
