"""What is special to network potentials; what all surrogates share is in the contract."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.surrogates import Example, TrainingRun, Weights
from tansaku.potentials.specs.network import PotentialSpec
from tests.support.slopes import by_position, by_strain

torch = pytest.importorskip("torch")

from tansaku.potentials.network.training import PotentialTrainer, calibrated, set_aside  # noqa: E402

QUICK = {
    "environment": {"type": "symmetry_functions", "cutoff": 4.5, "radial": 4, "angular": 2, "zetas": (1,)},
    "hidden": (5, 4),
    "members": 2,
    "trainer": {"type": "levenberg_marquardt", "cycles": 6},
}


@pytest.fixture(scope="module")
def copper(emt_examples):
    return emt_examples()


@pytest.fixture(scope="module")
def model(copper):
    return fit(copper)[0]


def fit(examples, run: TrainingRun | None = None, **changes):
    told = []
    run = replace(run or TrainingRun(), on_progress=told.append)
    return PotentialTrainer(PotentialSpec.model_validate(QUICK | changes)).fit(examples, run), told


def known_less(examples, *names: str):
    return [
        replace(one, properties={name: value for name, value in one.properties.items() if name not in names})
        for one in examples
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"hidden": (3,)},
        {"activation": "silu"},
        {"members": 1},
        {"bootstrap": False},
        {"validation": 0.7},
        {"force_weight": 0.0},
        {"softening": 0.1},
        {"decay": 1.0},
        {"trainer": {"type": "lbfgs", "cycles": 2}},
        {"environment": QUICK["environment"] | {"cutoff": 4.0}},
    ],
)
def test_every_knob_matters(copper, model, change):
    changed, _ = fit(copper, **change)
    one, other = (float(found.predict(copper[:1])[0]["energy"].values) for found in (model, changed))
    assert one != other


def odd_one(like):
    """Huge forces, an energy of nonsense."""
    forces = 20.0 * np.random.default_rng(0).normal(size=like.properties["forces"].shape)
    energy = np.asarray(float(like.properties["energy"]) + 10.0)
    return replace(like, id="odd", properties={"energy": energy, "forces": forces - forces.mean(axis=0)})


def test_structures_with_large_forces_count_less(copper):
    """One that says nonsense of huge forces spoils the others unless it is softened."""
    trained = next(one for one, out in zip(copper, set_aside(copper, 0.1, 0), strict=True) if not out)
    keys = {"members": 1, "trainer": {"type": "levenberg_marquardt", "cycles": 15}}
    off = {}
    for softening in (None, 0.3):
        model, _ = fit([*copper, odd_one(trained)], softening=softening, **keys)
        errors = [
            one["forces"].values - known.properties["forces"] for one, known in zip(model.predict(copper), copper, strict=True)
        ]
        off[softening] = float(np.sqrt(np.mean(np.concatenate(errors) ** 2)))
    assert off[0.3] < 0.5 * off[None]


def test_set_aside_they_count_less_too(copper):
    """Or they would decide when the training ends, and which weights are the best."""
    aside = next(one for one, out in zip(copper, set_aside(copper, 0.1, 0), strict=True) if out)
    lowest = {}
    for softening in (None, 0.3):
        _, told = fit([*copper, odd_one(aside)], softening=softening, members=1)
        lowest[softening] = min(step.validation for step in told)
    assert lowest[0.3] < 0.3 * lowest[None]


def test_training_ends_when_what_is_set_aside_is_predicted_no_better(copper):
    trainer = {"type": "levenberg_marquardt", "cycles": 60}
    model, told = fit(copper, patience=3, members=1, trainer=trainer)
    errors = [step.validation for step in told]
    assert len(told) < 60
    assert int(np.argmin(errors)) == len(errors) - 4
    together = np.hypot(model.training["set_aside_rmse"], 0.1 * model.training["set_aside_force_rmse"])
    assert 1000 * together == pytest.approx(min(errors))


def test_forces_are_slopes_of_the_energy(copper, model):
    example = copper[3]
    forces = model.predict([example])[0]["forces"].values

    def energy(atoms):
        return float(model.predict([replace(example, structure=atoms)])[0]["energy"].values)

    for atom, axis in ((0, 0), (7, 2)):
        assert forces[atom, axis] == pytest.approx(-by_position(energy, example.structure, atom, axis, 1e-4), abs=1e-6)


def test_stress_is_the_slope_of_the_energy_by_strain(copper, model):
    atoms = copper[3].structure
    found = model.evaluate(atoms)
    for place, strain in ((0, (0, 0)), (5, (0, 1))):
        slopes = by_strain(lambda each: model.evaluate(each).energies.sum(axis=1), atoms, *strain, 1e-4)
        assert found.virial[:, place] == pytest.approx(slopes, rel=1e-4)


def test_energies_alone_are_enough_to_learn_from(copper):
    model, _ = fit(known_less(copper, "forces", "energies"))
    prediction = model.predict(copper[:1])[0]
    assert prediction["forces"].deviation is None
    assert np.isfinite(prediction["forces"].values).all()


def test_of_some_structures_the_forces_are_known(copper):
    some = [one if place % 2 else known_less([one], "forces")[0] for place, one in enumerate(copper)]
    model, told = fit(some)
    assert model.of_forces is not None
    assert told[-1].training < told[0].training


def test_weights_of_fewer_data_are_where_more_data_begin(emt_examples):
    few, many = emt_examples(groups=8)[:15], emt_examples(groups=8)
    small, _ = fit(few, trainer={"type": "levenberg_marquardt", "cycles": 15})
    again, told = fit(many, TrainingRun(start=small.weights()), trainer={"type": "levenberg_marquardt", "cycles": 1})
    _, fresh = fit(many, trainer={"type": "levenberg_marquardt", "cycles": 1})
    assert told[0].training < 0.5 * fresh[0].training
    assert not np.array_equal(again.scaling.mean, small.scaling.mean)


def test_weights_of_other_networks_are_no_beginning(copper, model):
    with pytest.raises(FitError, match="another hidden"):
        fit(copper, TrainingRun(start=model.weights()), hidden=(3,))
    with pytest.raises(FitError, match="of a kernel_ridge"):
        fit(copper, TrainingRun(start=Weights({}, {"type": "kernel_ridge"})))


def test_what_is_set_aside_stays_aside_as_data_grow(emt_examples):
    many = emt_examples(groups=12, per_group=1)
    aside = {one.group for one, left in zip(many, set_aside(many, 0.4, 0), strict=True) if left}
    assert 1 < len(aside) < 10
    few = [one for one in many if one.group != sorted(aside)[0]]
    fewer = {one.group for one, left in zip(few, set_aside(few, 0.4, 0), strict=True) if left}
    assert fewer == aside - {sorted(aside)[0]}
    assert set_aside(many, 0.4, 1).tolist() != set_aside(many, 0.4, 0).tolist()


def test_one_group_is_set_aside_and_one_left_at_least(emt_examples):
    two = emt_examples(groups=2, per_group=2)
    for share in (1e-6, 0.999):
        assert set_aside(two, share, 0).sum() == 2


def test_the_number_of_threads_changes_no_digit(copper, model):
    before = torch.get_num_threads()
    torch.set_num_threads(before % 2 + 1)
    try:
        again, _ = fit(copper)
        assert torch.get_num_threads() == before % 2 + 1
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(again.members, model.members)


def test_networks_that_disagree_are_said_to_be_unsure(emt_examples):
    trainer = {"type": "levenberg_marquardt", "cycles": 20}
    model, _ = fit(emt_examples(groups=30, per_group=1), members=3, validation=0.5, trainer=trainer)
    near = emt_examples()[6]
    squeezed = near.structure.copy()
    squeezed.set_cell(squeezed.cell * 0.93, scale_atoms=True)
    sure, unsure = (one["forces"].deviation for one in model.predict([near, replace(near, structure=squeezed)]))
    assert np.median(unsure) > 2 * np.median(sure)


def test_forces_that_vanish_by_symmetry_make_no_error_bar_smaller(copper, model):
    crystal = bulk("Cu", "fcc", a=3.6, cubic=True)
    known = {"energy": np.asarray(-0.02), "forces": np.zeros((4, 3))}
    perfect = [Example(f"perfect-{number}", "perfect", crystal, known) for number in range(20)]
    alone, beside = calibrated(model, copper), calibrated(model, [*copper, *perfect])
    assert beside[1] == alone[1]
    assert beside[0] != alone[0]
    assert calibrated(model, perfect)[1] is None
