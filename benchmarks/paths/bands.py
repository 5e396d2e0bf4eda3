"""Nudged elastic bands on surfaces that are known: what they cost, and how often they find another path.

Between the points of the grid the surface is a periodic cubic spline, so that a band costs no calculation; what is counted is
the evaluations of energy and forces that it would take. The bands are the product's: improved tangents, a climbing image,
FIRE. The host is rigid. They start from a straight line or from the image-dependent pair potential (IDPP, Smidstrup et al.
2014, https://doi.org/10.1063/1.4878664), between two kinds of ends:

* ``image``: the global minimum and its nearest image in the direction of the path. Nothing else need be known.
* ``hops``: the minima of each distinct hop of the best path. Which ones they are has to be known beforehand.

Judged is the barrier of the path in one dimension, against a band that starts from the best path over the grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms
from ase.mep import NEB

from benchmarks.paths.methods import Problem
from tansaku.calculators.workflows.migration.band import Band, climb_along
from tansaku.calculators.workflows.migration.relaxing import Relaxer, State, Through
from tansaku.diffusion.hops.basins import find_hops
from tansaku.diffusion.hops.grid_path import GridPaths
from tansaku.diffusion.hops.hop_network import HopNetwork
from tansaku.diffusion.hops.periodic_spline import PeriodicSpline
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.pool import FloatArray, PeriodicGrid
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.records import JsonDict, Provenance
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.spaces.energy_surface import EnergySurfaceSpace

STARTS = ("straight", "idpp")
ENDS = ("image", "hops")
SAME = 0.02
"""A barrier that differs by more than this is another path's [eV]."""

_IMAGES, _FMAX, _STEPS = 7, 0.05, 200
_STEEP = 5.0
"""Slope of the surface inside atoms, where nothing was computed [eV/Å]."""

_STEP = 1e-3
_SPLINE = Provenance(code="spline", code_version="1")


class SplineSurface(PeriodicSpline):
    """A known surface between its points (implements ``Calculator``); the ion is the last atom.

    Args:
        values: Energy of every candidate [eV]; infinite ones are walls.
        grid: The unfolded grid.
        cell: Cell vectors of the host as rows [Å].
    """

    def __init__(self, values: FloatArray, grid: PeriodicGrid, cell: FloatArray) -> None:
        super().__init__(values, grid, cell, _STEEP)

    @property
    def provenance(self) -> Provenance:
        """That nothing is computed."""
        return _SPLINE

    def energies(self, places: FloatArray) -> FloatArray:
        """Energies [eV] at Cartesian positions [Å], shape ``(n, 3)``."""
        return self.at(places)

    def evaluate(self, structure: Atoms, relaxation: RelaxationSpec | None = None) -> CalculationResult:
        """Energy of the ion and the force on it, as a ``Calculator``."""
        if relaxation is not None:
            raise AssertionError("bands are relaxed by the workflow")
        around = np.concatenate([np.zeros((1, 3)), _STEP * np.eye(3), -_STEP * np.eye(3)])
        found = self.energies(structure.positions[-1] + around)
        forces = np.zeros((len(structure), 3))
        forces[-1] = (found[4:] - found[1:4]) / (2.0 * _STEP)
        return CalculationResult(
            atoms=structure,
            energy=float(found[0]),
            energies=None,
            forces=forces,
            stress=np.zeros(6),
            converged=True,
            steps=0,
            wall_time=0.0,
            provenance=_SPLINE,
        )

    def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True)
