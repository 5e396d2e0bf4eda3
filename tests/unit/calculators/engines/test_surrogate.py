"""A trained model as a calculator: whose energies, whose forces, and that every value says that it is a prediction."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.engines.emt import EmtCalculator
from tansaku.calculators.engines.surrogate import SurrogateCalculator
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.specs.calculators.emt import EmtSpec
from tansaku.models.domain.specs.calculators.surrogate import SurrogateCalculatorSpec
from tansaku.models.domain.specs.descriptors import RadialDescriptorSpec
from tansaku.models.domain.specs.kernel_ridge import KernelRidgeSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.domain.surrogates import Example, TrainingRun
from tansaku.models.surrogates.files import write_weights
from tansaku.models.surrogates.surrogate_registry import build_trainer
from tansaku.potentials.specs.voxel_network import VoxelNetworkSpec
from tansaku.tasks.node.configuration.campaign_files import campaign_from_data
from tansaku.tasks.node.configuration.source import source_of
from tansaku.tasks.node.jobs.evaluate import evaluate
from tests.support.campaign_files import boundary_space
from tests.support.records import job_of


def strained(strain: float, group: int) -> Example:
    atoms = bulk("Al", cubic=True, a=3.994 * (1 + strain))
    atoms.rattle(0.05, seed=group)
    atoms.calc = EMT()
    energy = np.asarray(atoms.get_potential_energy())
    return Example(f"{group}", f"{group}", atoms.copy(), {"energy": energy})


@pytest.fixture(scope="module")
def model():
    trainer = build_trainer(KernelRidgeSpec(descriptors=(RadialDescriptorSpec(widths=(0.4,)),)))
    return trainer.fit([strained(s, i) for i, s in enumerate(np.linspace(-0.03, 0.03, 8))], TrainingRun())


@pytest.fixture
def spec(model, tmp_path: Path, require) -> SurrogateCalculatorSpec:
    require("safetensors")
    write_weights(model.weights(), tmp_path / "al.safetensors")
    return SurrogateCalculatorSpec(model="al.safetensors", relaxed_by=EmtSpec(relaxation=RelaxationSpec(fmax=0.05)))


def test_it_is_the_model_s_energy_of_what_the_potential_relaxed(spec, model, tmp_path):
    calculator = open_calculator(spec, tmp_path)
    assert isinstance(calculator, SurrogateCalculator)
    atoms = strained(0.01, 3).structure
    relaxation = RelaxationSpec(translation="free", fmax=0.05)
    found, relaxed = calculator.evaluate(atoms, relaxation), EmtCalculator().evaluate(atoms, relaxation)
    expected = model.predict([Example("", "", relaxed.atoms, {})])[0]["energy"]
    assert found.energy == float(expected.values)
    assert found.deviation == float(expected.deviation)
    assert found.predicted
    assert np.array_equal(found.atoms.positions, relaxed.atoms.positions)
    assert np.array_equal(found.forces, relaxed.forces)
    assert found.details == {"relaxed_by_energy": relaxed.energy}
    assert found.provenance.code == "surrogate"
    assert found.provenance.settings["relaxed_by"]["code"] == "ase-emt"
    calculator.close()


def test_structures_it_never_saw_are_a_failure_of_the_science(spec, tmp_path):
    with pytest.raises(CalculationError, match="Cu"):
        open_calculator(spec, tmp_path).evaluate(bulk("Cu", cubic=True))


def campaign(folder: Path, **calculator: object):
    data = {
        "schema_version": 1,
        "name": "predicted",
        "space": boundary_space("Al", 3.994, [1, 1, 1], axis=[1, 1, 0]),
        "calculator": {"type": "surrogate", "relaxed_by": {"type": "emt", "relaxation": {"fmax": 0.2}}} | calculator,
        "proposer": {"type": "random"},
    }
    return campaign_from_data(data, folder, "predicted.yaml")


def test_values_of_a_campaign_say_who_predicted_them(spec, tmp_path):
    loaded = campaign(tmp_path, model="al.safetensors")
    (tmp_path / "job").mkdir()
    document = job_of(loaded.spec, "s003-111-r0-x000-y000-z000", tmp_path)
    outcome = evaluate(document, tmp_path / "job")
    assert outcome.failure is None
    assert outcome.predicted_by == "al.safetensors"
    assert outcome.deviation > 0
    assert loaded.spec.calculator.model_sha256 == outcome.provenance.model_sha256


def test_its_content_makes_the_source_and_not_its_name(spec, tmp_path):
    first = campaign(tmp_path, model="al.safetensors").spec
    (tmp_path / "al.safetensors").rename(tmp_path / "other.safetensors")
    assert source_of(campaign(tmp_path, model="other.safetensors").spec) == source_of(first)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"model": "gone.safetensors"}, "calculator.model: file .*gone.safetensors' does not exist"),
        ({"model": "al.safetensors", "model_sha256": "0" * 64}, "expected 0000"),
        ({"model": "al.safetensors", "relaxed_by": {"type": "gpaw"}}, "calculator.relaxed_by"),
        ({"model": "al.safetensors", "relaxed_by": {"type": "chgnet", "workflow": {}}}, "workflow"),
    ],
)
def test_a_wrong_file_is_named_before_anything_is_spent(spec, tmp_path, keys, words):
    with pytest.raises(ConfigurationError, match=words):
        campaign(tmp_path, **keys)


def test_a_model_without_energies_is_refused(tmp_path, require):
    require("safetensors")
    examples = [
        Example(str(i), str(i), one.structure, {"gap": np.asarray(float(i))})
        for i, one in enumerate(strained(0.001 * i, i) for i in range(6))
    ]
    spec = KernelRidgeSpec(property="gap", per_atom=False, descriptors=(RadialDescriptorSpec(widths=(0.4,)),))
    write_weights(build_trainer(spec).fit(examples, TrainingRun()).weights(), tmp_path / "gap.safetensors")
    with pytest.raises(ConfigurationError, match="predicts gap, expected energy among them"):
        campaign(tmp_path, model="gap.safetensors")


@pytest.fixture
def voxels(tmp_path, require):
    """A small network's file in ``tmp_path``."""
    for package in ("pymatgen", "safetensors", "torch"):
        require(package)

    def train(field: str) -> VoxelNetworkSpec:
        spec = VoxelNetworkSpec(
            field=field, resolution=0.6, length=6.4, layers=1, filters=2, hidden=4, members=2, epochs=2, views=2
        )
        examples = [strained(0.005 * place, place) for place in range(6)]
        grid = {"density": np.add.outer(np.add.outer(np.arange(10.0), np.arange(10.0) ** 2), np.sin(np.arange(10.0)))}
        model = build_trainer(spec).fit([replace(one, fields=grid) for one in examples], TrainingRun())
        write_weights(model.weights(), tmp_path / "voxels.safetensors")
        return spec

    return train


def test_a_network_of_voxels_sees_free_atoms_where_there_is_no_density(voxels, tmp_path):
    voxels("free_atoms")
    spec = campaign(tmp_path, model="voxels.safetensors").spec.calculator
    calculator = open_calculator(spec, tmp_path)
    relaxation = RelaxationSpec(translation="free", fmax=0.5)
    found = [calculator.evaluate(strained(strain, 3).structure, relaxation) for strain in (0.0, 0.02)]
    assert all(one.predicted and one.deviation > 0 for one in found)
    assert found[0].energy != found[1].energy


def test_a_model_that_sees_a_density_is_refused(voxels, tmp_path):
    voxels("density")
    with pytest.raises(ConfigurationError, match=r"sees the field density, .*expected a model of\s+field free_atoms"):
        campaign(tmp_path, model="voxels.safetensors")
