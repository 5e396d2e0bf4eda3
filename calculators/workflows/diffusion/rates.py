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

from tansaku.calculators.workflows.diffusion.hop_network import HopNetwork
from tansaku.models.domain.pool import FloatArray

ATTEMPT = 1e13
"""Attempt frequency where vibrations were not computed [Hz]."""

_SQUARE_CM = 1e-16
"""Square centimetres in a square ångström."""


@dataclass(frozen=True)
class HopRates:
    """Rates at one temperature.

    Attributes:
        temperature: [K].
        occupation: Probability of each site in equilibrium, shape ``(n_sites,)``.
        forward: Rate of each hop [Hz], shape ``(n_passes,)``.
        backward: Rate of its way back [Hz], shape ``(n_passes,)``.
    """

    temperature: float
    occupation: FloatArray
    forward: FloatArray
    backward: FloatArray


def hop_rates(network: HopNetwork, temperature: float, attempt: float = ATTEMPT) -> HopRates:
    """Rates by harmonic transition-state theory; with an attempt frequency where vibrations are not known.

    Args:
        network: The hops.
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
    weights = np.exp(wells.min() - wells)
    shares = np.array([item.share for item in network.passes])
    return HopRates(
        temperature,
        weights / weights.sum(),
        shares * np.exp(wells[first] - saddles),
        shares * np.exp(wells[second] - saddles),
    )


def _logarithms(frequencies: Sequence[tuple[float, ...]]) -> FloatArray:
    """Logarithm of each product of frequencies; NaN where there are none."""
    return np.array([float(np.log(each).sum()) if each else np.nan for each in frequencies])


def diffusion_tensor(network: HopNetwork, rates: HopRates) -> FloatArray:
    """Computes the diffusion coefficient of one ion [cm²/s], shape ``(3, 3)``.

    In equilibrium each hop is as frequent as its reverse. Correlations of successive hops enter as one vector for each site,
    the solution of a linear system over the sites of one cell.

    Args:
        network: The hops.
        rates: Of this network.
    """
    count = len(network.sites)
    if not network.passes:
        return np.zeros((3, 3))
    flows = np.array([rates.occupation[item.hop.first] for item in network.passes]) * rates.forward
    moves = np.array([network.displacement(number) for number in range(len(network.passes))])
    scale = float(flows.max())
    laplacian, drift = np.zeros((count, count)), np.zeros((count, 3))
    for item, flow, move in zip(network.passes, flows / scale, moves, strict=True):
        first, second = item.hop.first, item.hop.second
        if first == second:
            continue
        laplacian[first, first] += flow
        laplacian[second, second] += flow
        laplacian[first, second] -= flow
        laplacian[second, first] -= flow
        drift[first] += flow * move
        drift[second] -= flow * move
    # A common shift of all sites changes nothing: one of them stays.
    shifts = np.zeros((count, 3))
    if count > 1:
        shifts[1:] = np.linalg.lstsq(laplacian[1:, 1:], drift[1:], rcond=None)[0]
    relative = [
        move + shifts[item.hop.second] - shifts[item.hop.first] for item, move in zip(network.passes, moves, strict=True)
    ]
    steps = np.array(relative)
    return np.asarray(_SQUARE_CM * np.einsum("h,ha,hb->ab", flows, steps, steps))


@dataclass(frozen=True)
class Arrhenius:
    """Diffusion against temperature.

    Attributes:
        temperatures: [K], shape ``(n,)``.
        coefficients: A third of the trace of the tensor [cm²/s], shape ``(n,)``.
        tensors: [cm²/s], shape ``(n, 3, 3)``.
        energy: Apparent activation energy, from the slope of a straight line through all of them [eV].
        prefactor: Of that line [cm²/s].
    """

    temperatures: FloatArray
    coefficients: FloatArray
    tensors: FloatArray
    energy: float
    prefactor: float


def arrhenius(network: HopNetwork, temperatures: Sequence[float], attempt: float = ATTEMPT) -> Arrhenius | None:
    """Diffusion at several temperatures; None if the hops do not percolate.

    Args:
        network: The hops.
        temperatures: Two or more [K].
        attempt: As for :func:`hop_rates`.
    """
    tensors = np.array([diffusion_tensor(network, hop_rates(network, value, attempt)) for value in temperatures])
    coefficients = np.trace(tensors, axis1=1, axis2=2) / 3.0
    if network.percolations[0] is None or not (coefficients > 0).all():
        return None
    slope, height = np.polyfit(1.0 / (kB * np.asarray(temperatures)), np.log(coefficients), 1)
    return Arrhenius(np.asarray(temperatures), coefficients, tensors, float(-slope), float(np.exp(height)))
