"""Hyper-parameters of the transfer modes: maximum a posteriori over some parameters while others are held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.engine.kernels import Term
from tansaku.models.engine.likelihood import NOISE, LogNormal, LogPosterior
from tansaku.models.engine.map_fit import default_priors
from tansaku.models.engine.transfer.extended import COUPLING, SHIFT, Extended

Fitted = dict[str, FloatArray]

SHIFT_VARIANCE = 1.0
"""Of the unknown mean of each domain, for values of unit variance."""

_COUPLING_CENTRE = 1.5  # a correlation of 0.80
_COUPLING_WIDTH = 0.75
_SPAN = 12.0
_LEAST_NOISE = 1e-6
_ITERATIONS = 60


@dataclass(frozen=True)
class Problem:
    """What is fitted.

    Attributes:
        extended: Target and sources.
        terms: Normal form of the coupled kernel.
        positions: Observed candidates in the extended pool, shape ``(n,)``.
        targets: Their standardised values, shape ``(n,)``.
    """

    extended: Extended
    terms: tuple[Term, ...]
    positions: IntArray
    targets: FloatArray


def priors(extended: Extended, terms: tuple[Term, ...]) -> dict[str, LogNormal]:
    """Those of a search without transfer, and of the sources' correlation with the target: 0.80, most of it in 0.37 … 0.95."""
    known = default_priors(extended.pool, terms)
    n_sources = len(known[COUPLING].centre)
    known[COUPLING] = LogNormal(np.full(n_sources, _COUPLING_CENTRE), _COUPLING_WIDTH)
    known[SHIFT] = LogNormal(np.array([SHIFT_VARIANCE]), 1.0)
    return known


def fit_all(problem: Problem, previous: Mapping[str, FloatArray] | None) -> tuple[Fitted, float]:
    """Fits everything but the means' variance; returns parameters and log density. Raises FitError."""
    return _fit(problem, {SHIFT: np.array([SHIFT_VARIANCE])}, previous or {})


def fit_coupling(problem: Problem, source: Mapping[str, FloatArray]) -> tuple[Fitted, float]:
    """Fits the sources' correlations with the target and holds all that was fitted to the sources. Raises FitError."""
    return _fit(problem, {name: value for name, value in source.items() if name != COUPLING}, {})


def _fit(problem: Problem, held: Mapping[str, FloatArray], start: Mapping[str, FloatArray]) -> tuple[Fitted, float]:
    extended, terms = problem.extended, problem.terms
    density = LogPosterior(extended.pool, terms, problem.positions, problem.targets, priors(extended, terms))
    whole = density.pack({**start, **held})
    # What a different value of the held parameters would move is held.
    free = density.pack({name: 2.0 * value for name, value in held.items()}) == density.pack(held)
    low, high = density.centre - _SPAN, density.centre + _SPAN
    noise = density.pack({NOISE: np.array([_LEAST_NOISE])}) != density.centre
    low[noise] = np.log(_LEAST_NOISE)
    whole[free] = np.clip(whole, low, high)[free]

    def objective(part: FloatArray) -> tuple[float, FloatArray]:
        whole[free] = part
        value, gradient = density(whole)
        return -value, -gradient[free]

    bounds = list(zip(low[free], high[free], strict=True))
    found = minimize(
        objective, whole[free].copy(), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": _ITERATIONS}
    )
    if not (np.isfinite(found.fun) and np.isfinite(found.x).all()):
        raise FitError(f"fitting hyper-parameters with the sources gave log density {-found.fun}; {found.message}")
    whole[free] = found.x
    return {**density.unpack(whole), **{name: np.asarray(value) for name, value in held.items()}}, float(-found.fun)
