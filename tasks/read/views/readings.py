"""Campaigns as the dashboard reads them: one reading for each version, brought up to date by what has changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from threading import Lock
from typing import Any, TypeVar, cast

from pydantic import AwareDatetime

from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import CampaignRecord, Evaluation, Lease, Record, Steerer
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import CampaignState
from tansaku.models.domain.views import Changes, Columns, Mark
from tansaku.tasks.ground.site.garbage import give_back_memory
from tansaku.tasks.loop.steps.late import LATE_RESULT
from tansaku.tasks.read.views.headline import Best
from tansaku.tasks.read.views.overview import UnreadableCampaign, each_campaign
from tansaku.tasks.read.views.prospects import RecentPools
from tansaku.tasks.read.views.status import CampaignStatus, describe_silence, live_lease, status_of
from tansaku.tasks.read.views.stored_campaign import StoredCampaign

_MOST_WHOLE = 200  # evaluations that a reading keeps whole
_MOST_READINGS = 16
_MOST_ROWS = 500_000
"""Evaluations and candidates of all readings that are kept, the last one apart."""

Made = TypeVar("Made")


@dataclass
class _Slot:
    """An entry that one thread makes while the others wait."""

    lock: Lock = field(default_factory=Lock)
    done: bool = False
    made: Any = None


class Once:
    """Thread-safe cache that computes each entry at its first request."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._slots: dict[object, _Slot] = {}

    def get(self, key: object, make: Callable[[], Made]) -> Made:
        """Returns the entry of a key, made if it is missing while others wait. After an error the next caller tries again.

        Args:
            key: What it is.
            make: Makes it; it may ask for other keys.
        """
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
        if not slot.done:
            with slot.lock:
                if not slot.done:
                    slot.made, slot.done = make(), True
        return cast(Made, slot.made)


class KeptEvaluations:
    """Whole evaluations of a campaign, read when they are asked for; the last ones are kept. Safe between threads.

    Args:
        store: Where they are.
        name: Of the campaign.
    """

    def __init__(self, store: CampaignStore, name: str) -> None:
        self._store = store
        self._name = name
        self._lock = Lock()
        self._kept: OrderedDict[int, Evaluation] = OrderedDict()

    def numbered(self, numbers: Sequence[int]) -> list[Evaluation]:
        """Evaluations of some proposal numbers, in the order of the numbers; those that are gone are left out.

        Raises:
            StoreError: One of them cannot be read.
        """
        with self._lock:
            found = {number: self._kept[number] for number in numbers if number in self._kept}
        missing = [number for number in numbers if number not in found]
        read = self._store.numbered(self._name, missing) if missing else []
        self.note(read)
        found |= {item.proposal.number: item for item in read}
        return [found[number] for number in numbers if number in found]

    def note(self, evaluations: Sequence[Evaluation]) -> None:
        """Keeps evaluations as they now are."""
        with self._lock:
            for item in evaluations:
                self._kept[item.proposal.number] = item
                self._kept.move_to_end(item.proposal.number)
            while len(self._kept) > _MOST_WHOLE:
                self._kept.popitem(last=False)


@dataclass(frozen=True)
class Reading:
    """One campaign at one version.

    Attributes:
        version: A short text that differs whenever something stored of the campaign differs; it depends on no clock but the
            database's, by which leases expire.
        campaign: What is stored, as arrays.
        status: Counts, cost, failures, certificate.
        evaluations: Reads whole evaluations.
    """

    version: str
    campaign: StoredCampaign
    status: CampaignStatus
    evaluations: KeptEvaluations
    _once: Once = field(default_factory=Once, repr=False, compare=False)

    @property
    def record(self) -> CampaignRecord:
        """The campaign as stored."""
        return self.campaign.record

    @property
    def spec(self) -> CampaignSpec:
        """Resolved spec of the campaign, edits applied."""
        return self.campaign.spec

    @property
    def arrays(self) -> Columns:
        """Evaluations of the campaign."""
        return self.campaign.arrays

    @property
    def sign(self) -> float:
        """1 when the objective is minimised, -1 when it is maximised."""
        return 1.0 if self.spec.objective.direction == "minimize" else -1.0

    @property
    def best(self) -> Best | None:
        """The best value of the search so far."""
        return self.status.headline.search

    @cached_property
    def updated(self) -> AwareDatetime:
        """Time of the last proposal, result or command."""
        times = [self.record.created_at, *(command.created_at for command in self.record.commands)]
        if len(self.arrays):
            times.append(datetime.fromtimestamp(int(self.arrays.changed_at.max()) / 1000, UTC))
        return max(times)

    def once(self, key: object, make: Callable[[], Made]) -> Made:
        """Returns a value derived from this version, computed at most once for all viewers.

        Args:
            key: What it is.
            make: Makes it.
        """
        return self._once.get(key, make)


