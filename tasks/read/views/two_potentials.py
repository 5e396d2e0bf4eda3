"""Boundary energy over the chemical potentials of two units: a plane for each composition, and which is the lowest where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tansaku.models.domain.history import lowest_of
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.chemical_potential import best_of_systems, exchanged, slope_of

_POINTS = 201


@dataclass(frozen=True)
class BoundaryPlane:
    """Energy of a boundary over two chemical potentials.

    Attributes:
        candidate: Id.
        excess: Units of a cell beyond those of its crystal, of the first and the second.
        energy: At the potentials of the units' own crystals [the objective's unit].
        slopes: Change of the energy with each potential [the objective's unit/eV].
    """

    candidate: str
    excess: tuple[int, int]
    energy: float
    slopes: tuple[float, float]

    def at(self, first: FloatArray | float, second: FloatArray | float) -> FloatArray:
        """Energy at chemical potentials relative to the units' own crystals [eV]."""
        return np.asarray(self.energy + self.slopes[0] * np.asarray(first) + self.slopes[1] * np.asarray(second))


@dataclass(frozen=True)
class PotentialMap:
    """Planes of the systems of a boundary.

    Attributes:
        boundary: The plane of a symmetric one, ``(2 1 0)``, else its name.
        units: Formulas of both units.
        planes: The best of each composition, by rising excess.
        lowest: Lowest chemical potentials relative to the units' own crystals [eV]; the highest are 0.
        unit: Of the energies.
    """

    boundary: str
    units: tuple[str, str]
    planes: tuple[BoundaryPlane, ...]
    lowest: tuple[float, float]
    unit: str

    @property
    def potentials(self) -> tuple[FloatArray, FloatArray]:
        """Chemical potentials of both units [eV], rising."""
        return np.linspace(self.lowest[0], 0.0, _POINTS), np.linspace(self.lowest[1], 0.0, _POINTS)

    @property
    def winners(self) -> IntArray:
        """Number of the plane that is lowest, rows by the second potential, columns by the first."""
        first, second = np.meshgrid(*self.potentials)
        return np.asarray(np.array([plane.at(first, second) for plane in self.planes]).argmin(axis=0))

    @property
    def shares(self) -> tuple[float, ...]:
        """Part of the window in which each plane is the lowest."""
        return tuple(float(share) for share in np.bincount(self.winners.ravel(), minlength=len(self.planes)) / _POINTS**2)


def potential_maps(data: Campaign) -> tuple[PotentialMap, ...]:
    """Planes of each boundary; empty where boundaries do not exchange two units, or nothing has a value yet."""
    over = exchanged(data)
    if over is None or over.second is None:
        return ()
    planes: dict[str, list[BoundaryPlane]] = {}
    lowest: float | None = None
    for boundary, item, outcome, value in best_of_systems(data):
        excess = int(outcome.properties["excess_units"]), int(outcome.properties["second_units"])
        first, second = (slope_of(count, outcome, data.spec.objective.unit) for count in excess)
        plane = BoundaryPlane(item.proposal.candidate, excess, value, (first, second))
        planes.setdefault(boundary, []).append(plane)
        lowest = lowest_of(outcome) or lowest
    name, other = over.second
    return tuple(
        PotentialMap(
            boundary=boundary,
            units=(over.unit, name),
            planes=tuple(sorted(own, key=lambda plane: plane.excess)),
            lowest=(over.beginning(lowest), other),
            unit=data.spec.objective.unit,
        )
        for boundary, own in sorted(planes.items())
    )


def winning_planes(data: Campaign) -> list[str]:
    """A line in words for each boundary: which composition has the lowest energy in which part of the window."""
    found = []
    for drawn in potential_maps(data):
        won = [(share, plane) for share, plane in zip(drawn.shares, drawn.planes, strict=True) if share > 0.0]
        parts = [f"{plane.candidate} in {100 * share:.0f} %" for share, plane in sorted(won, key=lambda pair: -pair[0])]
        window = " and ".join(f"{name} from {low:.2f} to 0.00 eV" for name, low in zip(drawn.units, drawn.lowest, strict=True))
        found.append(f"{drawn.boundary}: lowest over the chemical potentials of {window}: {', '.join(parts)}")
    return found


def table(maps: Sequence[PotentialMap]) -> Mapping[str, Sequence[object]]:
    """Columns of all planes, with the part of the window where each is lowest."""
    rows = [
        (drawn.boundary.strip("()"), plane, share)
        for drawn in maps
        for plane, share in zip(drawn.planes, drawn.shares, strict=True)
    ]
    units, unit = (maps[0].units, maps[0].unit) if maps else (("", ""), "")
    return {
        "plane": [boundary for boundary, _, _ in rows],
        "candidate": [plane.candidate for _, plane, _ in rows],
        f"excess {units[0]}": [plane.excess[0] for _, plane, _ in rows],
        f"excess {units[1]}": [plane.excess[1] for _, plane, _ in rows],
        f"energy at 0 eV [{unit}]": [plane.energy for _, plane, _ in rows],
        f"slope over {units[0]} [{unit}/eV]": [plane.slopes[0] for _, plane, _ in rows],
        f"slope over {units[1]} [{unit}/eV]": [plane.slopes[1] for _, plane, _ in rows],
        "lowest in this part of the window": [share for _, _, share in rows],
    }
