"""Expected growth of the dominated volume, by BoTorch from our posteriors."""

import numpy as np
import pytest

from tansaku.models.domain.errors import MissingComponentError
from tansaku.models.engine import pareto
from tansaku.models.engine.front import dominated_volume
from tansaku.models.engine.pareto import expected_growth, require_botorch


@pytest.mark.parametrize("m", [2, 3])
def test_it_is_the_mean_growth_over_samples(require, m):
    require("botorch")
    rng = np.random.default_rng(m)
    front, reference = rng.uniform(size=(8, m)), np.ones(m)
    mean, deviation = rng.uniform(0.0, 0.6, size=(4, m)), rng.uniform(0.05, 0.3, size=(4, m))
    found = expected_growth(mean, deviation, front, reference)
    before = dominated_volume(front, reference)
    for i in range(4):
        samples = mean[i] + deviation[i] * rng.normal(size=(800, m))
        growth = [dominated_volume(np.vstack([front, sample]), reference) - before for sample in samples]
        assert found[i] == pytest.approx(np.mean(growth), abs=4 * np.std(growth) / np.sqrt(800) + 1e-12)


def test_what_is_certain_and_beaten_gains_nothing(require):
    require("botorch")
    front, reference = np.array([[0.2, 0.2]]), np.ones(2)
    sure = np.zeros((3, 2))
    found = expected_growth(np.array([[0.5, 0.5], [0.2, 0.2], [0.1, 0.1]]), sure, front, reference)
    assert found == pytest.approx([0.0, 0.0, 0.81 - 0.64], abs=1e-4)


def test_blocks_change_nothing(require, monkeypatch):
    require("botorch")
    rng = np.random.default_rng(0)
    arguments = rng.uniform(size=(50, 2)), rng.uniform(0.1, 0.2, (50, 2)), rng.uniform(size=(6, 2)), np.ones(2)
    whole = expected_growth(*arguments)
    monkeypatch.setattr(pareto, "_ELEMENTS_AT_ONCE", 100)
    np.testing.assert_array_equal(expected_growth(*arguments), whole)


def test_without_botorch_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr("tansaku.models.engine.pareto.find_spec", lambda name: None)
    with pytest.raises(MissingComponentError, match=r"objective\.goal: pareto needs botorch.*\n.*tansaku\[torch\]"):
        require_botorch()
