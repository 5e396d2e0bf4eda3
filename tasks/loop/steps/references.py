"""References: the elements that formation energies refer to, computed as the campaign's first evaluations.

They have the first proposal numbers. The search begins when all of them are done: its values are made of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tansaku.models.domain.records import Evaluation, Proposal
from tansaku.models.domain.specs.energy_space import ENERGY_PER_ATOM
from tansaku.models.domain.states import EvaluationState, StopReason
from tansaku.tasks.loop.ledger.context import StepContext
from tansaku.tasks.loop.steps.propose import commit
from tansaku.tasks.loop.steps.submit import begin
from tansaku.tasks.node.configuration.references import reference_source

REFERENCE = "reference"
"""Model name, system and surface of the evaluations of elements."""


def reference_energies(evaluations: Sequence[Evaluation], elements: Sequence[str]) -> Mapping[str, float] | None:
    """Energies of elements by the evaluations of a campaign [eV/atom]; None while one is missing."""
    found = {
        evaluation.proposal.candidate: evaluation.outcome.quantities[ENERGY_PER_ATOM].value
        for evaluation in evaluations
        if evaluation.proposal.purpose == "reference"
        and evaluation.state is EvaluationState.DONE
        and evaluation.outcome is not None
    }
    return found if found.keys() >= set(elements) else None


def next_reference(context: StepContext) -> Evaluation | StopReason | None:
    """Commits the next element, or begins a cancelled one again.

    Returns:
        Its evaluation, to be submitted; the reason why the search cannot begin; or None while elements are being computed.
    """
    ledger, levels = context.ledger, context.ledger.pool.levels
    cost = ledger.pool.cost if levels is None else ledger.pool.cost[levels.places[:, -1]]
    known = {item.candidate: item for item in ledger.references}
    for element in context.references:
        if element not in known:
            return commit(
                context,
                Proposal(
                    number=ledger.last_number + 1,
                    candidate=element,
                    system=REFERENCE,
                    surface=REFERENCE,
                    source=reference_source(ledger.source),
                    # Its cost in the unit of the space is not known; few atoms as it has, it counts as the cheapest candidate.
                    predicted_cost=float(cost.min()),
                    purpose="reference",
                    model=REFERENCE,
                ),
            )
    for item in known.values():
        if item.state is EvaluationState.CANCELLED:
            return begin(context, item.id, item.attempts)
    return StopReason.REFERENCE if any(item.state is EvaluationState.FAILED for item in known.values()) else None
