"""Hyper-parameters by maximum a posteriori: weak log-normal priors set by the pool alone, analytic gradients, warm start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import exp, sqrt

import numpy as np

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
from tansaku.models.engine.initial import is_one_hot
from tansaku.models.engine.kernels import Stationary, Task, Term
from tansaku.models.engine.likelihood import NOISE, LogNormal, LogPosterior
from tansaku.models.engine.median import median_lengthscale, task_centre
from tansaku.models.engine.priors import WEAK, Priors

_VARIANCE = LogNormal(np.array([0.3]), 1.5)
_TASK_WIDTH = 1.0
_RANGE_SHARE = 0.3
_MEDIUM_LENGTH = 0.5
_BROAD_LENGTH = exp(sqrt(2.0))
_BROAD_WIDTH = sqrt(3.0)
_DIAMETER = 2.0
_SPAN = 12.0
_LEAST_NOISE = 1e-6
_ITERATIONS = 60
_RESTART_SEED = 0


def default_priors(pool: CandidatePool, terms: tuple[Term, ...], priors: Priors = WEAK) -> dict[str, LogNormal]:
    """Priors for outputs of unit variance.

    Lengthscales with one value per column are centred at 0.3 of the column's range in the pool (of a period's: of the circle's
    diameter; of a category's: where rows without a common column correlate by 0.6), others at the median distance. The members
    of a task correlate by one half. Lengthscales of kernels that are ``long`` are centred higher by the square root of the
    number of columns that are multiplied, so that distant candidates correlate as much however many columns there are
    (Hvarfner, Hellsten & Nardi 2024, https://doi.org/10.48550/arXiv.2402.02229). Those of the reach ``broad`` have the
    priors of that paper: the logarithm of a lengthscale, in units of the column's range, is normal about √2 + ½ ln d with
    deviation √3; those of the reach ``medium`` are centred at ½ √d.

    Args:
        terms: Normal form of the kernel.
        priors: Widths, and the noise.
    """
    found: dict[str, LogNormal] = {}
    several = sum(bool(term.factors) for term in terms) > 1
    for term in terms:
        for name in term.variances:
            found[name] = replace(_VARIANCE, width=priors.part_width) if several and term.factors else _VARIANCE
        for factor in term.factors:
            if isinstance(factor, Stationary) and factor.lengthscale not in found:
                width = _BROAD_WIDTH if factor.reach == "broad" else priors.length_width
                found[factor.lengthscale] = LogNormal(_expected_length(factor, term, pool), width)
            elif isinstance(factor, Task) and factor.weights not in found:
                found[factor.weights] = LogNormal(task_centre(factor, pool), _TASK_WIDTH)
    found[NOISE] = LogNormal(np.array([priors.noise]), priors.noise_width)
    return found


def centres(priors: Mapping[str, LogNormal]) -> dict[str, FloatArray]:
    """Parameters at the centres of their priors."""
    return {name: prior.centre for name, prior in priors.items()}


def completed(
    fitted: Mapping[str, FloatArray], terms: tuple[Term, ...], guess: Callable[[], Mapping[str, FloatArray]]
) -> dict[str, FloatArray]:
    """The parameters of a fit, and a guess of those that it lacks.

    A value measured at other conditions makes a feature vary that was the same for all candidates at the time of the fit.

    Args:
        fitted: By name.
        terms: Normal form of the kernel on the pool as it is now.
        guess: All parameters of that kernel without a fit.
    """
    needed = {name for term in terms for name in term.parameters}
    return dict(fitted) if needed <= fitted.keys() else {**guess(), **fitted}


def _expected_length(factor: Stationary, term: Term, pool: CandidatePool) -> FloatArray:
    """Centre of the prior of a lengthscale."""
    if factor.reach != "short":
        return _growing_length(factor, term, pool)
    longer = _growth(term, pool) if factor.long and factor.ard else 1.0
    return longer * _typical_length(factor, pool)


def fit_parameters(
    posterior: LogPosterior,
    previous: Mapping[str, FloatArray] | None,
    iterations: int = _ITERATIONS,
    restarts: int = 0,
) -> tuple[dict[str, FloatArray], float]:
    """Maximises the posterior density from the previous parameters, or from the priors' centres.

    Args:
        posterior: The density.
        previous: Where to begin.
        iterations: Most iterations of each start.
        restarts: Further starts: the priors' centres if there were previous parameters, then draws from the priors, the same
            ones at every call. The best end counts.

    Returns:
        Parameters by name, noise included, and the log density reached.

    Raises:
        FitError: No start led to a finite maximum.
    """
    starts = [posterior.pack(previous or {})]
    if restarts and previous:
        starts.append(posterior.centre)
    rng = np.random.default_rng(_RESTART_SEED)
    while len(starts) < 1 + restarts:
        starts.append(posterior.centre + posterior.width * rng.standard_normal(len(posterior.centre)))
    ends: list[tuple[float, FloatArray]] = []
    problem = ""
    for start in starts:
        try:
            ends.append(_climb(posterior, start, iterations))
        except FitError as error:
            problem = error.message
    if not ends:
        raise FitError(problem)
    value, vector = max(ends, key=lambda end: end[0])
    return posterior.unpack(vector), value


def _climb(posterior: LogPosterior, start: FloatArray, iterations: int) -> tuple[float, FloatArray]:
    """Log density at the maximum reached from one start, and where it is. Raises FitError."""
    from scipy.optimize import minimize

    bounds = [(centre - _SPAN, centre + _SPAN) for centre in posterior.centre]
    noise = len(posterior.centre) - 1
    bounds[noise] = (np.log(_LEAST_NOISE), bounds[noise][1])

    def objective(vector: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = posterior(vector)
        return -value, -gradient

    start = np.clip(start, [low for low, _ in bounds], [high for _, high in bounds])
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": iterations})
    if not (np.isfinite(found.fun) and np.isfinite(found.x).all()):
        raise FitError(f"fitting hyper-parameters gave log density {-found.fun}; {found.message}")
    return float(-found.fun), np.asarray(found.x)


def _growth(term: Term, pool: CandidatePool) -> float:
    """Square root of the number of columns that vary in a product's kernels with a lengthscale by column; at least one."""
    groups = [pool.groups[factor.group] for factor in term.factors if isinstance(factor, Stationary) and factor.ard]
    return sqrt(max(1, sum(int((np.ptp(group.values, axis=0) > 0.0).sum()) for group in groups)))


def _growing_length(factor: Stationary, term: Term, pool: CandidatePool) -> FloatArray:
    """Centre for a medium or broad reach: in units of ranges, and of the distance of two categories."""
    groups = [pool.groups[item.group] for item in term.factors if isinstance(item, Stationary)]
    dimensions = sum(1 if is_one_hot(group) else int((np.ptp(group.values, axis=0) > 0.0).sum()) for group in groups)
    shortest = _BROAD_LENGTH if factor.reach == "broad" else _MEDIUM_LENGTH
    centre, group = shortest * sqrt(max(1, dimensions)), pool.groups[factor.group]
    if factor.metric != "plain":
        return np.full(group.values.shape[1] if factor.ard else 1, centre)
    if factor.ard:
        return np.asarray(centre * group.ranges)
    return np.array([centre * sqrt(2.0 if is_one_hot(group) else float(np.square(group.ranges).mean()))])


def _typical_length(factor: Stationary, pool: CandidatePool) -> FloatArray:
    values = pool.groups[factor.group].values
    if not factor.ard:
        return np.array([median_lengthscale(factor, pool)])
    width = values.shape[1]
    if factor.metric == "overlap":
        return np.full(width, np.sqrt(width))
    if factor.metric != "plain":
        return np.full(width, _RANGE_SHARE * (_DIAMETER if factor.metric == "periodic" else 1.0))
    span = np.ptp(values, axis=0)
    return np.where(span > 0.0, _RANGE_SHARE * span, 1.0)


def observed_posterior(
    pool: CandidatePool,
    terms: tuple[Term, ...],
    positions: IntArray,
    targets: FloatArray,
    variances: tuple[FloatArray | None, FloatArray | None] = (None, None),
    priors: Priors = WEAK,
) -> LogPosterior:
    """The density to be maximised, with the default priors; other arguments as of :class:`LogPosterior`."""
    return LogPosterior(pool, terms, positions, targets, default_priors(pool, terms, priors), variances)
