"""The models of the transfer modes: fitted by one class, distinguished by the observations they condition on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log, pi, sqrt
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_solve, lapack

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
from tansaku.models.domain.ports import History
from tansaku.models.domain.records import JsonDict
from tansaku.models.engine.kernels import Term, covariance, expand
from tansaku.models.engine.likelihood import NOISE, LogNormal, LogPosterior
from tansaku.models.engine.map_fit import centres, completed, default_priors
from tansaku.models.engine.presets import GPSettings, model_kernel
from tansaku.models.engine.transfer.data import SourceData
from tansaku.models.engine.transfer.evidence import leave_one_out, skill
from tansaku.models.engine.transfer.extended import COUPLING, DOMAIN, SHIFT, Extended, coupled, extend
from tansaku.models.engine.transforms import OutputTransform, TransformState

Fitted = dict[str, FloatArray]

SHIFT_VARIANCE = 1.0
"""Prior variance of the unknown mean of each domain, for values of unit variance."""

_COUPLING_CENTRE = 1.5  # a correlation of 0.80
_COUPLING_WIDTH = 0.75
_SPAN = 12.0
_LEAST_NOISE = 1e-6
_ITERATIONS = 60
_WARM_ITERATIONS = 20
_AT_ONCE = 4096


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


Mode = Literal["none", "hyperparameters", "posterior", "joint"]

WITH_SOURCES: tuple[Mode, ...] = ("hyperparameters", "posterior", "joint")

GAIN = "gain"
"""Key of a fit for the gain from the correlation with the sources, see :func:`~.fitting.coupling_gain`."""

SCALE_COUNT = 4
"""Observations of the target that the sources' scale counts as: a deviation of two or three values says little."""


@dataclass(frozen=True)
class SourceFit:
    """Hyper-parameters fitted to the sources alone.

    Attributes:
        parameters: Of the coupled kernel, noise included.
        log_density: Reached by the fit.
        skill: What the sources predict of themselves, beyond a normal distribution of their values [nats in all].
        observations: How many values were fitted.
    """

    parameters: Fitted
    log_density: float
    skill: float
    observations: int

    def to_json(self) -> JsonDict:
        """Plain data with exact floats."""
        return {**vars(self), "parameters": plain(self.parameters)}

    @classmethod
    def from_json(cls, data: JsonDict) -> SourceFit:
        """Inverse of :meth:`to_json`."""
        return cls(**{**data, "parameters": arrays(data["parameters"])})


