"""A second calculator's energies of the structure that the first one relaxed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase.io.extxyz import read_extxyz

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.models.domain.errors import TransientError
from tansaku.models.domain.specs.calculators.emt import EmtSpec
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.label import LabelSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.potentials.specs.calculator import PotentialCalculatorSpec
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.loop.datasets.extxyz import example_of
from tansaku.tasks.node.configuration.campaign_files import spec_hash
from tansaku.tasks.node.configuration.source import source_of
from tansaku.tasks.node.jobs.document import LookDocument
from tansaku.tasks.node.jobs.evaluate import evaluate
from tansaku.tasks.node.jobs.labelling import Wanted
from tansaku.tasks.node.jobs.opened import opened_surrogate
from tests.support.campaign_files import boundary_space, table_space
from tests.support.records import job_of

SPACE = boundary_space("Cu", 3.6, [1, 1, 1], spacing=8.0)
POTENTIALS = Path(__file__).parents[4] / "potentials"
ROUGH = RelaxationSpec(fmax=0.5)
FINE = RelaxationSpec(fmax=0.005)


def campaign(**keys: object) -> CampaignSpec:
    calculator = {"type": "emt", "relaxation": ROUGH.model_dump()}
    return CampaignSpec(**({"schema_version": 1, "name": "c", "space": SPACE, "calculator": calculator} | keys))


def run(tmp_path, label, base_path=None, **keys):
    """The outcome of an evaluation with a label, and the structure that it left."""
    spec = campaign(label=label, **keys)
    candidate = str(open_space(spec.space, tmp_path).pool().ids[3])
    outcome = evaluate(job_of(spec, candidate, base_path or tmp_path), tmp_path)
    assert outcome.failure is None
    with (tmp_path / outcome.artifacts["structure.extxyz"]).open() as stream:
        atoms = next(iter(read_extxyz(stream)))
    return outcome, atoms


def test_energies_of_the_structure_as_it_stands(tmp_path):
    outcome, atoms = run(tmp_path, LabelSpec(calculator=EmtSpec()))
    example = example_of(atoms, "a", "b")
    again = open_calculator(EmtSpec(), tmp_path).evaluate(example.structure)
    assert example.properties["label_energies"] == pytest.approx(again.energies, abs=1e-7)
    assert example.properties["label_forces"] == pytest.approx(again.forces, abs=1e-6)
    assert float(example.properties["label_energy"]) == pytest.approx(again.energy)
    # The same potential, asked twice.
    assert example.properties["label_energies"] == pytest.approx(example.properties["energies"], abs=1e-6)
    assert outcome.quantities["label_energy"].value == pytest.approx(again.energy)
    assert outcome.properties["label"]["code"] == again.provenance.code
    assert not outcome.properties["label_relaxed"]


def test_energies_after_the_second_calculator_relaxed_on(tmp_path):
    spec = LabelSpec(calculator=EmtSpec(relaxation=FINE), relaxed=True)
    outcome, atoms = run(tmp_path, spec)
    example = example_of(atoms, "a", "b")
    assert float(example.properties["label_energy"]) < float(example.properties["energy"])
    assert "label_forces" not in example.properties
    relaxed = open_calculator(EmtSpec(), tmp_path).evaluate(example.structure, FINE)
    assert example.properties["label_energies"] == pytest.approx(relaxed.energies, abs=1e-4)
    # The kept structure is the first calculator's.
    assert np.abs(relaxed.atoms.positions - example.structure.positions).max() > 1e-3
    assert outcome.properties["label_relaxed"]


def test_a_label_makes_another_source_and_none_leaves_hashes_as_they_were():
    plain, labelled = campaign(), campaign(label={"calculator": {"type": "emt"}})
    assert source_of(plain) != source_of(labelled)
    assert spec_hash(plain) != spec_hash(labelled)
    relaxed = campaign(label={"calculator": {"type": "emt"}, "relaxed": True})
    assert source_of(relaxed) != source_of(labelled)


def test_only_boundaries_are_labelled():
    with pytest.raises(ValueError, match="label: a table space has no relaxed boundaries to label"):
        campaign(
            space=table_space("t.csv", {"id": "id", "value": "v"}, {"a": {"columns": ["x"]}}),
            calculator=None,
            label={"calculator": {"type": "emt"}},
        )
    compound = {"type": "compound_boundary", "crystal": "cu.cif", "planes": [[3, 1, 0]]}
    assert campaign(space=compound, label={"calculator": {"type": "emt"}}).label is not None
    with pytest.raises(ValueError, match="structures of a compound_boundary space are labelled as they are, expected false"):
        campaign(space=compound, label={"calculator": {"type": "emt"}, "relaxed": True})
    with pytest.raises(ValueError, match="a label is an energy of a structure"):
        LabelSpec(calculator={"type": "chgnet", "workflow": {"type": "migration_barrier"}})


def looked(bound, deviations=3.0, sign=1.0):
    look = LookDocument(model="m@1", file="/nowhere", sha256="0" * 64, bound=bound, deviations=deviations)
    return Wanted(bulk_energy=-1.0, scale=1000.0, sign=sign, look=look)


@pytest.mark.parametrize(
    ("wanted", "spared"),
    [
        (looked(200.0), True),  # 300 ± 20 is 5 deviations above
        (looked(200.0, deviations=6.0), False),
        (looked(245.0), False),
        (looked(None), False),
        (looked(400.0), False),
        (looked(400.0, sign=-1.0), True),
        (looked(200.0, sign=-1.0), False),
    ],
)
def test_a_prediction_is_enough_when_it_is_worse_by_so_many_deviations(wanted, spared):
    assert wanted.spares(0.3, 0.02) == spared


def test_the_label_s_energy_may_be_what_is_wanted(tmp_path):
    label = LabelSpec(calculator=EmtSpec(relaxation=FINE), relaxed=True)
    wanted = {"property": "label_grain_boundary_energy", "unit": "J/m2"}
    outcome, _ = run(tmp_path, label, objective=wanted)
    told = outcome.quantities
    assert outcome.value == told["label_grain_boundary_energy"].value
    # The same method for both: relaxed further, it is lower.
    assert outcome.value < told["grain_boundary_energy"].value
    assert outcome.predicted_by is None


def test_weights_that_are_gone_are_tried_again(tmp_path):
    with pytest.raises(TransientError, match="are missing or damaged"):
        opened_surrogate(str(tmp_path / "gone"), "0" * 64)


def test_a_label_that_is_a_prediction_says_so(tmp_path, require):
    for component in ("torch", "matscipy", "safetensors"):
        require(component)
    crystal = {"structure": "fcc", "element": "Al", "lattice_parameter": 4.0}
    label = LabelSpec(calculator=PotentialCalculatorSpec(model="al-emt-symmetry.safetensors"))
    objective = {"property": "label_grain_boundary_energy", "unit": "mJ/m2"}
    outcome, atoms = run(tmp_path, label, POTENTIALS, space=SPACE | {"crystal": crystal}, objective=objective)
    assert outcome.predicted_by == "al-emt-symmetry.safetensors"
    assert outcome.value == pytest.approx(1000 * outcome.quantities["label_grain_boundary_energy"].value)
    # The cell's deviation over the area of its two boundaries.
    found = open_calculator(label.calculator, POTENTIALS).evaluate(atoms)
    area = float(np.linalg.norm(np.cross(atoms.cell[0], atoms.cell[1])))
    assert outcome.deviation == pytest.approx(0.5 * 16021.77 * found.deviation / area, rel=1e-5)
