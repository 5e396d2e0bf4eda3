"""Multiple-histogram reweighting and thermodynamic integration, in logarithms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from tansaku.models.averaging.subsets import FloatArray, IntArray
from tansaku.models.domain.errors import FitError

_ROUNDS = 5000
_CONVERGED = 1e-7
_BINS = 2000


@dataclass(frozen=True, eq=False)
class Samples:
    """Energies visited at all temperatures by all chains.

    Attributes:
        betas: Inverse temperatures, rising from 0 to 1, (n_temperatures,).
        energies: At each temperature, one array each.
        sizes: Number of units of the supports visited, one array each.
        inefficiency: Visits per independent visit, by temperature.
        smallest: Smallest size.
        largest: Largest size.
    """

    betas: FloatArray
    energies: tuple[FloatArray, ...]
    sizes: tuple[IntArray, ...]
    inefficiency: FloatArray
    smallest: int
    largest: int


@dataclass(frozen=True, eq=False)
class Reweighted:
    """All visits with their prior mass.

    Attributes:
        energies: Of all visits, (n_visits,).
        sizes: Of all visits.
        log_mass: Logarithm of the prior probability of a visit; each size has the same total.
    """

    energies: FloatArray
    sizes: IntArray
    log_mass: FloatArray

    def log_evidence(self) -> float:
        """Logarithm of the average of ``exp(-energy)`` over the prior."""
        return float(logsumexp(self.log_mass - self.energies))


def reweighted(samples: Samples) -> Reweighted:
    """Prior masses of all visits by the multiple-histogram equations, solved in logarithms on bins of equal occupation.

    Raises:
        FitError: The iteration does not converge, or a size was never visited.
    """
    energies = np.concatenate(samples.energies)
    sizes = np.concatenate(samples.sizes)
    visits = np.array([len(values) for values in samples.energies])
    share = np.repeat(1.0 / samples.inefficiency, visits)
    order = np.argsort(energies)
    bins = np.empty(len(energies), dtype=np.int64)
    bins[order] = np.arange(len(energies)) * min(_BINS, len(energies)) // len(energies)
    pooled = np.bincount(bins, share)
    centres = np.bincount(bins, share * energies) / pooled
    log_visits = np.log(visits / samples.inefficiency)
    free = _solved(samples.betas, centres, np.log(pooled), log_visits)
    log_share = -logsumexp((log_visits + free)[:, None] - samples.betas[:, None] * centres, axis=0)
    # Between the centres the logarithm is a smooth function of the energy, with slopes between 0 and 1.
    log_mass = np.log(share) + np.interp(energies, centres, log_share)
    count = samples.largest - samples.smallest + 1
    for size in range(samples.smallest, samples.largest + 1):
        own = sizes == size
        if not own.any():
            raise FitError(f"no support with {size} members was visited; raise the number of steps")
        log_mass[own] -= logsumexp(log_mass[own]) + np.log(count)
    return Reweighted(energies, sizes, log_mass)


def _solved(betas: FloatArray, centres: FloatArray, log_pooled: FloatArray, log_visits: FloatArray) -> FloatArray:
    """Free energies of the temperatures."""
    change = np.inf
    free: FloatArray = np.zeros(len(betas))
    for _ in range(_ROUNDS):
        log_mass = log_pooled - logsumexp((log_visits + free)[:, None] - betas[:, None] * centres, axis=0)
        updated = -logsumexp(log_mass - betas[:, None] * centres, axis=1)
        updated = np.asarray(updated - updated[0])
        change = float(np.abs(updated - free).max())
        free = updated
        if change < _CONVERGED:
            return free
    raise FitError(f"the histograms of {len(free)} temperatures did not converge; the last change was {change:.1e}")


def evidence_by_integration(samples: Samples) -> float:
    """The log evidence from the mean energy at each temperature, by the trapezium rule corrected with the variances."""
    mean = np.array([values.mean() for values in samples.energies])
    variance = np.array([values.var() for values in samples.energies])
    step = np.diff(samples.betas)
    area = 0.5 * step * (mean[1:] + mean[:-1]) + step**2 / 12.0 * (variance[1:] - variance[:-1])
    return -float(area.sum())


def integrated_autocorrelation(series: FloatArray) -> float:
    """Visits per independent visit of a series, at least 1 (initial positive sequence)."""
    n = len(series)
    centred = series - series.mean()
    if n < 4 or not np.any(centred):
        return 1.0
    spectrum = np.abs(np.fft.rfft(centred, 2 * n)) ** 2
    correlation = np.fft.irfft(spectrum)[:n]
    correlation /= correlation[0]
    pairs = correlation[1 : n - 1 : 2] + correlation[2:n:2]
    negative = np.flatnonzero(pairs <= 0.0)
    return max(1.0, float(1.0 + 2.0 * pairs[: negative[0] if len(negative) else len(pairs)].sum()))


def split_r_hat(indicators: FloatArray, per_block: int) -> FloatArray:
    """Split R-hat of each feature's indicator; 1 where it never changes and all chains agree.

    Args:
        indicators: Share of steps in which a feature was used, by block, (n_chains, n_blocks, n_features).
        per_block: Steps in a block.
    """
    half = indicators.shape[1] // 2
    shares = np.concatenate([indicators[:, :half].mean(axis=1), indicators[:, half : 2 * half].mean(axis=1)])
    steps = half * per_block
    within = (shares * (1.0 - shares)).mean(axis=0) * steps / (steps - 1)
    between = shares.var(axis=0, ddof=1)
    settled = within <= 1e-12
    ratio = np.divide(between, within, out=np.zeros_like(within), where=~settled)
    result = np.sqrt((steps - 1) / steps + ratio)
    return np.asarray(np.where(settled, np.where(between <= 1e-12, 1.0, np.inf), np.maximum(result, 1.0)))
