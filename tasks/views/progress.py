"""The status of a campaign, derived from stored data, failures first."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import AwareDatetime

from tansaku.models.domain.certificate import Certificate
from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.history import cost_limit, stop_reason
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import CampaignRecord, CommandKind, Evaluation, JsonDict, Lease, Record
from tansaku.models.domain.retraining import describe, describe_target, ended, target_met
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.space import SpaceSpec
from tansaku.models.domain.states import CampaignState, EvaluationState, StopReason, campaign_state
from tansaku.models.domain.views import Columns
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.jobs.document import LATTICE_WARNING
from tansaku.tasks.steps.certificates import CERTIFICATE, stopping, stored_certificates
from tansaku.tasks.steps.rounds import priced_by
from tansaku.tasks.views.columns import search_entries_of
from tansaku.tasks.views.costs import compare_costs, cost_unit, costs_of
from tansaku.tasks.views.failures import FailedEvaluation, describe_group, failures_of, grouped, may_succeed
from tansaku.tasks.views.overview import UnreadableCampaign, each_campaign, stored_spec

_SHOWN_LOST = 5
_SHOWN_TRAINED = 2


class LostAttempt(Record):
    """An attempt that was given up, of an evaluation that was or will be tried again."""

    candidate: str
    round: int
    attempt: int
    reason: str
    message: str


class LateResult(Record):
    """A result that arrived after its attempt was abandoned and another begun; it is stored, but not used."""

    candidate: str
    round: int
    attempt: int
    value: float | None


class CampaignStatus(Record):
    """The status of a campaign.

    Attributes:
        evaluations: Evaluations of the search that were proposed.
        polish: Evaluations of the final relaxation.
        polish_failed: Failed ones of these.
        damaged: Evaluations that cannot be read; a driver refuses the campaign.
        predicted: Evaluations of the search whose value is predicted by a trained model.
        trained: Descriptions of its surrogate's ended trainings and of the current one.
        target: Description of the distance of the version in use from the target; None without a target.
        cost: Spent and reserved by the search [the space's cost unit]; of a learned cost what ended evaluations took.
        cost_unit: ``core-seconds`` where cost is learned, else None.
        cost_ratio: Median of actual over predicted cost, None where nothing was measured.
        limit: What it may spend, None for no limit or when the space cannot be opened.
        exhaustive_cost: Cost of evaluating the whole space.
        certificate: The latest convergence certificate; None before the first.
        lost_attempts: Attempts that were given up, of evaluations that have not failed.
        late_results: Results that came too late to be used.
        driver: Who drives it now, or None.
        warnings: Warnings about its results.
        problem: Why the space cannot be opened; state, limit and exhaustive cost then lack what it would tell. Or what is
            wrong with evaluations that cannot be read; nothing of them is in the numbers.
    """

    name: str
    state: CampaignState
    stop_reason: StopReason | None
    created_at: AwareDatetime
    evaluations: int
    done: int
    failed: int
    active: int
    lost: int
    polish: int
    polish_failed: int = 0
    damaged: int = 0
    predicted: int = 0
    trained: tuple[str, ...] = ()
    target: str | None = None
    cost: float
    cost_unit: str | None = None
    cost_ratio: float | None = None
    limit: float | None
    exhaustive_cost: float | None
    certificate: Certificate | None = None
    driver: str | None
    failures: tuple[FailedEvaluation, ...]
    lost_attempts: tuple[LostAttempt, ...] = ()
    late_results: tuple[LateResult, ...] = ()
    retry_command: str | None
    warnings: tuple[str, ...] = ()
    problem: str | None

    def describe(self, failures: int | None = None) -> str:
        """The status in words, failed evaluations first.

        Args:
            failures: Show at most so many failures; None shows all.
        """
        lines = []
        together = grouped(self.failures)
        shown = together if failures is None else together[:failures]
        for same in shown:
            lines.append(describe_group(same))
        left = sum(map(len, together)) - sum(map(len, shown))
        if left:
            lines.append(f"        and {left} more: tansaku status {self.name}")
        if any(not may_succeed(failure) for failure in self.failures):
            lines.append("        a grain that turned or is strained does so again in the same cell; increase space.spacing")
        if self.retry_command is not None:
            lines.append(f"        retry: {self.retry_command}")
        why = f" ({self.stop_reason.value})" if self.stop_reason is not None else ""
        lines.append(f"{self.name}: {self.state.value}{why}")
        lines.append(
            f"  evaluations {self.evaluations}: {self.done} done, {self.failed} failed, {self.active} in progress"
            + (f", {self.lost} lost and to be retried" if self.lost else "")
            + (f"; final relaxations {self.polish}" if self.polish else "")
            + (f", {self.polish_failed} failed" if self.polish_failed else "")
        )
        if self.predicted:
            lines.append(f"  values: {self.done - self.predicted} computed, {self.predicted} predicted by a trained model")
        lines += [f"  {line}" for line in self.trained[-_SHOWN_TRAINED:]]
        if self.target is not None:
            lines.append(f"  {self.target}")
        spent = f"  cost {self.cost:,.0f}" + (f" {self.cost_unit}" if self.cost_unit is not None else "")
        if self.limit is not None:
            spent += f" of {self.limit:,.0f} allowed"
        if self.exhaustive_cost is not None:
            spent += f", {100 * self.cost / self.exhaustive_cost:.3g} % of the exhaustive cost"
        lines.append(spent)
        if self.cost_ratio is not None:
            lines.append(f"  cost: median of actual / predicted {self.cost_ratio:.2f}")
        if self.certificate is not None:
            lines.append(f"  {self.certificate.describe()}")
        for lost in self.lost_attempts[-_SHOWN_LOST:]:
            lines.append(
                f"  lost: {lost.candidate}, attempt {lost.attempt} (round {lost.round}): {lost.reason}: {lost.message}"
            )
        if len(self.lost_attempts) > _SHOWN_LOST:
            lines.append(f"  lost: and {len(self.lost_attempts) - _SHOWN_LOST} earlier attempts: tansaku log {self.name} --all")
        for late in self.late_results[-_SHOWN_LOST:]:
            value = "no value" if late.value is None else f"{late.value:.6g}"
            lines.append(f"  late result, not used: {late.candidate}, attempt {late.attempt} (round {late.round}): {value}")
        lines += [f"  warning: {warning}" for warning in self.warnings]
        if self.driver is not None:
            lines.append(f"  driven by {self.driver}")
        elif self.state is CampaignState.INTERRUPTED and not self.damaged:
            lines.append(f"  continue: tansaku resume {self.name}")
        if self.problem is not None:
            lines.append(f"  {self.problem}")
        return "\n".join(lines)


def _last_command_is(record: CampaignRecord, kind: CommandKind) -> bool:
    """Whether the last of ``kind`` and its opposite ``resume`` was ``kind``."""
    kinds = [command.kind for command in record.commands if command.kind in (kind, "resume")]
    return bool(kinds) and kinds[-1] == kind


def is_paused(record: CampaignRecord) -> bool:
    """Whether the last of the commands pause and resume was pause."""
    return _last_command_is(record, "pause")


def live_lease(record: CampaignRecord) -> Lease | None:
    """The lease of a driver that was heard of lately, by this machine's clock; None when nobody drives the campaign."""
    lease = record.lease
    return lease if lease is not None and lease.expires_at > datetime.now(UTC) else None


def describe_driver(lease: Lease | None) -> str | None:
    """Who drives a campaign and since when, in words; None without a lease."""
    if lease is None:
        return None
    owner = lease.owner
    return f"{owner.user}@{owner.host} (process {owner.pid}) since {lease.acquired_at:%Y-%m-%d %H:%M:%S}Z"


def last_certificate(store: CampaignStore, name: str) -> Certificate | None:
    """Returns the last convergence certificate of a campaign; None before the first."""
    certificates = stored_certificates(store.events(name, kind=CERTIFICATE, limit=1))
    return certificates[-1] if certificates else None


def _certain(store: CampaignStore, spec: CampaignSpec, searched: int) -> StopReason | None:
    """Whether the search was stopped because the answer is known, and still is."""
    if spec.budget.stop is None or stopping(spec, store.events(spec.name, kind=CERTIFICATE), searched) is None:
        return None
    return StopReason.CERTAIN


def _lost_attempts(evaluations: list[Evaluation]) -> tuple[LostAttempt, ...]:
    return tuple(
        LostAttempt(
            candidate=evaluation.proposal.candidate,
            round=evaluation.proposal.number,
            attempt=attempt.number,
            reason=attempt.failure.reason,
            message=attempt.failure.message,
        )
        for evaluation in evaluations
        for attempt in evaluation.attempts
        if attempt.failure is not None and evaluation.state is not EvaluationState.FAILED
    )


def _late_results(evaluations: list[Evaluation]) -> tuple[LateResult, ...]:
    return tuple(
        LateResult(
            candidate=evaluation.proposal.candidate,
            round=evaluation.proposal.number,
            attempt=attempt.number,
            value=attempt.late_outcome.value,
        )
        for evaluation in evaluations
        for attempt in evaluation.attempts
        if attempt.late_outcome is not None
    )


def _good_enough(store: CampaignStore, record: CampaignRecord, stop: StopReason | None) -> StopReason | None:
    """Whether the search has ended because the version in use is within the target; too many failures come before that."""
    retrain = stored_spec(record).retrain
    if (stop is not None and stop.failed) or retrain is None:
        return None
    met = target_met(retrain.target, ended(store.retrains(record.name)), record.last_number + 1)
    return StopReason.TARGET if met else None


def _learning(store: CampaignStore, spec: CampaignSpec) -> JsonDict:
    """Returns the status of the campaign's surrogate."""
    retrains = store.retrains(spec.name)
    target = spec.retrain.target if spec.retrain is not None else None
    return {
        "trained": tuple(describe(retrain, end) for retrain, end in retrains),
        "target": None if target is None else describe_target(target, ended(retrains)),
    }


def _counts(columns: Columns) -> dict[str, int]:
    """Returns how many evaluations of the search, and of the campaign, are in which state."""
    states = [state for state, searched in zip(columns.states, columns.searched, strict=True) if searched]
    models = [model for model, searched in zip(columns.predicted_by, columns.searched, strict=True) if searched]
    return {
        "evaluations": len(states),
        "done": states.count(EvaluationState.DONE),
        "failed": states.count(EvaluationState.FAILED),
        "active": sum(not state.terminal for state in columns.states),
        "lost": states.count(EvaluationState.LOST),
        "polish": len(columns) - len(states),
        "damaged": len(columns.problems),
        "predicted": len(models) - models.count(None),
    }


def _problem(record: CampaignRecord, unopened: str | None, damaged: Sequence[str]) -> str | None:
    """Returns the problem of a campaign, None without one.

    Args:
        record: The campaign.
        unopened: Why its space cannot be opened.
        damaged: What is wrong with evaluations that cannot be read.
    """
    if record.deleting:
        return f"its deletion was interrupted; `tansaku delete {record.name}` completes it"
    if not damaged:
        return unopened
    which = "one of its evaluations" if len(damaged) == 1 else f"{len(damaged)} of its evaluations"
    said = (
        f"{which} cannot be read and {'is' if len(damaged) == 1 else 'are'} left out above; the campaign cannot "
        f"continue, restore it from a dump or an export: {damaged[0]}"
    )
    return said if unopened is None else f"{unopened}; {said}"


def every_status(store: CampaignStore) -> list[CampaignStatus | UnreadableCampaign]:
    """Returns the status of all campaigns, by name, with a reason for those that cannot be read.

    Raises:
        TransientError: The database does not answer.
    """
    pools = RecentPools()
    return list(each_campaign(store, lambda name: campaign_status(store, name, pools)))


class RecentPools:
    """Opens the spaces of campaigns that are read one after another; campaigns often search the same space."""

    _KEPT = 4

    def __init__(self) -> None:
        self._pools: dict[tuple[str, str], CandidatePool] = {}

    def pool(self, spec: SpaceSpec, base_path: str) -> CandidatePool:
        """Returns the candidates of a space. Raises as :func:`~tansaku.spaces.space_registry.open_space`."""
        key = spec.model_dump_json(), base_path
        found = self._pools.pop(key, None) or open_space(spec, Path(base_path)).pool()
        self._pools[key] = found
        if len(self._pools) > self._KEPT:
            self._pools.pop(next(iter(self._pools)))
        return found


def _warnings_of(columns: Columns, troubled: list[Evaluation]) -> JsonDict:
    """Returns warnings, lost attempts and late results, which are not failures."""
    warnings = [str(warning) for warning in columns.properties[LATTICE_WARNING] if warning is not None]
    return {
        "lost_attempts": _lost_attempts(troubled),
        "late_results": _late_results(troubled),
        "warnings": tuple(dict.fromkeys(warnings)),
    }


def campaign_status(store: CampaignStore, name: str, pools: RecentPools | None = None) -> CampaignStatus:
    """Returns the status of a campaign.

    Args:
        store: Where it is.
        name: The campaign.
        pools: Spaces that were opened before.

    Raises:
        NotFoundError: No campaign of this name is stored.
        StoreError: It cannot be read here; single evaluations that cannot are left out and said.
        MissingComponentError: Its space needs a package that is not installed.
    """
    record = store.campaign(name)
    spec = stored_spec(record)
    wanted = [objective.property for objective in spec.objective.further]
    columns, refits = store.columns(name, quantities=wanted, properties=(LATTICE_WARNING,)), store.refits(name)
    troubled = store.numbered(name, columns.numbers[columns.incidents].tolist())
    counts, failures = _counts(columns), failures_of(troubled)
    stop, limit, exhaustive, problem = None, None, None, None
    try:
        pool = (pools or RecentPools()).pool(spec.space, record.base_path)
        pool = priced_by(pool, refits[-1]) if refits else pool
        failed = {evaluation.proposal.number: evaluation for evaluation in troubled}
        entries = search_entries_of(columns, pool, failed, spec.objective.further, learns_cost=spec.space.learns_cost)
    except (ConfigurationError, NotFoundError) as error:
        problem = f"the space cannot be opened: {error.message}"
    else:
        limit, exhaustive = cost_limit(spec.budget, pool), float(pool.cost.sum())
        stop = stop_reason(spec.budget, pool, entries, record.last_number, limit, spec.constraints.max_cost)
        stop = _good_enough(store, record, stop) or stop or _certain(store, spec, counts["evaluations"])
    costs = compare_costs(columns, refits, spec.space)
    lease, cancelled = live_lease(record), _last_command_is(record, "cancel")
    return CampaignStatus(
        name=name,
        state=campaign_state(
            proposed=len(columns),
            active=counts["active"],
            leased=lease is not None,
            paused=is_paused(record),
            cancelled=cancelled,
            stop_reason=stop,
        ),
        stop_reason=StopReason.CANCELLED if cancelled else stop,
        created_at=record.created_at,
        **counts,
        polish_failed=len(failures) - counts["failed"],
        **_learning(store, spec),
        cost=float(sum(costs_of(columns, spec.space)[columns.searched].tolist())),
        cost_unit=cost_unit(spec.space),
        cost_ratio=None if costs is None else costs.median_ratio,
        limit=limit,
        exhaustive_cost=exhaustive,
        certificate=last_certificate(store, name),
        driver=describe_driver(lease),
        failures=failures,
        **_warnings_of(columns, troubled),
        retry_command=f"tansaku retry {shlex.quote(name)}" if any(map(may_succeed, failures)) else None,
        problem=_problem(record, problem, columns.problems),
    )