class Family:
    """A target's pool, its sources, and the kernel over both.

    ``hyperparameters``, ``posterior`` and ``joint`` share them. The first two take all parameters from a fit to the sources
    alone, but for the correlation of source and target; the last fits all of them to all observations. ``hyperparameters``
    conditions on the target's observations only, the others on both.

    Args:
        settings: Kernel and transform.
        pool: The target's candidates.
        sources: At least one.
    """

    def __init__(self, settings: GPSettings, pool: CandidatePool, sources: Sequence[SourceData]) -> None:
        self._settings, self.target = settings, pool
        self.sources = tuple(sources)
        self.extended: Extended = extend(pool, sources, settings.transform)
        kernel = model_kernel(settings, pool)
        self.uncoupled: tuple[Term, ...] = expand(kernel)
        self.terms: tuple[Term, ...] = expand(coupled(kernel))

    def serves(self, pool: CandidatePool, sha256: Sequence[str]) -> bool:
        """Returns whether it was built from this pool and these sources."""
        return self.target is pool and tuple(sha256) == tuple(source.sha256 for source in self.sources)

    def source_fit(self) -> SourceFit:
        """Fits the sources alone. Raises FitError."""
        extended = self.extended
        problem = Problem(extended, self.terms, self.uncoupled, extended.positions, extended.targets)
        parameters, density = fit_all(problem, None)
        nothing = (np.empty(0, dtype=np.intp), np.empty(0))
        standardised = TransformState(False, 0.0, np.zeros(len(extended.pool.systems)), 1.0)
        own = (extended.positions, extended.targets)
        densities = leave_one_out((extended.pool, self.terms, parameters), nothing, own, lambda _: standardised)
        return SourceFit(parameters, density, skill(densities, extended.targets), len(extended.targets))

    def fit(self, mode: Mode, history: History, source: SourceFit, previous: JsonDict | None) -> JsonDict:
        """Fits a mode to the observations.

        Args:
            mode: Not ``none``.
            history: What is known of the target.
            source: What was fitted to the sources alone.
            previous: The mode's last fit.

        Raises:
            FitError: The fit failed.
        """
        state = self.transform(history)
        problem = self._problem(history, state)
        if mode == "hyperparameters":
            parameters, density = source.parameters, source.log_density
        elif mode == "posterior":
            parameters, density = fit_coupling(problem, self._completed(source.parameters))
        else:
            start = arrays(previous["parameters"]) if previous else source.parameters
            parameters, density = fit_all(problem, start)
        gained = {GAIN: coupling_gain(problem, parameters)} if conditions(mode) else {}
        return {
            **gained,
            "n_observed": len(history.observed),
            "n_failed": len(history.failed),
            "log_density": density,
            "transform": state.to_json(),
            "parameters": plain(parameters),
        }

    def transform(self, history: History, without: int | None = None) -> TransformState:
        """The target's output transform, its scale a mean of its own and the sources'.

        Args:
            history: What is known of the target.
            without: Leave this observation out.
        """
        state = transform_without(self._settings.transform, self.target, history, without)
        if self._settings.transform.standardise == "none":
            return state
        kept = np.arange(len(history.values)) != (-1 if without is None else without)
        values, systems = history.values[kept], self.target.system_codes[history.observed[kept]]
        own = float(np.square(state.forward(values, systems) * state.scale).sum()) if len(values) else 0.0
        scale = sqrt((SCALE_COUNT * self.extended.scale**2 + own) / (SCALE_COUNT + len(values)))
        return replace(state, scale=scale) if scale > 0.0 else state

    def expected(self, fitted: JsonDict) -> FloatArray:
        """Values that sources alone let one expect of the target's candidates, standardised, shape ``(n_candidates,)``.

        Args:
            fitted: Of a mode that conditions on the sources.
        """
        extended, parameters = self.extended, self.parameters(fitted)
        known, pool = extended.positions, extended.pool
        matrix = covariance(self.terms, pool, parameters, known, known)
        matrix[np.diag_indices(len(known))] += float(parameters[NOISE][0])
        weights = np.linalg.solve(matrix, extended.targets)
        every = np.arange(extended.n_target)
        parts = (every[begin : begin + _AT_ONCE] for begin in range(0, len(every), _AT_ONCE))
        return np.concatenate([covariance(self.terms, pool, parameters, part, known) @ weights for part in parts])

    def densities(self, mode: Mode, history: History, fitted: JsonDict) -> FloatArray:
        """Log predictive density of each of a target's observations given all others."""
        extended = self.extended
        known = (extended.positions, extended.targets) if conditions(mode) else (extended.positions[:0], extended.targets[:0])
        model = (extended.pool, self.terms, self.parameters(fitted))
        return leave_one_out(model, known, (history.observed, history.values), lambda i: self.transform(history, i))

    def parameters(self, fitted: JsonDict) -> Fitted:
        """Parameters of a fit, also of one on a narrower pool, as :func:`~tansaku.models.engine.map_fit.completed` says."""
        return self._completed(arrays(fitted["parameters"]))

    def _completed(self, found: Fitted) -> Fitted:
        return completed(found, self.terms, lambda: centres(priors(self.extended, self.terms)))

    def _problem(self, history: History, state: TransformState) -> Problem:
        extended = self.extended
        own = state.forward(history.values, self.target.system_codes[history.observed])
        positions = np.concatenate([extended.positions, history.observed])
        return Problem(extended, self.terms, self.uncoupled, positions, np.concatenate([extended.targets, own]))


def conditions(mode: Mode) -> bool:
    """Returns whether a mode conditions on the sources' observations."""
    return mode in ("posterior", "joint")


def transform_without(transform: OutputTransform, pool: CandidatePool, history: History, without: int | None) -> TransformState:
    """Determines the transform from all observations but one.

    A logarithm keeps all of them: its floor must stay below every value.
    """
    kept = np.arange(len(history.values)) != (-1 if without is None or transform.log else without)
    return transform.fit(history.values[kept], pool.system_codes[history.observed[kept]], len(pool.systems))


def arrays(parameters: JsonDict) -> Fitted:
    """Parameters from plain data."""
    return {name: np.asarray(value, dtype=np.float64) for name, value in parameters.items()}


def plain(parameters: Fitted) -> JsonDict:
    """Parameters as plain data with exact floats."""
    return {name: value.tolist() for name, value in parameters.items()}
