"""Shared state of the steps of a round: the ports, the lease and the driver's copy of the campaign."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Protocol

from tansaku.models.domain.certificate import Certificate
from tansaku.models.domain.evaluation_columns import cost_of
from tansaku.models.domain.history import TimeSpent, cost_limit, out_of_time, search_entry
from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.levels import cost_prior, row_id
from tansaku.models.domain.model_registry import Registry
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import ArtifactStore, CampaignStore, Launcher, Proposer, RefinedSpace
from tansaku.models.domain.records import SEARCHED, Attempt, CampaignRecord, Command, Evaluation, Event, JsonDict, Lease, Refit
from tansaku.models.domain.retraining import Retrain, RetrainEnd, ended, target_met
from tansaku.models.domain.search_state import SearchState
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.proposer import withholds
from tansaku.models.domain.states import EvaluationState, StopReason
from tansaku.models.domain.surrogates import DeviceChoice
from tansaku.models.domain.verbs import is_cancelled, is_paused
from tansaku.models.engine.initial import Remaining
from tansaku.tasks.loop.ledger.observer import Observer
from tansaku.tasks.loop.ledger.rounds import RoundRules, new_search, priced_by
from tansaku.tasks.loop.ledger.summaries import EvaluationSummary, summary_of
from tansaku.tasks.loop.reuse.known import KnownResults
from tansaku.tasks.node.configuration.source import source_of


@dataclass(frozen=True)
class Workshop:
    """Resources for a campaign's trainings, besides the store.

    Attributes:
        registry: Data sets and models.
        folder: Where workers find data sets and weights; made when it is needed.
        device: Where training computes, as the site says.
        by_service: Whether runs of a deployment train, and not jobs of the launcher.
    """

    registry: Registry
    folder: Path
    device: DeviceChoice = "cpu"
    by_service: bool = False


@dataclass
class Ledger:
    """The driver's copy of what the store holds, brought up to date by every answer of the store.

    Only the holder of the lease writes, so the copy is exact; if it may be wrong, it is discarded and loaded again.

    Attributes:
        spec: Its spec with all applied edits.
        unpriced: Its candidates as the space gives them.
        evaluations: Summaries of all evaluations by proposal number; those in progress are held whole besides.
        search: The search's part of them, as the round functions read it.
        refits: In order.
        retrains: In order, each with its end if it has ended.
        training_attempt: Attempt number of the current training.
        training_handle: Its job, None until that is known.
        proposer_seconds: Time this driver spent on fits and choices [s].
        last_number: Number of the last proposal committed.
        certificate: The last that the search was stopped on, None when there is none.
        checked: The last certificates by number, which a stop rule may look back at.
        given_up: Attempts without a result whose job may still bring one, with their proposal's number, by token.
        refiner: Its space, where that adds candidates around the best ones found.
    """

    record: CampaignRecord
    spec: CampaignSpec
    unpriced: CandidatePool
    evaluations: dict[int, EvaluationSummary] = field(default_factory=dict)
    search: SearchState = field(init=False)
    refits: list[Refit] = field(default_factory=list)
    retrains: list[tuple[Retrain, RetrainEnd | None]] = field(default_factory=list)
    training_attempt: int = 1
    training_handle: JsonDict | None = None
    proposer_seconds: float = 0.0
    last_number: int = 0
    certificate: Certificate | None = None
    checked: dict[int, Certificate] = field(default_factory=dict)
    given_up: dict[str, tuple[int, Attempt]] = field(default_factory=dict)
    refiner: RefinedSpace | None = None
    _active: dict[int, Evaluation] = field(default_factory=dict)
    _core_total: float = 0.0
    _clock: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        self.search = new_search(self.unpriced, self.spec.objective)

    @property
    def pool(self) -> CandidatePool:
        """Candidates of the campaign, at the costs that the last refit predicts."""
        return self.search.pool

    @property
    def active(self) -> list[Evaluation]:
        """Evaluations that have not ended, by number."""
        return [self._active[number] for number in sorted(self._active)]

    @property
    def source(self) -> str:
        """Source of the search's evaluations: that of the first one, as the version that began the campaign made it."""
        first = next((item for item in self.evaluations.values() if item.purpose == "search"), None)
        return source_of(self.spec) if first is None else first.source

    @property
    def reference_cost(self) -> float:
        """Cost of the evaluations of elements, which the search does not have any more [the space's cost unit]."""
        return sum((cost_of(item, self.spec.space) for item in self.references), 0.0)

    @property
    def references(self) -> list[EvaluationSummary]:
        """Evaluations of elements, which are the first ones."""
        return list(takewhile(lambda item: item.purpose == "reference", self.evaluations.values()))

    @property
    def all_failed(self) -> bool:
        """Whether evaluations of candidates have ended, all of them without a value."""
        candidates = (summary.state for summary in self.evaluations.values() if summary.purpose != "reference")
        ended = [state for state in candidates if state.terminal]
        return bool(ended) and all(state is EvaluationState.FAILED for state in ended)

    def clear(self) -> None:
        """Forgets all evaluations, refits, retrains and certificates."""
        for known in (self.evaluations, self._active, self.refits, self.retrains, self.checked):
            known.clear()
        self.last_number, self._core_total = 0, 0.0
        self.training_attempt, self.training_handle = 1, None
        self.search = new_search(self.unpriced, self.spec.objective)

    def take_pool(self, pool: CandidatePool) -> None:
        """Takes a pool with other candidates than before, among them all that were proposed."""
        entries, self.unpriced = self.search.entries, pool
        self.search = new_search(pool, self.spec.objective)
        proposed = (self.evaluations[entry.number] for entry in entries)
        positions = pool.positions([row_id(item.candidate, item.level) for item in proposed])
        for entry, position in zip(entries, positions.tolist(), strict=True):
            self.search.note(replace(entry, position=position))

    def target_met(self, number: int) -> bool:
        """Returns whether the version that a proposal uses is as good as the campaign's target."""
        spec = self.spec.retrain
        return spec is not None and target_met(spec.target, ended(self.retrains), number)

    @property
    def commands(self) -> tuple[Command, ...]:
        """All commands in order."""
        return self.record.commands

    def note_refit(self, refit: Refit) -> None:
        """Takes a refit as the store now holds it."""
        self.refits.append(refit)
        if refit.cost is not None:
            self.search.reprice(priced_by(self.unpriced, refit))

    @property
    def training(self) -> Retrain | None:
        """The retrain that has not ended."""
        return self.retrains[-1][0] if self.retrains and self.retrains[-1][1] is None else None

    def note_retrain(self, retrain: Retrain) -> None:
        """Takes a retrain that has begun, as the store now holds it."""
        self.retrains.append((retrain, None))
        self.training_attempt, self.training_handle = 1, None

    def note_retrain_end(self, end: RetrainEnd) -> None:
        """Takes the end of the last retrain as the store now holds it."""
        self.retrains[-1] = (self.retrains[-1][0], end)
        self.training_handle = None

    def note(self, evaluation: Evaluation) -> None:
        """Takes an evaluation as the store now holds it."""
        proposal = evaluation.proposal
        before, summary = self.evaluations.get(proposal.number), summary_of(evaluation, self.spec.objective.limits)
        self.evaluations[proposal.number] = summary
        self._core_total += summary.core_seconds - (before.core_seconds if before is not None else 0.0)
        self.last_number = max(self.last_number, proposal.number)
        if evaluation.state.terminal:
            self._active.pop(proposal.number, None)
        else:
            self._active[proposal.number] = evaluation
        self._note_search(evaluation)

    def _note_search(self, evaluation: Evaluation) -> None:
        proposal = evaluation.proposal
        if proposal.purpose not in SEARCHED:
            return
        known = self.search.entry(proposal.number)
        row = row_id(proposal.candidate, proposal.level)
        position = known.position if known else int(self.pool.positions([row])[0])
        further, learns = self.spec.objective.further, self.spec.space.learns_cost
        entry = search_entry(evaluation, position, further, learns_cost=learns)
        free = self.spec.known_first is not None and self.evaluations[proposal.number].adopted
        self.search.note(replace(entry, free=True) if free else entry)

    def time_spent(self) -> TimeSpent:
        """Time spent, to be compared with limits of time, by this machine's clock since the lease was last renewed."""
        now = time.monotonic()
        if self._clock is None or self._clock[0] != self.record.driven:
            self._clock = (self.record.driven, now)
        driven, noted = self._clock
        return TimeSpent(datetime.now(UTC), driven + now - noted, self._core_total)

    @property
    def wanted(self) -> int:
        """Evaluations in progress at once; of a manual campaign, proposals that were last asked for."""
        asked = [command.payload.get("count") for command in self.commands if command.kind == "ask"]
        return int(asked[-1] or self.spec.execution.in_flight) if asked and self.spec.manual else self.spec.execution.in_flight

    @property
    def values_only(self) -> bool:
        """Whether who last asked wants candidates, whatever descriptors would gain."""
        asked = [command.payload.get("values") for command in self.commands if command.kind == "ask"]
        return bool(asked and asked[-1])

    @property
    def paused(self) -> bool:
        """Whether the last of pause and resume was pause."""
        return is_paused(self.record)

    @property
    def cancelled(self) -> bool:
        """Whether the campaign was cancelled and not resumed since."""
        return is_cancelled(self.record)


