"""The campaign loop of one driver, from taking the lease to the last final relaxation. Flows run it in Prefect."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from itertools import chain
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from tansaku.models.domain.errors import ConfigurationError, DiskFullError, TransientError
from tansaku.models.domain.plugins import origins
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import Space
from tansaku.models.domain.records import SEARCHED, CampaignRecord, Evaluation, Lease, Outcome
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import EvaluationState, StopReason
from tansaku.spaces.levels import searched_pool
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.ground.site.garbage import collection_paused
from tansaku.tasks.ground.site.processes import process_identity, this_driver
from tansaku.tasks.loop.driver.lease import Heartbeat, take_lease
from tansaku.tasks.loop.driver.result import DriveResult, EndReason
from tansaku.tasks.loop.ledger.context import Choosing, Ledger, StepContext, Workshop, log_event
from tansaku.tasks.loop.ledger.observer import Observer
from tansaku.tasks.loop.ledger.startable import check_startable
from tansaku.tasks.loop.retraining.committee import open_committee
from tansaku.tasks.loop.retraining.driver import abandon_training, advance_training, tidy_trainings
from tansaku.tasks.loop.reuse.known import KnownResults
from tansaku.tasks.loop.reuse.plugin_versions import note_plugins
from tansaku.tasks.loop.steps.apply_commands import apply_commands
from tansaku.tasks.loop.steps.beforehand import adopt_beforehand, choosing_after
from tansaku.tasks.loop.steps.certificates import note_final, recent_certificates, stopping, stored_certificates
from tansaku.tasks.loop.steps.collect import collect, collect_late, handles_of, tidy, under_way, watch
from tansaku.tasks.loop.steps.polish import polish
from tansaku.tasks.loop.steps.propose import include_proposed, propose, refiner_of, stop_decision
from tansaku.tasks.loop.steps.references import next_reference, reference_energies
from tansaku.tasks.loop.steps.submit import UNSUBMITTED, submit
from tansaku.tasks.loop.steps.void import absurd_ones, void, void_unreproduced
from tansaku.tasks.loop.transfer.sources import open_proposer
from tansaku.tasks.node.configuration.references import as_if_computed, reference_elements, with_computed


@dataclass(frozen=True)
class _Searched:
    """Space of a campaign, and how its candidates are chosen.

    Attributes:
        space: Of the campaign.
        pool: Its candidates before the first proposal.
        known: Results that it adopts; None: it adopts none.
        choosing: Opens the proposer.
        references: Elements that the first evaluations compute.
        energies: What these gave [eV/atom]; None while one is missing.
    """

    space: Space
    pool: CandidatePool
    known: KnownResults | None
    choosing: Callable[[], Choosing]
    references: tuple[str, ...]
    energies: Mapping[str, float] | None


_POLISHED_AFTER = (
    StopReason.BUDGET,
    StopReason.EVALUATIONS,
    StopReason.EXHAUSTED,
    StopReason.CERTAIN,
    StopReason.NOT_WORTH_IT,
    StopReason.TARGET,
)
_BY_RULE = (StopReason.CERTAIN, StopReason.NOT_WORTH_IT)
_FIRST_PAUSE = 0.1  # after the first failure of an outage [s]; doubled up to the heartbeat, until a turn succeeds


class CampaignLoop:
    """Drives one campaign while it is entered as a context: the lease is taken at entry and given back at exit.

    Args:
        resources: Store, artifacts and launchers.
        name: A campaign that is stored.
        observer: Watches.
        halt: Ends the loop soon when set; running jobs continue.
        proposes: False: it only obeys, and opens the proposer where a command needs it.
    """

    def __init__(
        self,
        resources: Resources,
        name: str,
        observer: Observer | None = None,
        *,
        halt: threading.Event | None = None,
        proposes: bool = True,
    ) -> None:
        self._resources = resources
        self._name = name
        self._observer = observer or Observer()
        self._halt = halt or threading.Event()
        self._proposes = proposes
        self._timing = resources.site.timing
        self._stack = ExitStack()
        self._search_over: StopReason | None = None
        self._end: EndReason | None = None
        self._look_at_commands = 0.0
        self._outage_since: float | None = None
        self._pause = _FIRST_PAUSE
        self._reminder = Reminder(self._observer, self._timing.reminder)

    def __enter__(self) -> Self:
        """Takes the lease, loads what is stored and starts the backend; an outage meanwhile is waited out.

        Raises:
            LeaseHeldError: Another driver owns the campaign.
            TransientError: Database or backend did not answer for longer than the site's patience.
            NotFoundError: No campaign of this name is stored.
            ConfigurationError: It has no evaluation yet, and this machine is to start a program that it lacks.
            MissingComponentError: The same, of a program that has to be installed.
        """
        while True:
            try:
                with ExitStack() as stack:
                    self._open(stack)
                    self._stack = stack.pop_all()
                self._outage_since, self._pause = None, _FIRST_PAUSE
                return self
            except TransientError as error:
                self._wait_out(error)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._stack.close()

    @property
    def result(self) -> DriveResult:
        """State of the driver's work; ``interrupted`` until it has ended for another reason."""
        ledger = self._context.ledger
        return DriveResult(
            campaign=self._name,
            reason=self._end or "interrupted",
            last_number=ledger.last_number,
            active=len(ledger.active),
            all_failed=ledger.all_failed,
            proposer_seconds=ledger.proposer_seconds,
        )

    def advance(self, seconds: float | None = None) -> bool:
        """Continues for some time.

        Args:
            seconds: None: to the end.

        Returns:
            Whether the loop has ended.

        Raises:
            FencedError: Another driver has taken over; this driver has written nothing since.
            TransientError: Database or backend did not answer for longer than the site's patience.
        """
        until = None if seconds is None else time.monotonic() + seconds
        while self._end is None and (until is None or time.monotonic() < until):
            if self._halt.is_set():
                self._end = "interrupted"
                break
            try:
                self._turn()
                self._outage_since, self._pause = None, _FIRST_PAUSE
            except TransientError as error:
                self._recover(error)
        if self._end is not None:
            self._observer.on_stop(self._end)
        return self._end is not None

    def collect(self) -> list[Evaluation]:
        """Looks once at every job: adopts results and gives up what is lost; proposes and submits nothing.

        Returns:
            The evaluations that changed, as stored.
        """
        changed = collect(self._context)
        for evaluation in changed:
            watch(self._context, evaluation)
        void_unreproduced(self._context, changed)
        return changed + collect_late(self._context)

    def obey(self) -> None:
        """Applies the commands that wait; proposes and submits nothing."""
        self._look_at_commands = 0.0
        self._obey()

    def _open(self, stack: ExitStack) -> None:
        resources, store = self._resources, self._resources.store
        lease = take_lease(store, self._name, this_driver(), self._timing, self._observer, self._halt)
        stack.callback(self._give_back, lease)
        self._heartbeat = Heartbeat(store, lease, self._timing.lease, self._timing.heartbeat)
        self._heartbeat.start()
        stack.callback(self._heartbeat.stop)
        record = store.campaign(self._name)
        spec = stored_spec(record)
        searched = self._searched(record, spec)
        if self._proposes:
            searched.choosing()  # what it lacks is to be known before anything is started
        launcher = resources.launcher(spec, record.id)
        launcher.start()
        stack.callback(launcher.stop)
        self._context = StepContext(
            name=self._name,
            lease=lease,
            store=store,
            artifacts=resources.artifacts,
            launcher=launcher,
            choosing=searched.choosing,
            ledger=Ledger(record, spec, searched.pool, refiner=refiner_of(searched.space)),
            observer=self._observer,
            workshop=Workshop(
                registry=resources.registry,
                folder=resources.job_folder(record.id) / "training",
                device=resources.site.training.device,
                by_service=resources.site.training.by == "service",
            ),
            committee=open_committee(searched.space, searched.pool, spec, resources.artifacts),
            known=searched.known,
            plugins=origins({"proposers": spec.proposer.type, "launchers": resources.site.launcher.type}),
            references=searched.references,
            energies=searched.energies,
        )
        store.set_runtime(lease, {"driver": process_identity(), "launcher": dict(launcher.runtime())})
        self._load(opens=True)
        note_plugins(store, record)
        if not self._context.ledger.evaluations and resources.site.launcher.shared_folder is None:
            check_startable(spec)
        tidy_trainings(self._context)

    def _searched(self, record: CampaignRecord, spec: CampaignSpec) -> _Searched:
        """Opens the space and the choice of candidates, with the energies of elements that evaluations have given."""
        resources, store, base_path = self._resources, self._resources.store, Path(record.base_path)
        space = _space_of(record, spec)
        elements = reference_elements(spec, space, base_path)
        energies = reference_energies(store.numbered(record.name, range(1, len(elements) + 1)), elements) if elements else None
        if elements:
            spec = as_if_computed(spec, elements) if energies is None else with_computed(spec, energies)
            space = _space_of(record, spec)
        pool = searched_pool(spec, space, base_path)
        known = KnownResults(spec, space, resources.artifacts, store) if spec.reuse_sha256 is not None else None

        @cache
        def choosing() -> Choosing:
            device = resources.site.engine.device
            proposer = open_proposer(spec, pool, base_path, store, resources.artifacts, device)
            return choosing_after(proposer, space, pool, () if known is None else known.beforehand, len(elements))

        return _Searched(space, pool, known, choosing, elements, energies)

    def _take_references(self) -> None:
        """Begins the search once the last element is done, with the energies of all, which may be competing phases."""
        context, ledger = self._context, self._context.ledger
        if sum(item.state is EvaluationState.DONE for item in ledger.references) < len(context.references):
            return
        searched = self._searched(ledger.record, ledger.spec)
        ledger.refiner = refiner_of(searched.space)
        ledger.take_pool(searched.pool)
        include_proposed(ledger, () if searched.known is None else searched.known.beforehand)
        self._context = replace(context, choosing=searched.choosing, known=searched.known, energies=searched.energies)

    def _give_back(self, lease: Lease) -> None:
        try:
            self._resources.store.release_lease(lease)
        except TransientError as error:
            # Nothing is lost by it: our process id tells the next driver that we are gone.
            self._observer.on_wait(f"the lease could not be released: {error.message}", 0.0)

    def _load(self, *, opens: bool = False) -> None:
        """Reloads the ledger from the store: at the start, and whenever it is unknown what was written.

        Args:
            opens: Whether the lease was just taken. Jobs that a killed driver left behind are then forgotten as well; what it
                left half written is complete since the lease was taken, and need not be looked for a second time.
        """
        store, ledger = self._resources.store, self._context.ledger
        if not opens:
            store.rebuild_observations(self._name)
        record = store.campaign(self._name)
        if not opens or (record.spec, record.commands) != (ledger.record.spec, ledger.record.commands):
            ledger.spec = stored_spec(record)
        ledger.record = record
        ledger.clear()
        for refit in store.refits(self._name):
            ledger.note_refit(refit)
        ledger.retrains.extend(store.retrains(self._name))
        with collection_paused():
            beforehand = self._context.known.beforehand if self._context.known is not None else ()
            proposed = (evaluation.proposal.candidate for evaluation in store.each_evaluation(self._name))
            include_proposed(ledger, chain(beforehand, proposed))
            absurd: list[tuple[Evaluation, Outcome]] = []
            for evaluation in store.each_evaluation(self._name):
                ledger.note(evaluation)
                if opens:
                    tidy(self._context, evaluation)
                    absurd += absurd_ones(self._context, evaluation)
        if ledger.spec.budget.stop is not None:
            searched = len(ledger.search)
            recent = recent_certificates(store, ledger.spec, searched)
            ledger.checked.update((certificate.number, certificate) for certificate in stored_certificates(recent))
            ledger.certificate = stopping(ledger.spec, recent, searched)
        self._look_at_commands = 0.0
        self._search_over = None
        self._observer.on_start(ledger.record, list(ledger.evaluations.values()))
        if ledger.training is not None:
            self._observer.on_retrain(ledger.training, None)
        for evaluation, outcome in absurd:
            void(self._context, evaluation, outcome)
        void_unreproduced(self._context)

    def _recover(self, error: TransientError) -> None:
        """Waits out an outage, then resumes as after a crash, without relying on the earlier state."""
        while True:
            self._wait_out(error)
            try:
                self._load()
            except TransientError as again:
                error = again
            else:
                return

    def _wait_out(self, error: TransientError) -> None:
        """Waits until the database answers again, and at least a moment. Raises the error when it lasts too long."""
        while True:
            now = time.monotonic()
            # A full disk is not an outage: a user must free space, however long that takes.
            self._outage_since = now if self._outage_since is None or isinstance(error, DiskFullError) else self._outage_since
            if now - self._outage_since > self._timing.patience or self._halt.is_set():
                raise error
            self._reminder.fails(error.message, self._pause)
            self._halt.wait(self._pause)
            self._pause = min(2 * self._pause, self._timing.heartbeat)
            try:
                self._resources.revive()
            except TransientError as again:
                error = again
            else:
                return

    def _turn(self) -> None:
        """One pass: commands, results, retries, proposals; waits when there was nothing to do."""
        self._heartbeat.check()
        self._obey()
        moved = bool(self.collect())
        if self._context.awaits_references:
            self._take_references()
        moved |= adopt_beforehand(self._context, self._halt)
        moved |= advance_training(self._context)
        moved |= self._submit_due()
        moved |= self._propose()
        ledger = self._context.ledger
        if not ledger.active and self._nothing_to_come():
            self._finish()
        elif moved:
            self._reminder.progressed()
        elif ledger.spec.manual:
            self._end = "paused" if ledger.paused and len(ledger.active) < ledger.wanted else "waiting"
        else:
            self._wait()

    def _obey(self) -> None:
        if time.monotonic() < self._look_at_commands:
            return
        known = len(self._context.ledger.commands)
        if not apply_commands(self._context):
            # A report described candidates that the space of this driver does not have.
            self._stack.close()
            self.__enter__()
            self._obey()
            return
        if len(self._context.ledger.commands) != known:
            self._search_over = None
        self._look_at_commands = time.monotonic() + self._timing.poll

    def _submit_due(self) -> bool:
        now = datetime.now(UTC)
        due = [
            item
            for item in self._context.ledger.active
            if item.state in UNSUBMITTED and (item.not_before is None or item.not_before <= now)
        ]
        for evaluation in due:
            submit(self._context, evaluation)
        return bool(due)

    def _propose(self) -> bool:
        """Fills the free places; True when something was proposed."""
        ledger, proposed = self._context.ledger, False
        while len(ledger.active) < ledger.wanted:
            if ledger.paused or ledger.cancelled or self._halt.is_set():
                break
            evaluation = self._next()
            if evaluation is None:
                break
            submit(self._context, evaluation)
            proposed = True
        return proposed

    def _next(self) -> Evaluation | None:
        ledger = self._context.ledger
        if self._context.awaits_references:
            first = self._context.out_of_time() or next_reference(self._context)
            self._decide(first if isinstance(first, StopReason) else None)
            return None if isinstance(first, StopReason) else first
        searching = any(evaluation.proposal.purpose in SEARCHED for evaluation in ledger.active)
        # The last results may show that a search continues that its stop rule had ended. An evaluation that was in progress may
        # yet show that a configuration error is not everybody's.
        judged_again = self._search_over in _BY_RULE and not searching
        if judged_again or self._search_over in (None, StopReason.CONFIGURATION):
            found = propose(self._context)
            self._decide(found if isinstance(found, StopReason) else None)
            if not isinstance(found, StopReason):
                return found
        if searching or self._search_over not in _POLISHED_AFTER:
            return None
        self._decide(self._context.out_of_time() or self._search_over)
        return polish(self._context) if self._search_over in _POLISHED_AFTER else None

    def _decide(self, reason: StopReason | None) -> None:
        """Notes and stores why the search has ended; None: it continues."""
        context, ledger = self._context, self._context.ledger
        self._search_over, stored = reason, ledger.record.stop
        if reason is (None if stored is None else stored.reason):
            return
        stop = None if reason is None else stop_decision(context, reason)
        context.store.set_stop(context.lease, stop)
        ledger.record = ledger.record.model_copy(update={"stop": stop})

    def _nothing_to_come(self) -> bool:
        ledger = self._context.ledger
        return ledger.paused or ledger.cancelled or self._search_over is not None

    def _finish(self) -> None:
        ledger = self._context.ledger
        if self._search_over is not None and not ledger.cancelled:
            note_final(self._context)
        if self._search_over is not None or ledger.cancelled:
            abandon_training(self._context)
        if ledger.cancelled:
            self._end = "cancelled"
        elif ledger.paused:
            self._end = "paused"
        elif self._search_over is not None:
            self._end = self._search_over.value
        log_event(self._context, "stopped", [self._context.lease.epoch], {"reason": self._end, "at_number": ledger.last_number})

    def _wait(self) -> None:
        ledger = self._context.ledger
        waits = [
            (evaluation.not_before - datetime.now(UTC)).total_seconds()
            for evaluation in ledger.active
            if evaluation.state is EvaluationState.LOST and evaluation.not_before is not None
        ]
        timeout = max(0.0, min([self._timing.poll, *waits]))
        self._reminder.waits(ledger, timeout)
        handles = handles_of(under_way(ledger.active))
        handles += [] if ledger.training_handle is None else [ledger.training_handle]
        if handles:
            self._context.launcher.wait(handles, timeout)
        else:
            self._halt.wait(timeout)


