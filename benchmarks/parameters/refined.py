"""A search of a space of parameters by the campaign's own rounds, without a store."""

from __future__ import annotations

import numpy as np

from tansaku.models.domain.history import Entry
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import Refit
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.parameters import ParametersSpaceSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.spaces.parameters import FunctionSpace
from tansaku.tasks.loop.ledger.rounds import RoundRules, choose, fit_if_due, new_search, plan_round
from tansaku.tasks.loop.steps.propose import incumbents


def search(spec: ParametersSpaceSpec, count: int, seed: int, initial: int | None = None) -> tuple[FloatArray, FloatArray]:
    """Evaluates a function one candidate after the other.

    Args:
        spec: The space, with a function.
        count: Evaluations.
        seed: Of the campaign.
        initial: Those of the initial design; None: as many as a new campaign has.

    Returns:
        Values of the parameters, shape ``(count, n_parameters)``, and of the function, shape ``(count,)``.
    """
    space = FunctionSpace(spec)
    objective = ObjectiveSpec()
    proposer = build_proposer(GPProposerSpec(engine=4, initial_points=initial), objective)
    pool, proposed, values = space.pool(), list[str](), list[float]()
    refits: list[Refit] = []
    rules = RoundRules(
        seed=seed,
        source="benchmark",
        direction="minimize",
        budget=BudgetSpec(evaluations=count),
        limit=None,
        initial_count=proposer.initial_count(pool),
    )
    previous = 0
    for number in range(1, count + 1):
        state = new_search(pool, objective)
        for position, (place, value) in enumerate(zip(pool.positions(proposed), values, strict=True), start=1):
            state.note(Entry(position, int(place), 1.0, EvaluationState.DONE, value))
        plan = plan_round(rules, state, number, previous)
        if plan is None:
            raise AssertionError("every value is known")
        if number > rules.initial_count:
            pool = space.refined(proposed, incumbents(pool, plan.history, objective))
            state = new_search(pool, objective)
            for position, (place, value) in enumerate(zip(pool.positions(proposed), values, strict=True), start=1):
                state.note(Entry(position, int(place), 1.0, EvaluationState.DONE, value))
            plan = plan_round(rules, state, number, previous) or plan
        refit = fit_if_due(proposer, plan, state, refits, rules)
        refits += [refit] if refit is not None else []
        proposal = choose(proposer, pool, plan, rules, refits[-1] if refits else None)
        if proposal is None:
            break
        previous = plan.horizon
        proposed.append(proposal.candidate)
        values.append(float(space.recorded(proposal.candidate).value or 0.0))
    rows = np.array([[float(value) for value in space.cells(name).values()] for name in proposed])
    return rows, np.array(values)