class Committee(Protocol):
    """Shows the pool to the versions of a campaign's surrogate."""

    def informed(self, proposer: Proposer, ledger: Ledger, number: int) -> Proposer:
        """The proposer that goes by the version that a proposal uses; the given one where there is none, or it asks none."""
        ...


@dataclass(frozen=True)
class Choosing:
    """Choice of a campaign's candidates.

    Attributes:
        proposer: Of the campaign.
        initial_count: Number of the last proposal of the initial design.
        design: See :class:`~tansaku.tasks.loop.ledger.rounds.RoundRules`.
    """

    proposer: Proposer
    initial_count: int
    design: Remaining | None


@dataclass(frozen=True)
class StepContext:
    """Ports and values a step works with.

    Attributes:
        lease: The right to write.
        choosing: Opens the campaign's proposer when it is asked first: to apply commands needs none.
        workshop: What trainings need.
        known: Results of other campaigns that are adopted; None where the campaign adopts none.
        committee: Tells the proposer what the version in use says.
        plugins: Plug-ins of the proposer and the launcher, for the provenance of results.
        references: Elements that the campaign's first evaluations compute, in their order.
        energies: What these gave [eV/atom]; None while one is missing.
    """

    name: str
    lease: Lease
    store: CampaignStore
    artifacts: ArtifactStore
    launcher: Launcher
    choosing: Callable[[], Choosing]
    ledger: Ledger
    observer: Observer
    workshop: Workshop
    committee: Committee
    known: KnownResults | None = None
    plugins: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    energies: Mapping[str, float] | None = None

    @property
    def awaits_references(self) -> bool:
        """Whether energies of elements are missing, without which there is no search."""
        return bool(self.references) and self.energies is None

    @property
    def proposer(self) -> Proposer:
        """The campaign's proposer."""
        return self.choosing().proposer

    @property
    def initial_count(self) -> int:
        """Number of the last proposal of the initial design."""
        return self.choosing().initial_count

    def out_of_time(self) -> StopReason | None:
        """Returns the limit of time that is reached, or None."""
        return out_of_time(self.ledger.spec.budget, self.ledger.time_spent())

    @property
    def rules(self) -> RoundRules:
        """Rules of the next round, edits included."""
        spec, ledger = self.ledger.spec, self.ledger
        limit = cost_limit(spec.budget, ledger.pool, spec.space.spent_on_descriptors + ledger.reference_cost)
        return rules_of(spec, self.choosing(), source=ledger.source, limit=limit, campaign=self.lease.campaign)


