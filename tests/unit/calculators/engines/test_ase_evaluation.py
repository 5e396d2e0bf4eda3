"""Relaxations through ASE that keep a centre of inversion."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from tansaku.calculators.engines.ase_evaluation import evaluate_with_ase
from tansaku.calculators.engines.motion import IMAGE, motion_of, motion_without_images
from tansaku.calculators.structures.compound_boundary import SlabPair, inversion_images
from tansaku.calculators.structures.compound_crystal import compound_crystal
from tansaku.calculators.structures.grain_pair import symmetric_pair
from tansaku.calculators.workflows.compound_boundary import asymmetry, relaxed_boundary
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.relaxation import RelaxationSpec

PROVENANCE = Provenance(code="emt", code_version="1", model="emt", settings={})
RELAXATION = RelaxationSpec(translation="free", fmax=0.02, unconverged="keep", max_steps=60)


class Pulled(EMT):
    """Effective-medium theory with a force on one atom, which no inversion allows."""

    def calculate(self, *arguments, **keys):
        super().calculate(*arguments, **keys)
        self.results["forces"][3, 0] += 0.5


class Pulling:
    """Calculator of such a force, as a universal potential without exact symmetry has small ones."""

    def evaluate(self, structure, relaxation=None):
        return evaluate_with_ase(structure, relaxation, Pulled(), PROVENANCE)


@pytest.fixture
def start():
    pair = symmetric_pair(compound_crystal(bulk("Cu", cubic=True), "space.crystal").planes((3, 1, 0)))
    steps = pair.lower.steps_for(0, 6.0)
    return SlabPair(pair.lower.slab(0, steps), pair.upper.slab(0, steps)).cell(np.array([0.21, 0.37]), 1.9)


def test_forces_that_break_the_inversion_move_no_atom_off_its_image(start):
    lost = relaxed_boundary(Pulling(), start, RELAXATION)
    kept = relaxed_boundary(Pulling(), start, RELAXATION, inversion_images(start))
    assert asymmetry(start, lost.atoms) > 0.02
    assert asymmetry(start, kept.atoms) < 1e-6
    assert kept.converged
    assert kept.energy < evaluate_with_ase(start, None, EMT(), PROVENANCE).energy - 0.1  # it relaxes nevertheless
    assert IMAGE not in kept.atoms.arrays


def test_with_symmetric_forces_the_energy_is_that_without_the_constraint(start):
    def relaxed(images):
        structure = start.copy()
        if images:
            structure.set_array(IMAGE, inversion_images(start))
        return evaluate_with_ase(structure, RELAXATION, EMT(), PROVENANCE)

    assert relaxed(images=True).energy == pytest.approx(relaxed(images=False).energy, abs=1e-3)


def test_what_moves_is_the_part_that_the_inversion_allows(start):
    start.set_array(IMAGE, inversion_images(start))
    motion = motion_of(start, RELAXATION)
    ways = np.random.default_rng(0).normal(size=(len(start), 3))
    allowed = motion.project(ways)
    assert allowed[motion.images] == pytest.approx(-allowed)
    assert motion.project(allowed) == pytest.approx(allowed)
    assert motion.largest_force(ways - allowed) == pytest.approx(0.0, abs=1e-12)
    assert not len(motion_without_images(start, RELAXATION).images)
