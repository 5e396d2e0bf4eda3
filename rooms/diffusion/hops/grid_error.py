"""The error of a barrier that is read from the points of a grid.

A saddle point lies between the points, and so may the minimum. A smooth surface goes through the values of the points: a
periodic cubic spline of log(1 + E / 1 eV), E above the minimum. The logarithm has the stationary points of E, but its walls
rise less, so that the spline swings less beside them. From each pass of the grid a search that climbs along the lowest mode and
descends along the others leads to the saddle point of the smooth surface, from each minimum a descent to its minimum; the
percolation of the hops with these energies gives the barrier between the points.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tansaku.diffusion.hops.hop_network import Fraction, HopNetwork
from tansaku.diffusion.hops.periodic_spline import PeriodicSpline
from tansaku.models.domain.pool import BoolArray, FloatArray, PeriodicGrid
from tansaku.models.engine.percolation import neighbour_steps

REACH = 2.0
"""A saddle point is looked for at most so many steps from its pass on the grid, along each vector."""

_SOFT = 1.0
"""Energies above the minimum that are higher than this count by their logarithm [eV]."""

_SLOPE = 1.0
_ITERATIONS = 60
_LONGEST = 0.3
"""Longest move of an iteration, in the shortest step of the grid."""

_FLATTEST = 0.2
"""Second derivatives of the logarithm are taken to be at least this [1/Å²]."""

_STILL = 0.01
"""Slope of the logarithm at which a point counts as stationary [1/Å]."""

_SMOOTH = "spline"

_ENOUGH = 7
"""Number of the 13 directions to neighbours that must have no walls at bottleneck and minimum."""

_SHARE, _LEAST = 2.0, 0.005
"""The bound is this many times the shift, and so much more [eV]: measured on surfaces that are known, see the results."""


@dataclass(frozen=True)
class GridError:
    """Barrier between the points of a grid against that over the points [eV].

    Attributes:
        shift: By which the barrier is higher between the points; None: the saddle point was not found.
        bound: The barrier over the points is hardly farther off than this; where the saddle point was not found, from the
            curvature of the grid.
    """

    shift: float | None
    bound: float


class GridErrors:
    """Estimates how far barriers over the points of a grid are off.

    Args:
        values: Energy of every candidate [eV]; infinite ones are walls.
        grid: The unfolded grid.
    """

    def __init__(self, network: HopNetwork, values: FloatArray, grid: PeriodicGrid) -> None:
        self._network, self._grid = network, grid
        self._energies = np.where(grid.members >= 0, values[grid.members], np.inf).reshape(grid.shape)
        self._smooth = _between(network, _LogSpline(values, grid, network.cell))

    def of(self, dimensions: int) -> GridError | None:
        """Error of the barrier in a number of directions; None where there is no path, or no point beside the bottleneck."""
        over, between = (found.percolations[dimensions - 1] for found in (self._network, self._smooth))
        if over is None or between is None:
            return None
        lowest, limiting = self._network.sites[self._network.minimum], self._network.passes[over.limiting]
        top, bottom = self._differences(limiting.fraction), self._differences(lowest.fraction)
        known = min(len(top), len(bottom))
        if not known:
            return None
        # Between walls, as along a path alone, nothing is known of the surface beside it.
        if known < _ENOUGH or self._smooth.passes[between.limiting].method != _SMOOTH:
            return GridError(None, _by_curvature(top, bottom))
        barriers = [
            found.level - network.sites[network.minimum].energy
            for found, network in ((over, self._network), (between, self._smooth))
        ]
        shift = barriers[1] - barriers[0]
        return GridError(shift, _SHARE * abs(shift) + _LEAST)

    def _differences(self, fraction: Fraction) -> FloatArray:
        """Second differences of the energy along the 13 directions to neighbours, without those into walls."""
        shape = np.array(self._grid.shape)
        place = np.rint(np.array(fraction) * shape).astype(np.intp)
        steps = neighbour_steps(26)[:13]  # the others are their negatives
        forth, back, here = (
            self._energies[tuple(((place + way) % shape).T)] for way in (steps, -steps, np.zeros((1, 3), dtype=np.intp))
        )
        found = forth + back - 2.0 * here
        return np.asarray(found[np.isfinite(found)])


def _by_curvature(top: FloatArray, bottom: FloatArray) -> float:
    """Bound from second differences at bottleneck and minimum [eV].

    A parabola with a second difference D has its extremum at most D / 8 from a point of the grid: the saddle point is higher
    than the bottleneck along the path and lower across it, and the minimum is lower than its point.
    """
    higher = max(-float(top.min()), 0.0) + max(float(bottom.max()), 0.0)
    return max(higher, float(top.max())) / 8.0


class _LogSpline(PeriodicSpline):
    """The smooth surface, of logarithms."""

    def __init__(self, values: FloatArray, grid: PeriodicGrid, cell: FloatArray) -> None:
        self.lowest = float(values.min())
        super().__init__(np.log1p((values - self.lowest) / _SOFT), grid, cell, _SLOPE)
        self.steps = cell / np.array(grid.shape)[:, None]

    def energies(self, places: FloatArray) -> FloatArray:
        """Energies [eV] at Cartesian positions [Å], shape ``(n, 3)``."""
        return np.asarray(self.lowest + _SOFT * np.expm1(self.at(places)))


def _between(network: HopNetwork, surface: _LogSpline) -> HopNetwork:
    """The network with the energies of the smooth surface, where it has a stationary point near; equal points once."""
    bottoms = _stationary(surface, {site.candidate: site.fraction for site in network.sites}, climbing=False)
    tops = _stationary(surface, {item.candidate: item.fraction for item in network.passes}, climbing=True)
    sites = {
        number: replace(site, energy=min(site.energy, bottoms[site.candidate]))
        for number, site in enumerate(network.sites)
        if site.candidate in bottoms
    }
    passes = {
        number: replace(item, energy=tops[item.candidate], method=_SMOOTH)
        for number, item in enumerate(network.passes)
        if item.candidate in tops
    }
    return network.refined(sites, passes)


def _stationary(surface: _LogSpline, starts: dict[int, Fraction], *, climbing: bool) -> dict[int, float]:
    """Energies of the minima or saddle points near some points [eV], by candidate; without those that were not found."""
    if not starts:
        return {}
    cell = np.linalg.inv(surface.inverse)
    begin = np.array(list(starts.values())) @ cell
    places, longest = begin, _LONGEST * float(np.linalg.norm(surface.steps, axis=1).min())
    for _ in range(_ITERATIONS):
        gradients, second = surface.derivatives(places)
        curvatures, modes = np.linalg.eigh(second)
        along = np.einsum("nji,nj->ni", modes, gradients)
        if climbing:
            along[:, 0] *= -1.0
        moves = np.einsum("nij,nj->ni", modes, -along / np.maximum(np.abs(curvatures), _FLATTEST))
        lengths = np.linalg.norm(moves, axis=1, keepdims=True)
        moves *= longest / np.maximum(lengths, longest)
        places = begin + _within(places + moves - begin, surface.steps)
    found = _found(surface, places, begin, climbing=climbing)
    energies = surface.energies(places)
    return {name: float(energies[row]) for row, name in enumerate(starts) if found[row]}


def _within(moved: FloatArray, steps: FloatArray) -> FloatArray:
    """Displacements [Å] of at most :data:`REACH` steps along each vector."""
    return np.asarray(np.clip(moved @ np.linalg.inv(steps), -REACH, REACH) @ steps)


def _found(surface: _LogSpline, places: FloatArray, begin: FloatArray, *, climbing: bool) -> BoolArray:
    """Whether places are stationary points of the kind that was looked for, within reach; shape ``(n,)``."""
    gradients, second = surface.derivatives(places)
    still = np.linalg.norm(gradients, axis=1) < _STILL
    kind = (np.linalg.eigvalsh(second) < 0.0).sum(axis=1) == int(climbing)
    inside = (np.abs((places - begin) @ np.linalg.inv(surface.steps)) < REACH - 1e-6).all(axis=1)
    return np.asarray(still & kind & inside)
