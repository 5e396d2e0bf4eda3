"""Scores of a script's own acquisition function: what it is given, and what is refused."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from pydantic import ValidationError

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import FeatureGroup
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.proposer import AcquisitionFunctionSpec, GPProposerSpec
from tansaku.models.engine.own import defined
from tansaku.models.engine.proposer_registry import build_proposer
from tests.support.pools import pool_of

POOL = pool_of(6, FeatureGroup("x", np.arange(6.0)[:, None], np.arange(6), ("x",)))
HISTORY = History(
    observed=np.array([0, 2, 4]), values=np.array([-1.0, -3.0, -2.0]), failed=np.array([5]), pending=np.empty(0, dtype=np.intp)
)
MAXIMIZED = ObjectiveSpec(property="gain", unit="eV", direction="maximize")


def function(body: str) -> AcquisitionFunctionSpec:
    source = f"import numpy as np\ndef score(pool, observations, posterior, rng):\n    {body}\n"
    sha256 = hashlib.sha256(source.encode()).hexdigest()
    return AcquisitionFunctionSpec(module="script", name="score", source=source, source_sha256=sha256)


def proposed(body: str):
    proposer = build_proposer(GPProposerSpec(engine=4, function=function(body)), MAXIMIZED)
    return proposer.propose(POOL, HISTORY, 5, np.random.default_rng(0))


def test_it_sees_values_as_they_were_reported_and_its_highest_score_is_proposed():
    checked = (
        "assert (observations.best, observations.maximize, list(observations.failed)) == (3.0, True, [5]); "
        "assert posterior.mean[2] > posterior.mean[0] > 0.0 and posterior.deviation[2] < posterior.deviation[3]; "
        "return np.where(np.arange(6) == 3, 0.5, -np.inf)"
    )
    choice = proposed(checked)
    assert (choice.position, choice.acquisition) == (3, 0.5)
    assert choice.mean < 0.0


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return posterior.mean[:4]", r"score returned the shape \(4,\); expected \(6,\), a score for each candidate"),
        ("return np.where(np.arange(6) == 1, np.nan, 1.0)", r"returned nan for c0001 \(1 of 6 candidates\); expected numbers"),
        ("return np.full(6, np.inf)", "returned inf for c0001"),
        ("return np.full(6, -np.inf)", "returned -inf for all candidates"),
        ("return 'best'", "returned a str; expected an array of numbers"),
        ("return posterior.sigma", "score raised AttributeError: .*sigma"),
    ],
)
def test_wrong_scores_are_named(body, message):
    with pytest.raises(ConfigurationError, match=message):
        proposed(body)


def test_its_text_has_its_hash_and_defines_it():
    spec = function("return posterior.mean")
    with pytest.raises(ValidationError, match=r"source has .*pass it again"):
        GPProposerSpec(function={**spec.model_dump(), "source": spec.source + "#"})
    with pytest.raises(ConfigurationError, match="defines no function 'other'"):
        defined(spec.model_copy(update={"name": "other"}))


def test_it_takes_the_place_of_what_else_would_judge():
    for key, value in (("acquisition", "ucb"), ("cost_exponent", 1.0), ("pending", "drawn")):
        with pytest.raises(ValidationError, match=f"{key}: not with a function"):
            GPProposerSpec(**{"function": function("return posterior.mean"), key: value})
    with pytest.raises(ValueError, match="function: does not support the goal pareto"):
        GPProposerSpec(function=function("return posterior.mean")).check_goal("pareto", ("ehvi",))
