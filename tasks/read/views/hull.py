"""Phase diagram of a campaign: what it computed, and the phases it was given, against every mixture of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from tansaku.calculators.workflows.stability import counted, phases_of, reduced_formula
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import ComposedSpace
from tansaku.models.domain.records import Evaluation, JsonDict
from tansaku.models.domain.specs.calculators.contract import workflow_of
from tansaku.models.domain.specs.energy_space import ENERGY_PER_ATOM
from tansaku.models.domain.specs.objective import FORMATION_ENERGY, OnHullSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.units import recorded_in
from tansaku.models.domain.wording import counted as evaluations
from tansaku.models.features.convex_hull import ON_HULL, LowerHull, lower_hull
from tansaku.tasks.read.views.campaign import Campaign
from tansaku_client.diagrams import PhaseDiagram

PHASES_KEY = "space.phases"


@dataclass(frozen=True)
class Phase:
    """A phase of the diagram.

    Attributes:
        name: Candidate, or formula of a phase that the campaign was given.
        formula: Reduced.
        counts: Atoms of each element in the formula.
        energy: [eV/atom]; of a table of formation energies above the elements.
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
class Hull(PhaseDiagram):
    """A phase diagram.

    Attributes:
        phases: What it is made of, in the order of the proposals, then those given.
        diagram: The hull of their energies.
        left_out: Finished evaluations that gave no computed energy.
    """

    elements: tuple[str, ...]
    phases: tuple[Phase, ...]
    diagram: LowerHull
    left_out: int = 0

    @cached_property
    def listed(self) -> list[JsonDict]:
        """One row per phase."""
        formation, above = self.diagram.formation.tolist(), self.diagram.above.tolist()
        stable = [distance <= ON_HULL for distance in above]
        return [
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

    def _mixture(self, place: int) -> dict[str, float]:
        mixture = self.diagram.mixture(self.diagram.fractions[place])
        return {self.phases[corner].name: round(share, 6) for corner, share in mixture.items()}


def campaign_hull(data: Campaign) -> Hull:
    """The phase diagram of a campaign's results and the phases it was given, computed once for a reading.

    A candidate that was computed again, as in the final relaxation, counts with its last energy. Values that a model predicted
    are left out.

    Raises:
        ConfigurationError: Nothing has an energy yet, or an element has no phase of its own.
    """
    return data.once(Hull, lambda: _hull(data))


def _hull(data: Campaign) -> Hull:
    done, computed = [item for item in data.evaluations if item.state is EvaluationState.DONE], {}
    for item in done:
        energy = _energy(data, item)
        if energy is not None:
            computed[item.proposal.candidate] = item.proposal.number, energy
    if not computed:
        raise ConfigurationError(
            f"campaign {data.record.name!r} has no energy of a structure yet, so there is no phase diagram: {_ended(data)}",
            hint="a phase diagram is made of campaigns that compute energies of crystals, such as those of structures",
        )
    found = [_computed(data, candidate, *known) for candidate, known in computed.items()]
    elements = tuple(sorted({element for phase in found for element in phase.counts}))
    given = [phase for phase in (*_given(data), *_zeros(data, elements)) if phase.counts.keys() <= set(elements)]
    failed = len({item.proposal.candidate for item in done} - computed.keys())
    return hull_of(elements, [*found, *given], failed)


def _ended(data: Campaign) -> str:
    """The number of evaluations, and what became of those without an energy, in words."""
    states = Counter(item.state for item in data.evaluations)
    failed, done = states[EvaluationState.FAILED], states[EvaluationState.DONE]
    said = [f"{failed} failed"] if failed else []
    said += [f"{done} finished without a computed energy"] if done else []
    return ", ".join([evaluations(len(data.evaluations), "evaluation"), *said])


def drawn_hull(data: Campaign) -> Hull | None:
    """The phase diagram that is drawn among a campaign's figures; None where there is none of two or three elements."""
    try:
        found = campaign_hull(data) if data.space.elements() or _by_formula(data) else None
    except ConfigurationError:
        return None
    return found if found is not None and found.drawable else None


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
            f"{PHASES_KEY}: no energy of {', '.join(missing)} alone; a phase diagram needs a phase of every element",
            hint="give the energies under space.phases, by the same calculator",
        )
    counts = np.array([[phase.counts.get(element, 0) for element in elements] for phase in phases], dtype=np.float64)
    fractions: FloatArray = counts / counts.sum(axis=1, keepdims=True)
    diagram = lower_hull(fractions, np.array([phase.energy for phase in phases]))
    return Hull(tuple(elements), tuple(phases), diagram, left_out)


def _energy(data: Campaign, evaluation: Evaluation) -> float | None:
    """Energy of an evaluation [eV/atom], of a table its value; None where it has none, or a model predicted it."""
    outcome, objective = evaluation.outcome, data.spec.objective
    if outcome is None:
        return None
    if not _by_formula(data):
        return outcome.computed(ENERGY_PER_ATOM)
    return None if outcome.value is None else recorded_in(outcome.value, objective.unit, "eV/atom")


def _by_formula(data: Campaign) -> bool:
    """Whether values are energies of candidates of which the space knows no more than the formula."""
    space = data.spec.space
    return space.competes and not space.description.competing and data.spec.objective.property in OnHullSpec.properties


def _zeros(data: Campaign, elements: Sequence[str]) -> list[Phase]:
    """Elements where formation energies are known as such: the energies of all phases are then above theirs."""
    if not _by_formula(data) or data.spec.objective.property != FORMATION_ENERGY:
        return []
    return [Phase(element, element, {element: 1}, 0.0) for element in elements]


def _computed(data: Campaign, candidate: str, number: int, energy: float) -> Phase:
    known = data.space.composition(candidate) if isinstance(data.space, ComposedSpace) else None
    counts = Counter(data.space.structure(candidate).get_chemical_symbols()) if known is None else known
    return Phase(candidate, reduced_formula(counts), counts, energy, number)


def _given(data: Campaign) -> list[Phase]:
    """The phases that the campaign's file gives."""
    workflow, given = workflow_of(data.spec.calculator), data.spec.space.competing_phases
    if workflow is not None and workflow.competing_phases is not None:
        energies = workflow.competing_phases
    else:
        energies = {} if given is None else phases_of(given, Path(data.record.base_path))
    found = [(name, counted(name, PHASES_KEY), energy) for name, energy in energies.items()]
    return [Phase(name, reduced_formula(counts), counts, energy) for name, counts, energy in found]
