"""Campaigns as the dashboard reads them: one reading for each version, brought up to date by what has changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock

from pydantic import AwareDatetime

from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import CampaignRecord, Lease, Record, Steerer
from tansaku.models.domain.states import CampaignState
from tansaku.models.domain.views import Changes, Mark
from tansaku.tasks.ground.site.garbage import give_back_memory
from tansaku.tasks.loop.steps.collect import LATE_RESULT
from tansaku.tasks.read.views.budget import progress_of, share_used
from tansaku.tasks.read.views.campaign import Campaign, Made
from tansaku.tasks.read.views.headline import Best
from tansaku.tasks.read.views.overview import UnreadableCampaign, each_campaign
from tansaku.tasks.read.views.prospects import RecentPools
from tansaku.tasks.read.views.status import describe_silence, live_lease, status_of

_MOST_READINGS = 16
_MOST_ROWS = 500_000
"""Evaluations and candidates of all readings that are kept, the last one apart."""


class CampaignLine(Record):
    """A campaign in the list of all.

    Attributes:
        id: Never changes, while the name may.
        state: Also tells why nothing more is proposed, where that is known.
        best: Best value of the search so far, of the first objective.
        unit: Of ``best``.
        candidate: That has it.
        relaxed: Best of the final relaxation, which may be another candidate; None before its first value.
        drivers: How many drivers it has had.
        evaluations: Evaluations of the search, without ``adopted``.
        adopted: Results that were known already.
        pending: Evaluations of the search without a result yet.
        cost: Spent and reserved by the search.
        cost_unit: None where the file gives costs, whose unit is unknown.
        limit: Cost that may be spent, None for no limit.
        progress: What is done of what the nearest limit allows, or of the candidates that can be evaluated, 0 to 1; None
            without a limit.
        used: Share of the limit of the budget that is nearest, 0 to 1; None without a limit.
        driver: Who drives it now, or None.
        silence: Since when nothing was heard of that driver, in words; None: it was heard lately.
        updated: Time of the last proposal, result or command.
        problem: What is wrong with the campaign.
        steerers: Its owner, and users with whom it is shared.
    """

    id: str
    name: str
    state: CampaignState
    stop_reason: str | None
    best: float | None
    unit: str
    candidate: str | None
    relaxed: Best | None
    drivers: int
    evaluations: int
    adopted: int = 0
    pending: int = 0
    failed: int
    cost: float
    cost_unit: str | None
    limit: float | None
    progress: float | None = None
    used: float | None = None
    driver: str | None
    silence: str | None = None
    updated: AwareDatetime
    problem: str | None
    steerers: tuple[Steerer, ...] = ()


@dataclass(frozen=True)
class Glance:
    """Result of a quick look at a campaign.

    Attributes:
        version: See :class:`~tansaku.tasks.read.views.campaign.Campaign`.
        record: The campaign as stored.
        lease: Of its driver; None: nobody drives it.
        silence: Since when nothing was heard of that driver, in words; None: it was heard lately.
        late: Id of the last event about a late result, None without one.
        changes: Since the mark that was given.
    """

    version: str
    record: CampaignRecord
    lease: Lease | None
    silence: str | None
    late: str | None
    changes: Changes


def look_at(store: CampaignStore, name: str, since: Mark | None = None) -> Glance:
    """Looks at what has changed of a campaign.

    Results are seen through the numbers above the last and the evaluations in progress; retries, imports and a new campaign of
    the same name through the mark; what changes no state of an evaluation through the events.

    Args:
        since: What was seen before.

    Raises:
        NotFoundError: No campaign of this name is stored.
        StoreError: Its record cannot be read.
    """
    changes = store.changes(name, since)
    record = changes.record or store.campaign(name)
    now = changes.now or store.now()
    lease = live_lease(record, now)
    silence = describe_silence(lease, now)
    # Of a campaign that is being deleted there is no mark.
    mark = sorted(store.stored_counts(name).items()) if changes.mark is None else changes.mark.model_dump(mode="json")
    newest = [event.id for event in store.events(name, limit=1)]
    late = [event.id for event in store.events(name, kind=LATE_RESULT, limit=1)]
    version = short_hash(
        [
            mark,
            record.created_at.isoformat(),
            record.spec,
            [record.epoch, record.last_number, record.last_refit, record.last_retrain, record.last_retrain_end],
            [record.deleting, lease is not None, silence],
            [steerer.user for steerer in record.steerers],
            None if record.stop is None else record.stop.reason,
            [[command.id, command.applied_at_number] for command in record.commands],
            newest,
            late,
        ]
    )
    return Glance(version, record, lease, silence, late[0] if late else None, changes)


class _Followed:
    """A campaign that is read again and again, by one thread at a time.

    Args:
        store: Holds it.
        pools: Spaces that were opened before.
    """

    def __init__(self, store: CampaignStore, name: str, pools: RecentPools) -> None:
        self.lock = Lock()
        self.looks = 0  # that have begun
        self.reading: Campaign | None = None
        self._seen = 0  # number of the look that the reading is of
        self._store = store
        self._name = name
        self._pools = pools
        self._mark: Mark | None = None
        self._late: str | None = None

    @property
    def rows(self) -> int:
        """Evaluations and candidates in memory."""
        kept = self.reading
        if kept is None:
            return 0
        prospects = kept.prospects
        return len(kept.columns) + (0 if prospects is None else len(prospects.pool))

    def version(self, arrived: int) -> str:
        """The present version, see :meth:`Readings.version`; arguments as of :meth:`read`."""
        if self.reading is not None:
            return self.read(arrived).version
        now = look_at(self._store, self._name, self._mark)
        self._mark, self._late = now.changes.mark, now.late
        return now.version

    def read(self, arrived: int) -> Campaign:
        """The present reading, see :meth:`Readings.reading`.

        Args:
            arrived: Looks that had begun when it was asked for. A later one that another thread took is recent enough.
        """
        kept = self.reading
        if kept is not None and self._seen > arrived:
            return kept
        self.looks += 1
        now = look_at(self._store, self._name, self._mark)
        if kept is not None and now.version == kept.version:
            if now.record != kept.record:  # the lease was renewed
                self.reading = kept = replace(kept, record=now.record, lease=now.lease)
            self._seen = self.looks
            return kept
        earlier = kept if now.late == self._late and _continues(now.changes) else None
        if earlier is None:
            found = Campaign.of(self._store, now.record)
        else:
            found = earlier.updated(now.record, now.changes.evaluations)
        if kept is not None and kept.spec.space == found.spec.space:
            found = replace(found, lasting=kept.lasting)
        found = replace(found, pools=self._pools, lease=now.lease, silence=now.silence, version=now.version)
        status_of(found)  # every page shows it
        if earlier is None:
            give_back_memory()
        self.reading, self._seen = found, self.looks
        self._mark, self._late = now.changes.mark, now.late
        return found


def _continues(changes: Changes) -> bool:
    """Returns whether an earlier reading is still valid except for the reported changes."""
    return changes.mark is not None and not changes.reset and not changes.problems


class Readings:
    """Reads campaigns and keeps the last readings: many viewers of one version cost one reading. Safe between threads.

    Args:
        store: Holds the campaigns.
    """

    def __init__(self, store: CampaignStore) -> None:
        self.store = store
        self._lock = Lock()
        self._pools = RecentPools()
        self._followed: OrderedDict[str, _Followed] = OrderedDict()
        self._lines: dict[str, tuple[str, CampaignLine]] = {}

    def version(self, name: str) -> str:
        """The present version of a campaign, without reading its evaluations. Raises as :meth:`reading`."""
        return self._asked(name, _Followed.version)

    def reading(self, name: str, seen: str | None = None) -> Campaign:
        """The present version of a campaign, read at most once.

        Args:
            seen: A version that is recent enough: if it is the one that was read last, the store is not asked.

        Raises:
            NotFoundError: No campaign of this name is stored.
            StoreError: It cannot be read here.
        """
        known = self._followed.get(name)
        kept = None if known is None else known.reading
        if seen is not None and kept is not None and kept.version == seen:
            return kept
        found = self._asked(name, _Followed.read)
        self._tidy(name)
        return found

    def lines(self) -> list[CampaignLine | UnreadableCampaign]:
        """All campaigns by name; one that cannot be read is a line with the reason.

        Raises:
            TransientError: The database does not answer.
        """
        return list(each_campaign(self.store, self._line))

    def _line(self, name: str) -> CampaignLine:
        kept = self._lines.get(name)
        if kept is not None and self.version(name) == kept[0]:
            return kept[1]
        reading = self.reading(name)
        line = campaign_line(reading)
        self._lines[name] = reading.version, line
        return line

    def _asked(self, name: str, ask: Callable[[_Followed, int], Made]) -> Made:
        with self._lock:
            followed = self._followed.setdefault(name, _Followed(self.store, name, self._pools))
        arrived = followed.looks
        try:
            with followed.lock:
                return ask(followed, arrived)
        except NotFoundError:
            with self._lock:
                self._followed.pop(name, None)
                self._lines.pop(name, None)
            raise

    def _tidy(self, name: str) -> None:
        """Forgets the readings that were not used for longest when there are too many; what was seen of them is kept."""
        with self._lock:
            if name in self._followed:
                self._followed.move_to_end(name)
            kept = [(known, followed) for known, followed in self._followed.items() if followed.reading is not None]
            rows = sum(followed.rows for _, followed in kept)
            for place, (known, followed) in enumerate(kept):
                if known == name or (len(kept) - place <= _MOST_READINGS and rows <= _MOST_ROWS):
                    break
                rows -= followed.rows
                followed.reading = None


def campaign_line(reading: Campaign) -> CampaignLine:
    """A campaign's line in the list of all."""
    status = status_of(reading)
    best = status.headline.search
    return CampaignLine(
        id=reading.record.id,
        name=status.name,
        state=status.state,
        stop_reason=None if status.stop_reason is None else status.stop_reason.value,
        best=None if best is None else best.value,
        unit=reading.spec.objective.unit,
        candidate=None if best is None else best.candidate,
        relaxed=status.headline.relaxed,
        drivers=reading.record.epoch,
        evaluations=status.evaluations,
        adopted=status.adopted,
        pending=status.pending,
        failed=status.failed,
        cost=status.cost,
        cost_unit=status.cost_unit,
        limit=status.limit,
        progress=progress_of(status.budget),
        used=share_used(status.budget) if any(item.share is not None for item in status.budget) else None,
        driver=status.driver,
        silence=status.silence,
        updated=reading.changed_at,
        problem=status.problem,
        steerers=reading.record.steerers,
    )
