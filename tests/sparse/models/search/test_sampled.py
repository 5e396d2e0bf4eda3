"""A sampled search gives what the exhaustive one does."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logsumexp

from tansaku.models.averaging.design import Design
from tansaku.models.domain.errors import ConfigurationError
from tansaku.sparse.models.search import chain, state_file
from tansaku.sparse.models.search.chain import ChainJob, Sampling, run_chain
from tansaku.sparse.models.search.exhaustive import Running, search_all
from tansaku.sparse.models.search.landscape import landscape, members
from tansaku.sparse.models.search.sampled import search_sampled
from tansaku.sparse.models.search.scores import linear_score

SHORT = Sampling(chains=2, steps=500, pilot=100, prior_draws=200)


@pytest.fixture(scope="module")
def score():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 20))
    return linear_score("bic", Design.of(x, x[:, 1] + 0.5 * x[:, 4] + 0.7 * rng.normal(size=50)))


@pytest.fixture(scope="module")
def found(score):
    return search_sampled(score, 3, SHORT)


def test_it_agrees_with_the_exhaustive_search(score, found):
    exact = landscape(search_all(score, 3), bins=8)
    counts = np.exp(logsumexp(exact.log_density, axis=0))
    edges = exact.edges + np.linspace(-1e-6, 1e-6, 9)  # the sweep and the list differ in the last digits
    sampled = np.exp(logsumexp(found.log_density(edges), axis=0))
    many = counts >= 100
    assert many.sum() >= 2
    assert sampled[many] == pytest.approx(counts[many], rel=0.05)
    assert sampled.sum() == pytest.approx(1351)
    assert found.landscape.feature_posterior == pytest.approx(exact.feature_posterior, abs=0.2)
    assert found.landscape.log_evidence == pytest.approx(exact.log_evidence, abs=0.5)
    assert members(found.landscape.supports[0]) == members(exact.supports[0])


def test_convergence_is_reported(found):
    convergence = found.convergence
    assert convergence.r_hat < 1.3
    assert convergence.round_trips > 0
    assert convergence.log_evidence_integration == pytest.approx(convergence.log_evidence_histogram, abs=0.5)


def test_one_size_alone(score):
    scene = search_sampled(score, 2, replace(SHORT, smallest=2)).landscape
    assert np.exp(scene.log_density).sum(axis=1) == pytest.approx([0.0, 0.0, 190.0])


def test_an_interrupted_chain_continues_to_the_same_end(score, tmp_path, monkeypatch):
    monkeypatch.setattr(state_file, "_INTERVAL", 0.0)
    monkeypatch.setattr(state_file, "_SHARE", 0.0)
    job = ChainJob(score, 3, replace(SHORT, steps=300, pilot=20, prior_draws=2), 1)
    whole = run_chain(job)

    def kill(share):
        if share > 0.5:
            raise KeyboardInterrupt

    stored = replace(job, state=tmp_path / "chain.npz")
    with pytest.raises(KeyboardInterrupt):
        run_chain(stored, kill)
    blocks = []
    step = chain._block
    monkeypatch.setattr(chain, "_block", lambda *given: blocks.append(1) or step(*given))
    again = run_chain(stored)
    assert len(blocks) == 1
    assert np.array_equal(again.energies, whole.energies)
    assert np.array_equal(again.supports, whole.supports)
    assert again.trips == whole.trips


@pytest.mark.parametrize("settings", [replace(SHORT, chains=1), replace(SHORT, smallest=9), replace(SHORT, steps=199)])
def test_impossible_settings_are_refused(score, settings):
    with pytest.raises(ConfigurationError, match="chains"):
        search_sampled(score, 3, settings, Running())
