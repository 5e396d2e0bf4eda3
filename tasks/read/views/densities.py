"""Boundaries by their number of atoms: the lowest energy of each fraction of a plane, and phases of nearly the same energy."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tansaku.models.domain.records import Evaluation, JsonDict
from tansaku.models.domain.units import quantity_in
from tansaku.tasks.node.jobs.document import EXCESS_VOLUME
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.origins import value_of
from tansaku.tasks.read.views.results import SAME_ENERGY, SAME_OPENING, boundary_stress

METASTABLE = "5 mJ/m2"
"""Structures of a boundary that lie this close to its lowest energy are listed."""

_PRINTED = 3
"""Metastable structures of a boundary of which a line is printed: rough relaxations leave many that are nearly one."""


@dataclass(frozen=True)
class Phase:
    """One structure of a boundary.

    Attributes:
        fraction: Atoms of the last plane over those of a full one.
        value: Energy [the objective's unit].
        excess_volume: By area [Å].
        stress: In the plane, by area and component [J/m^2]; None where it is not known.
        found: Evaluations that ended in it; a candidate's final relaxation counts with its search as one.
        polished: Whether the energy is that of the final relaxation.
    """

    system: str
    fraction: float
    value: float
    excess_volume: float
    stress: JsonDict | None
    candidate: str
    replication: tuple[int, int]
    found: int
    polished: bool

    def row(self, lowest: float) -> JsonDict:
        """Plain data.

        Args:
            lowest: Energy of the boundary's lowest structure, same unit.
        """
        return {
            "system": self.system,
            "n": self.fraction,
            "E_gb": self.value,
            "above_lowest": self.value - lowest,
            "excess_volume": self.excess_volume,
            "stress": self.stress,
            "replication": f"{self.replication[0]}x{self.replication[1]}",
            "found": self.found,
            "polished": self.polished,
            "candidate": self.candidate,
        }


def phases(evaluations: Iterable[Evaluation], sign: float = 1.0) -> list[Phase]:
    """The different structures that were found, by system, the lowest first.

    Two results are one structure where boundary, fraction, energy and excess volume agree, in the final relaxation or before
    it: not every candidate has one, and thicker grains may change the energy. Of a candidate the final relaxation counts, if
    there is one.

    Args:
        evaluations: With their outcomes, in any order.
        sign: 1 where low values are wanted, -1 where high ones are.
    """
    results: dict[str, list[Evaluation]] = {}
    for item in _with_value(evaluations):
        results.setdefault(item.proposal.candidate, []).append(item)
    ranked = sorted(
        results.values(), key=lambda items: (items[-1].proposal.system, sign * (value_of(items[-1]) or 0.0), items[-1].id)
    )
    found: list[Phase] = []
    searched: list[Phase] = []
    for items in ranked:
        phase, before = _phase(items[-1]), _phase(items[0])
        pairs = enumerate(zip(found, searched, strict=True))
        same = next((place for place, (end, start) in pairs if _alike(phase, end) or _alike(before, start)), None)
        if same is None:
            found.append(phase)
            searched.append(before)
        else:
            found[same] = replace(found[same], found=found[same].found + 1)
    return found


def density_rows(data: Campaign) -> list[JsonDict]:
    """The lowest structure of each fraction of each boundary, by rising fraction."""
    rows = []
    for _, group in _by_system(data):
        lowest: dict[float, Phase] = {}
        for phase in group:
            lowest.setdefault(phase.fraction, phase)
        rows += [lowest[fraction].row(group[0].value) for fraction in sorted(lowest)]
    return rows


def phase_rows(data: Campaign) -> list[JsonDict]:
    """Returns for each boundary the lowest structure and the metastable ones within :data:`METASTABLE` of it."""
    within = quantity_in(METASTABLE, data.spec.objective.unit)
    return [
        phase.row(group[0].value)
        for _, group in _by_system(data)
        for phase in group
        if abs(phase.value - group[0].value) <= within
    ]


def metastable_lines(rows: Sequence[JsonDict], unit: str) -> list[str]:
    """A line for each of the lowest metastable phases of a boundary, and one that counts its others.

    Args:
        rows: The phases of all boundaries, those of a boundary together, the lowest first.
        unit: Of their energies.
    """
    lines = []
    for system, group in itertools.groupby((row for row in rows if row["above_lowest"]), key=lambda row: str(row["system"])):
        begin, metastable = f"{system}: metastable within {METASTABLE}", list(group)
        lines += [
            f"{begin}: {row['E_gb']:.1f} {unit}, n = {row['n']:.3f}, excess volume {row['excess_volume']:.3f} Å, "
            f"{row['candidate']}"
            for row in metastable[:_PRINTED]
        ]
        if len(metastable) > _PRINTED:
            lines.append(f"{begin}: {len(metastable) - _PRINTED} more; --json lists them")
    return lines


def with_densities(data: Campaign, rows: Sequence[JsonDict]) -> Sequence[JsonDict]:
    """Rows of the systems with ``densities`` and ``phases`` of each, where the number of atoms is searched."""
    if not data.spec.space.densities:
        return rows
    found = {"densities": density_rows(data), "phases": phase_rows(data)}
    return [
        row | {key: [item for item in items if item["system"] == row["system"]] for key, items in found.items()} for row in rows
    ]


def _by_system(data: Campaign) -> list[tuple[str, Sequence[Phase]]]:
    found = phases(data.evaluations, data.sign)
    groups = [(name, [phase for phase in found if phase.system == name]) for name in data.outline.systems]
    return [(name, group) for name, group in groups if group]


def _with_value(evaluations: Iterable[Evaluation]) -> list[Evaluation]:
    """Evaluations with an energy and an excess volume, final relaxations last."""
    sound = [
        item
        for item in evaluations
        if item.outcome is not None and value_of(item) is not None and EXCESS_VOLUME in item.outcome.quantities
    ]
    return sorted(sound, key=lambda item: item.proposal.purpose == "polish")


def _phase(evaluation: Evaluation) -> Phase:
    outcome, value = evaluation.outcome, value_of(evaluation)
    if outcome is None or value is None:
        raise AssertionError("only evaluations with a value have a phase")
    across, along = outcome.properties["replication"]
    return Phase(
        system=evaluation.proposal.system,
        fraction=float(outcome.properties["fraction"]),
        value=value,
        excess_volume=outcome.quantities[EXCESS_VOLUME].value,
        stress=boundary_stress(evaluation),
        candidate=evaluation.proposal.candidate,
        replication=(int(across), int(along)),
        found=1,
        polished=evaluation.proposal.purpose == "polish",
    )


def _alike(phase: Phase, other: Phase) -> bool:
    return (
        phase.system == other.system
        and abs(phase.fraction - other.fraction) < 1e-9
        and abs(phase.value - other.value) <= SAME_ENERGY * abs(other.value)
        and abs(phase.excess_volume - other.excess_volume) <= SAME_OPENING
    )
