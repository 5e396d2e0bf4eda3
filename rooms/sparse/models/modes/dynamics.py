"""Snapshots at equal steps of time and the modes that dynamic mode decomposition (DMD) finds in them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tansaku.models.averaging.subsets import FloatArray, IntArray
from tansaku.models.domain.errors import ConfigurationError

ComplexArray = NDArray[np.complex128]

FEWEST_TIMES = 16
MOST_MODES = 400
"""Largest number of modes among which is chosen."""

_SMALLEST = 1e-10  # singular values below this share of the largest are rounding errors
_USUAL = (8, 40)  # bounds of the number of modes where none is given
_UNEVEN = 1e-3  # largest deviation of a step from the mean step, as a share of it


@dataclass(frozen=True, eq=False)
class Snapshots:
    """Measured or computed values at equal steps of time.

    Attributes:
        start: Time of the first snapshot.
        step: Between two snapshots.
        values: Of each channel (a sensor, a pixel, a velocity), (n_channels, n_times).
    """

    start: float
    step: float
    values: FloatArray

    @classmethod
    def at(cls, times: FloatArray, values: FloatArray) -> Snapshots:
        """Snapshots at these times.

        Args:
            times: (n_times,).
            values: (n_channels, n_times).

        Raises:
            ConfigurationError: Times do not rise in equal steps.
        """
        steps = np.diff(times)
        if len(steps) < 1 or not steps.min() > 0.0:
            place = int(np.argmin(steps)) + 1 if len(steps) else 0
            raise ConfigurationError(f"time {times[place]:g}: expected times that rise")
        mean = float(np.mean(steps))
        place = int(np.argmax(np.abs(steps - mean)))
        if abs(steps[place] - mean) > _UNEVEN * mean:
            raise ConfigurationError(
                f"the step from time {times[place]:g} to {times[place + 1]:g} is {steps[place]:g}, the mean step {mean:g}: "
                "expected equal steps",
                hint="interpolate to equal steps first",
            )
        return cls(float(times[0]), mean, values)

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or np.iscomplexobj(self.values):
            raise ConfigurationError(f"values of shape {self.values.shape}: expected real numbers, channels by times")
        if not np.isfinite(self.values).all():
            channel, time = np.argwhere(~np.isfinite(self.values))[0]
            raise ConfigurationError(f"channel {channel} at time {self.start + time * self.step:g} is not a finite number")
        if self.n_times < FEWEST_TIMES:
            raise ConfigurationError(f"{self.n_times} times: expected at least {FEWEST_TIMES}")
        if not np.ptp(self.values, axis=1).any():
            raise ConfigurationError("no channel changes with time: there is nothing to explain")

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return len(self.values)

    @property
    def n_times(self) -> int:
        """Number of snapshots."""
        return int(self.values.shape[1])

    @property
    def times(self) -> FloatArray:
        """Since the first snapshot, (n_times,)."""
        return np.asarray(self.step * np.arange(self.n_times))

    @cached_property
    def compressed(self) -> FloatArray:
        """The same sums of squares in at most as many channels as there are times."""
        if self.n_channels <= self.n_times:
            return self.values
        return np.asarray(np.linalg.qr(self.values, mode="r"))

    def delayed(self, delays: int) -> FloatArray:
        """Hankel matrix: each column has the snapshots of ``delays`` successive times, (n_rows, n_times - delays + 1).

        Raises:
            ConfigurationError: There are too many delays.
        """
        count = self.n_times - delays + 1
        if delays < 1 or count < 4:
            raise ConfigurationError(f"{delays} delays of {self.n_times} times: expected 1 to {self.n_times - 3}")
        return np.concatenate([self.compressed[:, first : first + count] for first in range(delays)])


@dataclass(frozen=True, eq=False)
class Modes:
    """All modes among which is chosen. Modes of complex eigenvalues come in conjugate pairs, which count as one unit.

    Attributes:
        eigenvalues: Factor of each mode from one snapshot to the next, one of each pair, (n_units,).
        shapes: Of norm 1, in the channels of the matrix that was decomposed, (n_rows, n_units).
        matrix: That was decomposed, (n_rows, n_columns).
        step: Of time.
    """

    eigenvalues: ComplexArray
    shapes: ComplexArray
    matrix: FloatArray
    step: float

    @property
    def oscillating(self) -> NDArray[np.bool_]:
        """Mask of the units that are pairs."""
        return np.asarray(self.eigenvalues.imag != 0.0)

    @property
    def counts(self) -> IntArray:
        """Number of modes of each unit: 2 for a pair, else 1."""
        return np.where(self.oscillating, 2, 1).astype(np.int64)

    @property
    def rates(self) -> ComplexArray:
        """Logarithms of the eigenvalues per time; the real part is minus the damping, the imaginary part 2 pi frequency."""
        held = np.where(np.abs(self.eigenvalues) < 1e-12, 1e-12, self.eigenvalues)
        return np.asarray(np.log(held) / self.step)


def usual_delays(snapshots: Snapshots) -> int:
    """Number of delays where none is given: as many as make the matrix of a few channels square, none for many."""
    if snapshots.n_channels >= snapshots.n_times // 2:
        return 1
    return max(1, snapshots.n_times // (1 + snapshots.n_channels))


def decomposed(snapshots: Snapshots, delays: int, rank: int = 0) -> Modes:
    """The modes of the snapshots by PyDMD's exact DMD.

    Args:
        delays: Of the Hankel matrix; 1: the snapshots themselves.
        rank: Number of modes; 0: by the hard threshold of singular values (Gavish and Donoho, doi:10.1109/TIT.2014.2323359),
            within bounds.

    Raises:
        ConfigurationError: The rank or the number of delays cannot be used.
    """
    matrix = snapshots.delayed(delays)
    if matrix.shape[0] > matrix.shape[1]:
        matrix = np.asarray(np.linalg.qr(matrix, mode="r"))
    sizes = np.asarray(np.linalg.svd(matrix[:, :-1], compute_uv=False), dtype=np.float64)
    sound = int((sizes > _SMALLEST * sizes[0]).sum())
    if rank == 0:
        rank = min(sound, max(_USUAL[0], min(_USUAL[1], 2 * _above_threshold(sizes, matrix.shape))))
    if not 1 <= rank <= min(sound, MOST_MODES):
        raise ConfigurationError(f"{rank} modes: expected 1 to {min(sound, MOST_MODES)}, the rank of the data")
    from pydmd import DMD

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the condition of the matrix, whose rank is limited here
        found = DMD(svd_rank=rank, exact=True).fit(matrix)
    values, shapes = np.asarray(found.eigs, dtype=np.complex128), np.asarray(found.modes, dtype=np.complex128)
    norms = np.linalg.norm(shapes, axis=0)
    chosen = (values.imag >= 0.0) & (norms > 0.0)
    return Modes(values[chosen], shapes[:, chosen] / norms[chosen], matrix, snapshots.step)


def _above_threshold(sizes: FloatArray, shape: tuple[int, ...]) -> int:
    ratio = min(shape) / max(shape)
    factor = 0.56 * ratio**3 - 0.95 * ratio**2 + 1.82 * ratio + 1.43
    return int((sizes > factor * np.median(sizes)).sum())
