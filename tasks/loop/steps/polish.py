"""Polish: relax the best candidates of every system again, with free translation and zero normal stress."""

from __future__ import annotations

from tansaku.models.domain.records import Evaluation, Proposal
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.loop.ledger.context import Ledger, StepContext
from tansaku.tasks.loop.ledger.summaries import EvaluationSummary
from tansaku.tasks.loop.steps.propose import commit
from tansaku.tasks.node.configuration.source import polish_relaxation, polish_source

POLISH_MODEL = "polish"
"""Model name of proposals of the final relaxation ("polish")."""


def best_evaluations(ledger: Ledger, count: int) -> list[EvaluationSummary]:
    """The best of each system, systems in the pool's order; of equal values the one proposed first.

    Args:
        count: How many per system; replicates of one candidate count once.
    """
    sign = 1.0 if ledger.spec.objective.direction == "minimize" else -1.0
    ranked: dict[str, dict[str, tuple[float, int]]] = {system: {} for system in ledger.pool.systems}
    for number, evaluation in sorted(ledger.evaluations.items()):
        done = evaluation.purpose == "search" and evaluation.state is EvaluationState.DONE
        if done and evaluation.value is not None and evaluation.keeps_limits:
            ranked[evaluation.system][evaluation.candidate] = (sign * evaluation.value, number)
    return [ledger.evaluations[number] for best in ranked.values() for _, number in sorted(best.values())[:count]]


def polish(context: StepContext) -> Evaluation | None:
    """Commits the next polish proposal, or None when there is none left.

    The search has ended, so what is best does not change any more; candidates polished before are not polished again.
    """
    ledger = context.ledger
    if polish_relaxation(ledger.spec) is None:
        return None
    source = polish_source(ledger.spec, ledger.source)
    done = {evaluation.candidate for evaluation in ledger.evaluations.values() if evaluation.source == source}
    for searched in best_evaluations(ledger, ledger.spec.final_relaxations):
        if searched.candidate in done:
            continue
        return commit(
            context,
            Proposal(
                number=ledger.last_number + 1,
                candidate=searched.candidate,
                system=searched.system,
                surface=searched.surface,
                source=source,
                predicted_cost=searched.predicted_cost,
                purpose="polish",
                horizon=ledger.search.entries[-1].number,
                model=POLISH_MODEL,
            ),
        )
    return None
