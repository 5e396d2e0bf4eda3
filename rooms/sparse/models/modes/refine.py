"""Frequencies and dampings that fit best, their errors, and the evidence of their number by Laplace's approximation.

Amplitudes are eliminated (variable projection), so that only the rates are searched: optimised DMD (Askham and Kutz,
doi:10.1137/M1124176).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import lgamma

import numpy as np
from scipy.optimize import least_squares

from tansaku.models.averaging.subsets import FloatArray
from tansaku.sparse.models.modes.dynamics import ComplexArray, Snapshots
from tansaku.sparse.models.modes.score import ModeScore

_EVALUATIONS = 200
_UNKNOWN = 1e-12


@dataclass(frozen=True, eq=False)
class ModeFit:
    """Damped oscillations ``A exp(-damping t) cos(2 pi frequency t + phase)``, t since the first snapshot.

    Attributes:
        frequency: 0 for a decay, (n_units,).
        damping: Negative for growth, (n_units,).
        amplitude: By channel, (n_units, n_channels).
        phase: By channel [rad], between -pi and pi.
        errors: Standard errors of frequency and damping, and with one channel of amplitude and phase, (n_units, 4); NaN where
            there is none.
        model: Sum of the oscillations, (n_channels, n_times).
        noise: Deviation of the noise.
        evidence: Negative logarithm of the evidence of this number of oscillations and decays.
    """

    frequency: FloatArray
    damping: FloatArray
    amplitude: FloatArray
    phase: FloatArray
    errors: FloatArray
    model: FloatArray
    noise: float
    evidence: float


def refined(snapshots: Snapshots, rates: ComplexArray) -> ModeFit:
    """The best fit near rates.

    Args:
        rates: To begin with, one of each pair, (n_units,).
    """
    oscillating = rates.imag > 0.0
    # A real mode of negative eigenvalue changes its sign at each step and keeps doing so.
    fixed = oscillating & (rates.imag * snapshots.step > np.pi - 1e-9)
    free = oscillating & ~fixed
    unit = snapshots.step * snapshots.n_times
    start = np.concatenate([rates.real, rates.imag[free]]) * unit

    def held(parameters: FloatArray) -> ComplexArray:
        found = np.array(rates)
        found.real = parameters[: len(rates)] / unit
        found.imag[free] = parameters[len(rates) :] / unit
        return found

    def left(parameters: FloatArray) -> FloatArray:
        basis = _basis(_columns(held(parameters), snapshots.times, fixed))
        values = snapshots.compressed
        return np.asarray((values - (values @ basis) @ basis.T).ravel())

    information = np.empty((0, 0))
    if len(rates):
        widest = np.pi / snapshots.step * unit
        low = np.concatenate([np.full(len(rates), -20.0), np.zeros(int(free.sum()))])
        high = np.concatenate([np.full(len(rates), widest), np.full(int(free.sum()), widest)])
        found = least_squares(
            left, np.clip(start, low + 1e-9, high - 1e-9), bounds=(low, high), x_scale=1.0, max_nfev=_EVALUATIONS
        )
        start, information = found.x, found.jac.T @ found.jac
    return _summary(snapshots, held(start), fixed, information, unit)


def fits_by_number(
    snapshots: Snapshots, rates: ComplexArray, score: ModeScore, supports: Iterable[tuple[int, ...]], largest: int
) -> tuple[ModeFit, ...]:
    """The best fit of each number of oscillations and decays, from 0.

    Args:
        rates: Of all modes, one of each pair, (n_units,).
        score: Free energies of sets of them; of each number the lowest one is refined.
        supports: Good sets.
        largest: Number of units.
    """
    known, fits = set(supports), []
    best: tuple[int, ...] = ()
    for size in range(largest + 1):
        # There may be no good set of this size, where fewer pairs and more decays are better: one unit more is always tried.
        more = {tuple(sorted({*best, unit})) for unit in range(len(rates))} if size else {best}
        own = sorted(support for support in known | more if len(support) == size)
        energies = score.energies(np.array(own, dtype=np.int64).reshape(len(own), size))
        best = own[int(np.argmin(energies))]
        fits.append(refined(snapshots, rates[list(best)]))
    return tuple(fits)


def _columns(rates: ComplexArray, times: FloatArray, fixed: np.ndarray) -> FloatArray:
    """Real columns in time, two of each oscillation, (n_times, n_columns)."""
    columns = []
    for rate, flips in zip(rates, fixed, strict=True):
        course = np.exp(rate.real * times - max(0.0, rate.real * times[-1]))
        columns.append(course * np.cos(rate.imag * times))
        if rate.imag > 0.0 and not flips:
            columns.append(-course * np.sin(rate.imag * times))
    return np.array(columns).reshape(len(columns), len(times)).T


def _basis(columns: FloatArray) -> FloatArray:
    """Orthonormal columns that span the same space."""
    left, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return np.asarray(left[:, sizes > 1e-10 * sizes.max(initial=1e-300)])


def _summary(snapshots: Snapshots, rates: ComplexArray, fixed: np.ndarray, information: FloatArray, unit: float) -> ModeFit:
    """Amplitudes, errors and the evidence at rates."""
    columns = _columns(rates, snapshots.times, fixed)
    weights = np.linalg.lstsq(columns, snapshots.values.T, rcond=None)[0] if len(rates) else np.empty((0, snapshots.n_channels))
    scale = np.exp(-np.maximum(0.0, rates.real * snapshots.times[-1]))
    pairs = (rates.imag > 0.0) & ~fixed
    first = np.cumsum(np.where(pairs, 2, 1)) - np.where(pairs, 2, 1)
    complex_weights = np.array(
        [weights[at] + (1j * weights[at + 1] if pair else 0.0) for at, pair in zip(first, pairs, strict=True)]
    ).reshape(len(rates), snapshots.n_channels)
    score = ModeScore(snapshots, np.exp(rates * snapshots.step))
    noise = score.noise(np.arange(len(rates)))
    errors = np.full((len(rates), 4), np.nan)
    variances = noise**2 * np.diag(_inverse(information)) / unit**2
    errors[:, 1] = np.sqrt(variances[: len(rates)])
    errors[pairs, 0] = np.sqrt(variances[len(rates) :]) / (2.0 * np.pi)
    if snapshots.n_channels == 1 and len(rates):
        errors[:, 2:] = _amplitude_errors(snapshots, rates, complex_weights[:, 0] * scale, noise, pairs)
    return ModeFit(
        rates.imag / (2.0 * np.pi), -rates.real, np.abs(complex_weights) * scale[:, None], np.angle(complex_weights), errors,
        (columns @ weights).T, noise, _evidence(score, information, noise, len(rates), unit / snapshots.step),
    )  # fmt: skip


def _inverse(information: FloatArray) -> FloatArray:
    if not len(information):
        return information
    return np.asarray(np.linalg.pinv(information, rcond=_UNKNOWN, hermitian=True))


def _evidence(score: ModeScore, information: FloatArray, noise: float, count: int, steps: float) -> float:
    """Laplace's approximation: each rate has a flat prior from 0 to half a turn per step; sets are not in order."""
    energy = float(score.energies(np.arange(count)[None])[0])
    if not count:
        return energy
    curvature = np.maximum(np.linalg.eigvalsh(information) / max(noise, 1e-300) ** 2, 1.0)
    volume = 0.5 * np.log(2.0 * np.pi / curvature).sum() - len(information) * np.log(np.pi * steps)
    return float(energy - volume - lgamma(count + 1))


def _amplitude_errors(
    snapshots: Snapshots, rates: ComplexArray, weights: ComplexArray, noise: float, pairs: np.ndarray
) -> FloatArray:
    """Standard errors of amplitude and phase, the rates fitted too, (n_units, 2)."""
    t, rows = snapshots.times, []
    for rate, weight, pair in zip(rates, weights, pairs, strict=True):
        turning = np.exp(rate * t)
        wave = weight * turning
        # By logarithm of the amplitude, damping, phase and frequency.
        rows += [wave.real, -t * wave.real, *((-wave.imag, -t * wave.imag) if pair else ())]
    jacobian = np.array(rows)
    norms = np.linalg.norm(jacobian, axis=1)
    norms[norms == 0.0] = 1.0
    covariance = np.linalg.pinv((jacobian @ jacobian.T) / np.outer(norms, norms), rcond=_UNKNOWN, hermitian=True)
    deviations = noise * np.sqrt(np.diag(covariance)) / norms
    first = np.cumsum(np.where(pairs, 4, 2)) - np.where(pairs, 4, 2)
    phases = [deviations[at + 2] if pair else np.nan for at, pair in zip(first, pairs, strict=True)]
    return np.column_stack([np.abs(weights) * deviations[first], phases])
