"""The property that a campaign wants, read from the record of a calculation that was done for another property."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tansaku.calculators.workflows.phase_table import phases_of
from tansaku.calculators.workflows.stability import energy_above_hull, formation_energy
from tansaku.models.domain.records import JsonDict, Outcome, Quantity
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.energy_surface import ENERGY
from tansaku.models.domain.units import recorded_in

_BY_PHASES: dict[str, Callable[[Sequence[str], float, Mapping[str, float]], float]] = {
    "formation_energy": formation_energy,
    "energy_above_hull": energy_above_hull,
}
"""Properties that follow from the energy and the phases of a campaign [eV/atom]."""


@dataclass(frozen=True)
class Wanted:
    """Result that a campaign wants of a calculation.

    Attributes:
        spec: The campaign.
        phases: Energies of its space's phases by formula [eV/atom]; None where it names none.
    """

    spec: CampaignSpec
    phases: Mapping[str, float] | None

    @classmethod
    def of(cls, spec: CampaignSpec, base_path: Path) -> Wanted:
        """The result that a campaign wants. Raises ConfigurationError if its table of phases is missing or wrong."""
        phases = spec.space.competing_phases
        return cls(spec, None if phases is None else phases_of(phases, base_path))

    def read(self, outcome: Outcome, computed_for: CampaignSpec, symbols: Sequence[str]) -> Outcome | None:
        """The outcome as a job of this campaign would have given it; None where the record does not hold what is wanted.

        Args:
            outcome: With a value, of a calculation that this campaign would do as well.
            computed_for: The campaign that it was computed for.
            symbols: Elements of the structure.
        """
        if _question(self.spec) == _question(computed_for):
            return outcome
        if outcome.value is None or outcome.deviation is not None:  # an estimated error is that of one property
            return None
        objective, theirs = self.spec.objective, computed_for.objective
        known = {_meant(computed_for): Quantity(value=outcome.value, unit=theirs.unit)} | outcome.quantities
        if _phases(self.spec) != _phases(computed_for):
            known = {name: quantity for name, quantity in known.items() if name not in _BY_PHASES}
        names = (_meant(self.spec), *(goal.property for goal in objective.further))
        for name in names:
            if name not in known and name in _BY_PHASES and self.phases is not None and ENERGY in known:
                value = _BY_PHASES[name](symbols, known[ENERGY].value, self.phases)
                known[name] = Quantity(value=value, unit="eV/atom")
        if any(name not in known for name in names):
            return None
        found = known[names[0]]
        return outcome.model_copy(update={"value": recorded_in(found.value, found.unit, objective.unit), "quantities": known})


def _meant(spec: CampaignSpec) -> str:
    return spec.space.description.meant(spec.objective.property) or ""


def _question(spec: CampaignSpec) -> list[object]:
    further = [(goal.property, goal.unit) for goal in spec.objective.further]
    return [_meant(spec), spec.objective.unit, further, _phases(spec)]


def _phases(spec: CampaignSpec) -> JsonDict | None:
    """The phases that a campaign compares candidates with, a table of them by its content."""
    phases = spec.space.competing_phases
    if phases is None:
        return None
    return phases.model_dump(mode="json", exclude={"file"} if phases.sha256 is not None else None)
