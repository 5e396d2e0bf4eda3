"""Boundary energy over the chemical potential of a neutral unit: a line for each excess of units, and their lower hull.

Of two units it is a plane for each composition over both potentials.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tansaku.models.domain.history import lowest_of
from tansaku.models.domain.pool import FloatArray, IntArray, PotentialLines
from tansaku.models.domain.records import Evaluation, JsonDict, Outcome
from tansaku.models.domain.units import Unit, convert
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.origins import best_places

_POINTS = 201


@dataclass(frozen=True)
class BoundaryLine:
    """Energy of a boundary over the chemical potential.

    Attributes:
        candidate: Id.
        number: Of its proposal.
        excess: Units of a cell beyond those of its crystal.
        density: Excess of one boundary per area [1/Å^2].
        energy: At the chemical potential of the unit's own crystal [the objective's unit].
        slope: Change of the energy with the potential [the objective's unit/eV].
    """

    candidate: str
    number: int
    excess: int
    density: float
    energy: float
    slope: float

    def at(self, potential: FloatArray | float) -> FloatArray:
        """Energy at chemical potentials relative to the unit's own crystal [eV]."""
        return np.asarray(self.energy + self.slope * np.asarray(potential))


@dataclass(frozen=True)
class PotentialHull:
    """Lines of the systems of a boundary.

    Attributes:
        boundary: The plane of a symmetric one, ``(2 1 0)``, else its name.
        unit_name: Formula of the unit.
        lines: The best of each excess, by rising excess.
        window: Lowest and highest chemical potential relative to the unit's own crystal [eV].
        unit: Of the energies.
    """

    boundary: str
    unit_name: str
    lines: tuple[BoundaryLine, ...]
    window: tuple[float, float]
    unit: str

    @property
    def potentials(self) -> FloatArray:
        """Chemical potentials of the window [eV], rising."""
        return np.linspace(*self.window, _POINTS)

    @property
    def winners(self) -> tuple[tuple[BoundaryLine, float, float], ...]:
        """The line that is lowest, by part of the window: line, beginning and end [eV]."""
        lowest = np.array([line.at(self.potentials) for line in self.lines]).argmin(axis=0)
        changes = np.flatnonzero(np.diff(lowest))
        ends = [self.window[0]]
        for i in changes:
            first, second = self.lines[lowest[i]], self.lines[lowest[i + 1]]
            ends.append((second.energy - first.energy) / (first.slope - second.slope))
        ends.append(self.window[1])
        order = [lowest[0], *lowest[changes + 1]]
        return tuple((self.lines[line], ends[i], ends[i + 1]) for i, line in enumerate(order))


def potential_hulls(data: Campaign) -> tuple[PotentialHull, ...]:
    """Lines and hull of each boundary; empty where boundaries exchange no units, or nothing has a value yet."""
    over = exchanged(data)
    if over is None or over.second is not None:
        return ()
    lines: dict[str, list[BoundaryLine]] = {}
    lowest: float | None = None
    for boundary, item, outcome, value in best_of_systems(data):
        lines.setdefault(boundary, []).append(_line(item, value, outcome, data.spec.objective.unit))
        lowest = lowest_of(outcome) or lowest
    window, unit = (over.beginning(lowest), 0.0), data.spec.objective.unit
    return tuple(
        PotentialHull(name, over.unit, tuple(sorted(own, key=lambda line: line.excess)), window, unit)
        for name, own in sorted(lines.items())
    )


def exchanged(data: Campaign) -> PotentialLines | None:
    """The units that boundaries exchange; None where they exchange none."""
    return data.space.pool().lines if data.spec.space.exchanges else None  # else no package is imported that builds crystals


def best_of_systems(data: Campaign) -> Iterator[tuple[str, Evaluation, Outcome, float]]:
    """The best evaluation of each system with a value: its boundary, itself, its outcome and its value."""
    columns, names = data.columns, {str(entry["system"]): _boundary(entry) for entry in data.space.describe_systems()}
    # A final relaxation, where there is one, has thicker grains.
    searched = columns.searched
    best = best_places(columns, searched, data.sign) | best_places(columns, ~searched, data.sign)
    system_of = {int(columns.numbers[place]): columns.system_names[code] for code, place in best.items()}
    for item in data.kept.numbered(sorted(system_of)):
        if item.outcome is not None and item.outcome.value is not None:
            yield names[system_of[item.proposal.number]], item, item.outcome, item.outcome.value


def _boundary(entry: JsonDict) -> str:
    return str(entry.get("boundary") or f"({' '.join(map(str, entry['plane']))})")


def _line(best: Evaluation, value: float, outcome: Outcome, unit: Unit) -> BoundaryLine:
    excess = int(outcome.properties["excess_units"])
    density = _density(excess, outcome)
    return BoundaryLine(best.proposal.candidate, best.proposal.number, excess, density, value, _slope(density, unit))


def _density(excess: int, outcome: Outcome) -> float:
    """Units that the cell has more than its crystal, by area of its two boundaries [1/Å^2]."""
    return excess / (2.0 * float(outcome.properties["area"]))


def _slope(density: float, unit: Unit) -> float:
    """Change of a boundary's energy with the potential of the units of which it has a density [unit/eV]."""
    from tansaku.calculators.workflows.boundary_energy import EV_PER_A2

    return -convert(density * EV_PER_A2, "J/m2", unit)


def winning_lines(data: Campaign) -> list[str]:
    """A line in words for each boundary: which boundary has the lowest energy at which chemical potential."""
    found = []
    for hull in potential_hulls(data):
        parts = [f"{line.candidate} from {begin:.2f} to {end:.2f} eV" for line, begin, end in hull.winners]
        found.append(f"{hull.boundary}: lowest over the chemical potential of {hull.unit_name}: {', '.join(parts)}")
    return [*found, *_winning_planes(data)]


def table(hulls: Sequence[PotentialHull]) -> Mapping[str, Sequence[object]]:
    """Columns of all lines, with the part of the window where each is lowest."""
    rows = []
    for hull in hulls:
        parts = {line.candidate: (begin, end) for line, begin, end in hull.winners}
        for line in hull.lines:
            begin, end = parts.get(line.candidate, (None, None))
            rows.append((hull.boundary.strip("()"), line, line.at(hull.window[0]), begin, end))
    unit, name = (hulls[0].unit, hulls[0].unit_name) if hulls else ("", "")
    low = f"{hulls[0].window[0]:.3f}" if hulls else ""
    return {
        "plane": [row[0] for row in rows],
        "candidate": [row[1].candidate for row in rows],
        f"excess {name} per boundary [1/Å^2]": [row[1].density for row in rows],
        f"energy at 0 eV [{unit}]": [row[1].energy for row in rows],
        f"energy at {low} eV [{unit}]": [float(row[2]) for row in rows],
        "lowest from [eV]": [row[3] for row in rows],
        "lowest to [eV]": [row[4] for row in rows],
    }


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
        first, second = (_slope(_density(count, outcome), data.spec.objective.unit) for count in excess)
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


def _winning_planes(data: Campaign) -> list[str]:
    """The same where there are two units: the part of the window that is a composition's."""
    found = []
    for drawn in potential_maps(data):
        won = [(share, plane) for share, plane in zip(drawn.shares, drawn.planes, strict=True) if share > 0.0]
        parts = [f"{plane.candidate} in {100 * share:.0f} %" for share, plane in sorted(won, key=lambda pair: -pair[0])]
        window = " and ".join(f"{name} from {low:.2f} to 0.00 eV" for name, low in zip(drawn.units, drawn.lowest, strict=True))
        found.append(f"{drawn.boundary}: lowest over the chemical potentials of {window}: {', '.join(parts)}")
    return found


def plane_table(maps: Sequence[PotentialMap]) -> Mapping[str, Sequence[object]]:
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