def rules_of(spec: CampaignSpec, choosing: Choosing, *, source: str, limit: float | None, campaign: str) -> RoundRules:
    """Rules of the next round of a campaign.

    Args:
        source: Hash of what computes.
        limit: Cost that may be spent in all, None for no limit.
        campaign: Name written into refits.
    """
    return RoundRules(
        seed=spec.seed,
        source=source,
        looks=look_sources(spec),
        direction=spec.objective.direction,
        budget=spec.budget,
        limit=limit,
        initial_count=choosing.initial_count,
        in_flight=spec.execution.in_flight,
        # People answer in any order, and what they have answered is to be used.
        ordered=spec.execution.asynchrony == "ordered" and not spec.manual,
        # Who fills a plate of ten at once asks for ten before there is any value.
        widens=spec.manual,
        cost_prior=cost_prior(spec),
        campaign=campaign,
        max_cost=spec.constraints.max_cost,
        unit=spec.objective.unit,
        further=spec.objective.further_directions,
        withholds=withholds(spec.proposer),
        design=choosing.design,
        words=spec.space.description.system_words,
    )


def look_sources(spec: CampaignSpec) -> dict[str, str]:
    """Source of looks by the name of their level."""
    return {level.name: source_of(spec, level) for level in spec.levels}


def log_event(context: StepContext, kind: str, key: list[str | int], data: JsonDict) -> None:
    """Appends to the audit under an id made of ``kind`` and ``key``: writing it again is the same as once."""
    campaign = context.lease.campaign
    event = Event(id=short_hash([campaign, kind, *key]), campaign=campaign, kind=kind, at=datetime.now(UTC), data=data)
    context.store.append_event(event)
