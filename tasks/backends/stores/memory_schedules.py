"""Schedules in memory, for tests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from tansaku.models.domain.schedules import Schedule, ScheduleMirror
from tansaku.tasks.backends.stores.documents import normalised, utc_now


class MemorySchedules:
    """``Schedules`` that live as long as the process.

    Args:
        clock: Of the store.
    """

    def __init__(self, clock: Callable[[], datetime] = utc_now) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._schedules: dict[str, Schedule] = {}
        self._mirrors: dict[str, ScheduleMirror] = {}

    def add_schedule(self, schedule: Schedule) -> Schedule:
        """Stores a schedule; returns the stored one of its id."""
        with self._lock:
            return self._schedules.setdefault(schedule.id, normalised(schedule))

    def schedules(self) -> list[Schedule]:
        """All, the oldest first."""
        with self._lock:
            return sorted(self._schedules.values(), key=lambda known: (known.created_at, known.id))

    def replace_schedule(self, schedule: Schedule) -> bool:
        """Stores a changed schedule under the next version; returns whether it had the given one."""
        with self._lock:
            known = self._schedules.get(schedule.id)
            if known is None or known.version != schedule.version:
                return False
            held = {"holder": known.holder, "held_until": known.held_until, "version": known.version + 1}
            self._schedules[known.id] = normalised(schedule.model_copy(update=held))
            return True

    def rename_campaign(self, old: str, new: str, created_at: datetime) -> None:
        """Gives the schedules of a campaign its new name."""
        with self._lock:
            for known in self.schedules():
                if (known.campaign, known.campaign_created_at) == (old, created_at):
                    self._schedules[known.id] = known.model_copy(update={"campaign": new, "version": known.version + 1})

    def hold_schedule(self, schedule_id: str, holder: str, seconds: float) -> bool:
        """Takes or keeps a schedule; returns whether it is the holder's now."""
        with self._lock:
            known, now = self._schedules.get(schedule_id), self._clock()
            if known is None:
                return False
            if known.holder not in (None, holder) and (known.held_until is None or known.held_until > now):
                return False
            held = {"holder": holder, "held_until": now + timedelta(seconds=seconds)}
            self._schedules[known.id] = normalised(known.model_copy(update=held))
            return True

    def forget_schedule(self, schedule_id: str) -> None:
        """Deletes the record of a schedule that was to vanish."""
        with self._lock:
            known = self._schedules.get(schedule_id)
            if known is not None and known.removed:
                del self._schedules[schedule_id]

    def mirror_schedules(self, mirror: ScheduleMirror) -> None:
        """Stores what a service says in place of what it said before."""
        with self._lock:
            self._mirrors[mirror.id] = normalised(mirror)

    def schedule_mirrors(self) -> list[ScheduleMirror]:
        """The latest reports of all services, by name."""
        with self._lock:
            return [self._mirrors[name] for name in sorted(self._mirrors)]
