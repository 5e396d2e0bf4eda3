"""Error bars calibrated on the groups that are held out."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

from tansaku.models.domain.specs.descriptors import RadialDescriptorSpec
from tansaku.models.domain.specs.kernel_ridge import KernelRidgeSpec
from tansaku.models.domain.surrogates import Estimate, Example, TrainingRun
from tansaku.models.surrogates.kernel_ridge.training import KernelRidgeTrainer
from tansaku.tasks.node.jobs.judging import Compared, compare, judge


@pytest.fixture(scope="module")
def fitted(emt_examples, require):
    """A surrogate whose error bars are a quarter of what its own training found, and its data."""
    for package in ("matscipy", "sklearn"):
        require(package)
    training = emt_examples(("Cu", "Au"))
    spec = KernelRidgeSpec(descriptors=(RadialDescriptorSpec(cutoff=5.0, widths=(0.4, 0.8)),))
    return KernelRidgeTrainer(spec).fit(training, TrainingRun()).rescaled({"energy": 0.25}), training


def coverage(surrogate, examples: list[Example]) -> float:
    errors = compare(examples, surrogate.predict(examples))["energy"].errors()
    assert errors.within_one is not None
    return errors.within_one


def test_error_bars_that_are_too_small_become_right_for_groups_that_nobody_saw(fitted, emt_examples):
    surrogate, training = fitted
    held_out = emt_examples(("Cu", "Au"), groups=7, per_group=6, seed=5)
    unseen = emt_examples(("Cu", "Au"), groups=7, per_group=6, seed=7)
    judged = judge(surrogate, training, held_out, calibrate=True)
    errors = judged.sides["held_out"]["energy"].errors()
    assert coverage(surrogate, unseen) < 0.4
    assert 0.5 < coverage(judged.surrogate, unseen) < 0.9
    assert 0.5 < errors.within_one < 0.9
    assert errors.factor == judged.sides["training"]["energy"].errors().factor > 1.5
    assert errors.bars == f"× {errors.factor:.3g}"
    for one, other in zip(judged.surrogate.predict(unseen), surrogate.predict(unseen), strict=True):
        assert one["energy"].deviation == pytest.approx(errors.factor * other["energy"].deviation)


def test_a_groups_own_errors_do_not_judge_its_error_bars(fitted, emt_examples):
    surrogate, training = fitted
    held_out = [item for item in emt_examples(("Cu", "Au"), groups=3, per_group=6, seed=5) if item.group == "g1"]
    judged = judge(surrogate, training, held_out, calibrate=True)
    # There is no other group: the model is calibrated, and the share is that of the error bars of the training.
    assert judged.sides["held_out"]["energy"].errors().within_one == coverage(surrogate, held_out)
    assert judged.sides["held_out"]["energy"].factor > 1.0


def test_uncalibrated_error_bars_say_so(fitted, emt_examples):
    surrogate, training = fitted
    judged = judge(surrogate, training, training[:6], calibrate=False)
    assert judged.surrogate is surrogate
    errors = judged.sides["held_out"]["energy"].errors()
    assert (errors.factor, errors.bars) == (None, "not calibrated")
    assert "factor" not in errors.model_dump(mode="json")


def test_forces_that_vanish_by_symmetry_say_nothing_about_error_bars():
    zero, one = np.zeros(6), np.ones(4)
    found = Compared(np.concatenate([zero, 3 * one]), np.concatenate([zero, one]), np.ones(10), "eV/Angstrom")
    assert found.scores().tolist() == [2.0] * 4
    assert (found.errors().count, found.errors().within_one) == (10, 0.0)
    assert Compared(zero, zero, np.ones(6), "eV/Angstrom").errors().bars == ""


def test_energies_of_atoms_are_correlated_within_each_element():
    random = np.random.default_rng(0)
    numbers = np.repeat([12, 8], 200)
    computed = np.where(numbers == 12, -3.5, -9.1) + 0.1 * random.normal(size=400)
    blind = np.where(numbers == 12, -3.5, -9.1) + 0.1 * random.normal(size=400)
    assert Compared(computed, blind, np.empty(0), "eV").errors().correlation > 0.99
    assert abs(Compared(computed, blind, np.empty(0), "eV", kinds=numbers).errors().correlation) < 0.2
    near = computed + np.where(numbers == 12, 0.3, -0.2)
    assert Compared(computed, near, np.empty(0), "eV", kinds=numbers).errors().correlation == pytest.approx(1.0)
    # Of one element nothing changes, and in a perfect crystal nothing varies.
    alone = Compared(computed, blind, np.empty(0), "eV", kinds=np.full(400, 12))
    assert alone.errors() == Compared(computed, blind, np.empty(0), "eV").errors()
    perfect = np.where(numbers == 12, -3.5, -9.1) + 1e-14 * random.normal(size=400)
    assert Compared(perfect, computed, np.empty(0), "eV", kinds=numbers).errors().correlation is None


def test_energies_of_atoms_know_their_elements():
    atoms = Atoms("MgO", positions=[(0, 0, 0), (2, 0, 0)])
    energies, total = np.array([-3.0, -9.0]), np.array(-12.0)
    example = Example("a", "a", atoms, {"energies": energies, "energy": total})
    found = compare([example], [{"energies": Estimate(energies, None), "energy": Estimate(total, None)}])
    assert found["energies"].kinds.tolist() == [12, 8]
    assert found["energy"].kinds is None
