"""Phase diagram of a campaign: what it computed, and the phases it was given, against every mixture of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tansaku.calculators.workflows.stability import counted, phases_of, reduced_formula
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import Evaluation, JsonDict
from tansaku.models.domain.specs.calculators.contract import workflow_of
from tansaku.models.domain.specs.energy_space import ENERGY_PER_ATOM
from tansaku.models.domain.states import EvaluationState
from tansaku.models.features.convex_hull import ON_HULL, LowerHull, lower_hull
from tansaku.tasks.read.views.campaign import Campaign

if TYPE_CHECKING:
    import pandas as pd

PHASES_KEY = "space.phases"
MOST_DRAWN = 3
"""Elements of a diagram that a plane figure can show."""


@dataclass(frozen=True)
class Phase:
    """A phase of the diagram.

    Attributes:
        name: Candidate, or formula of a phase that the campaign was given.
        formula: Reduced.
        counts: Atoms of each element in the formula.
        energy: [eV/atom]
        number: Proposal that computed it; None: it was given.
    """

    name: str
    formula: str
    counts: Mapping[str, int]
    energy: float
    number: int | None = None

    @property
    def given(self) -> bool:
        """Whether its energy was given, not computed by the campaign."""
        return self.number is None


@dataclass(frozen=True)
class Hull:
    """A phase diagram.

    Attributes:
        elements: Its elements.
        phases: What it is made of, in the order of the proposals, then those given.
        diagram: The hull of their energies.
        left_out: Finished evaluations that gave no computed energy.
    """

    elements: tuple[str, ...]
    phases: tuple[Phase, ...]
    diagram: LowerHull
    left_out: int = 0

    @property
    def stable(self) -> list[bool]:
        """Whether each phase is on the hull."""
        return [above <= ON_HULL for above in self.diagram.above.tolist()]

    @cached_property
    def rows(self) -> list[JsonDict]:
        """One row per phase as plain data, the most stable first; energies in eV/atom.

        ``decomposition`` has what an unstable phase falls into, each with its share of the atoms.
        """
        formation, above, stable = self.diagram.formation.tolist(), self.diagram.above.tolist(), self.stable
        rows = [
            {
                "phase": phase.name,
                "formula": phase.formula,
                "energy_per_atom": phase.energy,
                "formation_energy": formation[place],
                "energy_above_hull": 0.0 if stable[place] else above[place],
                "stable": stable[place],
                "decomposition": {} if stable[place] else self._mixture(place),
                "given": phase.given,
                "round": phase.number,
            }
            for place, phase in enumerate(self.phases)
        ]
        return sorted(rows, key=lambda row: (row["energy_above_hull"], row["formation_energy"], row["phase"]))

    def _mixture(self, place: int) -> dict[str, float]:
        mixture = self.diagram.mixture(self.diagram.fractions[place])
        return {self.phases[corner].name: round(share, 6) for corner, share in mixture.items()}

    @property
    def frame(self) -> pd.DataFrame:
        """The rows as a frame."""
        import pandas as pd

        return pd.DataFrame(self.rows)

    def describe(self) -> str:
        """The stable phases in words."""
        found = dict.fromkeys(phase.formula for phase, stable in zip(self.phases, self.stable, strict=True) if stable)
        missing = f"; {self.left_out} finished without a computed energy" if self.left_out else ""
        return f"{'-'.join(self.elements)}: stable are {', '.join(found)}{missing}"


def campaign_hull(data: Campaign) -> Hull:
    """The phase diagram of a campaign's results and the phases it was given.

    A candidate that was computed again, as in the final relaxation, counts with its last energy. Values that a model predicted
    are left out.

    Raises:
        ConfigurationError: Nothing has an energy yet, or an element has no phase of its own.
    """
    done = [item for item in data.evaluations if item.state is EvaluationState.DONE]
    computed = {item.proposal.candidate: item for item in done if _energy_of(item) is not None}
    if not computed:
        raise ConfigurationError(
            f"campaign {data.record.name!r} has no energy of a structure yet, so there is no phase diagram",
            hint="a phase diagram is made of campaigns that compute energies of crystals, such as those of structures",
        )
    found = [_computed(data, item) for item in computed.values()]
    elements = tuple(sorted({element for phase in found for element in phase.counts}))
    given = [phase for phase in _given(data) if phase.counts.keys() <= set(elements)]
    failed = len({item.proposal.candidate for item in done} - computed.keys())
    return hull_of(elements, [*found, *given], failed)


def drawn_hull(data: Campaign) -> Hull | None:
    """The phase diagram that is drawn among a campaign's figures; None where there is none of two or three elements."""
    try:
        if not 2 <= len(data.space.elements()) <= MOST_DRAWN:
            return None
        return campaign_hull(data)
    except ConfigurationError:
        return None


def hull_of(elements: Sequence[str], phases: Sequence[Phase], left_out: int = 0) -> Hull:
    """The phase diagram of some phases.

    Args:
        elements: Of the phases, all of them.
        phases: In any order.
        left_out: Candidates without an energy.

    Raises:
        ConfigurationError: An element has no phase of its own.
    """
    missing = [element for element in elements if not any(phase.counts.keys() == {element} for phase in phases)]
    if missing:
        raise ConfigurationError(
            f"{PHASES_KEY}: no energy of {' and '.join(missing)} alone; a phase diagram needs a phase of every element",
            hint="give the energies under space.phases, by the same calculator",
        )
    counts = np.array([[phase.counts.get(element, 0) for element in elements] for phase in phases], dtype=np.float64)
    fractions: FloatArray = counts / counts.sum(axis=1, keepdims=True)
    diagram = lower_hull(fractions, np.array([phase.energy for phase in phases]))
    return Hull(tuple(elements), tuple(phases), diagram, left_out)


def _energy_of(evaluation: Evaluation) -> float | None:
    outcome = evaluation.outcome
    if outcome is None or outcome.predicted_by is not None or ENERGY_PER_ATOM not in outcome.quantities:
        return None
    return outcome.quantities[ENERGY_PER_ATOM].value


def _computed(data: Campaign, evaluation: Evaluation) -> Phase:
    candidate, energy = evaluation.proposal.candidate, _energy_of(evaluation)
    if energy is None:
        raise AssertionError("only evaluations with an energy are phases")
    counts = Counter(data.space.structure(candidate).get_chemical_symbols())
    return Phase(candidate, reduced_formula(counts), counts, energy, evaluation.proposal.number)


def _given(data: Campaign) -> list[Phase]:
    """The phases that the campaign's file gives."""
    workflow, given = workflow_of(data.spec.calculator), data.spec.space.competing_phases
    if workflow is not None and workflow.competing_phases is not None:
        energies = workflow.competing_phases
    else:
        energies = {} if given is None else phases_of(given, Path(data.record.base_path))
    found = [(name, counted(name, PHASES_KEY), energy) for name, energy in energies.items()]
    return [Phase(name, reduced_formula(counts), counts, energy) for name, counts, energy in found]
