"""The job of a compound's boundary: what makes its value doubtful, or a failure."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write
from pydantic import TypeAdapter, ValidationError

from tansaku.calculators.engines.motion import IMAGE
from tansaku.calculators.structures.compound_boundary import inversion_images, middle_of_grain
from tansaku.calculators.structures.extended_xyz import read_extended_xyz
from tansaku.calculators.workflows.boundary_energy import EV_PER_A2
from tansaku.calculators.workflows.compound_boundary import CompoundReference, Distortion
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.dataset import AboveSplitSpec, ComputedSourceSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.domain.specs.space import SpaceSpec
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.loop.datasets.extxyz import example_of
from tansaku.tasks.node.jobs.compound_boundary import CompoundBoundaryJob
from tansaku.tasks.node.jobs.document import DOUBT, STRUCTURE_FILE, JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate
from tansaku.tasks.node.jobs.splitting import split


@dataclass
class Moving:
    """A calculator that moves one atom: the highest of the cell, or one in the middle of the lower grain."""

    way: float
    middle: bool

    def evaluate(self, structure, relaxation=None):
        atoms = structure.copy()
        heights = atoms.positions[:, 2]
        atoms.positions[np.abs(heights).argmin() if self.middle else heights.argmax(), 0] += self.way
        zeros = np.zeros((len(atoms), 3))
        settings = Provenance(code="moving", code_version="1", model="moving", settings={})
        return CalculationResult(atoms, -10.0, None, zeros, np.zeros(6), True, 1, 0.0, settings)


@pytest.fixture
def space(tmp_path):
    write(tmp_path / "mgo.cif", bulk("MgO", "rocksalt", a=4.21, cubic=True))
    given = {"type": "compound_boundary", "crystal": "mgo.cif", "planes": [[3, 1, 0]], "thickness": 10}
    return open_space(TypeAdapter(SpaceSpec).validate_python(given), tmp_path)


@pytest.fixture
def outcome(space, tmp_path):
    """``outcome(way, middle=…)``: with one atom moved by so much [Å]."""
    reference = CompoundReference(crystal=space.crystal, bulk=-40.0, unit=None, rest=None)

    def run(way, *, middle):
        candidate = str(space.pool().ids[5])
        job = CompoundBoundaryJob(space, candidate, Moving(way, middle), reference, RelaxationSpec(), "J/m2", tmp_path)
        return job()

    return run


def test_a_sound_value_is_not_doubted(outcome):
    found = outcome(0.01, middle=False)
    assert DOUBT not in found.properties
    assert found.properties["boundaries_differ"] is False


def test_the_value_of_two_boundaries_that_differ_is_doubted(outcome):
    found = outcome(0.2, middle=False)
    assert found.properties["boundaries_differ"] is True
    assert found.properties[DOUBT].startswith("its two boundaries differ by up to 0.2 Å; the value is their mean")


@dataclass
class Parting:
    """A calculator that moves the grains of a cell apart."""

    def evaluate(self, structure, relaxation=None):
        atoms = structure.copy()
        atoms.set_cell(atoms.cell.array + np.array([[0, 0, 0], [0, 0, 0], [0, 0, 10.0]]))
        if "grain" in atoms.arrays:
            atoms.positions[:, 2] += 5.0 * atoms.arrays["grain"]
        return replace(Moving(0.0, middle=False).evaluate(structure), atoms=atoms)


def test_grains_that_came_apart_are_a_failure_of_new_campaigns(space, tmp_path):
    reference = CompoundReference(crystal=space.crystal, bulk=-40.0, unit=None, rest=None)
    keys = (space, str(space.pool().ids[5]), Parting(), reference, RelaxationSpec(), "J/m2", tmp_path)
    assert CompoundBoundaryJob(*keys)().properties["grain_motion"] == pytest.approx(0.0, abs=1e-6)
    with pytest.raises(CalculationError, match="these are two surfaces, and no boundary") as error:
        CompoundBoundaryJob(*keys, whole=True)()
    assert error.value.reason == "cleaved"


def test_a_grain_that_has_changed_is_doubted_and_another_crystal_has_no_value(outcome):
    found = outcome(0.35, middle=True)
    assert found.properties["grain_motion"] > 0.2
    assert "the middle of a grain has changed" in found.properties[DOUBT]
    with pytest.raises(CalculationError, match="no longer the crystal that it was built as"):
        outcome(0.9, middle=True)


def test_what_it_leaves_can_be_learned_from(tmp_path):
    write(tmp_path / "cu.cif", bulk("Cu", "fcc", a=3.6, cubic=True))
    calculator = {"type": "emt", "relaxation": {"cell": "normal", "translation": "free", "fmax": 0.2}}
    document = {
        "campaign": "test",
        "space": {"type": "compound_boundary", "crystal": "cu.cif", "planes": [[3, 1, 0]], "thickness": 8, "step": 1.5},
        "calculator": calculator,
        "label": {"calculator": {"type": "emt"}},
        "base_path": str(tmp_path),
    }
    space = open_space(TypeAdapter(SpaceSpec).validate_python(document["space"]), tmp_path)
    outcome = evaluate(JobDocument.model_validate(document | {"candidate": str(space.pool().ids[1])}), tmp_path)
    assert outcome.failure is None
    atoms = next(read_extended_xyz((tmp_path / STRUCTURE_FILE).read_text()))
    example = example_of(atoms, "a", "310")
    assert example.info["sigma"] == 5
    energies = example.properties["energies"]
    assert energies.sum() == pytest.approx(float(example.properties["energy"]))
    assert energies.max() > energies.min() + 0.01
    # The same potential, asked twice.
    assert example.properties["label_energies"] == pytest.approx(energies, abs=1e-6)
    above = {"type": "above", "key": "sigma", "above": 3}
    assert split([example, replace(example, group="211", info={"sigma": 3})], AboveSplitSpec(**above), seed=0) == {
        "211": "training",
        "310": "held_out",
    }


def test_a_data_set_of_compounds_has_a_label_of_the_structures_as_they_are():
    space = {"type": "compound_boundary", "crystal": "mgo.cif", "planes": [[3, 1, 0]]}
    source = {"space": space, "calculator": {"type": "emt"}, "label": {"calculator": {"type": "emt"}}}
    assert ComputedSourceSpec.model_validate(source).grouped_by == "system"
    source["label"]["relaxed"] = True
    with pytest.raises(ValidationError, match=r"label\.relaxed: true; structures of a compound_boundary space"):
        ComputedSourceSpec.model_validate(source)


@dataclass
class Weak:
    """A calculator that gives every cell the energy of its atoms, and relaxes none of more atoms than this."""

    most: int

    def evaluate(self, structure, relaxation=None):
        if relaxation is not None and len(structure) > self.most:
            raise CalculationError("not_converged", "too large")
        settings = Provenance(code="weak", code_version="1", model="weak", settings={})
        zeros = np.zeros((len(structure), 3))
        return CalculationResult(structure.copy(), -20.0 * len(structure), None, zeros, np.zeros(6), True, 1, 0.0, settings)


def test_a_vacancy_is_not_compared_with_a_crystal_that_distorts(space, tmp_path):
    reference = CompoundReference(space.crystal, -40.0, None, None, Distortion(energy=0.01, motion=0.2))
    candidate = str(space.pool().ids[5])
    found = CompoundBoundaryJob(space, candidate, Weak(1000), reference, RelaxationSpec(), "J/m2", tmp_path, thickness=20.0)()
    assert found.properties["vacancy_differences"] == {}
    assert "thickness_change" in found.properties
    assert found.quantities["distortion_energy"].value == 0.01


@pytest.mark.parametrize("relaxes", [True, False])
def test_a_value_whose_check_does_not_relax_is_kept_and_doubted(space, tmp_path, relaxes):
    candidate = str(space.pool().ids[5])
    reference = CompoundReference(crystal=space.crystal, bulk=-40.0, unit=None, rest=None)
    most = 1000 if relaxes else len(space.structure(candidate))
    found = CompoundBoundaryJob(
        space, candidate, Weak(most), reference, RelaxationSpec(), "J/m2", tmp_path, kept=True, thickness=20.0
    )()
    assert found.value == pytest.approx(0.0, abs=1e-9)
    assert found.properties["vacancy_differences"] == {"Mg": pytest.approx(0.0), "O": pytest.approx(0.0)}
    assert ("thickness_change" in found.properties) is relaxes
    note = found.properties.get(DOUBT, "")
    assert ("do not relax (not_converged), so it is not known whether it has converged" in note) is not relaxes


class Saddle(Weak):
    """A calculator whose boundaries are no minima: a cell that is displaced, and need not keep its inversion, falls by 3 eV."""

    def __init__(self):
        super().__init__(1000)
        self.relaxed = []

    def evaluate(self, structure, relaxation=None):
        found = super().evaluate(structure, relaxation)
        if relaxation is None:
            return found
        kept, before = IMAGE in structure.arrays, self.relaxed[0] if self.relaxed else structure
        self.relaxed.append(structure.copy())
        displaced = len(before) == len(structure) and np.abs(structure.positions - before.positions).max() > 0.05
        return replace(found, energy=found.energy - 3.0) if displaced and not kept else found


@pytest.mark.parametrize("kept", [True, False])
def test_a_value_that_falls_when_the_inversion_is_released_is_doubted(space, tmp_path, kept):
    candidate = str(space.pool().ids[5])
    reference = CompoundReference(crystal=space.crystal, bulk=-40.0, unit=None, rest=None)
    found = CompoundBoundaryJob(
        space, candidate, Saddle(), reference, RelaxationSpec(), "J/m2", tmp_path, kept=kept, thickness=20.0
    )()
    note = found.properties.get(DOUBT, "")
    assert ("without the inversion that makes its boundaries equal it falls by" in note) is kept
    if kept:
        area = found.properties["area"]
        assert found.properties["released_change"] == pytest.approx(-3.0 / (2.0 * area) * EV_PER_A2)


@pytest.mark.parametrize("distortion", [None, Distortion(energy=0.01, motion=0.2)])
def test_thick_grains_are_shaken_where_the_crystal_distorts(space, tmp_path, distortion):
    candidate = str(space.pool().ids[5])
    reference = CompoundReference(space.crystal, -40.0, None, None, distortion)
    calculator = Saddle()
    CompoundBoundaryJob(
        space, candidate, calculator, reference, RelaxationSpec(), "J/m2", tmp_path, kept=True, thickness=20.0
    )()
    start = space.structure(candidate)
    built, _ = space.thickened(start, start, space.slabs(candidate, space.crystal), 20.0)
    ways = calculator.relaxed[-1].positions - built.positions
    middle = np.concatenate([middle_of_grain(built, grain) for grain in (0, 1)])
    assert ways[middle].std() == pytest.approx(0.0 if distortion is None else 0.1, rel=0.2, abs=1e-9)
    assert ways[inversion_images(built)] == pytest.approx(-ways)


def test_the_job_compares_boundaries_with_the_distorted_crystal_of_the_supercell(tmp_path):
    # Body-centred copper is no minimum of EMT: atoms of a supercell leave it.
    write(tmp_path / "cu.cif", bulk("Cu", "bcc", a=2.87, cubic=True))
    space = {"type": "compound_boundary", "crystal": "cu.cif", "planes": [[3, 1, 0]], "thickness": 8, "step": 2.5}
    relaxation = {"cell": "normal", "translation": "free", "fmax": 0.5, "max_steps": 300, "unconverged": "keep"}
    document = {"campaign": "test", "calculator": {"type": "emt", "relaxation": relaxation}, "base_path": str(tmp_path)}
    candidate = str(open_space(TypeAdapter(SpaceSpec).validate_python(space), tmp_path).pool().ids[1])

    def computed(supercell):
        given = document | {"space": space | {"supercell": supercell}, "candidate": candidate}
        return evaluate(JobDocument.model_validate(given), tmp_path)

    crystal, distorted = computed(None), computed([2, 2, 2])
    gain = distorted.quantities["distortion_energy"].value
    assert gain > 0.01
    bulks = [outcome.quantities["bulk_energy_per_formula_unit"].value for outcome in (crystal, distorted)]
    assert bulks[0] - bulks[1] == pytest.approx(gain, abs=1e-6)
    per_atom = EV_PER_A2 * crystal.properties["n_atoms"] / (2.0 * crystal.properties["area"])
    energies = [outcome.quantities["grain_boundary_energy"].value for outcome in (crystal, distorted)]
    assert energies[1] - energies[0] == pytest.approx(per_atom * gain, abs=1e-6)
