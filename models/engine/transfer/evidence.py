"""Evidence for the transfer modes: how well each predicts the target's own observations.

Every observation is predicted from all others (and the sources, where a mode uses them) with the mode's hyper-parameters as
they are: with K⁻¹ of all n points, the mean misses z_i by [K⁻¹z]_i / [K⁻¹]_ii and the variance is 1 / [K⁻¹]_ii; Rasmussen &
Williams (2006), eq. 5.12, https://doi.org/10.7551/mitpress/3206.001.0001. The output transform is determined again without the
observation, which costs nothing because the miss does not depend on z_i. Log densities are those of the values themselves, so
that modes with different transforms compare.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import log, pi, sqrt

import numpy as np
from scipy.linalg import lapack

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
from tansaku.models.engine.kernels import Parameters, Term, covariance
from tansaku.models.engine.likelihood import NOISE
from tansaku.models.engine.transforms import TransformState

FEW = 4
"""Number of observations of the target below which the mode is not changed."""

PRIOR_NATS = {"none": 0.0, "hyperparameters": 0.5, "posterior": 1.0, "joint": 0.5}
"""Log prior weight of each mode [nats]: few observations of the target must overcome it."""

MARGIN_NATS = 1.0
"""Least lead [nats] at which the mode changes."""

TransformWithout = Callable[[int], TransformState]


def leave_one_out(
    model: tuple[CandidatePool, tuple[Term, ...], Parameters],
    known: tuple[IntArray, FloatArray],
    own: tuple[IntArray, FloatArray],
    without: TransformWithout,
) -> FloatArray:
    """Log predictive density of each of a target's observations given all others.

    Args:
        model: Pool, normal form of the kernel, parameters (noise included).
        known: Positions and standardised values of the sources that a mode conditions on.
        own: Positions and values of the target's observations [objective's unit], shape ``(n,)``.
        without: Output transform of the target, determined without observation i.

    Returns:
        Shape ``(n,)`` [nats, per unit of the objective].

    Raises:
        FitError: The covariance matrix is not positive definite.
    """
    pool, terms, parameters = model
    positions, values = own
    points = np.concatenate([known[0], positions])
    matrix = covariance(terms, pool, parameters, points, points)
    matrix[np.diag_indices(len(points))] += float(parameters[NOISE][0])
    factor, failed = lapack.dpotrf(matrix, lower=1)
    if failed:
        raise FitError(f"the covariance matrix of {len(points)} observations is not positive definite")
    inverse, _ = lapack.dpotri(factor, lower=1)
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    systems = pool.system_codes[positions]
    densities = np.empty(len(values))
    for i in range(len(values)):
        state, at = without(i), len(known[0]) + i
        targets = np.concatenate([known[1], state.forward(values, systems)])
        precision = inverse[at, at]
        miss = float(inverse[at] @ targets) / precision
        densities[i] = -0.5 * (log(2.0 * pi / precision) + miss * miss * precision) + log_derivative(state, float(values[i]))
    return densities


def log_derivative(state: TransformState, value: float) -> float:
    """Logarithm of the transform's slope at a value: what a density of z is multiplied by to be one of the value."""
    g = np.log(value - state.floor) if state.log else value
    slope = 1.0 / state.scale
    if state.log:
        slope /= value - state.floor
    if state.knee is not None and g > state.knee:
        slope /= 1.0 + (g - state.knee) / state.width
    return float(np.log(slope))


def skill(densities: FloatArray, values: FloatArray) -> float:
    """Log score of a model's predictions relative to a normal distribution of the values [nats in total]."""
    deviation = float(values.std())
    plain = -0.5 * (log(2.0 * pi) + 1.0) - log(deviation if deviation > 0.0 else 1.0)
    return float((densities - plain).sum())


def preferred(densities: Mapping[str, FloatArray], current: str) -> str:
    """Returns the mode favoured by the evidence.

    A mode replaces the current one when its lead, prior weights included, is more than ``MARGIN_NATS`` and more than one
    standard error of the sum of the paired differences, so that the choice does not oscillate.

    Args:
        densities: Log predictive densities by mode, each of shape ``(n,)``.
        current: The mode in use; where it has none, the best mode is taken at once.
    """
    totals = {mode: float(density.sum()) + PRIOR_NATS[mode] for mode, density in densities.items()}
    if current not in totals:
        return max(totals, key=lambda mode: totals[mode])
    leads = {}
    for mode, density in densities.items():
        apart = density - densities[current]
        lead = totals[mode] - totals[current]
        if lead > max(MARGIN_NATS, sqrt(len(apart)) * float(apart.std())):
            leads[mode] = lead
    return max(leads, key=lambda mode: leads[mode]) if leads else current
