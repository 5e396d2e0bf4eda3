"""The campaign store in memory: tests, rehearsals and replays."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from threading import RLock

from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.moments import utc_now
from tansaku.models.domain.records import (
    Attempt,
    CampaignRecord,
    Command,
    Evaluation,
    Event,
    Failure,
    JsonDict,
    Lease,
    LeaseOwner,
    Observation,
    Outcome,
    Proposal,
    Record,
    Refit,
    Steerer,
    StopDecision,
)
from tansaku.models.domain.retraining import Retrain, RetrainEnd
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.views import ActiveMark, Changes, Columns, Cursor, Mark, Page, PageQuery
from tansaku.tasks.backends.stores import campaigns, transitions
from tansaku.tasks.backends.stores.columns import changed_since, columns_from, mark_of, parts_of, row_of
from tansaku.tasks.backends.stores.documents import normalised, plain, sha256s_in
from tansaku.tasks.backends.stores.import_filter import importable
from tansaku.tasks.backends.stores.mongo_conditions import shell_line


class MemoryCampaignStore:
    """A ``CampaignStore`` that ends with its process; safe to share between threads.

    Args:
        clock: The time leases and records go by.
    """

    def __init__(self, clock: Callable[[], datetime] = utc_now) -> None:
        self._clock = clock
        self._lock = RLock()
        self._campaigns: dict[str, CampaignRecord] = {}
        self._ids: dict[str, str] = {}
        self._evaluations: dict[str, Evaluation] = {}
        self._numbers: dict[str, dict[int, str]] = defaultdict(dict)
        self._observations: dict[str, Observation] = {}
        self._refits: dict[str, dict[int, Refit]] = defaultdict(dict)
        self._retrains: dict[str, dict[int, Retrain]] = defaultdict(dict)
        self._retrain_ends: dict[str, dict[int, RetrainEnd]] = defaultdict(dict)
        self._events: dict[str, dict[str, Event]] = defaultdict(dict)

    def create_campaign(self, record: CampaignRecord) -> CampaignRecord:
        """Inserts a campaign; returns the stored one if the name, or else the id, is already known."""
        with self._lock:
            known = self._ids.get(record.name, record.id)
            stored = self._campaigns.setdefault(known, normalised(record))
            self._ids[stored.name] = known
            return stored

    def campaign(self, name: str) -> CampaignRecord:
        """Returns a campaign. Raises NotFoundError, or StoreError if its record cannot be read."""
        with self._lock:
            return self._campaigns[self.campaign_id(name)]

    def campaign_of(self, identifier: str) -> CampaignRecord:
        """Returns the campaign of an id; errors as of :meth:`campaign`."""
        with self._lock:
            if identifier not in self._campaigns:
                raise NotFoundError(f"no campaign {identifier!r} is stored")
            return self._campaigns[identifier]

    def campaign_id(self, name: str) -> str:
        """Id of a campaign. Raises NotFoundError."""
        with self._lock:
            if name not in self._ids:
                raise NotFoundError(f"no campaign {name!r} is stored")
            return self._ids[name]

    def campaign_names(self) -> list[str]:
        """Returns the sorted names of all campaigns, including those whose record cannot be read."""
        with self._lock:
            return sorted(self._ids)

    def stored_counts(self, campaign: str) -> dict[str, int]:
        """Counts the ``evaluations``, ``refits`` and ``events`` of a campaign, including unreadable ones."""
        with self._lock:
            known = self._id(campaign)
            return {
                "evaluations": len(self._numbers.get(known, ())),
                "refits": len(self._refits.get(known, ())),
                "events": len(self._events.get(known, ())),
            }

    def named_artifacts(self) -> Iterator[str]:
        """Returns every SHA-256 in the stored records of campaigns, readable or not."""
        with self._lock:
            refits = [refit for known in self._refits.values() for refit in known.values()]
            records: list[Record] = [*self._campaigns.values(), *self._evaluations.values(), *refits]
        for record in records:
            yield from sha256s_in(record.model_dump())

    def begin_deletion(self, name: str) -> None:
        """Marks a campaign as being deleted: it can no longer be leased, and its last driver is fenced."""
        with self._lock:
            self._put(campaigns.with_deletion(self.campaign(name), self._clock()))

    def delete_campaign(self, name: str) -> None:
        """Deletes a campaign and its data after :meth:`begin_deletion`; the campaign record is deleted last."""
        with self._lock:
            self.begin_deletion(name)
            identifier = self._ids.pop(name)
            for evaluation in self._numbers.pop(identifier, {}).values():
                del self._evaluations[evaluation]
                self._observations.pop(evaluation, None)
            for steps in (self._refits, self._retrains, self._retrain_ends):
                steps.pop(identifier, None)
            self._events.pop(identifier, None)
            del self._campaigns[identifier]

    def rename_campaign(self, name: str, new: str) -> CampaignRecord:
        """Replaces the name of a campaign without a driver; its last driver is fenced."""
        with self._lock:
            record = campaigns.with_name(self.campaign(name), new, self._clock())
            if new != name and new in self._ids:
                raise campaigns.name_taken(new)
            self._ids[new] = self._ids.pop(name)
            self._campaigns[record.id] = record
            return record

    def move_campaign(self, name: str, base_path: str) -> None:
        """Replaces the folder at which the paths of a campaign without a driver start."""
        with self._lock:
            self._put(campaigns.with_base_path(self.campaign(name), base_path, self._clock()))

    def share_campaign(self, name: str, users: tuple[Steerer, ...]) -> None:
        """Replaces the users with whom a campaign is shared."""
        with self._lock:
            self._put(campaigns.with_shares(self.campaign(name), tuple(map(normalised, users))))

    def acquire_lease(self, campaign: str, owner: LeaseOwner, duration: float, *, steal: bool = False) -> Lease:
        """Takes over the campaign and raises its epoch."""
        with self._lock:
            record, now = self.campaign(campaign), self._clock()
            campaigns.refuse_reserved(record)
            held = record.lease
            if held is not None and held.owner != owner and held.expires_at > now and not steal:
                raise campaigns.lease_held(campaign, held, now)
            lease = Lease(
                campaign=record.id,
                epoch=record.epoch + 1,
                owner=owner,
                acquired_at=now,
                expires_at=now + timedelta(seconds=duration),
                counted_at=now,
            )
            self._put(record.model_copy(update={"lease": lease, "epoch": lease.epoch}))
            for evaluation in self._numbers[record.id].values():
                self._evaluations[evaluation] = self._evaluations[evaluation].model_copy(update={"epoch": lease.epoch})
            self.append_event(campaigns.lease_event(lease))
            return lease

    def renew_lease(self, lease: Lease, duration: float) -> Lease:
        """Extends the lease. Raises FencedError when another driver has taken over."""
        with self._lock:
            record = self.campaign_of(lease.campaign)
            campaigns.check_lease(record, lease)
            if record.lease is None:
                raise campaigns.released(record)
            now = self._clock()
            renewed = lease.model_copy(update={"expires_at": now + timedelta(seconds=duration), "counted_at": now})
            driven = campaigns.driven_until(record, now)
            self._put(record.model_copy(update={"lease": renewed, "driven": driven}))
            return renewed

    def release_lease(self, lease: Lease) -> None:
        """Releases the lease; does nothing if it is no longer ours."""
        with self._lock:
            record = self._campaigns.get(lease.campaign)
            if record is not None and record.epoch == lease.epoch:
                driven = campaigns.driven_until(record, self._clock())
                self._put(record.model_copy(update={"lease": None, "driven": driven}))

    def now(self) -> datetime:
        """The time that leases are judged by."""
        return self._clock()

    def set_runtime(self, lease: Lease, runtime: JsonDict) -> None:
        """Records process ids and paths of this driver and its launcher."""
        with self._lock:
            self._put(campaigns.with_runtime(self.campaign_of(lease.campaign), lease, plain(runtime)))

    def set_stop(self, lease: Lease, stop: StopDecision | None) -> None:
        """Records why the search has ended; None: it continues."""
        with self._lock:
            self._put(campaigns.with_stop(self.campaign_of(lease.campaign), lease, stop))

    def add_command(self, campaign: str, command: Command, after: int | None = None) -> None:
        """Stores a user's command; a second command with the same id is ignored."""
        with self._lock:
            self._put(campaigns.with_command(self.campaign(campaign), normalised(command), after))
            self.append_event(campaigns.command_event(self.campaign_id(campaign), command))

    def apply_command(self, lease: Lease, command_id: str, at_number: int, spec: JsonDict | None) -> None:
        """Marks a command as applied from ``at_number`` on, with the resulting spec."""
        with self._lock:
            record = self.campaign_of(lease.campaign)
            self._put(campaigns.with_command_applied(record, lease, command_id, at_number, plain(spec)))
            self.append_event(campaigns.applied_event(lease.campaign, command_id, at_number, self._clock()))

    def insert_proposal(self, lease: Lease, proposal: Proposal) -> Evaluation:
        """Commits proposal k and creates its evaluation."""
        with self._lock:
            record = campaigns.with_number(self.campaign_of(lease.campaign), lease, proposal.number)
            known = self._numbers[lease.campaign].get(proposal.number)
            if known is not None:
                return self._evaluations[known]
            evaluation = transitions.proposed(lease, normalised(proposal), self._clock())
            if evaluation.id in self._evaluations:
                raise transitions.already_proposed(self._evaluations[evaluation.id], proposal)
            self._put(record)
            self._numbers[lease.campaign][proposal.number] = evaluation.id
            return self._store(evaluation)

    def begin_attempt(self, lease: Lease, evaluation: str, number: int, token: str, job_name: str) -> Evaluation:
        """Begins the next attempt by compare-and-set: the evaluation becomes SUBMITTING."""
        attempt = Attempt(number=number, token=token, job_name=job_name, started_at=self._clock())
        with self._lock:
            return self._store(transitions.begun(self.evaluation(evaluation), lease.epoch, attempt))

    def record_handle(self, lease: Lease, evaluation: str, token: str, handle: JsonDict) -> Evaluation:
        """SUBMITTING becomes SUBMITTED with the launcher's handle."""
        with self._lock:
            return self._store(transitions.submitted(self.evaluation(evaluation), lease.epoch, token, plain(handle)))

    def mark_running(self, lease: Lease, evaluation: str, token: str) -> Evaluation:
        """SUBMITTED becomes RUNNING."""
        with self._lock:
            return self._store(transitions.running(self.evaluation(evaluation), lease.epoch, token))

    def accept_outcome(self, lease: Lease, evaluation: str, token: str, outcome: Outcome) -> Evaluation | None:
        """Accepts the result of the current attempt: DONE, or FAILED if it carries a failure; None if it is refused."""
        outcome = normalised(outcome)
        with self._lock:
            old = self.evaluation(evaluation)
            new = self._store(transitions.finished(old, lease.epoch, token, outcome, self._clock()))
            return new if transitions.accepts(old, token, outcome) else None

    def replace_outcome(self, lease: Lease, evaluation: str, attempt: Attempt, outcome: Outcome) -> Evaluation:
        """Replaces the result of a DONE or FAILED evaluation by that of one more attempt."""
        result = normalised(outcome)
        with self._lock:
            old = self.evaluation(evaluation)
            return self._store(transitions.replaced(old, lease.epoch, attempt, result, self._clock()))

    def mark_lost(self, lease: Lease, evaluation: str, token: str, failure: Failure, retry_in: float) -> Evaluation:
        """Marks the current attempt LOST; it may be retried after ``retry_in`` seconds."""
        until = transitions.give_up_until(self._clock(), retry_in)
        with self._lock:
            return self._store(transitions.lost(self.evaluation(evaluation), lease.epoch, token, failure, until))

    def fail_evaluation(self, lease: Lease, evaluation: str, token: str, failure: Failure) -> Evaluation:
        """Ends an evaluation whose retries are exhausted: FAILED."""
        with self._lock:
            return self._store(transitions.failed(self.evaluation(evaluation), lease.epoch, token, failure, self._clock()))

    def cancel_evaluation(self, lease: Lease, evaluation: str, done_as: int | None = None) -> Evaluation:
        """Ends an active evaluation: CANCELLED; ``done_as`` is the number of what was measured in its place."""
        with self._lock:
            return self._store(transitions.cancelled(self.evaluation(evaluation), lease.epoch, self._clock(), done_as))

    def evaluation(self, evaluation: str) -> Evaluation:
        """Returns one evaluation. Raises NotFoundError."""
        with self._lock:
            if evaluation not in self._evaluations:
                raise NotFoundError(f"no evaluation {evaluation!r} is stored")
            return self._evaluations[evaluation]

    def evaluations(self, campaign: str, *, states: Sequence[EvaluationState] | None = None) -> list[Evaluation]:
        """Returns evaluations in proposal order."""
        with self._lock:
            numbers = self._numbers.get(self._id(campaign), {})
            ordered = [self._evaluations[numbers[known]] for known in sorted(numbers)]
        return [item for item in ordered if states is None or item.state in states]

    def readable_evaluations(self, campaign: str) -> tuple[list[Evaluation], list[str]]:
        """Returns evaluations in proposal order; records in memory can always be read."""
        return self.evaluations(campaign), []

    def columns(self, campaign: str, *, quantities: Sequence[str] = (), properties: Sequence[str] = ()) -> Columns:
        """Returns the evaluations as columns, with some further quantities and properties of their outcomes."""
        rows = [row_of(evaluation, quantities, properties) for evaluation in self.evaluations(campaign)]
        return columns_from(parts_of(rows), quantities, properties)

    def state_counts(self, campaign: str) -> dict[EvaluationState, int]:
        """Counts the evaluations by state."""
        return dict(Counter(evaluation.state for evaluation in self.evaluations(campaign)))

    def page(self, campaign: str, query: PageQuery) -> Page:
        """Returns one page of evaluations."""
        return _page_of(self.evaluations(campaign), query)

    def shell_line(self, queries: Mapping[str, PageQuery], most: int) -> str:
        """Line for mongosh that finds the evaluations of queries by name of the campaign."""
        return shell_line({self._id(name): query for name, query in queries.items()}, most)

    def changes(self, campaign: str, since: Mark | None = None) -> Changes:
        """Returns what has changed since a mark."""
        with self._lock:
            return _changes_of(self._campaigns.get(self._id(campaign)), self._clock(), self.evaluations(campaign), since)

    def each_evaluation(self, campaign: str) -> Iterator[Evaluation]:
        """Reads evaluations in proposal order."""
        yield from self.evaluations(campaign)

    def numbered(self, campaign: str, numbers: Sequence[int]) -> list[Evaluation]:
        """Returns the evaluations of some proposal numbers, in proposal order."""
        wanted = set(numbers)
        return [evaluation for evaluation in self.evaluations(campaign) if evaluation.proposal.number in wanted]

    def observations(self, campaign: str) -> list[Observation]:
        """Returns observations in proposal order."""
        with self._lock:
            known = [self._observations.get(evaluation.id) for evaluation in self.evaluations(campaign)]
            return [observation for observation in known if observation is not None]

    def rebuild_observations(self, campaign: str) -> int:
        """Derives missing observations from the evaluations; returns how many were missing."""
        with self._lock:
            before = dict(self._observations)
            for evaluation in self.evaluations(campaign):
                self._observe(evaluation)
            return sum(before.get(known) != observation for known, observation in self._observations.items())

    def insert_refit(self, lease: Lease, refit: Refit) -> Refit:
        """Stores a refit; returns the existing one if its number is already known."""
        with self._lock:
            record = campaigns.with_step(self.campaign_of(lease.campaign), lease, "last_refit", refit.number)
            self._put(record)
            return self._refits[lease.campaign].setdefault(refit.number, normalised(refit))

    def refits(self, campaign: str) -> list[Refit]:
        """Returns refits in order."""
        with self._lock:
            refits = self._refits.get(self._id(campaign), {})
            return [refits[number] for number in sorted(refits)]

    def insert_retrain(self, lease: Lease, retrain: Retrain) -> Retrain:
        """Stores a retrain before it begins; returns the existing one if its number is already known."""
        with self._lock:
            record = campaigns.with_step(self.campaign_of(lease.campaign), lease, "last_retrain", retrain.number)
            self._put(record)
            return self._retrains[lease.campaign].setdefault(retrain.number, normalised(retrain))

    def end_retrain(self, lease: Lease, end: RetrainEnd) -> RetrainEnd:
        """Stores the end of a retrain; returns the existing end if there is one."""
        with self._lock:
            record = campaigns.with_step(self.campaign_of(lease.campaign), lease, "last_retrain_end", end.number)
            self._put(record)
            return self._retrain_ends[lease.campaign].setdefault(end.number, normalised(end))

    def retrains(self, campaign: str) -> list[tuple[Retrain, RetrainEnd | None]]:
        """Returns retrains in order, each with its end if it has ended."""
        with self._lock:
            identifier = self._id(campaign)
            ends = self._retrain_ends.get(identifier, {})
            return [(item, ends.get(number)) for number, item in sorted(self._retrains.get(identifier, {}).items())]

    def append_event(self, event: Event) -> None:
        """Appends an event to the audit log; an event with a known id is ignored."""
        with self._lock:
            self._events[event.campaign].setdefault(event.id, normalised(event))

    def events(self, campaign: str, *, limit: int | None = None, kind: str | None = None) -> list[Event]:
        """Returns events in order of time; only the last ``limit`` and only those of a kind if given."""
        with self._lock:
            found = self._events.get(self._id(campaign), {})
            chosen = [event for event in found.values() if kind in (None, event.kind)]
        ordered = sorted(chosen, key=lambda event: event.at)
        return ordered if limit is None else ordered[max(len(ordered) - limit, 0) :]

    def import_observations(self, campaign: str, evaluations: Sequence[Evaluation]) -> int:
        """Inserts terminal evaluations under their ids, idempotently; returns how many were new."""
        with self._lock:
            record = self.campaign(campaign)
            numbers = self._numbers[record.id]
            new = importable(record, evaluations, {item: number for number, item in numbers.items()})
            for evaluation in new:
                numbers[evaluation.proposal.number] = evaluation.id
                self._store(normalised(evaluation))
            last = max([record.last_number, *numbers])
            self._put(record.model_copy(update={"last_number": last}))
            return len(new)

    def close(self) -> None:
        """Closes connections."""

    def _id(self, name: str) -> str:
        """Id of a campaign; empty, which nothing refers to, if none of this name is stored."""
        return self._ids.get(name, "")

    def _put(self, record: CampaignRecord) -> None:
        self._campaigns[record.id] = record

    def _store(self, evaluation: Evaluation) -> Evaluation:
        old = self._evaluations.get(evaluation.id)
        if old is evaluation:
            return evaluation
        self._evaluations[evaluation.id] = evaluation
        if old is None or old.state is not evaluation.state or len(old.attempts) != len(evaluation.attempts):
            self._observe(evaluation)
            self.append_event(transitions.event_of(evaluation, transitions.moment_of(evaluation) or self._clock()))
        return evaluation

    def _observe(self, evaluation: Evaluation) -> None:
        unit = campaigns.objective_unit(self.campaign_of(evaluation.campaign).spec)
        observation = transitions.observation_of(evaluation, unit)
        if observation is None:
            self._observations.pop(evaluation.id, None)
        else:
            self._observations[evaluation.id] = observation


