"""What is special to networks on voxels; what all surrogates share is in the contract."""

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from pydantic import ValidationError

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.surrogates import Example, TrainingRun, Weights
from tansaku.potentials.specs.voxel_network import VoxelNetworkSpec
from tansaku.potentials.voxel_network.training import VoxelNetworkTrainer

pytestmark = pytest.mark.needs("torch")

SMALL = {
    "properties": ["energy", "band_gap"],
    "resolution": 0.8,
    "length": 6.4,
    "layers": 2,
    "filters": 4,
    "hidden": 8,
    "members": 2,
    "rotations": 4,
    "views": 2,
    "epochs": 3,
    "batch": 4,
}


def spec(**changes):
    return VoxelNetworkSpec.model_validate(SMALL | changes)


@pytest.fixture(scope="module")
def crystals():
    """Fields of no symmetry whose strength is what is to be learned."""
    rng = np.random.default_rng(0)
    axes = np.meshgrid(*(2 * np.pi * np.arange(8) / 8 for _ in range(3)), indexing="ij")
    found = []
    for place in range(12):
        cell = np.diag(rng.uniform(3.45, 3.55, size=3))
        atoms = Atoms("CuAu", scaled_positions=[(0, 0, 0), (0.5, 0.5, 0.4)], cell=cell, pbc=True)
        strength = rng.uniform(0.5, 1.5)
        waves = sum(np.cos(axis + 0.3 * place) * (number + 1) for number, axis in enumerate(axes))
        field = 1.0 + strength * (waves + 0.5 * np.cos(axes[0] + axes[1] - axes[2]))
        if place % 3 == 0:
            atoms, field = atoms.repeat((1, 1, 2)), np.tile(field, (1, 1, 2))
        properties = {"energy": np.asarray(len(atoms) * strength), "band_gap": np.asarray(strength)}
        found.append(Example(f"c{place}", f"g{place // 2}", atoms, properties, {"density": field, "other": field**2}))
    return found


def predicted(examples, of, **changes):
    found = VoxelNetworkTrainer(spec(**changes)).fit(examples, TrainingRun()).predict([of])[0]
    return float(found["energy"].values)


