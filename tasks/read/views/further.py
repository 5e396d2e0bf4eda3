"""Gains of further evaluations of a campaign, in words: from its last certificate, or from what is missing for one."""

from __future__ import annotations

import numpy as np

from tansaku.models.domain.outlook import missing
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.specs.campaign import WITH_AN_OUTLOOK
from tansaku.models.domain.specs.objective import BY_SYSTEM
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.wording import counted
from tansaku.tasks.loop.steps.certificates import interval_of
from tansaku.tasks.read.views.campaign import Campaign

_BASIN = 0.1
"""Share of the starts, of an arm, for which the sentence about an unseen basin is worked out."""


def further_of(campaign: Campaign) -> tuple[str, ...]:
    """Returns what further evaluations may bring; empty where nothing is said."""
    spec = campaign.spec
    if spec.proposer.starts_at_random:
        return _of_random_starts(campaign)
    if not spec.proposer.models_values or spec.objective.goal.type not in WITH_AN_OUTLOOK:
        return ()
    certificate = campaign.certificate
    if certificate is not None and (certificate.outlook is None or not certificate.outlook.short):
        return certificate.further
    opened = campaign.prospects
    if opened is None:
        return ()
    lacking = missing(
        _result_counts(campaign, opened.pool),
        direction=spec.objective.direction,
        unit=spec.objective.unit,
        words=spec.space.description.system_words,
        rank=spec.objective.goal.rank,
    )
    if lacking is not None:
        return (lacking.describe(),)
    if campaign.stop is not None:
        return ()
    every = interval_of(spec.budget)
    next_ = "the next proposal" if every == 1 else f"the next proposal whose number is a multiple of {every}"
    multiple = f"before {next_}, and " if _reaches(campaign, opened.pool, every) else ""
    return (f"What further evaluations gain is worked out {multiple}when the search ends",)


def _reaches(campaign: Campaign, pool: CandidatePool, every: int) -> bool:
    """Returns whether the candidates and evaluations that are left reach the next number that is a multiple of another."""
    last, limit = int(campaign.columns.numbers.max(initial=0)), campaign.spec.budget.evaluations
    left = len(pool) - len(set(campaign.columns.candidates))
    if limit is not None:
        left = min(left, limit - int(campaign.counted.sum()))
    return left >= every - last % every


def _result_counts(campaign: Campaign, pool: CandidatePool) -> dict[str, tuple[int, int]]:
    """Results and candidates without one of each system, or of the whole search under an empty name."""
    arrays = campaign.columns
    valued = arrays.searched & np.isfinite(arrays.values)
    pairs = {(system, name) for system, name, has in zip(arrays.systems, arrays.candidates, valued, strict=True) if has}
    have: dict[str, int] = {}
    for system, _ in pairs:
        have[system] = have.get(system, 0) + 1
    sizes = dict(zip(pool.systems, np.bincount(pool.system_codes, minlength=len(pool.systems)).tolist(), strict=True))
    counts = {system: (have.get(system, 0), size - have.get(system, 0)) for system, size in sizes.items()}
    if campaign.spec.objective.goal.type in BY_SYSTEM and len(counts) > 1:
        return counts
    return {"": (sum(count for count, _ in counts.values()), sum(left for _, left in counts.values()))}


def _of_random_starts(campaign: Campaign) -> tuple[str, ...]:
    """Two sentences about random starts.

    The first evaluation of an arm is a random start, and it was chosen without a value of the arm, unless a model predicted it.
    Every other one was chosen for what the values were before, and of such a choice neither statement holds.
    """
    arrays = campaign.columns
    ended = arrays.searched & arrays.in_state(EvaluationState.DONE) & np.isfinite(arrays.values)
    first: dict[str, bool] = {}
    random = ended & np.isnan(arrays.means)
    for surface, searched, valued in zip(arrays.surfaces, arrays.searched, random, strict=True):
        if searched:
            first.setdefault(surface, bool(valued))
    starts, total = sum(first.values()), int(ended.sum())
    if not starts:
        return ()
    others = counted(total - starts, "other evaluation")
    return (
        f"Random starts: {starts} of {counted(total, 'evaluation')}, the first one of each of {counted(starts, 'arm')}; the "
        f"{others} followed from values (choices of bandit and model) and do not count",
        "Among n random starts of one arm the next is lower than all with a probability of at most 1/(n + 1), and a basin of "
        f"weight p stays unseen with (1 - p)^n: with the one start of each arm 50 %, and for p = {100 * _BASIN:.0f} % "
        f"{100 * (1 - _BASIN):.0f} %; {_starts_for(_BASIN)} random starts of an arm would show such a basin with 95 %",
    )


def _starts_for(weight: float) -> int:
    """Random starts of an arm after which a basin of a weight was seen with 95 %."""
    return int(np.ceil(np.log(0.05) / np.log1p(-weight)))