def _space_of(record: CampaignRecord, spec: CampaignSpec) -> Space:
    """Opens the space. Raises ConfigurationError; where the campaign's folder is missing, it says how to name another one."""
    folder = Path(record.base_path)
    try:
        return open_space(spec.space, folder)
    except ConfigurationError as error:
        if folder.is_dir():
            raise
        hint = "put the campaign file and the files that it names on this machine, then `tansaku run FILE`"
        raise ConfigurationError(error.message, hint=hint) from error


def drive(resources: Resources, name: str, observer: Observer | None = None) -> DriveResult:
    """Drives a stored campaign to its end, or until a signal.

    Args:
        resources: Store, artifacts and launchers.
        observer: Watches; None: nobody.

    Raises:
        LeaseHeldError: Another driver owns the campaign; says who and since when.
        FencedError: Another driver has taken over.
        NotFoundError: No campaign of this name is stored.
    """
    halt = threading.Event()
    with interruptible(halt), CampaignLoop(resources, name, observer, halt=halt) as loop:
        loop.advance()
        return loop.result


_WORDS = {
    EvaluationState.PROPOSED: "not yet submitted",
    EvaluationState.SUBMITTING: "being submitted",
    EvaluationState.SUBMITTED: "queued",
    EvaluationState.RUNNING: "running",
    EvaluationState.LOST: "lost, to be retried",
}
_LONGEST = 3600.0  # between two reminders [s]


