"""Decides when a surrogate is retrained and which version pre-screens a proposal, from results up to a horizon only."""

from __future__ import annotations

from typing import Literal

import numpy as np

from tansaku.models.domain.history import computed_only
from tansaku.models.domain.ports import History
from tansaku.models.domain.records import Look
from tansaku.models.domain.retraining import ended, in_use
from tansaku.models.domain.specs.retrain import DriftSpec, RetrainSpec
from tansaku.models.engine.goals import goal_of, reached_levels
from tansaku.tasks.loop.ledger.context import Ledger
from tansaku.tasks.loop.ledger.rounds import Plan
from tansaku.tasks.loop.ledger.summaries import EvaluationSummary

Reason = Literal["first", "every", "drift", "end"]


def retrain_due(ledger: Ledger, spec: RetrainSpec, plan: Plan) -> Reason | None:
    """Returns why a retrain is due at a plan's number, None where it is not."""
    computed = sum(
        entry.number <= plan.horizon and entry.value is not None and not entry.deviation for entry in ledger.search.entries
    )
    last = ledger.retrains[-1][0] if ledger.retrains else None
    if last is None:
        return "first" if computed >= spec.first else None
    if spec.every is not None and computed - last.observations >= spec.every:
        return "every"
    if spec.drift is not None and _drifted(ledger, spec.drift, plan, last.at_proposal):
        return "drift"
    return None


def computed_up_to(ledger: Ledger, horizon: int) -> list[EvaluationSummary]:
    """Evaluations up to a horizon whose result was computed: a surrogate never learns from another's predictions."""
    known = sorted(ledger.evaluations.items())
    return [evaluation for number, evaluation in known if number <= horizon and evaluation.computed]


def _drifted(ledger: Ledger, drift: DriftSpec, plan: Plan, since: int) -> bool:
    """Returns whether too few results since the last training lie within one deviation of the predictions in use."""
    model = model_in_use(ledger, plan.number)
    within = [
        evaluation.as_looked
        for number, evaluation in sorted(ledger.evaluations.items())
        if since <= number <= plan.horizon and model is not None and evaluation.looked == model[0]
    ]
    return len(within) >= drift.window and float(np.mean(within[-drift.window :])) < drift.least


def model_in_use(ledger: Ledger, number: int) -> tuple[str, str] | None:
    """Name with version, and weights, of the model that pre-screens a proposal; None before there is one."""
    look = ledger.spec.pre_screening
    used = in_use(ended(ledger.retrains), number)
    if used is not None and used.version is not None and used.weights is not None:
        return used.version, used.weights
    if look is not None and look.model is not None and look.weights is not None:
        return look.model, look.weights
    return None


def look_at(ledger: Ledger, plan: Plan, candidate: int) -> Look | None:
    """Returns the surrogate pre-screening of a chosen candidate.

    Args:
        candidate: Position in the pool.
    """
    spec = ledger.spec.pre_screening
    model = model_in_use(ledger, plan.number) if spec is not None else None
    if spec is None or model is None:
        return None
    bound = None if plan.number % spec.check_every == 0 else _to_beat(ledger, plan.history, candidate)
    return Look(model=model[0], weights=model[1], bound=bound, deviations=spec.deviations)


def _to_beat(ledger: Ledger, history: History, candidate: int) -> float | None:
    """Returns the value that a candidate must beat, by computed values alone [objective's unit]; None: there is none yet.

    The value only becomes stricter with time, so that a candidate that is worse now cannot become part of the answer, and
    candidates that can are always computed.
    """
    objective, known = ledger.spec.objective, computed_only(history)
    levels = reached_levels(goal_of(objective), ledger.pool, known.observed, known.values)
    level = float(levels[ledger.pool.system_codes[candidate]])
    sign = 1.0 if objective.direction == "minimize" else -1.0
    return sign * level if np.isfinite(level) else None
