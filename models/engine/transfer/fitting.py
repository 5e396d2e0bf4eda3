"""Hyper-parameters of the transfer modes: maximum a posteriori over some parameters while others are held."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log, pi

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_solve, lapack

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.engine.kernels import Term, covariance
from tansaku.models.engine.likelihood import NOISE, LogNormal, LogPosterior
from tansaku.models.engine.map_fit import default_priors
from tansaku.models.engine.transfer.extended import COUPLING, DOMAIN, SHIFT, Extended

Fitted = dict[str, FloatArray]

SHIFT_VARIANCE = 1.0
"""Prior variance of the unknown mean of each domain, for values of unit variance."""

_COUPLING_CENTRE = 1.5  # a correlation of 0.80
_COUPLING_WIDTH = 0.75
_SPAN = 12.0
_LEAST_NOISE = 1e-6
_ITERATIONS = 60
_WARM_ITERATIONS = 20


@dataclass(frozen=True)
class Problem:
    """A fit of the coupled kernel's hyper-parameters.

    Attributes:
        extended: Target and sources.
        terms: Normal form of the coupled kernel.
        uncoupled: Normal form of the target's own kernel.
        positions: Observed candidates in the extended pool, shape ``(n,)``.
        targets: Their standardised values, shape ``(n,)``.
    """

    extended: Extended
    terms: tuple[Term, ...]
    uncoupled: tuple[Term, ...]
    positions: IntArray
    targets: FloatArray


def priors(extended: Extended, terms: tuple[Term, ...]) -> dict[str, LogNormal]:
    """Returns the priors of a search without transfer, and of the sources' correlation with the target.

    The correlation is 0.80, most of it in 0.37 … 0.95.
    """
    known = default_priors(extended.pool, terms)
    n_sources = len(known[COUPLING].centre)
    known[COUPLING] = LogNormal(np.full(n_sources, _COUPLING_CENTRE), _COUPLING_WIDTH)
    known[SHIFT] = LogNormal(np.array([SHIFT_VARIANCE]), 1.0)
    return known


def fit_coupling(problem: Problem, source: Mapping[str, FloatArray]) -> tuple[Fitted, float]:
    """Fits the sources' correlations with the target and holds all that was fitted to the sources.

    Only the correlation of domains changes from step to step, so the rest of the covariance is computed once.

    Returns:
        Parameters, and the log density reached (likelihood of all values, prior of the correlations).

    Raises:
        FitError: The fit failed.
    """
    points = problem.positions
    within, apart, same = _parts(problem, source)

    def likelihood(vector: FloatArray) -> tuple[float, FloatArray]:
        inverse_squares = np.exp(-2.0 * vector)
        coupled = within * np.exp(-0.5 * (apart @ inverse_squares))
        matrix = coupled + SHIFT_VARIANCE * same
        matrix[np.diag_indices(len(points))] += float(source[NOISE][0])
        value, sensitivity = _likelihood(matrix, problem.targets)
        return value, 0.5 * np.einsum("ij,ijk->k", sensitivity * coupled, apart) * inverse_squares

    lengthscales, density = most_probable_coupling(likelihood, priors(problem.extended, problem.terms)[COUPLING])
    return {**source, COUPLING: lengthscales}, density


def most_probable_coupling(
    likelihood: Callable[[FloatArray], tuple[float, FloatArray]], prior: LogNormal
) -> tuple[FloatArray, float]:
    """Lengthscales of the sources' correlations with the target under a prior.

    Args:
        likelihood: Log likelihood and its gradient at the logarithms of the lengthscales.
        prior: Of the lengthscales.

    Returns:
        Lengthscales, shape ``(n_sources,)``, and the log density reached.

    Raises:
        FitError: The fit failed.
    """
    from scipy.optimize import minimize

    centre = np.log(prior.centre)

    def objective(vector: FloatArray) -> tuple[float, FloatArray]:
        value, slope = likelihood(vector)
        off = (vector - centre) / prior.width
        return -(value - 0.5 * float(off @ off)), -(slope - off / prior.width)

    bounds = [(item - _SPAN, item + _SPAN) for item in centre]
    found = minimize(objective, centre, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": _ITERATIONS})
    if not (np.isfinite(found.fun) and np.isfinite(found.x).all()):
        raise FitError(f"fitting the sources' correlations gave log density {-found.fun}; {found.message}")
    return np.exp(found.x), float(-found.fun)


def coupling_gain(problem: Problem, parameters: Mapping[str, FloatArray]) -> float:
    """Gain in log likelihood by the correlations of a fit over no correlation [nats], without any prior.

    Args:
        problem: What was fitted.
        parameters: What came of it.

    Raises:
        FitError: A covariance matrix is not positive definite.
    """
    within, apart, same = _parts(problem, parameters)
    own = np.diag(np.full(len(within), float(parameters[NOISE][0]))) + float(parameters[SHIFT][0]) * same
    correlation = np.exp(-0.5 * (apart @ np.exp(-2.0 * np.log(parameters[COUPLING]))))
    with_sources, _ = _likelihood(within * correlation + own, problem.targets)
    alone, _ = _likelihood(within * same + own, problem.targets)
    return with_sources - alone


def _parts(problem: Problem, parameters: Mapping[str, FloatArray]) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_]]:
    """Covariance without the domains, squared distances of the domains by source, and whether they are one domain."""
    pool, points = problem.extended.pool, problem.positions
    within = covariance(problem.uncoupled, pool, parameters, points, points)
    corners = pool.groups[DOMAIN].values[pool.groups[DOMAIN].index[points]]
    apart = np.square(corners[:, None, :] - corners[None, :, :])
    return within, apart, (apart == 0.0).all(axis=2)


def _likelihood(matrix: FloatArray, targets: FloatArray) -> tuple[float, FloatArray]:
    """Log likelihood of the targets, and ααᵀ − K⁻¹ with α = K⁻¹y. Raises FitError."""
    factor, failed = lapack.dpotrf(matrix, lower=1)
    if failed:
        raise FitError(f"the covariance matrix of {len(targets)} observations is not positive definite")
    alpha = cho_solve((factor, True), targets, check_finite=False)
    value = -0.5 * float(targets @ alpha) - float(np.log(np.diagonal(factor)).sum()) - 0.5 * len(targets) * log(2.0 * pi)
    inverse, _ = lapack.dpotri(factor, lower=1)
    return value, np.outer(alpha, alpha) - np.tril(inverse) - np.tril(inverse, -1).T


def fit_all(problem: Problem, previous: Mapping[str, FloatArray] | None) -> tuple[Fitted, float]:
    """Fits everything but the means' variance.

    Args:
        problem: What is fitted.
        previous: Where to start, and then with a third of the steps, because the end is near; None: at the priors' centres.

    Returns:
        Parameters and log density.

    Raises:
        FitError: The fit failed.
    """
    from scipy.optimize import minimize

    extended, terms = problem.extended, problem.terms
    density = LogPosterior(extended.pool, terms, problem.positions, problem.targets, priors(extended, terms))
    held = {SHIFT: np.array([SHIFT_VARIANCE])}
    whole = density.pack({**(previous or {}), **held})
    # Everything that another value of the held parameter would change is held.
    free = density.pack({SHIFT: np.array([2.0 * SHIFT_VARIANCE])}) == density.pack(held)
    low, high = density.centre - _SPAN, density.centre + _SPAN
    low[density.pack({NOISE: np.array([_LEAST_NOISE])}) != density.centre] = np.log(_LEAST_NOISE)
    whole[free] = np.clip(whole, low, high)[free]

    def objective(part: FloatArray) -> tuple[float, FloatArray]:
        whole[free] = part
        value, gradient = density(whole)
        return -value, -gradient[free]

    bounds = list(zip(low[free], high[free], strict=True))
    start = whole[free].copy()
    steps = _ITERATIONS if previous is None else _WARM_ITERATIONS
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": steps})
    if not (np.isfinite(found.fun) and np.isfinite(found.x).all()):
        raise FitError(f"fitting hyper-parameters with the sources gave log density {-found.fun}; {found.message}")
    whole[free] = found.x
    return {**density.unpack(whole), **held}, float(-found.fun)
