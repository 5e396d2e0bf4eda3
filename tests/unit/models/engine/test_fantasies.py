"""Expected improvement while values are awaited."""

from dataclasses import replace

import numpy as np
import pytest

from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.pool import FeatureGroup
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.fantasies import fantasised
from tansaku.models.engine.goals import Goal
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.presets import settings
from tests.support.pools import pool_of

N = 40
DRAWN = settings(GPProposerSpec(engine=3, pending="drawn"), Goal("top_k"))


@pytest.fixture
def pool():
    x = np.random.default_rng(1).uniform(0.0, 1.0, (N, 2))
    return replace(pool_of(N, FeatureGroup("x", x, np.arange(N), ("a", "b"))), cost=np.linspace(1.0, 3.0, N))


def known(pool, pending=()):
    observed = np.arange(8, dtype=np.intp)
    x = pool.groups["x"].values[observed]
    return History(observed, np.square(x - 0.4).sum(axis=1), pending=np.array(pending, dtype=np.intp))


def one_model(pool, history, **changes):
    """A proposer with one model, and its prediction."""
    chosen = replace(DRAWN, also=(), **changes)
    proposer = GPProposer(chosen)
    fitted = proposer.fit(pool, history, None)
    return chosen, fitted, proposer.predictions(pool, history, fitted)


@pytest.mark.parametrize(("acquisition", "exponent"), [("ei", 0.0), ("ei", 1.0), ("log_ei", 0.5)])
def test_it_is_what_a_batch_gains_by_one_more_candidate(pool, acquisition, exponent):
    history = known(pool, [20, 30])
    chosen, _, (prediction,) = one_model(pool, history, acquisition=acquisition, cost_exponent=exponent)
    leaders = np.array([10, 11, 12, 25, 35], dtype=np.intp)
    values, logarithmic = fantasised(chosen, pool, history, [prediction], leaders)
    everything = np.arange(N)
    covariance = prediction.posterior.covariance_between(everything, everything)
    root = np.linalg.cholesky(covariance + 1e-9 * np.eye(N))
    drawn = prediction.mean + np.random.default_rng(0).standard_normal((200_000, N)) @ root.T
    state = prediction.state
    best = state.forward(history.values, np.zeros(8, dtype=np.intp)).min()
    before = np.minimum(best, drawn[:, [20, 30]].min(axis=1))
    more = np.maximum(before[:, None] - drawn[:, leaders], 0.0).mean(axis=0) * state.scale
    assert logarithmic == (acquisition == "log_ei")
    found = (np.exp(values) if logarithmic else values) * pool.cost[leaders] ** exponent
    assert found == pytest.approx(more, rel=0.1, abs=0.02 * more.max())


def test_every_member_of_the_model_counts_by_its_weight(pool):
    history = known(pool, [20])
    chosen, _, (prediction,) = one_model(pool, history)
    other, leaders = replace(prediction, mean=prediction.mean - 0.3, weight=3.0), np.arange(9, 15)
    parts = [np.exp(fantasised(chosen, pool, history, [part], leaders)[0]) for part in (prediction, other)]
    both = np.exp(fantasised(chosen, pool, history, [prediction, other], leaders)[0])
    assert both == pytest.approx((parts[0] + 3.0 * parts[1]) / 4.0)


def test_only_while_something_is_awaited_and_the_same_each_time(pool):
    def choice(treatment, pending):
        proposer = GPProposer(replace(DRAWN, pending=treatment))
        history = known(pool, pending)
        fitted = proposer.fit(pool, history, None)
        return [proposer.propose(pool, history, 9, proposal_rng(0, 9), fitted) for _ in range(2)]

    assert choice("drawn", []) == choice("believed", [])
    first, again = choice("drawn", [20, 30])
    assert first == again
    believed, _ = choice("believed", [20, 30])
    assert first.acquisition != believed.acquisition
    assert first.position not in (20, 30)


def test_other_acquisitions_see_the_mean(pool):
    history = known(pool, [20])
    for acquisition in ("pi", "ucb"):
        found = []
        for treatment in ("drawn", "believed"):
            proposer = GPProposer(replace(DRAWN, pending=treatment, acquisition=acquisition))
            fitted = proposer.fit(pool, history, None)
            found.append(proposer.propose(pool, history, 9, proposal_rng(0, 9), fitted))
        assert found[0] == found[1]
