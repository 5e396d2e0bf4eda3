"""Fully Bayesian hyper-parameters: acquisitions are averaged over a small ensemble of posterior samples.

Elliptical slice sampling (Murray, Adams & MacKay 2010, https://proceedings.mlr.press/v9/murray10a.html) suits priors that are
normal in the logarithms: it has no step size to tune and never rejects. It is meant for few observations, where a
single point estimate represents the hyper-parameters worst.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log, pi

import numpy as np
from scipy.special import logsumexp

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.engine.likelihood import LogPosterior

ENSEMBLE = "ensemble"
"""Key of a refit for the members' parameters."""

MODELS = "models"
"""Key of a refit for models of different kernels: the place of each one's kernel, its weight and parameters."""

KERNEL = "kernel"
WEIGHT = "weight"

_BURN_IN = 30
_THINNING = 10
_SMALLEST_ANGLE = 1e-9


def draw_ensemble(density: LogPosterior, start: FloatArray, count: int, rng: np.random.Generator) -> FloatArray:
    """Samples vectors of log parameters from a posterior density.

    Args:
        density: Normal priors in the logarithms, and the likelihood.
        start: Where the chain begins, e.g. the density's maximum, shape ``(n,)``.
        count: Number of samples, every tenth step of the chain.

    Returns:
        Shape ``(count, n)``.

    Raises:
        FitError: The start has no finite likelihood.
    """
    at, value = start, log_likelihood(density, start)
    if not np.isfinite(value):
        raise FitError(f"hyper-parameters cannot be sampled from a start of log likelihood {value}")
    draws = []
    for step in range(_BURN_IN + _THINNING * count):
        at, value = _slice_step(density, at, value, rng)
        if step >= _BURN_IN and (step - _BURN_IN) % _THINNING == _THINNING - 1:
            draws.append(at)
    return np.array(draws)


def log_likelihood(density: LogPosterior, vector: FloatArray) -> float:
    """Log marginal likelihood, minus infinity where the covariance matrix is not positive definite."""
    try:
        value = density.value(vector)
    except FitError:
        return -np.inf
    return value if np.isfinite(value) else -np.inf


def _slice_step(density: LogPosterior, at: FloatArray, value: float, rng: np.random.Generator) -> tuple[FloatArray, float]:
    """One step: the ellipse through the point and a prior sample is narrowed until a point on it is accepted."""
    other = density.width * rng.standard_normal(len(at))
    off = at - density.centre
    level = value + log(1.0 - rng.random())
    angle = 2.0 * pi * rng.random()
    low, high = angle - 2.0 * pi, angle
    while high - low > _SMALLEST_ANGLE:
        there = density.centre + off * np.cos(angle) + other * np.sin(angle)
        found = log_likelihood(density, there)
        if found >= level:
            return there, found
        if angle < 0.0:
            low = angle
        else:
            high = angle
        angle = low + (high - low) * rng.random()
    return at, value


def members(fitted: JsonDict | None) -> list[JsonDict | None]:
    """Returns the members of a refit, each as a refit; the refit itself if it is neither an ensemble nor several models."""
    if fitted is None:
        return [fitted]
    shared = {name: value for name, value in fitted.items() if name not in (ENSEMBLE, MODELS)}
    if MODELS in fitted:
        return [shared | model for model in fitted[MODELS]]
    if ENSEMBLE in fitted:
        return [{**shared, "parameters": parameters} for parameters in fitted[ENSEMBLE]]
    return [fitted]


def weight_of(member: JsonDict | None) -> float:
    """Weight of a member, relative to those of the others."""
    return 1.0 if member is None else float(member.get(WEIGHT, 1.0))


def averaged(parts: Sequence[tuple[FloatArray, bool]], weights: Sequence[float]) -> tuple[FloatArray, bool]:
    """Mean of the members' acquisition values.

    Args:
        parts: Values of shape ``(n,)`` and whether they are logarithms, one pair per member.
        weights: Of the members.
    """
    if len(parts) == 1:
        return parts[0]
    values, logarithmic = np.stack([part for part, _ in parts]), parts[0][1]
    if len(set(weights)) == 1:
        return (np.asarray(logsumexp(values, axis=0)) - log(len(parts)) if logarithmic else values.mean(axis=0)), logarithmic
    shares = np.asarray(weights) / np.sum(weights)
    return (np.asarray(logsumexp(values, axis=0, b=shares[:, None])) if logarithmic else shares @ values), logarithmic


def mixture(moments: Sequence[tuple[float, float]], weights: Sequence[float]) -> tuple[float, float]:
    """Mean and deviation of a mixture.

    Args:
        moments: Mean and deviation of each part.
        weights: Of the parts.
    """
    if len(moments) == 1:
        return moments[0]
    means, deviations = np.array(moments).T
    if len(set(weights)) == 1:
        return float(means.mean()), float(np.sqrt(np.mean(np.square(deviations)) + means.var()))
    mean = float(np.average(means, weights=weights))
    return mean, float(np.sqrt(np.average(np.square(deviations) + np.square(means - mean), weights=weights)))


def chosen_member(ensemble: Sequence[JsonDict | None], rng: np.random.Generator) -> slice:
    """Chooses the member that provides a posterior sample; a single member needs no random number."""
    if len(ensemble) == 1:
        return slice(0, 1)
    weights = np.array([weight_of(member) for member in ensemble])
    equal = bool((weights == weights[0]).all())
    at = int(rng.integers(len(weights)) if equal else rng.choice(len(weights), p=weights / weights.sum()))
    return slice(at, at + 1)
