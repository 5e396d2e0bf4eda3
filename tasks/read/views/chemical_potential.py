"""Boundary energy over the chemical potential of a neutral unit: a line for each excess of units, and their lower hull."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tansaku.models.domain.history import lowest_of
from tansaku.models.domain.pool import FloatArray
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
    over = data.space.pool().lines if data.spec.space.exchanges else None  # else no package is imported that builds crystals
    if over is None:
        return ()
    columns, names = data.columns, {str(entry["system"]): _boundary(entry) for entry in data.space.describe_systems()}
    # A final relaxation, where there is one, has thicker grains.
    searched = columns.searched
    best = best_places(columns, searched, data.sign) | best_places(columns, ~searched, data.sign)
    system_of = {int(columns.numbers[place]): columns.system_names[code] for code, place in best.items()}
    lines: dict[str, list[BoundaryLine]] = {}
    lowest: float | None = None
    for item in data.kept.numbered(sorted(system_of)):
        if item.outcome is None or item.outcome.value is None:
            continue
        line = _line(item, item.outcome.value, item.outcome, data.spec.objective.unit)
        lines.setdefault(names[system_of[item.proposal.number]], []).append(line)
        lowest = lowest_of(item.outcome) or lowest
    window, unit = (over.beginning(lowest), 0.0), data.spec.objective.unit
    return tuple(
        PotentialHull(name, over.unit, tuple(sorted(own, key=lambda line: line.excess)), window, unit)
        for name, own in sorted(lines.items())
    )


def _boundary(entry: JsonDict) -> str:
    return str(entry.get("boundary") or f"({' '.join(map(str, entry['plane']))})")


def _line(best: Evaluation, value: float, outcome: Outcome, unit: Unit) -> BoundaryLine:
    from tansaku.calculators.workflows.boundary_energy import EV_PER_A2

    excess = int(outcome.properties["excess_units"])
    density = excess / (2.0 * float(outcome.properties["area"]))
    slope = -convert(density * EV_PER_A2, "J/m2", unit)
    return BoundaryLine(best.proposal.candidate, best.proposal.number, excess, density, value, slope)


def winning_lines(data: Campaign) -> list[str]:
    """A line in words for each boundary: which boundary has the lowest energy at which chemical potential."""
    found = []
    for hull in potential_hulls(data):
        parts = [f"{line.candidate} from {begin:.2f} to {end:.2f} eV" for line, begin, end in hull.winners]
        found.append(f"{hull.boundary}: lowest over the chemical potential of {hull.unit_name}: {', '.join(parts)}")
    return found


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
