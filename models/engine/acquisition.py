"""Acquisition functions over a pool, for minimisation, in the objective's unit.

All compare a candidate's prediction with the best value of its own system. Jones, Schonlau & Welch (1998),
https://doi.org/10.1023/A:1008306431147 (EI); Ament et al. (2023), https://doi.org/10.48550/arXiv.2310.20708 (log-EI);
Srinivas et al. (2010), https://doi.org/10.48550/arXiv.0912.3995 (confidence bound).
"""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import numpy.typing as npt
from scipy.special import erfcx, log_ndtr, ndtr

from tansaku.models.domain.pool import FloatArray

TIE = 1e-9
"""Acquisition values within this relative distance of the best are ties."""

_SQRT_2PI = sqrt(2.0 * np.pi)
_TAIL = -5.0
_ASYMPTOTIC = -1e3
_CANCELLED = 1e-12


def expected_improvement(mean: FloatArray, deviation: FloatArray, best: FloatArray) -> FloatArray:
    """E[max(best − f, 0)] for f ~ N(mean, deviation²), any shape."""
    gain = best - mean
    u = gain / np.maximum(deviation, np.finfo(np.float64).tiny)
    density = np.exp(-0.5 * np.square(np.clip(u, -1e8, 1e8))) / _SQRT_2PI
    improvement: FloatArray = np.maximum(gain * ndtr(u) + deviation * density, 0.0)
    return improvement


def lognormal_improvement(mean: FloatArray, deviation: FloatArray, best: FloatArray) -> FloatArray:
    """E[max(exp(best) − exp(f), 0)] for f ~ N(mean, deviation²), any shape."""
    u = (best - mean) / np.maximum(deviation, np.finfo(np.float64).tiny)
    improvement = np.exp(best) * ndtr(u) - np.exp(mean + 0.5 * np.square(deviation)) * ndtr(u - deviation)
    return np.asarray(np.maximum(improvement, 0.0))


def log_expected_improvement(mean: FloatArray, deviation: FloatArray, best: FloatArray) -> FloatArray:
    """Logarithm of :func:`expected_improvement`, finite where that underflows; any shape."""
    sigma = np.maximum(deviation, np.finfo(np.float64).tiny)
    u = np.clip((best - mean) / sigma, -1e100, 1e100)
    near = np.maximum(u, _TAIL)
    plain = np.log(near * ndtr(near) + np.exp(-0.5 * near * near) / _SQRT_2PI)
    far = np.minimum(u, -1.0)
    square = far * far
    ratio = np.where(far > _ASYMPTOTIC, 1.0 + far * sqrt(np.pi / 2.0) * erfcx(-far / sqrt(2.0)), (1.0 - 3.0 / square) / square)
    tail = -0.5 * square - log(_SQRT_2PI) + np.log(ratio)
    return np.asarray(np.where(u > _TAIL, plain, tail) + np.log(sigma))


def log_lognormal_improvement(mean: FloatArray, deviation: FloatArray, best: FloatArray) -> FloatArray:
    """Logarithm of :func:`lognormal_improvement`, any shape.

    Where the two parts of the difference agree to twelve digits, improvements are so small that exp(best) − exp(f) is
    exp(best) · (best − f), whose logarithm is used.
    """
    u = (best - mean) / np.maximum(deviation, np.finfo(np.float64).tiny)
    gained = best + log_ndtr(u)
    apart = np.minimum(mean + 0.5 * np.square(deviation) + log_ndtr(u - deviation) - gained, 0.0)
    plain = gained + np.log(-np.expm1(np.minimum(apart, -_CANCELLED)))
    return np.where(apart < -_CANCELLED, plain, best + log_expected_improvement(mean, deviation, best))


def log_probability_of_improvement(mean: FloatArray, deviation: FloatArray, best: FloatArray) -> FloatArray:
    """Logarithm of P(f < best), any shape."""
    return np.asarray(log_ndtr((best - mean) / np.maximum(deviation, np.finfo(np.float64).tiny)))


def confidence_bound_improvement(mean: FloatArray, deviation: FloatArray, best: FloatArray, exploration: float) -> FloatArray:
    """Improvement of the lower confidence bound: best − (mean − exploration · deviation), any shape."""
    return best - mean + exploration * deviation


def straddle(mean: FloatArray, deviation: FloatArray, threshold: FloatArray, exploration: float) -> FloatArray:
    """Returns how far mean ± exploration · deviation reaches beyond the threshold, any shape; negative where it does not.

    Bryan, Nichol, Genovese, Schneider, Miller & Wasserman (2005), Active learning for identifying function threshold
    boundaries,
    Advances in Neural Information Processing Systems 18.
    """
    return exploration * deviation - np.abs(mean - threshold)


def per_cost(value: FloatArray, cost: FloatArray, exponent: float) -> FloatArray:
    """Divides gains by cost ** exponent; losses are multiplied instead, so that a high cost never improves them."""
    if exponent == 0.0:
        return value
    price = cost**exponent
    return np.where(value >= 0.0, value / price, value * price)


def first_best(values: FloatArray, allowed: npt.NDArray[np.bool_], *, logarithmic: bool) -> int:
    """Lowest position among the allowed ones whose value ties with the best.

    Args:
        values: Acquisition values, or their logarithms, shape ``(n,)``.
        allowed: Boolean mask with at least one True, shape ``(n,)``.
        logarithmic: Whether ``values`` are logarithms: a relative tie is then an absolute one.
    """
    candidates = np.where(allowed, values, -np.inf)
    best = float(candidates.max())
    margin = TIE if logarithmic else TIE * abs(best)
    return int(np.argmax(allowed & (candidates >= best - margin)))
