"""The status of a campaign, derived from stored data, failures first."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
from pydantic import AwareDatetime, Field

from tansaku.models.domain.certificate import Certificate
from tansaku.models.domain.history import HOUR, cost_limit, out_of_time, reopens
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import CampaignRecord, JsonDict, Lease, Record
from tansaku.models.domain.retraining import describe, describe_target, ended
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.proposer import withholds
from tansaku.models.domain.states import CampaignState, EvaluationState, StopReason, campaign_state
from tansaku.models.domain.verbs import is_cancelled, is_paused
from tansaku.models.domain.views import Columns, are_given
from tansaku.models.domain.wording import counted, known_already, significant, with_unit
from tansaku.tasks.backends.stores.campaigns import awaited_spec
from tansaku.tasks.ground.site.processes import has_ended
from tansaku.tasks.node.jobs.document import DOUBT
from tansaku.tasks.read.views.budget import Spent, Used, budget_used, share_used, whole_or_short
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.failures import FailedEvaluation, LateResult, LostAttempt, describe_group, grouped, may_succeed
from tansaku.tasks.read.views.further import further_of
from tansaku.tasks.read.views.headline import Headline, headline_of
from tansaku.tasks.read.views.levels import looks_in_words
from tansaku.tasks.read.views.origins import best_places
from tansaku.tasks.read.views.overview import UnreadableCampaign, crystal_warnings, each_campaign
from tansaku.tasks.read.views.prospects import RecentPools

_MOST_SUSPICIOUS = 5

_AGAIN = ("retry", "rerun")
_SHOWN_LOST = 5
_SHOWN_TRAINED = 2
_SILENT_PART = 1 / 3
"""Share of a lease: two of the six heartbeats that a driver sends in it, if its site does not say otherwise."""


class CampaignStatus(Record):
    """The status of a campaign.

    Attributes:
        evaluations: Evaluations of the search that were proposed; results that were known already are none.
        pending: Those of them without a result: they run, are lost, or wait for a value.
        polish: Evaluations of the final relaxation.
        polish_failed: Failed ones of these.
        references: Evaluations of elements, to which formation energies refer.
        references_failed: Failed ones of these.
        looks: What looks at cheaper levels were bought, and what they tell, in words.
        elements: Energies of the elements that are done [eV/atom].
        headline: The best of the search and of the final relaxation.
        damaged: Evaluations that cannot be read; a driver refuses the campaign.
        predicted: Evaluations of the search whose value is predicted by a trained model.
        adopted: Results from another campaign or a table; they cost nothing here.
        known: Those of them that were known before the search began, and are none of its evaluations.
        trained: Descriptions of its surrogate's ended trainings and of the current one.
        target: Description of the distance of the version in use from the target; None without a target.
        cost: Spent and reserved by the search [the space's cost unit]; of a learned cost what ended evaluations took.
        cost_unit: ``core-seconds`` where cost is learned, else None.
        cost_ratio: Median of actual over predicted cost, None where nothing was measured.
        limit: Cost limit, None for no limit or if the space cannot be opened.
        exhaustive_cost: Cost of evaluating the whole space.
        driven_hours: Time that drivers have had it.
        core_hours: Measured cost of the attempts of its evaluations.
        budget: What is used of each limit.
        time_limits: The same of its limits of time, in words.
        certificate: The latest convergence certificate; None before the first.
        further: What further evaluations may bring, in words; empty where nothing is said of it.
        lost_attempts: Attempts that were given up, of evaluations that have not failed.
        late_results: Results that came too late to be used.
        driver: Who drives it now, or None.
        silence: Since when nothing was heard of that driver, in words; None: it was heard lately.
        waiting: Numbers of proposals that wait for values that people or robots report.
        warnings: Warnings about its results.
        problem: Why the space cannot be opened; limit and exhaustive cost then lack what it would tell. Or what is
            wrong with evaluations that cannot be read; nothing of them is in the numbers.
    """

    name: str
    state: CampaignState
    stop_reason: StopReason | None
    created_at: AwareDatetime
    evaluations: int
    pending: int = 0
    done: int
    failed: int
    active: int
    lost: int
    polish: int
    polish_failed: int = 0
    references: int = 0
    references_failed: int = 0
    elements: dict[str, float] = Field(default_factory=dict)
    looks: tuple[str, ...] = ()
    headline: Headline
    damaged: int = 0
    predicted: int = 0
    adopted: int = 0
    known: int = 0
    trained: tuple[str, ...] = ()
    target: str | None = None
    cost: float
    cost_unit: str | None = None
    cost_ratio: float | None = None
    limit: float | None
    exhaustive_cost: float | None
    driven_hours: float = 0.0
    core_hours: float = 0.0
    budget: tuple[Used, ...] = ()
    time_limits: tuple[str, ...] = ()
    certificate: Certificate | None = None
    further: tuple[str, ...] = ()
    driver: str | None
    silence: str | None = None
    waiting: tuple[int, ...] = ()
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
        together = grouped(self.failures)
        shown = together if failures is None else together[:failures]
        lines = [describe_group(same) for same in shown]
        left = sum(map(len, together)) - sum(map(len, shown))
        if left:
            lines.append(f"        and {left} more: tansaku status {self.name}")
        if any(not may_succeed(failure) for failure in self.failures):
            lines.append("        a grain that turned or is strained does so again; increase space.spacing, cell or thickness")
        if self.retry_command is not None:
            lines.append(f"        retry: {self.retry_command}")
        why = f" ({self.stop_reason.value})" if self.stop_reason is not None else ""
        lines.append(f"{self.name}: {self.state.value}{why}")
        lines += [f"  {self.referenced}"] if self.references else []
        lines.append(f"  {self._described_counts()}")
        lines += [f"  {line}" for line in (*self.looks, *self.headline.describe())]
        if self.predicted:
            lines.append(f"  values: {self.done - self.predicted} computed, {self.predicted} predicted by a trained model")
        lines += [f"  {line}" for line in self.trained[-_SHOWN_TRAINED:]]
        lines += [] if self.target is None else [f"  {self.target}"]
        spent = f"  cost {whole_or_short(self.cost)}" + (f" {self.cost_unit}" if self.cost_unit is not None else "")
        if self.exhaustive_cost is not None:
            spent += f", {100 * self.cost / self.exhaustive_cost:.3g} % of the exhaustive cost"
        lines.append(spent)
        limits = [used.describe() for used in self.budget if used.limit]
        lines += [f"  budget: {', '.join(limits)}"] if limits else []
        if self.cost_ratio is not None:
            lines.append(f"  cost: median of actual / predicted {self.cost_ratio:.2f}")
        lines += [f"  {text}" for text in (self.certified, *self.further) if text is not None]
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
        if self.state is CampaignState.WAITING or self.waiting:
            number = f"waiting for values of {counted(len(self.waiting), 'proposal')}"
            lines.append(f"  {number if self.waiting else 'what to measure next'}: tansaku ask {self.name}")
        if self.driver is not None:
            lines.append(f"  driven by {self.driver}" + (f"; {self.silence}" if self.silence else ""))
        elif self.state is CampaignState.INTERRUPTED and not self.damaged:
            lines.append(f"  continue: tansaku resume {self.name}")
        if self.problem is not None:
            lines.append(f"  {self.problem}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.describe()

    @property
    def certified(self) -> str | None:
        """The certificate in words; of a search that ended too early for one, why it ended.

        None before the first, and where it says nothing but what further evaluations may bring.
        """
        if self.certificate is None or (self.certificate.says_nothing and self.certificate.outlook is not None):
            return None
        said = self.certificate.describe()
        if self.stop_reason is None or not self.certificate.says_nothing:
            return said
        return f"{said}; the search ended after {counted(self.evaluations, 'evaluation')}: {self.stop_reason.words}"

    def _described_counts(self) -> str:
        return (
            f"evaluations {self.evaluations}"
            + (f", {self.adopted} of them adopted at no cost" if self.adopted > self.known else "")
            + f": {self.done} done, {self.failed} failed, {self.pending if self.looks else self.active} in progress"
            + (f"; {known_already(self.known)}" if self.known else "")
            + (f", {self.lost} lost and to be retried" if self.lost else "")
            + (f"; final relaxations {self.polish}" if self.polish else "")
            + (f", {self.polish_failed} failed" if self.polish_failed else "")
        )

    @property
    def referenced(self) -> str:
        """The elements that it computes, in words."""
        found = [f"{element} {energy:.6g}" for element, energy in self.elements.items()]
        left = self.references - len(found) - self.references_failed
        return f"references [eV/atom]: {', '.join(found) or 'none yet'}" + "".join(
            f"; {count} {words}" for count, words in ((self.references_failed, "failed"), (left, "in progress")) if count
        )


def live_lease(record: CampaignRecord, now: datetime) -> Lease | None:
    """The lease of a campaign's driver; None when nobody drives it: it has expired, or its process on this host has ended.

    Args:
        now: The time of the store that it was read from, which renews leases; the clock of this machine may be wrong.
    """
    lease = record.lease
    return lease if lease is not None and lease.expires_at > now and not has_ended(lease.owner) else None


def describe_silence(lease: Lease | None, now: datetime) -> str | None:
    """Since when nothing was heard of a driver that may still run, in words; None: it was heard lately, or nobody drives.

    A driver renews its lease several times before that expires. Processes on other hosts cannot be looked at, so this is what
    is known of a driver there until its lease expires.

    Args:
        lease: Of a driver that counts as alive.
        now: The time of the store that renews leases.
    """
    if lease is None or lease.counted_at is None:
        return None
    heard, until = lease.counted_at, lease.expires_at
    if now - heard <= _SILENT_PART * (until - heard):
        return None
    return (
        f"nothing was heard of its driver since {heard:%H:%M:%S}Z; unless that changes, it counts as gone at {until:%H:%M:%S}Z"
    )


def describe_driver(lease: Lease | None) -> str | None:
    """Describes who drives a campaign and since when; None without a lease."""
    if lease is None:
        return None
    owner = lease.owner
    return f"{owner.user}@{owner.host} (process {owner.pid}) since {lease.acquired_at:%Y-%m-%d %H:%M:%S}Z"


def _learning(campaign: Campaign) -> JsonDict:
    """Returns the status of the campaign's surrogate."""
    retrains = campaign.retrains
    target = campaign.spec.retrain.target if campaign.spec.retrain is not None else None
    return {
        "trained": tuple(describe(retrain, end) for retrain, end in retrains),
        "target": None if target is None else describe_target(target, ended(retrains)),
    }


def _counts(campaign: Campaign) -> dict[str, int]:
    """Returns how many evaluations of the search, and of the campaign, are in which state."""
    arrays, elements = campaign.columns, campaign.columns.references
    own = arrays.searched & ~campaign.known
    return {
        "evaluations": int(campaign.counted.sum()),
        "pending": int((campaign.counted & ~arrays.terminal).sum()),
        "done": int((own & arrays.in_state(EvaluationState.DONE)).sum()),
        "failed": int((arrays.searched & arrays.in_state(EvaluationState.FAILED)).sum()),
        "active": sum(int((~rows.terminal).sum()) for rows in (arrays, *arrays.aside)),
        "lost": int((arrays.searched & arrays.in_state(EvaluationState.LOST)).sum()),
        "polish": int((~arrays.searched).sum()),
        "references": 0 if elements is None else len(elements),
        "references_failed": 0 if elements is None else int(elements.failed.sum()),
        "damaged": len(arrays.problems),
        "predicted": int((own & arrays.predicted).sum()),
    }


def _problem(record: CampaignRecord, unopened: str | None, damaged: Sequence[str]) -> str | None:
    """Returns the problem of a campaign, None without one.

    Args:
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


def campaign_status(store: CampaignStore, name: str, pools: RecentPools | None = None) -> CampaignStatus:
    """Returns the status of a campaign.

    Args:
        pools: Spaces that were opened before.

    Raises:
        NotFoundError: No campaign of this name is stored.
        StoreError: It cannot be read here; single evaluations that cannot are left out and said.
        MissingComponentError: Its space needs a package that is not installed.
    """
    record, now = store.campaign(name), store.now()
    lease = live_lease(record, now)
    found = Campaign.of(store, record)
    return status_of(replace(found, lease=lease, silence=describe_silence(lease, now), pools=pools or found.pools))


def status_of(campaign: Campaign) -> CampaignStatus:
    """Returns the status of a campaign that was read, made at most once."""
    return campaign.once(CampaignStatus, lambda: _status(campaign))


def _status(campaign: Campaign) -> CampaignStatus:
    record, spec, counts, failures = campaign.record, campaign.spec, _counts(campaign), campaign.failures
    limit, exhaustive, opened, budget = None, None, campaign.prospects, _awaited_budget(record, spec)
    if opened is not None:
        limit, exhaustive = cost_limit(budget, opened.pool, spec.space.spent_on_descriptors), float(opened.pool.cost.sum())
    spent = Spent.by(campaign, limit)
    used = budget_used(budget, spent)
    # A deadline also passes without a driver.
    stop = _standing_stop(campaign, budget, used) or out_of_time(budget, spent.time)
    costs = campaign.cost_comparison
    lease, cancelled = campaign.lease, is_cancelled(record)
    incidents, waiting = campaign.incidents.values(), _waiting_numbers(spec, campaign.columns)
    return CampaignStatus(
        name=record.name,
        state=_or_waiting(
            campaign_state(
                proposed=sum(len(rows) for rows in (campaign.columns, *campaign.columns.aside)),
                active=counts["active"],
                leased=lease is not None,
                paused=is_paused(record),
                cancelled=cancelled,
                stop_reason=stop,
            ),
            spec,
        ),
        stop_reason=StopReason.CANCELLED if cancelled else stop,
        created_at=record.created_at,
        **counts,
        polish_failed=int((~campaign.columns.searched & campaign.columns.failed).sum()),
        elements=_elements(campaign),
        looks=looks_in_words(campaign),
        headline=headline_of(campaign),
        adopted=int(campaign.adopted.sum()),
        known=int(campaign.known.sum()),
        **_learning(campaign),
        cost=spent.cost,
        cost_unit=spent.cost_unit,
        cost_ratio=None if costs is None else costs.median_ratio,
        limit=limit,
        exhaustive_cost=exhaustive,
        driven_hours=spent.time.driven / HOUR,
        core_hours=spent.time.core_seconds / HOUR,
        budget=used,
        time_limits=tuple(item.describe() for item in used if item.timed),
        certificate=campaign.certificate,
        further=further_of(campaign),
        driver=describe_driver(lease),
        silence=campaign.silence,
        waiting=waiting,
        failures=failures,
        lost_attempts=tuple(lost for incident in incidents for lost in incident.lost),
        late_results=tuple(late for incident in incidents for late in incident.late),
        warnings=warnings_of(campaign),
        retry_command=f"tansaku retry {shlex.quote(record.name)}" if any(map(may_succeed, failures)) else None,
        problem=_problem(record, campaign.unopened, campaign.columns.problems),
    )


def _awaited_budget(record: CampaignRecord, spec: CampaignSpec) -> BudgetSpec:
    """The budget with the edits that wait for a driver: what was asked for counts."""
    waits = any(command.kind == "edit" and command.applied_at_number is None for command in record.commands)
    return awaited_spec(record).budget if waits else spec.budget


def _standing_stop(campaign: Campaign, budget: BudgetSpec, used: Sequence[Used]) -> StopReason | None:
    """The reason for which the search has ended, unless something was asked for that continues it and waits for a driver.

    Args:
        budget: With the edits that wait.
        used: Of this budget.
    """
    stop, known = campaign.stop, campaign.spec.budget
    if stop is None or any(item.kind in _AGAIN and item.applied_at_number is None for item in campaign.record.commands):
        return None
    return None if budget != known and reopens(stop, known, budget, spent=share_used(used) >= 1.0) else stop


def _elements(campaign: Campaign) -> dict[str, float]:
    """Energies that the campaign has computed of elements [eV/atom]; none where its creation did."""
    phases = campaign.spec.space.competing_phases
    return {} if campaign.columns.references is None or phases is None else dict(phases.computed or {})


def _waiting_numbers(spec: CampaignSpec, arrays: Columns) -> tuple[int, ...]:
    """Numbers of the proposals that wait for values that people or robots report; none where values are computed."""
    parts = (arrays, *arrays.aside) if spec.manual else ()
    return tuple(sorted(number for part in parts for number in part.numbers[~part.terminal].tolist()))


def _or_waiting(state: CampaignState, spec: CampaignSpec) -> CampaignState:
    """The state of a campaign; WAITING in place of INTERRUPTED where people or robots ask and report values."""
    return CampaignState.WAITING if spec.manual and state is CampaignState.INTERRUPTED else state


def warnings_of(campaign: Campaign) -> tuple[str, ...]:
    """Returns the warnings about a campaign, each once."""
    spec = campaign.spec
    every = (*crystal_warnings(spec), *campaign.warnings, *doubtful_bests(campaign), *suspicious_values(campaign))
    return tuple(dict.fromkeys(every))


def doubtful_bests(campaign: Campaign) -> list[str]:
    """Describes why the best values of systems are doubtful, where their jobs found a reason."""
    return [*_doubtful_searched(campaign), *_doubtful_checked(campaign)]


def _doubtful_searched(campaign: Campaign) -> list[str]:
    columns = campaign.columns
    notes = columns.properties[DOUBT]
    if not are_given(notes).any():
        return []
    best = best_places(columns, columns.counted & campaign.keeping, campaign.sign).values()
    return [f"{columns.candidates[place]}: {notes[place]}" for place in best if notes[place] is not None]


def _doubtful_checked(campaign: Campaign) -> list[str]:
    """Lines about values that fail a check at the end, where the space has any."""
    if not campaign.spec.space.final_checks:
        return []
    outcomes = [(evaluation.proposal.candidate, evaluation.outcome) for evaluation in campaign.polished]
    notes = [(name, outcome.properties.get(DOUBT)) for name, outcome in outcomes if outcome is not None]
    return [f"{name}: {note}" for name, note in notes if note is not None]


def suspicious_values(campaign: Campaign) -> list[str]:
    """Describes the values of the search that lie far from all others, the last of them, with what to do."""
    (known, far), arrays, spec = campaign.outlying, campaign.columns, campaign.spec
    places = far.tolist()
    middle, lines = float(np.median(arrays.values[known])) if places else 0.0, []
    for place in places[-_MOST_SUSPICIOUS:]:
        value, mean, deviation = (float(array[place]) for array in (arrays.values, arrays.means, arrays.mean_deviations))
        if deviation > 0.0:
            off = f"{abs(value - mean) / deviation:.3g} deviations from its prediction"
        else:
            off = f"far from the other values, of which the median is {significant(middle)}"
        again = f"tansaku tell {spec.name}` corrects it" if spec.manual else _rerun(spec.name, arrays.candidates[place])
        unseen = "; the proposer does not use it" if withholds(spec.proposer) else ""
        shown = with_unit(significant(value), spec.objective.unit)
        lines.append(f"{arrays.candidates[place]}: {shown} is {off}{unseen}; `{again}")
    left = len(places) - len(lines)
    return [*lines, f"and {left} other values that are far from all others"] if left else lines


def _rerun(name: str, candidate: str) -> str:
    which = f"{name} {shlex.quote(candidate)}"
    return f"tansaku rerun {which}` computes it again, `tansaku reject {which}` counts it as a failure"
