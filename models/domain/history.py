"""Knowledge of a proposal: horizon, history, remaining budget and stop reasons, as pure functions of the proposals so far.

The campaign loop and the replay both use these functions, so that a replayed method behaves as in a campaign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Literal

import numpy as np

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.feasibility import keeps_limits
from tansaku.models.domain.measurements import repeats_of
from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
from tansaku.models.domain.ports import History
from tansaku.models.domain.records import Evaluation, Outcome, Proposal
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.objective import Direction, FurtherObjectiveSpec, LimitSpec
from tansaku.models.domain.states import EvaluationState, FailureKind, StopReason
from tansaku.models.domain.units import recorded_in

LOWEST_POTENTIAL = "lowest_potential"
"""Quantity of a result: the chemical potential below which the crystal decomposes."""

Part = Literal["observed", "failed", "pending", "unavailable"]
"""Part of a history to which a candidate belongs."""

LEAST_FINISHED = 20
"""Finished evaluations below which the share of failures says nothing."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A proposal of the search and its outcome.

    Attributes:
        number: Proposal number k.
        position: Its candidate's position in the pool.
        cost: Predicted cost [the spec's cost unit].
        value: Objective value of a DONE evaluation [objective's unit], as computed (not oriented).
        others: Values of further objectives, as computed; none where ``value`` is None.
        deviation: Standard deviation of a value that is a prediction; 0 where it was computed.
        noise: Standard deviation of a value that was measured; 0 where none is known.
        repeats: Measurements that the value is the mean of.
        failure: Who is to blame for a FAILED evaluation.
        measured: Measured cost of an ended evaluation, if cost is learned [core-seconds].
        spared: Whether pre-screening left it at its prediction, or it continued a look, so that what it took says nothing of a
            whole one.
        refusal: Reason and message of a configuration error that it failed with.
        known_from: First proposal that was chosen with its last correction; 0: it was never corrected.
        free: Whether it counts in no limit of the budget.
        expected: Mean and standard deviation that the proposer predicted when it chose it; None without a prediction.
        lowest: Lowest chemical potential of the unit that candidates exchange [eV]; None: its calculation gives none.
    """

    number: int
    position: int
    cost: float
    state: EvaluationState = EvaluationState.PROPOSED
    value: float | None = None
    measured: float | None = None
    failure: FailureKind | None = None
    others: tuple[float, ...] = ()
    deviation: float = 0.0
    spared: bool = False
    refusal: str | None = None
    noise: float = 0.0
    repeats: int = 1
    known_from: int = 0
    free: bool = False
    expected: tuple[float, float] | None = None
    lowest: float | None = None


def search_entry(
    evaluation: Evaluation, position: int, further: Sequence[FurtherObjectiveSpec] = (), *, learns_cost: bool
) -> Entry:
    """Entry of a search proposal.

    Args:
        evaluation: What has become of it.
        position: Its candidate's position in the pool.
        further: Objectives besides the first; a result without one of them counts as no value.
        learns_cost: Whether the campaign's cost is learned.
    """
    done = evaluation.state is EvaluationState.DONE
    outcome = evaluation.outcome
    values = objective_values(outcome, further) if outcome is not None and done else None
    spread = (outcome.deviation or 0.0) if values is not None and outcome is not None else 0.0
    predicted = outcome is not None and outcome.predicted_by is not None
    return Entry(
        number=evaluation.proposal.number,
        position=position,
        cost=0.0 if evaluation.done_as is not None else evaluation.proposal.predicted_cost,
        state=evaluation.state,
        value=None if values is None else values[0],
        others=() if values is None else values[1:],
        measured=evaluation.measured_cost if learns_cost else None,
        failure=_blamed(evaluation) if evaluation.state is EvaluationState.FAILED else None,
        deviation=spread if predicted else 0.0,
        noise=0.0 if predicted else spread,
        repeats=repeats_of(outcome),
        spared=evaluation.spared or evaluation.proposal.resumes is not None,
        refusal=_refusal_of(evaluation),
        known_from=evaluation.known_from,
        free=evaluation.done_as is not None,
        expected=expected_of(evaluation.proposal),
        lowest=lowest_of(outcome),
    )


def lowest_of(outcome: Outcome | None) -> float | None:
    """Lowest chemical potential of the unit that candidates exchange, by the calculator [eV]; None where it gives none."""
    found = None if outcome is None else outcome.quantities.get(LOWEST_POTENTIAL)
    return None if found is None else recorded_in(found.value, found.unit, "eV")


def expected_of(proposal: Proposal) -> tuple[float, float] | None:
    """Mean and standard deviation that were predicted for a proposal when it was chosen [objective's unit]; None without."""
    if proposal.predicted_mean is None or proposal.predicted_deviation is None:
        return None
    return proposal.predicted_mean, proposal.predicted_deviation


def objective_values(outcome: Outcome, further: Sequence[FurtherObjectiveSpec] = ()) -> tuple[float, ...] | None:
    """Values of all objectives as computed, the first one first, each in its unit; None where one is missing."""
    found = [outcome.quantities.get(objective.property) for objective in further]
    if outcome.value is None or None in found:
        return None
    pairs = zip(found, further, strict=True)
    return (outcome.value, *(recorded_in(have.value, have.unit, goal.unit) for have, goal in pairs if have is not None))


def result_keeps(limits: Sequence[LimitSpec], outcome: Outcome) -> bool:
    """Returns whether a result has a value and keeps all limits."""
    values = objective_values(outcome, [limit.quantity for limit in limits])
    return values is not None and bool(keeps_limits(limits, np.array([values[1:]]))[0])


def _blamed(evaluation: Evaluation) -> FailureKind:
    """Returns whether science or plumbing failed; without an outcome all attempts were lost, which is plumbing."""
    failure = None if evaluation.outcome is None else evaluation.outcome.failure
    return FailureKind.PLUMBING if failure is None else failure.kind


def search_entries(pool: CandidatePool, evaluations: Sequence[Evaluation], *, learns_cost: bool = False) -> list[Entry]:
    """Entries of a campaign's search proposals, by number; polishing is no part of the search.

    Args:
        evaluations: In any order.
        learns_cost: Whether the campaign's cost is learned.

    Raises:
        NotFoundError: An evaluation's candidate is not in the pool.
    """
    search = sorted(
        (evaluation for evaluation in evaluations if evaluation.proposal.purpose == "search"),
        key=lambda evaluation: evaluation.proposal.number,
    )
    positions = pool.positions([evaluation.proposal.candidate for evaluation in search])
    return [
        search_entry(evaluation, int(position), learns_cost=learns_cost)
        for evaluation, position in zip(search, positions, strict=True)
    ]


def horizon(number: int, previous: int, in_flight: int, initial_count: int) -> int:
    """Largest proposal number on whose result proposal ``number`` is conditioned in ordered mode.

    h(k) = max(h(k-1), k - in_flight), with the initial design as a barrier: its own proposals wait for no result, every later
    one sees all of it.

    Args:
        number: k, counted from 1.
        previous: h(k-1), 0 before the first proposal.
        in_flight: Evaluations that may be in progress at once when k is proposed.
        initial_count: Proposals in the initial design.
    """
    if number <= initial_count:
        return previous
    return max(previous, number - in_flight, initial_count)


def is_known(entries: Sequence[Entry], up_to: int) -> bool:
    """Returns whether every proposal up to a horizon has ended, so that a proposal conditioned on them may be made."""
    return all(entry.state.terminal for entry in entries if entry.number <= up_to)


def part_of(entry: Entry, up_to: int) -> Part:
    """Returns the part of a history with the given horizon to which the latest proposal of a candidate belongs."""
    if entry.number > up_to or not entry.state.terminal:
        return "pending"
    if entry.state is EvaluationState.FAILED:
        return "failed"
    return "unavailable" if entry.value is None else "observed"


def build_history(
    entries: Sequence[Entry],
    up_to: int,
    direction: Direction = "minimize",
    remaining_cost: float | None = None,
    remaining_evaluations: int | None = None,
    further: Sequence[Direction] = (),
) -> History:
    """The history that a proposal with the given horizon may know.

    Proposals beyond the horizon are pending whatever their state, so that nothing depends on timing. Of several
    replicates of a candidate the one proposed last counts.

    Args:
        entries: Proposals so far, in any order.
        up_to: The horizon; the last number for free asynchrony.
        direction: ``maximize`` flips the sign of the values.
        remaining_cost: See :func:`remaining_cost`.
        remaining_evaluations: Proposals that the budget still allows, None for no limit.
        further: Directions of further objectives.
    """
    sign = 1.0 if direction == "minimize" else -1.0
    latest: dict[int, Entry] = {}
    for entry in sorted(entries, key=lambda entry: entry.number):
        latest.pop(entry.position, None)
        latest[entry.position] = entry
    parts: dict[Part, list[Entry]] = {name: [] for name in ("observed", "failed", "pending", "unavailable")}
    for entry in latest.values():
        parts[part_of(entry, up_to)].append(entry)
    refused = [entry for entry in parts["failed"] if entry.failure is FailureKind.SCIENCE]
    return History(
        observed=_positions(parts["observed"]),
        values=np.array([sign * entry.value for entry in parts["observed"] if entry.value is not None], dtype=np.float64),
        failed=_positions(parts["failed"]),
        refused=_positions(refused),
        pending=_positions(parts["pending"]),
        unavailable=_positions(parts["unavailable"]),
        remaining_cost=remaining_cost,
        remaining_evaluations=remaining_evaluations,
        others=oriented([entry.others for entry in parts["observed"]], further),
        deviations=predicted_deviations(np.array([entry.deviation for entry in parts["observed"]])),
        noise=predicted_deviations(np.array([entry.noise for entry in parts["observed"]])),
        repeats=repeated(np.array([entry.repeats for entry in parts["observed"]], dtype=np.intp)),
        lowest=first_lowest(parts["observed"]),
    )


def first_lowest(entries: Sequence[Entry]) -> float | None:
    """The first lowest chemical potential of some entries [eV]; None without any."""
    return next((entry.lowest for entry in entries if entry.lowest is not None), None)


def predicted_deviations(deviations: FloatArray) -> FloatArray:
    """Deviations as a history has them: none where all values were computed."""
    return deviations if deviations.any() else np.empty(0)


def repeated(repeats: IntArray) -> IntArray:
    """Numbers of measurements as a history has them: none where nothing was measured twice."""
    return repeats if (repeats > 1).any() else np.empty(0, dtype=np.intp)


def computed_only(history: History) -> History:
    """The history without predicted values; their candidates are still not proposed again."""
    if not len(history.deviations):
        return history
    kept = history.deviations == 0.0
    return replace(
        history,
        observed=history.observed[kept],
        values=history.values[kept],
        others=history.others[kept] if len(history.others) else history.others,
        deviations=np.empty(0),
        noise=history.noise[kept] if len(history.noise) else history.noise,
        repeats=history.repeats[kept] if len(history.repeats) else history.repeats,
        unavailable=np.union1d(history.unavailable, history.observed[~kept]),
    )


def oriented(rows: Sequence[Sequence[float]] | FloatArray, directions: Sequence[Direction]) -> FloatArray:
    """Values of further objectives with the sign at which smaller is better, shape ``(n, n_directions)``."""
    signs = np.array([1.0 if direction == "minimize" else -1.0 for direction in directions])
    return np.asarray(np.array(rows, dtype=np.float64).reshape(len(rows), len(directions)) * signs)


def _positions(entries: Sequence[Entry]) -> IntArray:
    return np.array([entry.position for entry in entries], dtype=np.intp)


def observed_count(entries: Sequence[Entry], up_to: int) -> int:
    """Number of candidates with a value up to a horizon: what the refit schedule counts."""
    return len({entry.position for entry in entries if entry.number <= up_to and entry.value is not None})


def spent_cost(entries: Sequence[Entry], up_to: int) -> float:
    """Cost of all proposals: finished, failed and still reserved [the spec's cost unit].

    What was measured counts as measured up to the horizon; beyond it nothing that depends on timing is read.
    """
    return sum((counted_cost(entry, up_to) for entry in entries), 0.0)


def counted_cost(entry: Entry, up_to: int) -> float:
    """Returns the cost of a proposal that the budget counts, as in :func:`spent_cost`."""
    return entry.cost if entry.measured is None or entry.number > up_to else entry.measured


def teaches_cost(entry: Entry) -> bool:
    """Returns whether a cost model may learn from an entry: its cost was measured, and no part of it was skipped."""
    return entry.measured is not None and not entry.spared


def measured_costs(entries: Sequence[Entry], up_to: int) -> list[tuple[int, float]]:
    """Positions and measured costs [core-seconds] of the entries from which a cost model may learn, by number."""
    ordered = sorted((entry for entry in entries if entry.number <= up_to), key=lambda entry: entry.number)
    return [(entry.position, entry.measured) for entry in ordered if entry.measured is not None and teaches_cost(entry)]


def cost_limit(budget: BudgetSpec, pool: CandidatePool, spent: float = 0.0) -> float | None:
    """Cost that evaluations of the search may have in all, None for no limit [the spec's cost unit].

    Args:
        spent: On what is no evaluation of the search: descriptors, energies of elements.
    """
    if budget.cost is not None:
        return budget.cost - spent
    if budget.fraction is not None:
        every = pool if pool.levels is None else pool.levels.candidates
        return budget.fraction * float(every.cost.sum()) - spent
    return None


def remaining_cost(limit: float | None, entries: Sequence[Entry], up_to: int) -> float | None:
    """Rest of ``limit`` after all spent and reserved cost, None for no limit."""
    return None if limit is None else limit - spent_cost(entries, up_to)


def too_expensive(pool: CandidatePool, max_cost: float | None) -> IntArray:
    """Positions of candidates that are never proposed because of their predicted cost.

    Raises:
        ConfigurationError: All of them are.
    """
    if max_cost is None:
        return np.empty(0, dtype=np.intp)
    expensive = np.flatnonzero(pool.cost > max_cost)
    if len(expensive) == len(pool):
        cheapest = float(pool.cost.min())
        raise ConfigurationError(f"constraints.max_cost: {max_cost:g} leaves no candidate, the cheapest costs {cheapest:g}")
    return expensive


@dataclass(frozen=True, slots=True)
class Standing:
    """Figures on which the decision to stop is based.

    Attributes:
        proposed: Proposals so far that count.
        finished: Those up to the horizon that have ended.
        cheapest: Predicted cost of the cheapest candidate that may still be proposed, None when there is none.
        remaining_cost: See :func:`remaining_cost`.
        refused: See :func:`~tansaku.models.domain.history.is_refused`.
    """

    proposed: int
    finished: int
    failed: int
    cheapest: float | None
    remaining_cost: float | None
    refused: bool = False


def decide(budget: BudgetSpec, standing: Standing) -> StopReason | None:
    """Returns why no further proposal may be made; None: one may be."""
    if standing.refused:
        return StopReason.CONFIGURATION
    if standing.finished >= LEAST_FINISHED and standing.failed > budget.max_failed_fraction * standing.finished:
        return StopReason.FAILURES
    if budget.evaluations is not None and standing.proposed >= budget.evaluations:
        return StopReason.EVALUATIONS
    if standing.cheapest is None:
        return StopReason.EXHAUSTED
    if standing.remaining_cost is not None and standing.cheapest > standing.remaining_cost:
        return StopReason.BUDGET
    return None


def standing_of(
    pool: CandidatePool, entries: Sequence[Entry], up_to: int, limit: float | None, max_cost: float | None = None
) -> Standing:
    """Returns the figures on which the decision to stop is based.

    Failures are judged on the proposals up to the horizon, so that ordered campaigns stop at the same number always; but see
    :func:`~tansaku.models.domain.history.is_refused`.

    Args:
        entries: Proposals so far.
        up_to: Horizon of the next proposal.
        limit: See :func:`cost_limit`.
        max_cost: See :func:`too_expensive`.
    """
    finished = [entry for entry in entries if entry.number <= up_to and entry.state.terminal and not entry.free]
    free = np.ones(len(pool), dtype=bool)
    free[[entry.position for entry in entries]] = False
    if max_cost is not None:
        free &= pool.cost <= max_cost
    return Standing(
        proposed=sum(not entry.free for entry in entries),
        finished=len(finished),
        failed=sum(entry.state is EvaluationState.FAILED for entry in finished),
        cheapest=float(pool.cost[free].min()) if free.any() else None,
        remaining_cost=remaining_cost(limit, entries, up_to),
        refused=is_refused(sorted(entries, key=lambda entry: entry.number)),
    )


_JUDGED = (StopReason.CERTAIN, StopReason.NOT_WORTH_IT, StopReason.TARGET)
_SPENT = (StopReason.BUDGET, StopReason.EVALUATIONS, StopReason.HOURS, StopReason.CORE_HOURS, StopReason.DEADLINE)


def reopens(reason: StopReason, before: BudgetSpec, after: BudgetSpec, *, spent: bool) -> bool:
    """Returns whether a search that has ended continues under another budget.

    Args:
        reason: Why it ended, under the budget ``before``.
        spent: Whether a limit of the budget ``after`` is reached.
    """
    if reason in _JUDGED:
        return after.stop != before.stop and not spent
    if reason is StopReason.FAILURES:
        return after.max_failed_fraction > before.max_failed_fraction and not spent
    return reason in _SPENT and not spent


HOUR = 3600.0
"""[s]"""


@dataclass(frozen=True, slots=True)
class TimeSpent:
    """Time spent so far, to compare with time limits.

    Attributes:
        now: Present time.
        driven: Time that drivers have had the campaign [s].
        core_seconds: What its attempts have taken.
    """

    now: datetime
    driven: float
    core_seconds: float


def out_of_time(budget: BudgetSpec, spent: TimeSpent) -> StopReason | None:
    """Returns the limit of time that is reached, or None; replays, whose time means nothing, do not call this."""
    if budget.deadline is not None and spent.now >= budget.deadline:
        return StopReason.DEADLINE
    if budget.hours is not None and spent.driven >= HOUR * budget.hours:
        return StopReason.HOURS
    if budget.core_hours is not None and spent.core_seconds >= HOUR * budget.core_hours:
        return StopReason.CORE_HOURS
    return None


CONFIGURATION_REASONS = ("configuration", "missing_component")
"""Reasons of failures that a file, a package or a setting of the machine causes: every evaluation meets the same."""

SAME_REFUSALS = 3
"""A campaign stops after this many consecutive evaluations have failed with the same configuration error."""


def _refusal_of(evaluation: Evaluation) -> str | None:
    """Reason and message of the configuration error with which an evaluation failed; None for every other evaluation."""
    failure = None if evaluation.outcome is None else evaluation.outcome.failure
    if evaluation.state is not EvaluationState.FAILED or failure is None or failure.kind is not FailureKind.PLUMBING:
        return None
    return f"{failure.reason}: {failure.message}" if failure.reason in CONFIGURATION_REASONS else None


def is_refused(entries: Sequence[Entry]) -> bool:
    """Returns whether the last ended evaluations failed with the same configuration error, so that the next would fail too.

    Unlike every other stop reason, it looks beyond the horizon, so that an initial design is not spent on a single error. No
    proposal is conditioned on it: a campaign that continues after the cause was fixed proposes what it would have proposed.

    Args:
        entries: Proposals so far, by number.
    """
    last = list(islice((entry.refusal for entry in reversed(entries) if entry.state.terminal), SAME_REFUSALS))
    return len(last) == SAME_REFUSALS and last[0] is not None and len(set(last)) == 1
