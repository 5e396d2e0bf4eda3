"""Campaigns as the dashboard reads them: a version that changes with what is stored, and one reading for each version."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

from pydantic import AwareDatetime

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import CampaignRecord, Evaluation, Record
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import ACTIVE_STATES, CampaignState
from tansaku.tasks.views.origins import best_of, value_of
from tansaku.tasks.views.overview import UnreadableCampaign, each_campaign, stored_spec
from tansaku.tasks.views.progress import CampaignStatus, campaign_status, live_lease

_MOST_READINGS = 16


@dataclass(frozen=True)
class Reading:
    """One campaign at one version.

    Attributes:
        version: See :func:`campaign_version`.
        record: The campaign as stored.
        spec: Its resolved spec, edits applied.
        status: Counts, cost, failures, certificate.
        evaluations: Those that can be read, in proposal order, final relaxations included.
    """

    version: str
    record: CampaignRecord
    spec: CampaignSpec
    status: CampaignStatus
    evaluations: tuple[Evaluation, ...]

    @property
    def sign(self) -> float:
        """1 when the objective is minimised, -1 when it is maximised."""
        return 1.0 if self.spec.objective.direction == "minimize" else -1.0

    @property
    def search(self) -> tuple[Evaluation, ...]:
        """Evaluations of the search, in proposal order."""
        return tuple(item for item in self.evaluations if item.proposal.purpose == "search")

    @property
    def best(self) -> Evaluation | None:
        """The best evaluation of the search so far."""
        return best_of(self.search, self.sign)

    @property
    def updated(self) -> AwareDatetime:
        """Time of the last proposal, result or command."""
        times = [self.record.created_at, *(command.created_at for command in self.record.commands)]
        times += [moment for item in self.evaluations for moment in (item.proposed_at, item.finished_at) if moment is not None]
        return max(times)


class CampaignLine(Record):
    """A campaign in the list of all.

    Attributes:
        state: Also tells why nothing more is proposed, where that is known.
        best: Best value of the search so far, of the first objective.
        unit: Of ``best``.
        candidate: That has it.
        cost: Spent and reserved by the search.
        cost_unit: None where the file gives costs, whose unit is unknown.
        limit: Cost that may be spent, None for no limit.
        driver: Who drives it now, or None.
        updated: Time of the last proposal, result or command.
        problem: What is wrong with the campaign.
    """

    name: str
    state: CampaignState
    stop_reason: str | None
    best: float | None
    unit: str
    candidate: str | None
    evaluations: int
    failed: int
    cost: float
    cost_unit: str | None
    limit: float | None
    driver: str | None
    updated: AwareDatetime
    problem: str | None


def campaign_version(store: CampaignStore, record: CampaignRecord) -> str:
    """A short text that differs whenever something stored of a campaign differs; it depends on no clock but the lease's.

    Results are seen through the evaluations in progress, retries and reruns through their commands and events, imports through
    the counts, and a campaign that was deleted and created again through its time of creation.

    Args:
        store: Holds the campaign.
        record: The campaign.
    """
    counts = store.stored_counts(record.name)
    commands = [[command.id, command.applied_at_number] for command in record.commands]
    return short_hash(
        [
            record.created_at.isoformat(),
            record.spec,
            [record.epoch, record.last_number, record.last_refit, record.last_retrain, record.last_retrain_end],
            [record.deleting, live_lease(record) is not None],
            commands,
            sorted(counts.items()),
            _in_progress(store, record.name),
        ]
    )


def _in_progress(store: CampaignStore, name: str) -> list[list[object]]:
    """Evaluations in progress, or why they cannot be read."""
    try:
        active = store.evaluations(name, states=ACTIVE_STATES)
    except StoreError as error:
        return [[error.message]]
    return [[item.id, item.state.value, len(item.attempts)] for item in active]


def read_campaign(store: CampaignStore, name: str) -> Reading:
    """Reads a campaign.

    Raises:
        NotFoundError: No campaign of this name is stored.
        StoreError: It cannot be read here.
    """
    record = store.campaign(name)
    version = campaign_version(store, record)
    evaluations, _ = store.readable_evaluations(name)
    return Reading(version, record, stored_spec(record), campaign_status(store, name), tuple(evaluations))


class Readings:
    """Reads campaigns and keeps the last readings: many viewers of one version cost one reading. Safe between threads.

    Args:
        store: Holds the campaigns.
    """

    def __init__(self, store: CampaignStore) -> None:
        self._store = store
        self._lock = Lock()
        self._kept: OrderedDict[str, Reading] = OrderedDict()

    def version(self, name: str) -> str:
        """The present version of a campaign. Raises NotFoundError."""
        return campaign_version(self._store, self._store.campaign(name))

    def reading(self, name: str) -> Reading:
        """The present version of a campaign, read at most once.

        Raises:
            NotFoundError: No campaign of this name is stored.
            StoreError: It cannot be read here.
        """
        version = self.version(name)
        with self._lock:
            kept = self._kept.get(name)
            if kept is not None and kept.version == version:
                self._kept.move_to_end(name)
                return kept
        found = read_campaign(self._store, name)
        with self._lock:
            self._kept[name] = found
            self._kept.move_to_end(name)
            while len(self._kept) > _MOST_READINGS:
                self._kept.popitem(last=False)
        return found

    def lines(self) -> list[CampaignLine | UnreadableCampaign]:
        """All campaigns by name; one that cannot be read is a line with the reason.

        Raises:
            TransientError: The database does not answer.
        """
        return list(each_campaign(self._store, lambda name: campaign_line(self.reading(name))))


def campaign_line(reading: Reading) -> CampaignLine:
    """A campaign's line in the list of all."""
    status, best = reading.status, reading.best
    return CampaignLine(
        name=status.name,
        state=status.state,
        stop_reason=None if status.stop_reason is None else status.stop_reason.value,
        best=None if best is None else value_of(best),
        unit=reading.spec.objective.unit,
        candidate=None if best is None else best.proposal.candidate,
        evaluations=status.evaluations,
        failed=status.failed,
        cost=status.cost,
        cost_unit=status.cost_unit,
        limit=status.limit,
        driver=status.driver,
        updated=reading.updated,
        problem=status.problem,
    )