class CampaignLine(Record):
    """A campaign in the list of all.

    Attributes:
        state: Also tells why nothing more is proposed, where that is known.
        best: Best value of the search so far, of the first objective.
        unit: Of ``best``.
        candidate: That has it.
        relaxed: Best of the final relaxation, which may be another candidate; None before its first value.
        drivers: How many drivers it has had.
        cost: Spent and reserved by the search.
        cost_unit: None where the file gives costs, whose unit is unknown.
        limit: Cost that may be spent, None for no limit.
        driver: Who drives it now, or None.
        silence: Since when nothing was heard of that driver, in words; None: it was heard lately.
        updated: Time of the last proposal, result or command.
        problem: What is wrong with the campaign.
        steerers: Its owner, and users with whom it is shared.
    """

    name: str
    state: CampaignState
    stop_reason: str | None
    best: float | None
    unit: str
    candidate: str | None
    relaxed: Best | None
    drivers: int
    evaluations: int
    failed: int
    cost: float
    cost_unit: str | None
    limit: float | None
    driver: str | None
    silence: str | None = None
    updated: AwareDatetime
    problem: str | None
    steerers: tuple[Steerer, ...] = ()


@dataclass(frozen=True)
class Glance:
    """Result of a quick look at a campaign.

    Attributes:
        version: See :class:`Reading`.
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
        store: Holds the campaign.
        name: Of the campaign.
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
        name: Of the campaign.
        pools: Spaces that were opened before.
    """

    def __init__(self, store: CampaignStore, name: str, pools: RecentPools) -> None:
        self.lock = Lock()
        self.reading: Reading | None = None
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
        prospects = kept.campaign.prospects
        return len(kept.arrays) + (0 if prospects is None else len(prospects.pool))

    def version(self) -> str:
        """The present version, see :meth:`Readings.version`."""
        if self.reading is not None:
            return self.read().version
        now = look_at(self._store, self._name, self._mark)
        self._mark, self._late = now.changes.mark, now.late
        return now.version

    def read(self) -> Reading:
        """The present reading, see :meth:`Readings.reading`."""
        kept = self.reading
        now = look_at(self._store, self._name, self._mark)
        if kept is not None and now.version == kept.version:
            if now.record != kept.record:  # the lease was renewed
                self.reading = kept = replace(kept, campaign=replace(kept.campaign, record=now.record, lease=now.lease))
            return kept
        if kept is None or now.late != self._late or not _continues(now.changes):
            campaign = StoredCampaign.load(self._store, now.record, self._pools, now.lease)
            give_back_memory()
            evaluations = KeptEvaluations(self._store, self._name)
        else:
            campaign = kept.campaign.updated(self._store, now.record, now.lease, now.changes.evaluations)
            evaluations = kept.evaluations
            evaluations.note(now.changes.evaluations)
        self.reading = Reading(now.version, campaign, status_of(campaign, now.silence), evaluations)
        self._mark, self._late = now.changes.mark, now.late
        return self.reading


def _continues(changes: Changes) -> bool:
    """Returns whether an earlier reading is still valid except for the reported changes."""
    return changes.mark is not None and not changes.reset and not changes.problems


class Readings:
    """Reads campaigns and keeps the last readings: many viewers of one version cost one reading. Safe between threads.

    Args:
        store: Holds the campaigns.
    """

    def __init__(self, store: CampaignStore) -> None:
        self._store = store
        self._lock = Lock()
        self._pools = RecentPools()
        self._followed: OrderedDict[str, _Followed] = OrderedDict()
        self._lines: dict[str, tuple[str, CampaignLine]] = {}

    def version(self, name: str) -> str:
        """The present version of a campaign, without reading its evaluations. Raises as :meth:`reading`."""
        return self._asked(name, _Followed.version)

    def reading(self, name: str, seen: str | None = None) -> Reading:
        """The present version of a campaign, read at most once.

        Args:
            name: Of the campaign.
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
        return list(each_campaign(self._store, self._line))

    def _line(self, name: str) -> CampaignLine:
        kept = self._lines.get(name)
        if kept is not None and self.version(name) == kept[0]:
            return kept[1]
        reading = self.reading(name)
        line = campaign_line(reading)
        self._lines[name] = reading.version, line
        return line

    def _asked(self, name: str, ask: Callable[[_Followed], Made]) -> Made:
        with self._lock:
            followed = self._followed.setdefault(name, _Followed(self._store, name, self._pools))
        try:
            with followed.lock:
                return ask(followed)
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


def campaign_line(reading: Reading) -> CampaignLine:
    """A campaign's line in the list of all."""
    status, best = reading.status, reading.best
    return CampaignLine(
        name=status.name,
        state=status.state,
        stop_reason=None if status.stop_reason is None else status.stop_reason.value,
        best=None if best is None else best.value,
        unit=reading.spec.objective.unit,
        candidate=None if best is None else best.candidate,
        relaxed=status.headline.relaxed,
        drivers=reading.record.epoch,
        evaluations=status.evaluations,
        failed=status.failed,
        cost=status.cost,
        cost_unit=status.cost_unit,
        limit=status.limit,
        driver=status.driver,
        silence=status.silence,
        updated=reading.updated,
        problem=status.problem,
        steerers=reading.record.steerers,
    )
