"""The first proposals of a campaign that begins with known values, chosen as its driver will choose them."""

from __future__ import annotations

from collections.abc import Sequence

from tansaku.models.domain.adoption import Known
from tansaku.models.domain.history import Entry
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import Proposer, Space
from tansaku.models.domain.records import Proposal, Refit
from tansaku.models.domain.search_state import SearchState
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.loop.ledger import context, rounds
from tansaku.tasks.loop.steps.beforehand import choosing_after
from tansaku.tasks.loop.steps.propose import incumbents, refiner_of

_MOST_KNOWN = 500
"""Known values to which a model is fitted while somebody waits for a check."""


def are_foreseen(spec: CampaignSpec, known: Sequence[Known]) -> bool:
    """Returns whether the first proposals follow from the file alone, in a short time."""
    return len(known) <= _MOST_KNOWN and not (
        spec.transfer or spec.levels or spec.space.prices or spec.objective.further or spec.budget.stop
    )


def first_proposals(
    spec: CampaignSpec, space: Space, proposer: Proposer, known: Sequence[Known], limit: float | None, references: int = 0
) -> list[Proposal]:
    """Returns the proposals before any new value: what the known ones leave of the initial design, or as many as are in flight.

    Args:
        known: Known values, in their order.
        limit: Cost that may be spent, None for no limit.
        references: Number of evaluations of elements, which come before all.
    """
    names = [candidate for item in known for candidate in item.candidates]
    choosing = choosing_after(proposer, space, space.pool(), names, references)
    rules = context.rules_of(spec, choosing, source="", limit=limit, campaign=spec.name)
    pool = _with(names, space, space.pool())
    search = _search(spec, pool, known, references)
    refined = refiner_of(space)
    if refined is not None and names:
        pool = refined.refined(
            names, incumbents(pool, search.history(references + len(names), limit, spec.budget), spec.objective)
        )
        search = _search(spec, pool, known, references)
    most = max(spec.execution.in_flight, choosing.initial_count - len(names) - references)
    found: list[Proposal] = []
    refits: list[Refit] = []
    for number in range(references + len(names) + 1, references + len(names) + most + 1):
        plan = rounds.plan_round(rules, search, number, found[-1].horizon if found else 0)
        if plan is None or plan.stop is not None:
            break
        refit = rounds.fit_if_due(proposer, plan, search, refits, rules)
        refits += [] if refit is None else [refit]
        proposal = rounds.choose(proposer, search.pool, plan, rules, refits[-1] if refits else None)
        if proposal is None:
            break
        found.append(proposal)
        search.note(Entry(number, int(pool.positions([proposal.candidate])[0]), proposal.predicted_cost))
    return found


def _with(names: Sequence[str], space: Space, pool: CandidatePool) -> CandidatePool:
    """The pool with some candidates."""
    refined = refiner_of(space)
    return pool if refined is None else refined.refined(list(names), [])


def _search(spec: CampaignSpec, pool: CandidatePool, known: Sequence[Known], references: int) -> SearchState:
    """A search that knows some values."""
    search = SearchState(pool, spec.objective.direction, spec.objective.further_directions)
    pairs = [(candidate, item.outcome.value) for item in known for candidate in item.candidates]
    for number, (candidate, value) in enumerate(pairs, start=references + 1):
        position = int(pool.positions([candidate])[0])
        search.note(Entry(number, position, 0.0, EvaluationState.DONE, value, free=True))
    return search
