"""What networks are given, and how weights are carried from one standardisation to another."""

from __future__ import annotations

import numpy as np
import pytest

from tansaku.models.domain.errors import FitError

torch = pytest.importorskip("torch")

from tansaku.potentials.network.network import Architecture, passed  # noqa: E402
from tansaku.potentials.network.scaling import Scaling, expressed  # noqa: E402

ARCHITECTURE = Architecture(4, (5, 3), "tanh", 2)


def energies(weights: np.ndarray, scaling: Scaling, features: np.ndarray, code: int) -> np.ndarray:
    inputs = torch.tensor(scaling.features(features, np.full(len(features), code)))
    found = passed(ARCHITECTURE.layers(torch.tensor(weights), code), "tanh", inputs)
    return scaling.unit * found.energies.numpy() + scaling.references[code]


def random_scaling(rng: np.random.Generator) -> Scaling:
    return Scaling(rng.normal(size=(2, 4)), rng.uniform(0.5, 2.0, (2, 4)), rng.normal(size=2), rng.uniform(0.2, 2.0))


def test_features_are_standardised_and_references_taken_away():
    rng = np.random.default_rng(0)
    features = rng.normal(2.0, 3.0, (60, 4))
    features[:, 3] = 1.0
    codes, structure = np.tile([0, 1, 1], 20), np.repeat(np.arange(20), 3)
    structure = np.where(codes == 0, structure, (structure + (structure % 2)) % 20)
    totals = np.bincount(structure, np.where(codes == 0, -1.0, -2.5), 20)
    scaling = Scaling.learned(features, codes, structure, totals)
    assert scaling.references == pytest.approx([-1.0, -2.5])
    inputs = scaling.features(features, codes)
    for code in (0, 1):
        assert inputs[codes == code, :3].mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-12)
        assert inputs[codes == code, :3].std(axis=0) == pytest.approx(np.ones(3))
    # What does not vary says nothing, wherever it goes later.
    assert not scaling.features(features + 5.0, codes)[:, 3].any()


def test_features_that_never_vary_are_nothing_to_learn_from():
    with pytest.raises(FitError, match="no feature varies"):
        Scaling.learned(np.ones((4, 2)), np.zeros(4, np.intp), np.repeat([0, 1], 2), np.array([1.0, 2.0]))


def test_weights_in_another_standardisation_say_the_same():
    rng = np.random.default_rng(1)
    old, new = random_scaling(rng), random_scaling(rng)
    weights, features = ARCHITECTURE.drawn(rng) + 0.1, rng.normal(size=(7, 4))
    moved = expressed(weights, ARCHITECTURE, old, new)
    for code in (0, 1):
        assert energies(moved, new, features, code) == pytest.approx(energies(weights, old, features, code))


def test_a_feature_that_begins_to_vary_has_no_say_at_first():
    rng = np.random.default_rng(2)
    old, new = random_scaling(rng), random_scaling(rng)
    old.inverse[:, 2] = 0.0
    weights = ARCHITECTURE.drawn(rng) + 0.1
    moved = expressed(weights, ARCHITECTURE, old, new)
    features = rng.normal(size=(7, 4))
    assert energies(moved, new, features, 0) == pytest.approx(energies(weights, old, features, 0))
    features[:, 2] += 3.0
    assert energies(moved, new, features, 0) == pytest.approx(energies(weights, old, features, 0))
