"""Network potentials as calculators: what the contract of calculators does not say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import units
from ase.build import bulk, molecule
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import Stationary, thermalize_momenta
from ase.md.verlet import VelocityVerlet

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.calculators.surrogate import SurrogateCalculatorSpec
from tansaku.models.surrogates.files import write_weights
from tansaku.potentials.specs.calculator import PotentialCalculatorSpec
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.node.configuration.campaign_files import campaign_from_data
from tansaku.tasks.node.configuration.source import source_of
from tansaku.tasks.node.jobs.evaluate import evaluate
from tests.support.campaign_files import boundary_space
from tests.support.records import job_of

pytestmark = pytest.mark.needs("torch", "matscipy", "safetensors")

POTENTIALS = Path(__file__).parent
FILES = ("al-emt-symmetry.safetensors", "al-emt-bispectrum.safetensors")
ENVIRONMENTS = {
    "symmetry": {"type": "symmetry_functions", "cutoff": 4.5},
    "weighted": {"type": "symmetry_functions", "cutoff": 4.5, "elements": "weighted"},
    "bispectrum": {"type": "bispectrum", "cutoff": 4.5, "degree": 4},
    "separate": {"type": "bispectrum", "cutoff": 4.5, "degree": 2, "elements": "separate"},
}


@pytest.fixture(params=list(ENVIRONMENTS))
def model(request, random_potential):
    return random_potential(ENVIRONMENTS[request.param], ("Al", "Cu"))


def crystal(size: int = 2, seed: int = 0):
    atoms = bulk("Al", "fcc", a=4.0, cubic=True) * size
    atoms.positions += 0.05 * np.random.default_rng(seed).normal(size=atoms.positions.shape)
    return atoms


def in_ase(model, dtype: str = "float64"):
    from tansaku.potentials.engine import InAse

    return InAse(model, dtype)


def test_the_calculator_says_what_the_model_predicts(model, alloys):
    for atoms in alloys(model.species, count=2, seed=8):
        expected = model.evaluate(atoms)
        atoms.calc = in_ase(model)
        np.testing.assert_allclose(atoms.get_potential_energies(), expected.energies.mean(axis=0), rtol=0, atol=1e-11)
        np.testing.assert_allclose(atoms.get_forces(), expected.forces.mean(axis=0), rtol=0, atol=1e-11)
        volume = atoms.get_volume()
        np.testing.assert_allclose(volume * atoms.get_stress(), expected.virial.mean(axis=0), rtol=0, atol=1e-10)


def test_many_atoms_are_computed_a_few_at_a_time_with_the_same_result(model, alloys, monkeypatch):
    from tansaku.potentials.network import evaluation

    atoms = alloys(model.species, seed=4)[0] * (2, 1, 1)
    atoms.calc = in_ase(model)
    whole = atoms.get_forces().copy(), atoms.get_potential_energies().copy(), atoms.get_stress().copy()
    monkeypatch.setitem(evaluation._PAIRS, "cpu", 30)
    atoms.calc = in_ase(model)
    np.testing.assert_allclose(atoms.get_forces(), whole[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(atoms.get_potential_energies(), whole[1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(atoms.get_stress(), whole[2], rtol=0, atol=1e-12)


def test_a_molecule_and_a_lone_atom_have_an_energy_and_no_stress(random_potential):
    model = random_potential(ENVIRONMENTS["symmetry"], ("C", "H", "O"))
    atoms = molecule("CH3CH2OH")
    atoms.calc = in_ase(model)
    assert np.isfinite(atoms.get_potential_energy())
    assert np.abs(atoms.get_forces().sum(axis=0)).max() < 1e-12
    assert "stress" not in atoms.calc.results
    alone = molecule("O")
    alone.calc = in_ase(model)
    assert np.abs(alone.get_forces()).max() == 0.0


def test_single_precision_is_near_double(model, alloys):
    atoms = alloys(model.species, seed=9)[0]
    single, double = atoms.copy(), atoms.copy()
    single.calc, double.calc = in_ase(model, "float32"), in_ase(model)
    scale = np.abs(double.get_forces()).max()
    difference = np.abs(single.get_forces() - double.get_forces()).max()
    assert 0.0 < difference < 1e-3 * scale


def test_results_are_predictions_with_the_committee_s_deviation(tmp_path, model, alloys):
    atoms = alloys(model.species, seed=3)[0]
    write_weights(model.weights(), tmp_path / "al.safetensors")
    calculator = open_calculator(PotentialCalculatorSpec(model="al.safetensors"), tmp_path)
    result = calculator.evaluate(atoms)
    energies = model.evaluate(atoms).energies.sum(axis=1)
    assert result.predicted
    assert result.deviation == pytest.approx(energies.std(ddof=1))
    assert result.deviation > 0.1
    assert result.provenance.model == "al.safetensors"
    assert result.provenance.settings == {"dtype": "float64", "device": "cpu", "minimizer": "lbfgs"}
    single = open_calculator(PotentialCalculatorSpec(model="al.safetensors", dtype="float32"), tmp_path)
    assert single.provenance != result.provenance
    assert single.evaluate(atoms).energy == pytest.approx(result.energy, abs=1e-2)


def test_another_content_or_another_kind_of_model_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="SHA-256"):
        open_calculator(PotentialCalculatorSpec(model=FILES[0], model_sha256="0" * 64), POTENTIALS)
    with pytest.raises(ConfigurationError, match="does not exist"):
        open_calculator(PotentialCalculatorSpec(model="none.safetensors"), tmp_path)
    ridge = Path(__file__).parents[1] / "unit/models/surrogates/data/kernel_ridge-1.safetensors"
    with pytest.raises(ConfigurationError, match="expected forces"):
        open_calculator(PotentialCalculatorSpec(model=ridge.name), ridge.parent)


def test_a_gpu_that_is_not_there_is_named():
    import torch

    from tansaku.models.domain.errors import FitError

    assert open_calculator(PotentialCalculatorSpec(model=FILES[0], device="auto"), POTENTIALS).evaluate(crystal(1)).predicted
    if not torch.cuda.is_available():
        with pytest.raises(FitError, match="no CUDA"):
            open_calculator(PotentialCalculatorSpec(model=FILES[0], device="cuda"), POTENTIALS).evaluate(crystal(1))


def test_a_potential_can_relax_for_a_surrogate():
    spec = SurrogateCalculatorSpec(
        model=FILES[1], relaxed_by=PotentialCalculatorSpec(model=FILES[0], relaxation={"fmax": 0.05})
    )
    result = open_calculator(spec, POTENTIALS).evaluate(crystal(1), spec.relaxation)
    own = open_calculator(PotentialCalculatorSpec(model=FILES[0]), POTENTIALS).evaluate(crystal(1), spec.relaxation)
    np.testing.assert_array_equal(result.atoms.positions, own.atoms.positions)
    assert result.energy != own.energy
    assert result.predicted


def moving(file: str):
    from tansaku.potentials.engine import open_potential

    atoms = bulk("Al", "fcc", a=4.0, cubic=True) * 2
    rng = np.random.default_rng(2)
    thermalize_momenta(atoms, 600, rng=rng)
    Stationary(atoms)
    atoms.calc = open_potential(POTENTIALS / file)
    return atoms


def unlike_the_crystal(atoms) -> float:
    """How far atoms are from their places in the crystal, root mean square [Å]."""
    start = bulk("Al", "fcc", a=4.0, cubic=True) * 2
    moved = atoms.positions - start.positions
    return float(np.sqrt(((moved - moved.mean(axis=0)) ** 2).sum(axis=1).mean()))


@pytest.mark.parametrize("file", FILES)
def test_energy_is_conserved_while_atoms_move(file):
    atoms = moving(file)
    dynamics = VelocityVerlet(atoms, timestep=2 * units.fs)
    totals = []
    dynamics.attach(lambda: totals.append(atoms.get_total_energy()))
    dynamics.run(100)
    assert np.ptp(totals) / len(atoms) < 1e-3
    assert 150 < atoms.get_temperature() < 450
    assert unlike_the_crystal(atoms) < 0.4


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("ensemble", ["constant energy", "constant temperature"])
def test_ten_picoseconds_at_room_temperature(file, ensemble):
    atoms = moving(file)
    if ensemble == "constant energy":
        dynamics = VelocityVerlet(atoms, timestep=2 * units.fs)
    else:
        rng = np.random.default_rng(3)
        dynamics = Langevin(atoms, timestep=2 * units.fs, temperature_K=300, friction=0.01 / units.fs, rng=rng)
    totals, temperatures = [], []

    def note():
        totals.append(atoms.get_total_energy() / len(atoms))
        temperatures.append(atoms.get_temperature())

    dynamics.attach(note, interval=10)
    dynamics.run(5000)
    assert np.mean(temperatures[100:]) == pytest.approx(300, abs=40)
    assert unlike_the_crystal(atoms) < 0.5
    if ensemble == "constant energy":
        first, last = np.mean(totals[:100]), np.mean(totals[-100:])
        assert abs(last - first) < 1e-3
        assert np.ptp(totals) < 2e-3


def campaign(folder: Path, **keys: object):
    data = {
        "schema_version": 1,
        "name": "predicted",
        "space": boundary_space("Al", 4.0, [1, 1, 1], spacing=8.0),
        "objective": {"unit": "J/m2"},
        **keys,
    }
    return campaign_from_data(data, folder, "test").spec


def test_a_campaign_s_source_is_the_model_s_content_not_its_place(tmp_path):
    name = FILES[0]
    (tmp_path / "moved.safetensors").write_bytes((POTENTIALS / name).read_bytes())
    one = campaign(POTENTIALS, calculator={"type": "potential", "model": name})
    other = campaign(tmp_path, calculator={"type": "potential", "model": "moved.safetensors"})
    assert one.calculator.model_sha256 == other.calculator.model_sha256 is not None
    assert source_of(one) == source_of(other)
    single = campaign(POTENTIALS, calculator={"type": "potential", "model": name, "dtype": "float32"})
    assert source_of(single) != source_of(one)
    emt = {"type": "emt"}
    label = campaign(POTENTIALS, calculator=emt, label={"calculator": {"type": "potential", "model": name}})
    assert label.label.calculator.model_sha256 == one.calculator.model_sha256
    assert source_of(label) != source_of(campaign(POTENTIALS, calculator=emt))
    relaxing = {"type": "surrogate", "model": FILES[1], "relaxed_by": {"type": "potential", "model": name}}
    assert campaign(POTENTIALS, calculator=relaxing).calculator.relaxed_by.model_sha256 == one.calculator.model_sha256
    with pytest.raises(ConfigurationError, match="does not exist"):
        campaign(POTENTIALS, calculator={"type": "potential", "model": "none.safetensors"})


def test_a_campaign_s_outcome_says_that_it_is_predicted(tmp_path):
    spec = campaign(POTENTIALS, calculator={"type": "potential", "model": FILES[0], "relaxation": {"fmax": 0.1}})
    document = job_of(spec, str(open_space(spec.space, POTENTIALS).pool().ids[0]), POTENTIALS)
    outcome = evaluate(document, tmp_path)
    assert outcome.failure is None
    assert outcome.predicted_by == FILES[0]
    assert outcome.deviation > 0