class Reminder:
    """Reports to an observer why nothing happens: after a while without progress, then at growing intervals.

    Args:
        observer: Receives the reasons.
        first: Time without progress before the first reminder [s].
    """

    def __init__(self, observer: Observer, first: float) -> None:
        self._observer = observer
        self._first = first
        self._outage = ""
        self._outage_due = 0.0
        self._outage_pause = 0.0
        self.progressed()

    def progressed(self) -> None:
        """Resets the time after progress."""
        self._since = time.monotonic()
        self._interval = self._first
        self._due = self._since + self._first
        self._outage = ""

    def waits(self, ledger: Ledger, seconds: float) -> None:
        """Called when the driver found nothing to do; it looks again after ``seconds`` at the latest."""
        now = time.monotonic()
        if now < self._due:
            return
        self._observer.on_wait(f"no result for {now - self._since:.0f} s; {_describe_work(ledger)}", seconds)
        self._interval = min(2.0 * self._interval, _LONGEST)
        self._due = now + self._interval

    def fails(self, reason: str, seconds: float) -> None:
        """Called when a component does not answer; the driver tries again after ``seconds``.

        A repeated reason is reported at growing intervals.
        """
        now = time.monotonic()
        if reason != self._outage:
            self._outage, self._outage_due, self._outage_pause = reason, now, 1.0
        if now >= self._outage_due:
            self._observer.on_wait(reason, seconds)
            self._outage_due = now + self._outage_pause
            self._outage_pause = min(2.0 * self._outage_pause, _LONGEST)


