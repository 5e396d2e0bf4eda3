"""A surrogate on what another leaves over: what it learns from, and that no kill changes it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.specs.descriptors import RadialDescriptorSpec
from tansaku.models.domain.specs.kernel_ridge import KernelRidgeSpec
from tansaku.models.domain.surrogates import TrainingRun, Weights
from tansaku.models.surrogates.files import FileCheckpoints
from tansaku.models.surrogates.surrogate_registry import build_trainer
from tansaku.potentials.specs.stacked import StackedSpec
from tansaku.potentials.specs.voxel_network import VoxelNetworkSpec


def ridge(cutoff: float, **keys: object) -> KernelRidgeSpec:
    return KernelRidgeSpec(descriptors=(RadialDescriptorSpec(cutoff=cutoff, widths=(0.4,)),), **keys)


SPEC = StackedSpec(first=ridge(4.0, widths=(1.0, 2.0)), second=ridge(5.0, widths=(1.0, 2.0)), folds=3)


@pytest.fixture(scope="module")
def copper(emt_examples):
    return emt_examples(groups=6, per_group=3)


def same(one: Weights, other: Weights) -> bool:
    return one.document == other.document and all(np.array_equal(one.arrays[name], other.arrays[name]) for name in one.arrays)


def test_killed_in_any_fit_it_goes_on_to_the_same_weights(copper, tmp_path, mortal):
    told = []
    whole = build_trainer(SPEC).fit(copper, TrainingRun(on_progress=told.append)).weights()
    # Three parts, all, and the second, two widths each.
    assert [one.step for one in told] == list(range(1, 11))
    assert [one.note[:5] for one in told[::2]] == [f"fit {number}" for number in range(1, 6)]
    for lives in range(1, 11):
        checkpoints = FileCheckpoints(tmp_path / f"{lives}.safetensors")
        with pytest.raises(mortal.KilledError):
            build_trainer(SPEC).fit(copper, TrainingRun(checkpoints=mortal.Mortal(checkpoints, lives)))
        again = []
        resumed = build_trainer(SPEC).fit(copper, TrainingRun(checkpoints=checkpoints, on_progress=again.append))
        assert same(resumed.weights(), whole), lives
        assert again == told


def test_the_second_learns_what_the_first_is_off_by_where_it_was_not_trained(copper):
    """A first of next to no regularisation is off by nothing on its own data; the second learns something all the same."""
    exact = SPEC.model_copy(update={"first": ridge(4.0, widths=(1.0,), regularisations=(1e-8,))})
    fitted = build_trainer(exact).fit(copper, TrainingRun())
    own = build_trainer(exact.first).fit(copper, TrainingRun()).predict(copper)
    assert max(abs(one["energy"].values - known.properties["energy"]) for one, known in zip(own, copper, strict=True)) < 1e-3
    (estimate,) = (one["energy"] for one in fitted.predict(copper[:1]))
    assert estimate.deviation > 1e-3
    assert abs(fitted.second.predict(copper[:1])[0]["energy"].values) > 1e-3
    assert fitted.training["not_left_out"] == 0


def test_what_has_an_element_of_its_own_is_judged_by_the_fit_that_knows_it(copper):
    gold = copper[0].structure.copy()
    gold.symbols[0] = "Au"
    odd = [replace(copper[0], structure=gold), *copper[1:3]]
    fitted = build_trainer(SPEC).fit([*odd, *copper[3:]], TrainingRun())
    assert fitted.training["not_left_out"] == 1
    assert np.isfinite(fitted.predict(odd[:1])[0]["energy"].values)


def test_the_parts_learn_the_same_property():
    assert StackedSpec(first=ridge(4.0, property="gap"), second=ridge(5.0, property="gap")).property == "gap"
    for second in (ridge(5.0), VoxelNetworkSpec(properties=("gap", "energy"))):
        with pytest.raises(ValidationError, match="the first gap; expected one property, the same of both"):
            StackedSpec(first=ridge(4.0, property="gap"), second=second)


def test_two_groups_are_too_few(copper):
    with pytest.raises(FitError, match="stacked: 2 groups of training data; expected at least 3"):
        build_trainer(SPEC).fit(copper[:6], TrainingRun())
