"""Rates of hops by transition-state theory, and the diffusion coefficient of a network of them.

Rates: Vineyard, J. Phys. Chem. Solids 3, 121 (1957), https://doi.org/10.1016/0022-3697(57)90059-8. Diffusion: the master
equation of independent ions on a periodic network, solved exactly; Trinkle, Philos. Mag. 96, 2714 (2016),
https://doi.org/10.1080/14786435.2016.1212175.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase.units import kB

from tansaku.diffusion.hops.hop_network import HopNetwork
from tansaku.models.domain.pool import FloatArray, IntArray

ATTEMPT = 1e13
"""Attempt frequency where vibrations were not computed [Hz]."""

_EXPONENTS = (-700.0, 700.0)
_ROUNDING = 1e-10
_SQUARE_CM = 1e-16
"""Square centimetres in a square ångström."""


@dataclass(frozen=True)
class HopRates:
    """Rates at one temperature, as logarithms: over a high barrier a rate may be smaller than any floating-point number.

    Attributes:
        temperature: [K].
        log_occupation: Of the probability of each site in equilibrium, shape ``(n_sites,)``.
        log_forward: Of the rate of each hop [Hz], shape ``(n_passes,)``.
        log_backward: Of the rate of its way back [Hz], shape ``(n_passes,)``.
    """

    temperature: float
    log_occupation: FloatArray
    log_forward: FloatArray
    log_backward: FloatArray

    @property
    def occupation(self) -> FloatArray:
        """Probability of each site in equilibrium, shape ``(n_sites,)``."""
        return np.exp(self.log_occupation)

    @property
    def forward(self) -> FloatArray:
        """Rate of each hop [Hz], shape ``(n_passes,)``."""
        return np.exp(self.log_forward)

    @property
    def backward(self) -> FloatArray:
        """Rate of the way back of each hop [Hz], shape ``(n_passes,)``."""
        return np.exp(self.log_backward)


def hop_rates(network: HopNetwork, temperature: float, attempt: float = ATTEMPT) -> HopRates:
    """Rates by harmonic transition-state theory; with an attempt frequency where vibrations are not known.

    Args:
        temperature: [K].
        attempt: Attempt frequency of hops whose vibrations are not known, the mean of both directions [Hz].
    """
    beta = 1.0 / (kB * temperature)
    lowest = network.sites[network.minimum].energy
    first = np.array([item.hop.first for item in network.passes], dtype=np.intp)
    second = np.array([item.hop.second for item in network.passes], dtype=np.intp)
    modes = _logarithms([site.frequencies for site in network.sites])
    # A site whose vibrations are not known has those of the others, in the mean.
    modes = np.where(np.isnan(modes), 0.0 if np.isnan(modes).all() else np.nanmean(modes), modes)
    wells = beta * np.array([site.energy - lowest for site in network.sites]) + modes
    over = _logarithms([item.frequencies for item in network.passes])
    over = np.where(np.isnan(over), 0.5 * (modes[first] + modes[second]) - np.log(attempt), over)
    saddles = beta * np.array([item.energy - lowest for item in network.passes]) + over
    shares = np.log([item.share for item in network.passes])
    occupation = -wells - np.logaddexp.reduce(-wells)
    return HopRates(temperature, occupation, shares + wells[first] - saddles, shares + wells[second] - saddles)


def _logarithms(frequencies: Sequence[tuple[float, ...]]) -> FloatArray:
    """Logarithm of each product of frequencies; NaN where there are none."""
    return np.array([float(np.log(each).sum()) if each else np.nan for each in frequencies])


def diffusion_tensor(network: HopNetwork, rates: HopRates) -> FloatArray:
    """Computes the diffusion coefficient of one ion [cm²/s], shape ``(3, 3)``; zero where it is too small for a number.

    In equilibrium each hop is as frequent as its reverse. Correlations of successive hops are those of currents in a network of
    resistors, see :class:`_Conductors`.
    """
    scale, tensor = _scaled_tensor(network, rates)
    return np.asarray(np.exp(scale) * tensor)  # exp(-inf) where nothing moves


def _scaled_tensor(network: HopNetwork, rates: HopRates) -> tuple[float, FloatArray]:
    """The tensor divided by a number of its size, and the logarithm of that number; a zero tensor where nothing moves."""
    conductors = _Conductors(len(network.sites))
    for item, rate in zip(network.passes, rates.log_forward.tolist(), strict=True):
        flow = float(rates.log_occupation[item.hop.first]) + rate
        # In cells, which are whole numbers: a walk that ends where it began adds exactly nothing. Where sites lie in the cell
        # does not matter for diffusion.
        ends = np.array([item.hop.first]), np.array([item.hop.second])
        conductors.join(*ends, np.array([flow]), np.array([item.hop.cell], dtype=np.float64))
    while len(conductors) > 1:
        conductors.remove_last()
    return conductors.scale, np.asarray(_SQUARE_CM * network.cell.T @ conductors.squares @ network.cell)


class _Conductors:
    """Conductors between the sites of a periodic network, each with the step that it leads.

    Sites are removed one after the other, each replaced by conductors between its neighbours (star and mesh), two conductors
    between the same sites by one and what flows around in both. That is exact, and nothing is ever subtracted from a
    conductance, so that those of any size go together.

    Args:
        count: Number of sites.

    Attributes:
        scale: Logarithm of a conductance of the size of the largest loop.
        squares: Sum over loops of conductance times square of the step, divided by that conductance, shape ``(3, 3)``.
    """

    def __init__(self, count: int) -> None:
        self._logs = np.full((count, count), -np.inf)
        self._steps = np.zeros((count, count, 3))
        self.scale, self.squares = -np.inf, np.zeros((3, 3))

    def __len__(self) -> int:
        return len(self._logs)

    def join(self, first: IntArray, second: IntArray, logs: FloatArray, steps: FloatArray) -> None:
        """Adds conductors, at most one between each two sites.

        Args:
            first: Sites, shape ``(n,)``.
            second: Sites, perhaps the same, shape ``(n,)``.
            logs: Logarithms of the conductances, shape ``(n,)``.
            steps: From the first to the second, shape ``(n, 3)``.
        """
        known, apart = self._logs[first, second], steps - self._steps[first, second]
        together = np.logaddexp(known, logs)
        same = first == second
        around = same | ((known > -np.inf) & apart.any(axis=1))
        self._flow(np.where(same, logs, known + logs - together)[around], np.where(same[:, None], steps, apart)[around])
        apart = apart[~same] * np.exp(logs - together)[~same, None]
        first, second = first[~same], second[~same]
        middle = self._steps[first, second] + apart
        self._logs[first, second] = self._logs[second, first] = together[~same]
        self._steps[first, second], self._steps[second, first] = middle, -middle

    def remove_last(self) -> None:
        """Removes the last site."""
        logs, steps = self._logs[-1, :-1], self._steps[-1, :-1]
        self._logs, self._steps = self._logs[:-1, :-1], self._steps[:-1, :-1]
        near = np.flatnonzero(logs > -np.inf)
        if len(near) > 1:
            left, right = (near[places] for places in np.triu_indices(len(near), 1))
            total = np.logaddexp.reduce(logs[near])
            self.join(left, right, logs[left] + logs[right] - total, steps[right] - steps[left])

    def _flow(self, logs: FloatArray, steps: FloatArray) -> None:
        if len(logs):
            scale = max(self.scale, float(logs.max()))
            added = np.einsum("h,ha,hb->ab", np.exp(logs - scale), steps, steps)
            self.scale, self.squares = scale, np.exp(self.scale - scale) * self.squares + added


@dataclass(frozen=True)
class Arrhenius:
    """Diffusion against temperature.

    Attributes:
        temperatures: [K], shape ``(n,)``.
        coefficients: Mean over all directions in space, a third of the trace of the tensor [cm²/s], shape ``(n,)``; zero where
            it is too small for a number.
        tensors: [cm²/s], shape ``(n, 3, 3)``.
        along: Eigenvalues of the tensors, the largest first: along axes that are perpendicular to each other [cm²/s], shape
            ``(n, 3)``.
        dimensions: Number of independent directions in which the ion gets away.
        energy: Apparent activation energy, from the slope of a straight line through all of them [eV].
        prefactor: Of that line [cm²/s].
    """

    temperatures: FloatArray
    coefficients: FloatArray
    tensors: FloatArray
    along: FloatArray
    dimensions: int
    energy: float
    prefactor: float


def arrhenius(network: HopNetwork, temperatures: Sequence[float], attempt: float = ATTEMPT) -> Arrhenius | None:
    """Diffusion at several temperatures; None if the hops do not percolate.

    Args:
        temperatures: Two or more [K].
        attempt: As for :func:`hop_rates`.
    """
    dimensions = sum(found is not None for found in network.percolations)
    if not dimensions:
        return None
    scaled = [_scaled_tensor(network, hop_rates(network, value, attempt)) for value in temperatures]
    tensors = np.array([np.exp(scale) * tensor for scale, tensor in scaled])
    # Through the lowest site there is a way, so that no trace is zero.
    logs = [scale + np.log(np.trace(tensor) / 3.0) for scale, tensor in scaled]
    slope, height = np.polyfit(1.0 / (kB * np.asarray(temperatures)), logs, 1)
    along = np.linalg.eigvalsh(tensors)[:, ::-1]
    # In directions in which the ion does not get away rounding leaves what is not exactly zero.
    rounding = (np.arange(3) >= dimensions) & (along < _ROUNDING * along[:, :1])
    return Arrhenius(
        temperatures=np.asarray(temperatures),
        coefficients=np.exp(logs),
        tensors=tensors,
        along=np.where(rounding, 0.0, np.maximum(along, 0.0)),
        dimensions=dimensions,
        energy=float(-slope),
        prefactor=float(np.exp(np.clip(height, *_EXPONENTS))),
    )