def _describe_work(ledger: Ledger) -> str:
    """Describes what a campaign waits for: evaluations in progress by state, the longest-waiting one, and its training."""
    active = ledger.active
    counts = Counter(_WORDS.get(evaluation.state, evaluation.state.value) for evaluation in active)
    parts = [f"{count} {words}" for words, count in counts.items()]
    dated = [(since, evaluation) for evaluation in active if (since := _since(evaluation)) is not None]
    if dated:
        since, oldest = min(dated, key=lambda item: item[0])
        parts.append(f"the oldest is {oldest.proposal.candidate} since {since:%Y-%m-%d %H:%M:%S}Z")
    if ledger.training is not None:
        parts.append(f"training {ledger.training.number} is in progress")
    if ledger.paused and not active:
        parts.append("the campaign is paused")
    return "waiting for evaluations: " + ", ".join(parts) if active else ", ".join(parts) or "nothing is in progress"


def _since(evaluation: Evaluation) -> datetime | None:
    attempt = evaluation.current_attempt
    return None if attempt is None else attempt.started_at


@contextmanager
def interruptible(halt: threading.Event) -> Iterator[None]:
    """The first SIGINT or SIGTERM sets ``halt``, the second ends at once; only the main thread can be asked this way."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        if halt.is_set():
            raise KeyboardInterrupt
        halt.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