class GivenCampaigns(MemoryCampaignStore):
    """Campaigns with some of their observations and evaluations.

    Args:
        observations: By name of the campaign.
        evaluations: By name of the campaign; not those that the observations come from.
    """

    def __init__(
        self,
        campaigns: Sequence[CampaignRecord],
        observations: Mapping[str, Sequence[Observation]],
        evaluations: Mapping[str, Sequence[Evaluation]],
    ) -> None:
        super().__init__()
        self._given, self._given_evaluations = observations, evaluations
        for record in campaigns:
            self.create_campaign(record)

    def observations(self, campaign: str) -> list[Observation]:
        """Returns the observations of a campaign in proposal order."""
        return list(self._given.get(campaign, ()))

    def evaluations(self, campaign: str, *, states: Sequence[EvaluationState] | None = None) -> list[Evaluation]:
        """Returns the given evaluations of a campaign."""
        return [item for item in self._given_evaluations.get(campaign, ()) if states is None or item.state in states]


def _page_of(evaluations: Sequence[Evaluation], query: PageQuery) -> Page:
    """Returns one page of evaluations."""
    chosen = [evaluation for evaluation in evaluations if _matches(evaluation, query)]
    chosen.sort(key=lambda evaluation: _key(evaluation, query), reverse=query.descending)
    if query.after is not None:
        begin, falls = (query.after.value or 0.0, query.after.number), query.descending
        chosen = [item for item in chosen if (_key(item, query) < begin if falls else _key(item, query) > begin)]
    shown = chosen[: query.limit]
    after = None
    if len(chosen) > query.limit:
        value, number = _key(shown[-1], query)
        after = Cursor(number=number, value=value if query.sort == "value" else None)
    return Page(evaluations=tuple(shown), after=after)


