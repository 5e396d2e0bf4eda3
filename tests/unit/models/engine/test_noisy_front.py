"""Growth of a front's volume where measured values are noisy."""

from __future__ import annotations

import numpy as np
import pytest

from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.pool import FeatureGroup
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine import noisy_front
from tansaku.models.engine.front import dominated_volume
from tansaku.models.engine.noisy_front import NoisyFrontJudge, log_expected_growth
from tansaku.models.engine.pareto import FrontJudge, FrontWanted, expected_growth
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.models.engine.several import Known
from tests.support.pools import pool_of

pytestmark = pytest.mark.needs("botorch")

REFERENCE = np.array([3.0, 3.0])
OBJECTIVE = ObjectiveSpec.model_validate(
    {"unit": "1", "goal": {"type": "pareto", "also": [{"property": "b", "unit": "1"}], "reference": ["3 1", "3 1"]}}
)


@pytest.mark.parametrize("m", [2, 3])
def test_the_logarithm_is_that_of_the_expected_growth_and_tells_where_that_is_nothing(m):
    rng = np.random.default_rng(m)
    front, reference = rng.normal(size=(8, m)), np.full(m, 2.0)
    mean, deviation = rng.normal(size=(30, m)), rng.uniform(0.2, 1.0, size=(30, m))
    found = log_expected_growth(mean, deviation, front, reference)
    assert np.exp(found) == pytest.approx(expected_growth(mean, deviation, front, reference), rel=1e-6, abs=1e-12)
    far = log_expected_growth(np.array([[60.0] * m, [70.0] * m]), np.ones((2, m)), front, reference)
    assert np.isfinite(far).all()
    assert far[0] > far[1]
    assert np.isfinite(log_expected_growth(mean, deviation, np.empty((0, m)), reference)).all()


def known_of(noise: float, values: np.ndarray, observed: list[int], pending: tuple[int, ...] = ()) -> Known:
    """Predictions of two objectives on a line, with a noise that is stated."""
    x = np.linspace(0.0, 1.0, 31)
    pool = pool_of(31, FeatureGroup("x", x[:, None], np.arange(31), ("x",)))
    proposer = build_proposer(GPProposerSpec(preset="obo"), OBJECTIVE)
    history = History(
        np.array(observed), values[observed, 0], others=values[observed, 1:], pending=np.array(pending, dtype=np.intp)
    )
    fitted = proposer.fit(pool, history, None)
    for part in fitted["objectives"]:
        part["parameters"]["noise"] = [noise]
    predictions = [
        model.predictions(pool, part, own)
        for model, part, own in zip(proposer._models, proposer._parts(history), fitted["objectives"], strict=True)
    ]
    allowed = np.ones(31, dtype=bool)
    allowed[[*observed, *pending]] = False
    return Known(pool, history, predictions, np.ones(len(observed), bool), np.ones(len(pending), bool), allowed)


def line() -> np.ndarray:
    x = np.linspace(0.0, 1.0, 31)
    return np.column_stack([np.sin(3 * x), np.cos(3 * x) + 0.1 * np.sin(11 * x)])


def test_without_noise_it_is_what_takes_measured_values_for_true_ones():
    known = known_of(1e-8, line(), [0, 7, 15, 22, 30])
    noisy, logarithmic = NoisyFrontJudge(FrontWanted(2, REFERENCE)).values(known, np.random.default_rng(0))
    plain, _ = FrontJudge(FrontWanted(2, REFERENCE)).values(known, np.random.default_rng(0))
    assert logarithmic
    best = plain > 0.05 * plain.max()
    assert np.exp(noisy[best]) == pytest.approx(plain[best], rel=0.02)


@pytest.mark.parametrize("pending", [(), (11,)])
def test_it_is_the_mean_growth_over_joint_draws_of_all_values(pending, monkeypatch):
    monkeypatch.setattr(noisy_front, "_DRAWS", 1000)
    noise = np.random.default_rng(5).normal(size=(31, 2))
    observed = [0, 5, 10, 15, 20, 25, 30]
    known = known_of(0.2, line() + 0.3 * noise, observed, pending)
    found, _ = NoisyFrontJudge(FrontWanted(2, REFERENCE)).values(known, np.random.default_rng(0))
    rng, seen, at = np.random.default_rng(1), np.array([*observed, *pending]), 12
    samples, reference = [], []
    for (item,), bound in zip(known.predictions, REFERENCE, strict=True):
        points = np.append(seen, at)
        root = np.linalg.cholesky(item.posterior.covariance_between(points, points) + 1e-9 * np.eye(len(points)))
        offset = item.state.centre[0] / item.state.scale
        samples.append(item.mean[points] + offset + rng.normal(size=(3000, len(points))) @ root.T)
        reference.append(bound / item.state.scale)
    drawn, end = np.stack(samples, axis=-1), np.array(reference)
    growth = [dominated_volume(row, end) - dominated_volume(row[:-1], end) for row in drawn]
    spread = np.std(growth) * np.sqrt(1 / 3000 + 1 / 1000)
    assert np.exp(found[at]) == pytest.approx(np.mean(growth), abs=4 * spread)


def test_a_proposal_is_repeated_to_the_last_bit_and_names_the_judge():
    values = line()
    history = History(np.array([0, 10, 20, 30]), values[[0, 10, 20, 30], 0], others=values[[0, 10, 20, 30], 1:])
    pool = pool_of(31, FeatureGroup("x", np.linspace(0, 1, 31)[:, None], np.arange(31), ("x",)))
    spec = GPProposerSpec(preset="obo", acquisition="log_nehvi")
    fitted = build_proposer(spec, OBJECTIVE).fit(pool, history, None)
    choices = [build_proposer(spec, OBJECTIVE).propose(pool, history, 5, proposal_rng(0, 5), fitted) for _ in range(2)]
    assert choices[0] == choices[1]
    assert build_proposer(spec, OBJECTIVE).name == "obo+log_nehvi"
    assert build_proposer(GPProposerSpec(preset="obo"), OBJECTIVE).name == "obo+ehvi"
