"""What is special to kernel ridge regression; what all surrogates share is in the contract."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.specs.descriptors import CoulombMatrixDescriptorSpec, RadialDescriptorSpec
from tansaku.models.domain.specs.kernel_ridge import KernelRidgeSpec
from tansaku.models.domain.surrogates import TrainingRun
from tansaku.models.surrogates.kernel_ridge.training import KernelRidgeTrainer

RADIAL = (RadialDescriptorSpec(cutoff=5.0, widths=(0.4, 0.8)),)


@pytest.fixture(scope="module")
def copper(emt_examples):
    return emt_examples()


@pytest.mark.parametrize("change", [{"widths": (0.3,)}, {"regularisations": (1.0,)}])
def test_every_knob_of_kernel_ridge_matters(copper, change):
    base = KernelRidgeSpec(descriptors=RADIAL)
    one, other = (
        KernelRidgeTrainer(spec).fit(copper, TrainingRun()).predict(copper[:1])[0]["energy"].values
        for spec in (base, base.model_copy(update=change))
    )
    assert one != other


def test_a_coulomb_matrix_is_a_descriptor_of_the_whole_structure(copper):
    def model(*descriptors):
        spec = KernelRidgeSpec(descriptors=descriptors)
        return KernelRidgeTrainer(spec).fit(copper, TrainingRun())

    alone, room, beside = (
        model(CoulombMatrixDescriptorSpec(size=16)),
        model(CoulombMatrixDescriptorSpec(size=20)),
        model(*RADIAL, CoulombMatrixDescriptorSpec(size=16)),
    )
    one, same, other = (float(each.predict(copper[:1])[0]["energy"].values) for each in (alone, room, beside))
    assert same == pytest.approx(one, abs=1e-9)
    assert other != one
    large = replace(copper[0], structure=copper[0].structure.repeat((1, 1, 2)))
    with pytest.raises(FitError, match="32 atoms; expected at most 16"):
        alone.predict([large])


def test_a_property_per_atom_grows_with_the_cell_and_another_does_not(copper):
    large = replace(copper[0], structure=copper[0].structure.repeat((1, 1, 2)))
    for per_atom, factor, unit in ((True, 2, "eV/atom"), (False, 1, "eV")):
        steps = []
        run = TrainingRun(on_progress=steps.append)
        model = KernelRidgeTrainer(KernelRidgeSpec(descriptors=RADIAL, per_atom=per_atom)).fit(copper, run)
        assert {step.unit for step in steps} == {unit}
        one, two = (prediction["energy"].values for prediction in model.predict([copper[0], large]))
        assert two == pytest.approx(factor * one)


def test_kernel_ridge_learns_any_scalar(copper):
    named = [replace(one, properties={"volume": np.asarray(one.structure.get_volume())}) for one in copper]
    spec = KernelRidgeSpec(descriptors=RADIAL, property="volume")
    model = KernelRidgeTrainer(spec).fit(named, TrainingRun())
    assert model.predicts == ("volume",)
    for example, prediction in zip(named, model.predict(named), strict=True):
        assert prediction["volume"].values == pytest.approx(example.properties["volume"], rel=0.02)


def test_the_left_out_error_is_that_of_fits_without_each_group(copper):
    model = KernelRidgeTrainer(KernelRidgeSpec(descriptors=RADIAL)).fit(copper, TrainingRun())
    values = np.array([float(one.properties["energy"]) / len(one.structure) for one in copper]) - model.offset
    groups = np.array([one.group for one in copper])
    matrix = np.exp(-0.5 * cdist(model.rows, model.rows, "sqeuclidean") / model.width**2)
    off = np.empty(len(copper))
    for group in set(groups):
        mine = groups == group
        known = matrix[np.ix_(~mine, ~mine)] + model.training["regularisation"] * np.eye((~mine).sum())
        off[mine] = values[mine] - matrix[np.ix_(mine, ~mine)] @ np.linalg.solve(known, values[~mine])
    assert model.training["left_out_rmse"] == pytest.approx(float(np.sqrt(np.mean(off**2))), rel=1e-4)


def test_the_error_estimate_is_right_for_groups_never_seen(emt_examples):
    spec = KernelRidgeSpec(descriptors=RADIAL)
    model = KernelRidgeTrainer(spec).fit(emt_examples(groups=8, per_group=5), TrainingRun())
    unseen = emt_examples(groups=7, per_group=8, seed=7)
    found = [one["energy"] for one in model.predict(unseen)]
    errors = np.array([abs(float(one.values - known.properties["energy"])) for one, known in zip(found, unseen, strict=True)])
    scores = errors / np.array([float(one.deviation) for one in found])
    assert np.mean(scores <= 1) == pytest.approx(0.683, abs=0.2)
    assert np.mean(scores <= 2) == pytest.approx(0.954, abs=0.1)