def _changes_of(record: CampaignRecord | None, now: datetime, evaluations: Sequence[Evaluation], since: Mark | None) -> Changes:
    """Returns what has changed since a mark."""
    if record is None or record.deleting:
        return Changes(mark=None, reset=True)
    active = [
        ActiveMark(number=evaluation.proposal.number, state=evaluation.state, attempts=len(evaluation.attempts))
        for evaluation in evaluations
        if not evaluation.state.terminal
    ]
    highest = max((evaluation.proposal.number for evaluation in evaluations), default=0)
    mark = mark_of(record, len(evaluations), active, highest)
    if since is None:
        return Changes(mark=mark, record=record, now=now, reset=True)
    earlier = sum(evaluation.proposal.number <= since.number for evaluation in evaluations)
    numbers = changed_since(since, mark, earlier)
    if numbers is None:
        return Changes(mark=mark, record=record, now=now, reset=True)
    changed = [
        evaluation
        for evaluation in evaluations
        if evaluation.proposal.number > since.number or evaluation.proposal.number in numbers
    ]
    return Changes(mark=mark, record=record, now=now, evaluations=tuple(changed))


def _matches(evaluation: Evaluation, query: PageQuery) -> bool:
    if query.states is not None and evaluation.state not in query.states:
        return False
    if query.system is not None and evaluation.proposal.system != query.system:
        return False
    if query.candidates is not None and evaluation.proposal.candidate not in query.candidates:
        return False
    if query.sort == "value" and _limited(evaluation.outcome, query.quantity) is None:
        return False
    return not query.limits_values or _in_limits(_limited(evaluation.outcome, query.quantity), query)


def _limited(outcome: Outcome | None, quantity: str | None) -> float | None:
    """The result that a query is about."""
    if outcome is None or quantity is None:
        return None if outcome is None else outcome.value
    found = outcome.quantities.get(quantity)
    return None if found is None else found.value


def _in_limits(value: float | None, query: PageQuery) -> bool:
    if value is None:
        return False
    low, high = (query.least is None or value >= query.least), (query.most is None or value <= query.most)
    return low and high and (query.above is None or value > query.above) and (query.below is None or value < query.below)


def _key(evaluation: Evaluation, query: PageQuery) -> tuple[float, int]:
    value = _limited(evaluation.outcome, query.quantity) if query.sort == "value" else None
    return (0.0 if value is None else value, evaluation.proposal.number)
