"""What is special to local energies; what all surrogates share is in the contract."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tansaku.models.domain.specs.descriptors import RadialDescriptorSpec
from tansaku.models.domain.specs.surrogate import LocalEnergiesSpec
from tansaku.models.domain.surrogates import TrainingRun
from tansaku.models.surrogates.files import FileCheckpoints
from tansaku.models.surrogates.local_energies.columns import raw_features
from tansaku.models.surrogates.local_energies.training import LocalEnergiesTrainer

RADIAL = (RadialDescriptorSpec(cutoff=5.0, widths=(0.4, 0.8)),)
QUICK = {"descriptors": RADIAL, "total_weights": (0.0,), "path_points": 10, "path_ratio": 1e-4, "max_iterations": 500}


@pytest.fixture(scope="module")
def copper(emt_examples, require):
    require("sklearn")
    return emt_examples()


def fit(examples, **changes):
    told = []
    model = LocalEnergiesTrainer(LocalEnergiesSpec(**(QUICK | changes))).fit(examples, TrainingRun(on_progress=told.append))
    return model, told


def test_atoms_add_up_to_the_cell(copper):
    model, _ = fit(copper)
    for prediction in model.predict(copper[:3]):
        assert prediction["energy"].values == pytest.approx(prediction["energies"].values.sum())


def test_the_path_ends_early_and_the_best_point_is_taken(emt_examples):
    # Too few data for so many functions: the left-out error rises again at small penalties.
    few = emt_examples(groups=3, per_group=1)
    narrow = (RadialDescriptorSpec(cutoff=5.0, widths=(0.1, 0.2)),)
    keys = {"descriptors": narrow, "path_points": 25, "path_ratio": 1e-6, "tolerance": 1e-8}
    _, every = fit(few, **keys, patience=100)
    model, told = fit(few, **keys, patience=2)
    assert len(told) < len(every) == 25
    errors = [step.validation for step in told]
    assert int(np.argmin(errors)) == len(errors) - 3
    assert 1000 * model.training["left_out_rmse"] == pytest.approx(min(errors))


def test_a_training_killed_at_its_best_point_goes_on_to_the_same_weights(emt_examples, mortal, tmp_path):
    few = emt_examples(groups=3, per_group=1)
    keys = {"descriptors": (RadialDescriptorSpec(cutoff=5.0, widths=(0.1, 0.2)),), "path_points": 25, "path_ratio": 1e-6}
    whole, told = fit(few, **keys, patience=2)
    best = int(np.argmin([step.validation for step in told]))
    assert best < len(told) - 1
    spec, checkpoints = LocalEnergiesSpec(**(QUICK | keys | {"patience": 2})), FileCheckpoints(tmp_path / "left.safetensors")
    with pytest.raises(mortal.KilledError):
        LocalEnergiesTrainer(spec).fit(few, TrainingRun(checkpoints=mortal.Mortal(checkpoints, best + 1)))
    resumed = LocalEnergiesTrainer(spec).fit(few, TrainingRun(checkpoints=checkpoints))
    assert np.array_equal(resumed.solution.coefficients, whole.solution.coefficients)
    # As for campaigns stored before the key "solver", the coefficients are those of the penalty after the best one.
    assert f" {resumed.training['features']} features" in told[best + 1].note
    assert told[best + 1].note.split(", ")[-1] != told[best].note.split(", ")[-1]


def test_a_new_model_has_the_coefficients_of_its_best_penalty(emt_examples):
    few = emt_examples(groups=3, per_group=1)
    keys = {"descriptors": (RadialDescriptorSpec(cutoff=5.0, widths=(0.1, 0.2)),), "path_points": 25, "path_ratio": 1e-6}
    model, told = fit(few, **keys, patience=2, solver="working_set")
    best = int(np.argmin([step.validation for step in told]))
    assert told[best].note.endswith(f", {model.training['features']} features")


def test_the_total_energy_helps_where_atoms_are_unknown(copper):
    blind = [
        replace(example, properties={"energy": example.properties["energy"]}) if example.info["member"] else example
        for example in copper
    ]
    with_totals, _ = fit(blind, total_weights=(1.0,))
    without, _ = fit(blind, total_weights=(0.0,))

    def error(model) -> float:
        pairs = zip(model.predict(copper), copper, strict=True)
        return float(np.mean([abs(one["energy"].values - known.properties["energy"]) / 16 for one, known in pairs]))

    assert error(with_totals) < error(without)


def test_totals_alone_are_enough_to_learn_from(copper):
    totals = [replace(example, properties={"energy": example.properties["energy"]}) for example in copper]
    model, _ = fit(totals, total_weights=(1.0,))
    computed = np.array([float(example.properties["energy"]) for example in copper])
    predicted = np.array([float(one["energy"].values) for one in model.predict(copper)])
    assert np.corrcoef(computed, predicted)[0, 1] > 0.95


def test_the_weight_of_the_totals_is_chosen_by_the_left_out_error(copper):
    weights = (0.0, 1.0)
    single = [fit(copper, total_weights=(weight,))[0].training["left_out_rmse"] for weight in weights]
    model, told = fit(copper, total_weights=weights)
    assert model.training["left_out_rmse"] == pytest.approx(min(single))
    assert model.training["total_weight"] == weights[int(np.argmin(single))]
    assert {step.note.partition(",")[0] for step in told} == {"total weight 0", "total weight 1"}


@pytest.mark.parametrize("change", [{"path_ratio": 1e-2}, {"path_points": 4}, {"max_iterations": 3}, {"tolerance": 0.3}])
def test_every_knob_matters(copper, change):
    one, _ = fit(copper)
    other, _ = fit(copper, **change)
    assert not np.array_equal(one.solution.coefficients, other.solution.coefficients)


def test_predictions_far_from_the_data_are_said_to_be_uncertain(copper):
    model, _ = fit(copper)
    squeezed = copper[0].structure.copy()
    squeezed.set_cell(squeezed.cell * 0.85, scale_atoms=True)
    near, far = model.predict([copper[4], replace(copper[0], structure=squeezed)])
    assert np.median(far["energies"].deviation) > 3 * np.median(near["energies"].deviation)


def test_the_error_estimate_is_right_for_groups_never_seen(emt_examples, copper):
    model, _ = fit(copper)
    unseen = emt_examples(groups=5, per_group=4, seed=7)
    errors = np.concatenate([example.properties["energies"] for example in unseen])
    predictions = model.predict(unseen)
    errors = errors - np.concatenate([one["energies"].values for one in predictions])
    scores = np.abs(errors) / np.concatenate([one["energies"].deviation for one in predictions])
    assert np.mean(scores <= 1) == pytest.approx(0.683, abs=0.12)
    assert np.mean(scores <= 2) == pytest.approx(0.954, abs=0.06)


def test_features_that_are_kept_are_not_computed_again(copper):
    asked = []

    def kept(spec, example, species):
        asked.append(example.id)
        return raw_features(spec, example, species)

    spec = LocalEnergiesSpec(**QUICK)
    model = LocalEnergiesTrainer(spec, kept).fit(copper, TrainingRun())
    assert asked == [one.id for one in copper]
    assert np.array_equal(model.solution.coefficients, fit(copper)[0].solution.coefficients)
