"""Probability that an evaluation succeeds: a smoothed share of successes around each candidate.

The estimate at x is (Σ w_i s_i + r) / (Σ w_i + 1): s_i is 1 if evaluation i succeeded, else 0, w_i is a product of RBF
correlations in the pool's feature groups, and r, the share of all evaluations that succeed, counts as one evaluation more. How
far a failure reaches is chosen among a few multiples of the median lengthscale by leave-one-out likelihood. No estimate is ever
zero, so no region is excluded permanently.
"""

from __future__ import annotations

import numpy as np

from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
from tansaku.models.engine.cross import cross_covariance
from tansaku.models.engine.kernels import Product, Stationary, Term, covariance, expand
from tansaku.models.engine.median import median_parameters

REACHES = (1.0, 0.5, 0.25, 0.125)
"""Lengthscales tried, in median ones; of equally good ones the first."""


def success_probability(pool: CandidatePool, succeeded: IntArray, failed: IntArray) -> FloatArray:
    """Probability that the evaluation of each candidate succeeds, strictly between 0 and 1.

    Args:
        succeeded: Candidates that have a value, shape ``(n_succeeded,)``.
        failed: Candidates whose evaluation failed for the science, shape ``(n_failed,)``.

    Returns:
        Shape ``(n_candidates,)``.
    """
    tried = np.concatenate([succeeded, failed])
    success = np.concatenate([np.ones(len(succeeded)), np.zeros(len(failed))])
    rate = (success.sum() + 1.0) / (len(success) + 2.0)
    groups = [name for name in sorted(pool.groups) if len(np.unique(pool.groups[name].index)) > 1]
    if not groups or not len(tried):
        return np.full(len(pool), rate)
    terms = expand(Product(tuple(Stationary(name, f"{name}.lengthscale") for name in groups)))
    median = median_parameters(pool, terms)
    scored = []
    for reach in REACHES:
        parameters = {name: reach * value for name, value in median.items()}
        scored.append((_left_out(covariance(terms, pool, parameters, tried, tried), success, rate), parameters))
    _, best = max(scored, key=lambda entry: entry[0])
    return _estimate(pool, terms, best, tried, success, rate)


def _left_out(weights: FloatArray, success: FloatArray, rate: float) -> float:
    """Log likelihood of each outcome by the others."""
    others = weights - np.diag(np.diagonal(weights))
    estimate = (others @ success + rate) / (others.sum(axis=1) + 1.0)
    return float(np.log(np.where(success > 0.0, estimate, 1.0 - estimate)).sum())


def _estimate(
    pool: CandidatePool,
    terms: tuple[Term, ...],
    parameters: dict[str, FloatArray],
    tried: IntArray,
    success: FloatArray,
    rate: float,
) -> FloatArray:
    cross = cross_covariance(pool, terms, parameters)
    for position in tried.tolist():
        cross.append(position)
    good, everything = cross.weighted(np.column_stack([success, np.ones(len(success))]))
    return np.asarray((good + rate) / (everything + 1.0))


def likely_to_succeed(values: FloatArray, success: FloatArray, *, logarithmic: bool) -> FloatArray:
    """Acquisition values times the probability of success; a loss is divided by it, so that a likely failure looks no better.

    Args:
        values: Acquisition values, or their logarithms, shape ``(n,)``.
        success: Probabilities, shape ``(n,)``.
        logarithmic: Whether ``values`` are logarithms.
    """
    if logarithmic:
        return values + np.log(success)
    return np.where(values >= 0.0, values * success, values / success)