@pytest.mark.parametrize(
    "change",
    [
        {"properties": ["energy"]},
        {"intensive": ["energy"]},
        {"field": "other"},
        {"resolution": 0.6},
        {"length": 9.6},
        {"power": 0.5},
        {"filters": 5},
        {"layers": 1},
        {"hidden": 9},
        {"members": 3},
        {"rotations": 5},
        {"views": 1},
        {"left_out": 0.4},
        {"epochs": 4},
        {"batch": 3},
        {"rate": 1e-2},
        {"decay": 0.5},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_knob_matters(crystals, change):
    assert predicted(crystals, crystals[0], **change) != predicted(crystals, crystals[0])


def test_a_property_that_grows_with_the_cell_and_one_that_does_not(crystals):
    model = VoxelNetworkTrainer(spec()).fit(crystals, TrainingRun())
    fields = {"density": np.tile(crystals[0].fields["density"], (1, 2, 1))}
    large = replace(crystals[0], structure=crystals[0].structure.repeat((1, 2, 1)), fields=fields)
    one, two = model.predict([crystals[0], large])
    assert two["energy"].values == pytest.approx(2 * one["energy"].values, rel=1e-6)
    assert two["band_gap"].values == pytest.approx(one["band_gap"].values, rel=1e-6)


def test_longer_training_fits_the_strength_of_a_field(crystals):
    told = []
    run = TrainingRun(on_progress=told.append)
    VoxelNetworkTrainer(spec(epochs=120, members=1, filters=16, hidden=64, rate=5e-3)).fit(crystals, run)
    assert told[-1].training < 0.3 * told[0].training


EARLY = {"epochs": 40, "patience": 2, "rate": 1e-2}


@pytest.fixture(scope="module")
def early(crystals, require):
    """A training that ends early: its model, its steps and its checkpoints."""
    require("torch")
    told, saved = [], Kept()
    run = TrainingRun(checkpoints=saved, on_progress=told.append)
    return VoxelNetworkTrainer(spec(**EARLY)).fit(crystals, run), told, saved.every


class Kept:
    """Checkpoints that are all kept; the last of the first ``known`` ones is found."""

    def __init__(self, every=(), known=0):
        self.every, self.known = list(every), known

    def save(self, weights):
        self.every.append(weights)

    def load(self):
        return self.every[self.known - 1] if self.known else None


def test_training_ends_when_the_error_set_aside_falls_no_more_and_keeps_the_best_weights(crystals, early):
    model, told, checkpoints = early
    passes = model.training["passes"]
    assert len(passes) == 2
    assert sum(passes) == len(told) < 2 * EARLY["epochs"]
    begun = 0
    for member, count in enumerate(passes):
        aside = [one.validation for one in told[begun : begun + count]]
        best = int(np.argmin(aside))
        assert count == min(best + 1 + EARLY["patience"], EARLY["epochs"])
        names = [name for name in model.arrays if name.startswith(f"member{member}.")]
        then, last = checkpoints[begun + best].arrays, checkpoints[begun + count - 1].arrays
        assert all(np.array_equal(model.arrays[name], then[name]) for name in names)
        assert any(not np.array_equal(model.arrays[name], last[name]) for name in names)
        begun += count
    assert {one.note for one in told[: passes[0]]} == {"network 1 of 2"}
    assert {one.note for one in told[passes[0] :]} == {"network 2 of 2"}
    whole = VoxelNetworkTrainer(spec(**EARLY | {"patience": None})).fit(crystals, TrainingRun())
    assert "passes" not in whole.training
    assert any(not np.array_equal(whole.arrays[name], model.arrays[name]) for name in model.arrays)


def test_killed_at_any_pass_an_early_end_comes_out_the_same(crystals, early):
    model, told, checkpoints = early
    first = model.training["passes"][0]
    for known in {1, first - 2, first - 1, first, first + 1, len(told) - 1, len(told)}:
        again, kept = [], Kept(checkpoints, known)
        run = TrainingRun(checkpoints=kept, on_progress=again.append)
        resumed = VoxelNetworkTrainer(spec(**EARLY)).fit(crystals, run)
        assert again == told
        assert len(kept.every) - len(checkpoints) == len(told) - known
        assert resumed.weights().document == model.weights().document
        assert all(np.array_equal(resumed.arrays[name], model.arrays[name]) for name in model.arrays)


def test_a_checkpoint_from_before_networks_could_end_early_is_gone_on_from(crystals):
    kept, told = Kept(), []
    model = VoxelNetworkTrainer(spec()).fit(crystals, TrainingRun(checkpoints=kept))
    for known in (2, 3, 4):
        old = kept.every[known - 1]
        document = {name: value for name, value in old.document.items() if name != "ended"}
        again = Kept([Weights(old.arrays, document)], 1)
        resumed = VoxelNetworkTrainer(spec()).fit(crystals, TrainingRun(checkpoints=again, on_progress=told.append))
        assert len(again.every) == 1 + 6 - known
        assert all(np.array_equal(resumed.arrays[name], model.arrays[name]) for name in model.arrays)


def test_a_gpu_would_convolve_in_all_digits_and_in_a_fixed_order(crystals):
    import torch

    flags, seen = torch.backends.cudnn, set()
    before = (flags.allow_tf32, flags.deterministic, flags.benchmark)
    run = TrainingRun(on_progress=lambda _: seen.add((flags.allow_tf32, flags.deterministic, flags.benchmark)))
    VoxelNetworkTrainer(spec()).fit(crystals, run)
    assert seen == {(False, True, False)}
    assert (flags.allow_tf32, flags.deterministic, flags.benchmark) == before


def test_seeds_give_other_networks(crystals):
    one, other = (VoxelNetworkTrainer(spec()).fit(crystals, TrainingRun(seed=seed)).weights() for seed in (0, 1))
    assert any(not np.array_equal(one.arrays[name], other.arrays[name]) for name in one.arrays)


def test_a_missing_field_and_a_missing_property_are_told(crystals):
    with pytest.raises(FitError, match="c0: no field 'density' is known; its fields: none"):
        VoxelNetworkTrainer(spec()).fit([replace(one, fields={}) for one in crystals], TrainingRun())
    with pytest.raises(FitError, match="c0: no band_gap is known"):
        VoxelNetworkTrainer(spec()).fit(
            [replace(one, properties={"energy": np.asarray(1.0)}) for one in crystals], TrainingRun()
        )


def test_hyper_parameters_that_do_not_go_together_are_refused():
    with pytest.raises(ValidationError, match="views: 9 are more than the 4 rotations"):
        spec(views=9)
    with pytest.raises(ValidationError, match="expected each once"):
        spec(properties=["energy", "energy"])
    with pytest.raises(ValidationError, match="layers: 4 are too many for a cube of 8 voxels"):
        spec(layers=4)
