"""Searches in step against the engine of campaigns: equal posteriors for given hyper-parameters, equal choices throughout."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from benchmarks.composition.statistics.models import (
    FullyInformedModel,
    HyperparametersModel,
    OwnModel,
    PosteriorModel,
    SearchModel,
)
from benchmarks.composition.statistics.posterior import BatchPosterior
from benchmarks.composition.statistics.searches import search_all
from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.domain.ports import History
from tansaku.models.engine.goals import Goal
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.likelihood import NOISE
from tansaku.models.engine.posterior import PoolPosterior
from tansaku.models.engine.presets import PRESETS, GPSettings
from tansaku.models.engine.transfer.data import FrozenSources, SourceData, observed_source
from tansaku.models.engine.transfer.modes import Family, arrays
from tansaku.models.engine.transfer.proposer import TransferProposer
from tansaku.models.engine.transforms import TransformState
from tansaku.tasks.act.replay.campaign import replay
from tests.support.pools import pool_of
from tests.support.records import rules_of

EVALUATIONS = 26
SEEDS = (3, 8, 5)
WITH_SOURCE = {"hyperparameters": HyperparametersModel, "posterior": PosteriorModel}


@dataclass(frozen=True)
class Case:
    """Compositions with known values, some of which fail, and a source that resembles them."""

    pool: CandidatePool
    values: np.ndarray
    source: SourceData

    @property
    def failing(self) -> np.ndarray:
        return np.where(np.arange(len(self.pool)) % 9 == 4, np.nan, self.values)


def _compositions(rng: np.random.Generator) -> CandidatePool:
    """Eight M on six X: properties of both, and which X it is."""
    m, x = (axis.ravel() for axis in np.meshgrid(np.arange(8), np.arange(6), indexing="ij"))
    return pool_of(
        1.0 + 0.1 * m,
        FeatureGroup("m", rng.uniform(size=(8, 3)), m.astype(np.intp), ("radius", "mass", "d")),
        FeatureGroup("x", rng.uniform(size=(6, 2)), x.astype(np.intp), ("radius", "charge")),
        FeatureGroup("ion_x", np.arange(6.0)[:, None], x.astype(np.intp), ("ion",), categorical=True),
    )


@pytest.fixture(scope="module")
def case() -> Case:
    rng = np.random.default_rng(5)
    pool = _compositions(rng)
    draws = GPProposer(PRESETS["abo"]).prior_draws(pool)
    first, second = draws.draw(rng), draws.draw(rng)
    source = observed_source("other", replace(pool, cost=np.ones(48)), np.arange(48), 2.0 + 0.3 * first, "minimize", 100)
    return Case(pool, 0.5 + 0.25 * (0.9 * first + 0.4 * second), source)


def _settings(preset: str, **changes: object) -> GPSettings:
    return replace(PRESETS[preset], initial_points=5, **changes)


def _model(settings: GPSettings, case: Case, mode: str) -> SearchModel:
    if mode == "none":
        return OwnModel(settings, case.pool)
    return WITH_SOURCE[mode](settings, case.pool, case.source)


def _campaign(settings: GPSettings, case: Case, mode: str, values: np.ndarray, seed: int) -> list[int]:
    """Positions that the engine of campaigns chooses, one evaluation in flight."""
    proposer = GPProposer(settings) if mode == "none" else TransferProposer(settings, mode, FrozenSources([case.source]))
    rules = rules_of(proposer, case.pool, EVALUATIONS, seed=seed)
    return replay(case.pool, values, proposer, rules, count_initial=True).positions.tolist()


@pytest.mark.parametrize("mode", ["none", "hyperparameters", "posterior"])
@pytest.mark.parametrize("preset", ["obo", "abo", "default"])
def test_every_search_chooses_what_a_campaign_would(case, preset, mode):
    settings = _settings(preset)
    found = search_all(_model(settings, case, mode), case.values, SEEDS, EVALUATIONS)
    for seed, positions in zip(SEEDS, found, strict=True):
        assert positions.tolist() == _campaign(settings, case, mode, case.values, seed)


@pytest.mark.parametrize("mode", ["none", "posterior"])
@pytest.mark.parametrize("acquisition", ["log_ei", "expected_found", "probability"])
def test_so_it_does_with_other_acquisitions_and_failures(case, acquisition, mode):
    # Not all are found by the end: where nothing is left to be found, rounding decides what expected_found takes next.
    goal = Goal() if acquisition == "log_ei" else Goal("all_below", threshold=float(np.quantile(case.values, 0.5)))
    settings = _settings("abo", goal=goal, acquisition=acquisition)
    found = search_all(_model(settings, case, mode), case.failing, SEEDS[:2], EVALUATIONS)
    for seed, positions in zip(SEEDS, found, strict=False):
        assert positions.tolist() == _campaign(settings, case, mode, case.failing, seed)


def test_settings_are_followed(case):
    settings = _settings("default", initial="cheapest", nugget=True)
    found = search_all(OwnModel(settings, case.pool), case.values, SEEDS[:1], EVALUATIONS)
    assert found[0].tolist() == _campaign(settings, case, "none", case.values, SEEDS[0])


def test_searches_do_not_depend_on_their_neighbours(case):
    model = OwnModel(_settings("abo"), case.pool)
    together = search_all(model, case.failing, SEEDS, EVALUATIONS)
    alone = [search_all(model, case.failing, [seed], EVALUATIONS)[0] for seed in SEEDS]
    assert np.array_equal(together, alone)


def _batch(model: SearchModel, fitted: dict, points: np.ndarray, targets: np.ndarray) -> BatchPosterior:
    """Two searches that have seen the same points, one of them told at once, the other one by one."""
    posterior = BatchPosterior(2, len(model.pool), len(points))
    posterior.restart(1, model.prior(fitted))
    known = np.ones(2, dtype=bool)
    for at in range(len(points)):
        posterior.append(np.full(2, points[at]), np.full(2, targets[at]), known)
    posterior.restart(0, model.prior(fitted))
    posterior.tell(np.array([0]), points[None], targets[None], np.ones((1, len(points)), dtype=bool))
    return posterior


@pytest.mark.parametrize("mode", ["none", "hyperparameters", "posterior"])
def test_posteriors_agree_for_given_hyperparameters(case, mode):
    settings = _settings("obo")
    points = np.random.default_rng(1).permutation(len(case.pool))[:14]
    history, model = History(points, case.values[points]), _model(settings, case, mode)
    fitted = model.fit(history, None)
    targets = TransformState.from_json(fitted["transform"]).forward(history.values, np.zeros(14, dtype=np.intp))
    batch = _batch(model, fitted, points, targets)
    if mode == "none":
        proposer = GPProposer(settings)
        pool, terms, parameters, behind = case.pool, proposer.terms(case.pool), arrays(fitted["parameters"]), np.empty(0)
    else:
        family = Family(settings, case.pool, [case.source])
        whole = family.fit(mode, history, family.source_fit(), None)
        pool, terms, parameters = family.extended.pool, family.terms, arrays(whole["parameters"])
        behind = family.extended.targets if mode == "posterior" else np.empty(0)
    exact = PoolPosterior(pool, terms, parameters, float(parameters[NOISE][0]))
    start = np.arange(len(case.pool), len(case.pool) + len(behind)).tolist()
    exact.start([*start, *points.tolist()])
    known = np.ones(len(behind) + 14, dtype=bool)
    mean, variance = (one[: len(case.pool)] for one in exact.predict([], [], np.concatenate([behind, targets]), known))
    for search in range(2):
        assert batch.mean[search] == pytest.approx(mean, abs=2e-6 if mode == "posterior" else 1e-8)
        assert batch.variance[search] == pytest.approx(variance, abs=2e-6 if mode == "posterior" else 1e-8)
    left, right = np.arange(5), np.arange(20, 30)
    assert batch.covariance_between(1, left, right) == pytest.approx(
        exact.covariance_between(left, right), abs=2e-6 if mode == "posterior" else 1e-8
    )


def test_hyperparameters_of_all_values_are_fitted_once(case):
    settings = _settings("abo")
    model = FullyInformedModel(settings, case.pool, case.values)
    everything = History(np.arange(48), case.values)
    assert model.fit(History(np.arange(3), case.values[:3]), None) == GPProposer(settings).fit(case.pool, everything, None)
    assert model.refit_due(5, [])
    assert not model.refit_due(40, [5])
    informed = search_all(model, case.values, range(12), EVALUATIONS)
    learning = search_all(OwnModel(settings, case.pool), case.values, range(12), EVALUATIONS)
    assert not np.array_equal(informed, learning)