class _Bands:
    """Bands between points of one surface."""

    space: EnergySurfaceSpace
    surface: SplineSurface

    def run(self, start: str, first: FloatArray, last: FloatArray, way: FloatArray | None = None) -> tuple[Band | None, int]:
        """A band between the minima next to two points, and the evaluations that it took.

        Args:
            start: One of :data:`STARTS`, or ``path``.
            first: Fractional coordinates, not wrapped, shape ``(3,)``.
            last: As ``first``.
            way: For ``path``: fractional coordinates of the path between them, shape ``(n, 3)``.

        Returns:
            No band where it did not converge.
        """
        relaxer = Relaxer(Through(self.surface), _FMAX, _STEPS)
        try:
            atoms = self._ion(first)
            ends = self._end(relaxer, first), self._end(relaxer, last)
            images = self._pair_potential(ends) if start == "idpp" else self._between(ends, way)
            band = climb_along(relaxer, atoms, ends, images)
        except CalculationError:
            return None, relaxer.through.evaluations
        return (band if band.converged else None), relaxer.through.evaluations

    def _ion(self, fraction: FloatArray) -> Atoms:
        """The ion alone: the surface knows of the host, which does not move."""
        return self.space.structure_at(fraction)[-1:]

    def _end(self, relaxer: Relaxer, fraction: FloatArray) -> State:
        return relaxer.at_fixed_cell(self._ion(fraction))

    def _between(self, ends: tuple[State, State], way: FloatArray | None) -> list[FloatArray]:
        """Positions of the images at equal lengths of a way, a straight one if none is given."""
        corners = np.array([ends[0].positions[-1], ends[1].positions[-1]])
        if way is not None:
            corners = np.concatenate([corners[:1], way[1:-1] @ self.space.host.cell.array, corners[1:]])
        lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))])
        shares = np.linspace(0.0, lengths[-1], _IMAGES + 2)[1:-1]
        return [np.array([[np.interp(share, lengths, column) for column in corners.T]]) for share in shares]

    def _pair_potential(self, ends: tuple[State, State]) -> list[FloatArray]:
        """Positions of the images where distances to the host's atoms are nearest to those between the ends'."""
        start = self.space.structure_at(np.zeros(3))
        start.set_constraint(FixAtoms(range(len(start) - 1)))
        chain = [start.copy() for _ in range(_IMAGES + 2)]
        for image, end in ((chain[0], ends[0]), (chain[-1], ends[1])):
            image.positions[-1] = end.positions[-1]
        NEB(chain, method="improvedtangent").interpolate("idpp")
        return [image.positions[-1:].copy() for image in chain[1:-1]]


def compare(space: EnergySurfaceSpace, problem: Problem) -> JsonDict:
    """Bands on one surface.

    Returns:
        ``barrier`` of the path in one dimension [eV], ``on_grid``: the same over 26 neighbours, and ``bands``: for each kind of
        ends and start the ``evaluations`` of all its bands, the highest ``barrier``, None where one did not converge, and
        ``finds``: ``same``, ``another`` or ``none``.
    """
    grid, cell = problem.pool.grids[problem.pool.systems[0]], np.asarray(space.host.cell.array)
    network = find_hops(problem.values, grid, cell)
    percolation = network.percolations[0]
    if percolation is None:
        raise ValueError("no path leads through this host")
    bands = _Bands(space, SplineSurface(problem.values, grid, cell))
    paths = GridPaths(problem.values, grid, cell)
    hops = _distinct(network)
    tops, bottom = [], np.inf
    for first, middle, last in hops:
        band, _ = bands.run("path", first, last, paths.through([first, middle, last]).fractions)
        if band is None:
            continue
        tops.append(max(band.energies))
        bottom = min(bottom, band.energies[0], band.energies[-1])
    zero = np.array(network.sites[network.minimum].fraction)
    lowest = float(bands.surface.energies((zero @ cell)[None])[0])
    reference = max(tops) - min(bottom, lowest) if len(tops) == len(hops) else percolation.barrier
    image = zero + np.array(percolation.directions[0])
    pairs = {"image": [(zero, image)], "hops": [(first, last) for first, _, last in hops]}
    rows = []
    for ends in ENDS:
        for start in STARTS:
            found = [bands.run(start, *pair) for pair in pairs[ends]]
            highest = [max(band.energies) - min(bottom, lowest) for band, _ in found if band is not None]
            barrier = max(highest) if len(highest) == len(found) else None
            rows.append(
                {
                    "ends": ends,
                    "start": start,
                    "bands": len(found),
                    "evaluations": sum(count for _, count in found),
                    "barrier": barrier,
                    "finds": "none" if barrier is None else "same" if abs(barrier - reference) <= SAME else "another",
                }
            )
    return {"barrier": reference, "on_grid": percolation.barrier, "bands": rows}


def _distinct(network: HopNetwork) -> list[tuple[FloatArray, FloatArray, FloatArray]]:
    """First minimum, pass and second minimum of the hops of the best path, each class once."""
    seen: dict[int, tuple[FloatArray, FloatArray, FloatArray]] = {}
    for number, _ in network.path(1):
        item = network.passes[number]
        first = np.array(network.sites[item.hop.first].fraction)
        last = np.array(network.sites[item.hop.second].fraction) + np.array(item.hop.cell)
        seen.setdefault(item.orbit, (first, np.array(item.fraction), last))
    return list(seen.values())
