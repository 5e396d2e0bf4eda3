"""The lease of a campaign: taken, renewed by a thread, released."""

from __future__ import annotations

import threading
import time

import psutil

from tansaku.models.domain.errors import LeaseHeldError, StoreError, TransientError
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import Lease, LeaseOwner
from tansaku.models.domain.specs.site import TimingSpec
from tansaku.tasks.backends.stores.campaigns import lease_held
from tansaku.tasks.ground.site.processes import find_process, this_driver
from tansaku.tasks.loop.ledger.observer import Observer

_BEATS = 2.0  # heartbeats within which a live driver must renew an expired lease
_LOOK_AGAIN = 1.0  # longest silence of the countdown [s]


def take_lease(
    store: CampaignStore, campaign: str, owner: LeaseOwner, timing: TimingSpec, observer: Observer, halt: threading.Event
) -> Lease:
    """Takes the lease of a campaign.

    A dead driver of this host is replaced at once. A live one keeps its campaign, even if its lease seems to
    have expired because the clock was set. The state of drivers on other hosts is unknown: their lease is watched and taken
    when it expires.

    Args:
        halt: Ends the countdown early.

    Raises:
        LeaseHeldError: The owner is alive, or ``halt`` was set.
        NotFoundError: No campaign of this name is stored.
    """
    _watch_expired(store, campaign, owner, timing, observer, halt)
    seen = None
    while True:
        try:
            return store.acquire_lease(campaign, owner, timing.lease)
        except LeaseHeldError as error:
            held = store.campaign(campaign).lease
            if held is None:
                continue
            if held.owner.host == owner.host and find_process(held.owner.pid, held.owner.process_started) is None:
                return store.acquire_lease(campaign, owner, timing.lease, steal=True)
            renewed = seen is not None and (held.epoch, held.expires_at) != seen
            if renewed or halt.is_set() or _is_awake(held.owner, owner.host):
                raise
            seen = (held.epoch, held.expires_at)
            observer.on_wait(error.message, error.remaining)
            halt.wait(min(error.remaining + 0.01, _LOOK_AGAIN, timing.heartbeat))


def _watch_expired(
    store: CampaignStore, campaign: str, owner: LeaseOwner, timing: TimingSpec, observer: Observer, halt: threading.Event
) -> None:
    """Gives a live driver of this host with an expired lease time to renew it.

    A lease is timed by the server's clock: setting that clock forward makes every lease expire at once.

    Raises:
        LeaseHeldError: It has renewed the lease.
    """
    held = store.campaign(campaign).lease
    until = time.monotonic() + _BEATS * timing.heartbeat
    while held is not None and held.owner != owner and held.expires_at <= store.now() and _is_awake(held.owner, owner.host):
        left = until - time.monotonic()
        if left <= 0 or halt.is_set():
            return
        observer.on_wait(
            f"campaign {campaign!r}: its lease has expired, but its driver (process {held.owner.pid}) is alive", left
        )
        halt.wait(min(left, _LOOK_AGAIN, timing.heartbeat))
        present = store.campaign(campaign).lease
        if present is not None and present.epoch == held.epoch and present.expires_at != held.expires_at:
            raise lease_held(campaign, present, store.now())
        held = present


def refuse_living_owner(store: CampaignStore, campaign: str) -> None:
    """Checks for a live driver before anything is started.

    Raises:
        LeaseHeldError: Another process of this host drives the campaign and is alive.
        NotFoundError: No campaign of this name is stored.
    """
    held = store.campaign(campaign).lease
    if held is None or held.owner == (me := this_driver()) or held.owner.host != me.host:
        return
    now = store.now()
    if held.expires_at > now and _is_awake(held.owner, held.owner.host):
        raise lease_held(campaign, held, now)


def _is_awake(owner: LeaseOwner, host: str) -> bool:
    """Returns whether the owner is a live process of this host that is not stopped."""
    return owner.host == host and find_process(owner.pid, owner.process_started) is not None and not _is_stopped(owner)


def _is_stopped(owner: LeaseOwner) -> bool:
    process = find_process(owner.pid, owner.process_started)
    try:
        return process is not None and process.status() == psutil.STATUS_STOPPED
    except psutil.NoSuchProcess:
        return False


class Heartbeat:
    """Renews a lease in a thread of its own, so that it does not expire during a long fit.

    Args:
        duration: Of the lease [s].
        interval: Between two renewals [s].
    """

    def __init__(self, store: CampaignStore, lease: Lease, duration: float, interval: float) -> None:
        self._store = store
        self._lease = lease
        self._duration = duration
        self._interval = interval
        self._ended = threading.Event()
        self._ended_by: StoreError | None = None
        self._thread = threading.Thread(target=self._beat, name=f"lease of {lease.campaign}", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def check(self) -> None:
        """Raises the error that ended the thread: FencedError if another driver has taken over."""
        if self._ended_by is not None:
            raise self._ended_by

    def stop(self) -> None:
        """Ends the thread; the lease stays as it is."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _beat(self) -> None:
        due = time.monotonic()
        while True:
            due = max(due + self._interval, time.monotonic())
            if self._ended.wait(due - time.monotonic()):
                return
            try:
                self._store.renew_lease(self._lease, self._duration)
            except StoreError as error:
                self._ended_by = error
                return
            except TransientError:
                continue  # the loop reports the same outage; the lease is renewed when it is over
