from dataclasses import replace

import numpy as np
import pytest

from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine import leaders as leaders_module
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.kernels import expand
from tansaku.models.engine.leaders import leading
from tansaku.models.engine.map_fit import default_priors
from tansaku.models.engine.posterior import PoolPosterior
from tansaku.models.engine.presets import build_kernel, settings


def _rounding_limit(pool):
    """Bytes with which a pool's covariances are kept in single precision."""
    return 8 * 499 * len(pool)


def _values(pool):
    group = pool.groups["place"]
    x = group.values[group.index]
    return 250.0 + 60.0 * np.sin(9.0 * x[:, 0]) * np.cos(3.0 * x[:, 1]) + 20.0 * pool.system_codes


def test_the_best_allowed_ones_lead():
    values = np.array([5.0, 1.0, 4.0, 3.0, 9.0, 2.0])
    allowed = np.array([True, True, True, True, False, True])
    assert leading(values, allowed, 3).tolist() == [0, 2, 3]
    assert leading(values, np.arange(6) < 2, 3).tolist() == [0, 1]


def test_leaders_are_predicted_as_in_full_precision(scattered_pool):
    terms = expand(build_kernel("additive", scattered_pool))
    parameters = {key: prior.centre for key, prior in default_priors(scattered_pool, terms).items()}
    points, targets = [2, 8, 15, 33, 47], np.array([1.0, np.nan, -1.0, 0.3, 0.4])
    found = []
    for limit in (_rounding_limit(scattered_pool), 2**30):
        posterior = PoolPosterior(scattered_pool, terms, parameters, 1e-3, limit)
        posterior.start(points[:2])
        mean, variance = posterior.predict(points[2:], [20, 21], targets, np.isfinite(targets))
        found.append((posterior, mean, variance))
    (rounded, rough_mean, _), (full, mean, variance) = found
    assert rounded.rounded
    assert not full.rounded
    assert np.abs(rough_mean - mean).max() > 1e-12
    again = rounded.exactly(np.array([3, 4, 50]), [20, 21])
    assert np.allclose(again[0], mean[[3, 4, 50]], rtol=0, atol=1e-11)
    assert np.allclose(again[1], variance[[3, 4, 50]], rtol=0, atol=1e-11)
    assert rounded.points == tuple(points)


@pytest.mark.parametrize(
    "spec",
    [
        GPProposerSpec(),
        GPProposerSpec(acquisition="log_ei", hyperparameters="bayes", members=2),
        GPProposerSpec(acquisition="thompson"),
    ],
)
def test_a_rounded_scan_proposes_what_a_full_one_does(scattered_pool, monkeypatch, spec):
    monkeypatch.setattr(leaders_module, "LEADERS", 8)
    values = _values(scattered_pool)

    def sequence(limit):
        chosen = [0, 20, 40]
        proposer = GPProposer(replace(settings(spec), memory_limit=limit * (spec.members or 1)))
        fitted = proposer.fit(scattered_pool, History(np.array(chosen), values[chosen]), None)
        choices = []
        for number in range(4, 14):
            history = History(np.array(chosen[:-1]), values[chosen[:-1]], pending=np.array(chosen[-1:]))
            choices.append(proposer.propose(scattered_pool, history, number, proposal_rng(0, number), fitted))
            chosen.append(choices[-1].position)
        return choices

    full, rounded = sequence(2**30), sequence(_rounding_limit(scattered_pool))
    assert [one.position for one in rounded] == [one.position for one in full]
    assert [one.acquisition for one in rounded] == pytest.approx([one.acquisition for one in full], rel=1e-4)
