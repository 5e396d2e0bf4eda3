"""Records of a campaign store: frozen, with a schema version."""

from __future__ import annotations

import math
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from tansaku.models.domain.states import EvaluationState, FailureKind, StopReason
from tansaku.models.domain.verbs import SteeringKind

SCHEMA_VERSION = 1

JsonDict = dict[str, Any]


_SIMPLE = frozenset({str, int, bool, type(None)})


def _checked(data: JsonDict, *, finite: bool = True, plain: tuple[type, ...] = (str, int)) -> JsonDict:
    """Returns data that JSON can hold. Raises ValueError that names the first part which it cannot.

    A database holds more than JSON does (bytes, times, references), and whoever reads a record has to write its data as text.
    """
    waiting: list[tuple[str, JsonDict | list[Any] | tuple[Any, ...]]] = [("", data)]
    while waiting:
        where, container = waiting.pop()
        items = container.items() if isinstance(container, dict) else enumerate(container)
        for key, item in items:
            if type(item) in _SIMPLE:
                pass  # most items
            elif isinstance(item, dict | list | tuple):
                waiting.append((f"{where}{key}.", item))
            elif isinstance(item, float):
                if finite and not math.isfinite(item):
                    raise ValueError(f"{where}{key} is {item}, expected a finite number")
            elif item is not None and not isinstance(item, plain):
                raise ValueError(f"{where}{key} is of type {type(item).__name__}, expected plain data")
            if type(key) is not str and not isinstance(key, int | str):
                raise ValueError(f"{where}{key} has a key of type {type(key).__name__}, expected text")
    return data


PlainData = Annotated[JsonDict, AfterValidator(_checked)]
"""Keys and values of any names that JSON can hold."""

FittedData = Annotated[JsonDict, AfterValidator(partial(_checked, finite=False))]
"""The same of a fit. Releases that accepted values of any size stored numbers that are not finite; the driver fits again."""

TimedData = Annotated[JsonDict, AfterValidator(partial(_checked, plain=(str, int, datetime)))]
"""Plain data and times, which whoever writes it as text knows of."""

ProcessStart = str | float
"""Start time of a process: boot id and clock ticks since that boot, or seconds since the epoch as older versions stored it."""
# The largest integer that JSON, floats and BSON all represent exactly, so that a document cannot break readers of many.
Count = Annotated[int, Field(ge=0, le=2**53)]
Number = Annotated[int, Field(ge=1, le=2**53)]


class Record(BaseModel):
    """Base of everything persisted: frozen, and strict about unknown keys."""

    # Built when it is first used: a command uses few of the classes that it imports.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class Quantity(Record):
    """A number with its unit, written as ASE and OPTIMADE write units (``eV``, ``Angstrom``, ``J/m^2``)."""

    value: float
    unit: str


class Failure(Record):
    """Reason why an evaluation has no value.

    Attributes:
        kind: Whether the science or the plumbing failed.
        reason: Machine-readable reason (``not_converged``, ``exploded``, ``lost_atoms``, ``nan``, ``overlap``, ``timeout`` …).
        message: The reason in words.
    """

    kind: FailureKind
    reason: str
    message: str


class Provenance(Record):
    """Provenance of a number.

    Attributes:
        plugins: Installed plug-ins that took part: distribution, version, and what each brought.
    """

    code: str
    code_version: str
    model: str = ""
    model_sha256: str = ""
    tansaku_version: str = ""
    host: str = ""
    cpu: str = ""
    settings: PlainData = Field(default_factory=dict)
    plugins: Annotated[tuple[str, ...], Field(exclude_if=lambda plugins: not plugins)] = ()


class Outcome(Record):
    """The outcome of an attempt: a value or a failure, never both, never a NaN.

    Attributes:
        value: The objective's property in the objective's unit, or None when it failed.
        failure: Why there is no value.
        quantities: Further scalar results by name.
        properties: Further plain-data results (flags, steps, lists).
        wall_time: Time in the calculator [s].
        cores: Cores that the calculator had to itself.
        started_at: When the node began.
        finished_at: When the node ended.
        artifacts: Big values by name, as SHA-256 in the artifact store (as file name inside a job's result folder
            until collected).
        predicted_by: The model whose prediction ``value`` is, ``NAME@VERSION``; None: it was computed.
        deviation: Predicted standard deviation of a predicted value's error, or the standard deviation of a measured one, in
            the objective's unit.
    """

    value: float | None = None
    failure: Failure | None = None
    quantities: dict[str, Quantity] = Field(default_factory=dict)
    properties: PlainData = Field(default_factory=dict)
    wall_time: float = 0.0
    cores: Number = 1
    started_at: AwareDatetime | None = None
    finished_at: AwareDatetime | None = None
    artifacts: dict[str, str] = Field(default_factory=dict)
    provenance: Provenance | None = None
    predicted_by: str | None = None
    deviation: float | None = None

    @property
    def core_seconds(self) -> float | None:
        """Core-seconds that it took, None where they were not measured."""
        return self.wall_time * self.cores or None

    def computed(self, quantity: str) -> float | None:
        """Value of a computed quantity in its unit; None where there is none, or a model predicted the result."""
        if self.predicted_by is not None or quantity not in self.quantities:
            return None
        return self.quantities[quantity].value


class Look(Record):
    """Pre-screening of a candidate: the model that predicts it first, and when its prediction is sufficient.

    Attributes:
        model: Name and version in the registry.
        weights: SHA-256 of its weights in the artifact store.
        bound: Value that the candidate had to beat to be wanted, by computed values that the proposal knew: the best of its
            system or of all, the k-th best, or the threshold [objective's unit]; None: compute in any case.
        deviations: The prediction is enough when it is worse than ``bound`` by more than so many predicted deviations.
    """

    model: str
    weights: str
    bound: float | None = None
    deviations: float


Purpose = Literal["search", "look", "polish", "reference"]
"""Purpose of an evaluation."""

SEARCHED: tuple[Purpose, ...] = ("search", "look")
"""Purposes of what the proposer chooses and learns from."""


class Proposal(Record):
    """A candidate chosen.

    Attributes:
        number: k, counted from 1 without gaps.
        candidate: Id of the candidate.
        source: Hash of the calculator that is to compute it.
        replicate: 0, or the number of the rerun.
        predicted_cost: In the spec's cost unit.
        initial: Whether it belongs to the initial design.
        purpose: ``search``; ``look``: the candidate at a cheaper level; ``polish``: a best candidate relaxed again at the end;
            ``reference``: an element to which formation energies refer. The last two are never observations of the proposer.
        level: Name of the level of a look; None: the one that the campaign wants.
        resumes: Name of the level whose look it continues; None: it begins from the structure that the space builds.
        horizon: Largest number whose observation the choice was conditioned on.
        acquisition: Acquisition value, None for proposers without one.
        predicted_mean: In the objective's unit.
        predicted_deviation: In the objective's unit.
        predicted_others: Predicted mean and deviation of each further objective, in its unit; empty without any.
        model: What chose it: preset or proposer type.
        refit: Number of the refit in use, None before the first.
        proposer_seconds: Wall time of the choice [s].
        look: The trained model that pre-screens it; None without pre-screening.
    """

    number: Number
    candidate: str
    system: str
    surface: str
    source: str
    replicate: Count = 0
    predicted_cost: float
    initial: bool = False
    purpose: Purpose = "search"
    level: Annotated[str | None, Field(exclude_if=lambda level: level is None)] = None
    resumes: Annotated[str | None, Field(exclude_if=lambda level: level is None)] = None
    horizon: Count = 0
    acquisition: float | None = None
    predicted_mean: float | None = None
    predicted_deviation: float | None = None
    predicted_others: Annotated[tuple[tuple[float, float], ...], Field(exclude_if=lambda predicted: not predicted)] = ()
    model: str
    refit: Number | None = None
    proposer_seconds: float = 0.0
    look: Look | None = None


class Attempt(Record):
    """An attempt at an evaluation, known to its backend by ``job_name``.

    Attributes:
        number: n, counted from 1.
        token: The result is accepted only while this token is the evaluation's current one.
        handle: The launcher's JSON handle, None until the submission is recorded.
        failure: Why this attempt ended without a result, None while it may still have one.
        late_outcome: A result that arrived after the attempt had been given up; stored, never used.
        superseded: The accepted result that a further report replaced: a correction, or one more measurement.
        known_from: Of the attempt that is a correction: the first proposal that was chosen with it.
    """

    number: Number
    token: str
    job_name: str
    started_at: AwareDatetime
    handle: PlainData | None = None
    failure: Failure | None = None
    late_outcome: Outcome | None = None
    superseded: Outcome | None = None
    known_from: Annotated[Number | None, Field(exclude_if=lambda number: number is None)] = None


class Evaluation(Record):
    """The evaluation of a candidate by a source, as a replicate of a campaign; the authoritative record.

    Attributes:
        epoch: Lease epoch of the last driver that owned it; an older driver's write is refused.
        not_before: For LOST: the earliest time of the next attempt (backoff).
        done_as: For CANCELLED: number of the evaluation that holds what was measured in its place, at other conditions.
    """

    schema_version: Literal[1] = 1
    id: str
    campaign: str
    proposal: Proposal
    state: EvaluationState = EvaluationState.PROPOSED
    epoch: Count
    attempts: tuple[Attempt, ...] = ()
    outcome: Outcome | None = None
    not_before: AwareDatetime | None = None
    proposed_at: AwareDatetime
    finished_at: AwareDatetime | None = None
    done_as: Annotated[Number | None, Field(exclude_if=lambda number: number is None)] = None

    @property
    def current_attempt(self) -> Attempt | None:
        """The attempt whose token is valid, if any was begun."""
        return self.attempts[-1] if self.attempts else None

    @property
    def waiting_since(self) -> AwareDatetime:
        """When it was proposed, or asked for once more."""
        return self.attempts[-1].started_at if self.attempts else self.proposed_at

    @property
    def known_from(self) -> int:
        """First proposal that was chosen with its last correction; 0: it was never corrected."""
        return max((attempt.known_from or 0 for attempt in self.attempts), default=0)

    @property
    def core_seconds(self) -> float:
        """Measured core-seconds of its attempts: of the accepted result, and of those that came too late."""
        outcomes = [self.outcome, *(attempt.late_outcome for attempt in self.attempts)]
        return sum((outcome.core_seconds or 0.0 for outcome in outcomes if outcome is not None), 0.0)

    @property
    def measured_cost(self) -> float | None:
        """Measured cost of its accepted attempt [core-seconds]; None while it is in progress, or if it was not measured."""
        return self.outcome.core_seconds if self.state.terminal and self.outcome is not None else None

    @property
    def predicted_cost(self) -> float:
        """As it was proposed [the space's cost unit]."""
        return self.proposal.predicted_cost

    @property
    def reason(self) -> str | None:
        """Reason and message of an evaluation without a value; None if it has one or is still in progress."""
        if self.done_as is not None:
            return f"done otherwise: its measurement is number {self.done_as}"
        attempt = self.current_attempt
        failure = self.outcome.failure if self.outcome is not None else None if attempt is None else attempt.failure
        return None if failure is None else f"{failure.reason}: {failure.message}"

    @property
    def spared(self) -> bool:
        """Whether pre-screening accepted its prediction, so that its expensive part was never computed."""
        look, outcome = self.proposal.look, self.outcome
        return look is not None and outcome is not None and outcome.predicted_by == look.model


class Observation(Record):
    """The accepted result of an evaluation, derived from it under a deterministic id.

    Attributes:
        predicted_by: The model whose prediction ``value`` is; None: it was computed.
        deviation: Of a predicted value.
    """

    schema_version: Literal[1] = 1
    id: str
    campaign: str
    evaluation: str
    number: Number
    candidate: str
    system: str
    surface: str
    source: str
    replicate: Count
    state: EvaluationState
    value: float | None
    unit: str
    cost: float
    reason: str | None = None
    quantities: dict[str, Quantity] = Field(default_factory=dict)
    observed_at: AwareDatetime
    predicted_by: str | None = None
    deviation: float | None = None


class Refit(Record):
    """Hyper-parameters, stored before their first use and reused by every resume.

    Attributes:
        number: Refit number, counted from 1.
        at_proposal: First proposal number that uses it.
        hyperparameters: Exact floats, as the proposer wrote them.
        ok: False when the fit failed and the values are the last good ones.
        cost: Cost model in use from here on, None where costs are given or nothing was measured yet.
        fitted: Parts that were fitted at this number; the others are carried over.
    """

    schema_version: Literal[1] = 1
    campaign: str
    number: Number
    at_proposal: Count
    horizon: Count
    hyperparameters: FittedData
    ok: bool = True
    message: str = ""
    cost: FittedData | None = None
    fitted: tuple[Literal["hyperparameters", "cost"], ...] = ("hyperparameters",)
    fitted_at: AwareDatetime


class LeaseOwner(Record):
    """The process that drives a campaign.

    Attributes:
        host: Its host name.
        pid: Its process id.
        process_started: Distinguishes it from an earlier or later process of the same id.
        user: Who started it.
    """

    host: str
    pid: int
    process_started: ProcessStart
    user: str


class Lease(Record):
    """Right to drive a campaign until ``expires_at`` by the server's clock.

    Attributes:
        campaign: Its id.
        counted_at: Up to when this driver's time is in :attr:`CampaignRecord.driven`: the last renewal.
    """

    campaign: str
    epoch: Count
    owner: LeaseOwner
    acquired_at: AwareDatetime
    expires_at: AwareDatetime
    counted_at: Annotated[AwareDatetime | None, Field(exclude_if=lambda moment: moment is None)] = None


MeasuringKind = Literal["ask", "tell", "release", "attach"]
CommandKind = SteeringKind | MeasuringKind


class Command(Record):
    """A user's command, applied by the driver from the next proposal number on.

    Attributes:
        id: Unique; storing it twice is the same as once.
        payload: For ``edit`` the changed keys and values, for ``retry`` and ``rerun`` the candidates, for ``ask`` how many
            proposals are to wait for values, for ``tell`` the reported measurements, for ``release`` numbers of proposals,
            for ``attach`` a photo or file of a reported value.
        applied_at_number: The proposal number from which it holds, None until a driver applied it.
    """

    id: str
    kind: CommandKind
    payload: PlainData = Field(default_factory=dict)
    user: str = ""
    created_at: AwareDatetime
    applied_at_number: Count | None = None


class CampaignFile(Record):
    """A file of the library that a campaign reads.

    Attributes:
        path: Its path below the campaign's ``base_path``, as in the spec.
        sha256: Of its content, which is in the artifact store.
    """

    path: Annotated[str, Field(pattern=r"^[0-9a-f]{64}/[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Steerer(Record):
    """A user of the dashboard who may steer a campaign: who created it, or with whom it is shared.

    Attributes:
        since: A user who was added later under the same name is another one.
    """

    user: str
    since: AwareDatetime


class StopDecision(Record):
    """The reason why the driver proposes nothing more for the search, and the numbers that it decided by.

    Attributes:
        reason: Why.
        proposed: Proposals that count in the budget.
        finished: Those of them that have ended.
        failed: Those of these that failed.
        remaining_cost: What was left to spend [the space's cost unit], None without a limit.
    """

    reason: StopReason
    proposed: Count
    finished: Count
    failed: Count
    remaining_cost: float | None


class CampaignRecord(Record):
    """A campaign as stored.

    Attributes:
        id: Chosen at random when it is created and never changed: whatever belongs to the campaign refers to it by this id.
            Of a campaign that an older version created, its first name.
        name: Its title; no two campaigns have the same, and it may change.
        spec: The resolved spec, edits applied, as plain data.
        spec_hash: Content hash of the spec less its editable keys, under the name that the campaign was created with.
        base_path: Folder of the campaign file; relative paths in the spec start here.
        owner: User of the dashboard who created it; None: it was created from the command line.
        files: Files of the library that the spec names. A campaign that has some was created from the dashboard: a store that
            opens it copies them to a folder of this machine, which is then its ``base_path``.
        epoch: Lease epoch of the last driver; 0 before the first.
        last_number: Number of the last proposal committed.
        last_refit: Number of the last refit committed.
        last_retrain: Number of the last retrain committed.
        last_retrain_end: Number of the last retrain that ended.
        commands: All commands in order.
        runtime: Process ids of the last driver, and process ids and paths of its launcher.
        deleting: Its deletion has begun and can only be finished.
        driven: Time that drivers have had it, from taking the lease to its last renewal or its release, by the clock of the
            store [s]. The time between drivers, as during a pause, is not in it.
        former_names: Names that it had before, the first one first.
        source_ids: Ids of the campaigns that it learns from, by the names in its spec.
        shared_with: Users who may steer it besides its owner and admins.
        stop: Why its search has ended; None while it continues, and after a command until a driver has decided again.
    """

    schema_version: Literal[1] = 1
    id: str = ""
    name: str
    spec: PlainData
    spec_hash: str
    base_path: str
    owner: str | None = None
    files: tuple[CampaignFile, ...] = ()
    tansaku_version: str
    created_at: AwareDatetime
    lease: Lease | None = None
    epoch: Count = 0
    last_number: Count = 0
    last_refit: Count = 0
    last_retrain: Count = 0
    last_retrain_end: Count = 0
    commands: tuple[Command, ...] = ()
    runtime: PlainData = Field(default_factory=dict)
    deleting: bool = False
    driven: float = 0.0
    former_names: Annotated[tuple[str, ...], Field(exclude_if=lambda names: not names)] = ()
    source_ids: Annotated[dict[str, str], Field(exclude_if=lambda ids: not ids)] = Field(default_factory=dict)
    shared_with: Annotated[tuple[Steerer, ...], Field(exclude_if=lambda users: not users)] = ()
    stop: Annotated[StopDecision | None, Field(exclude_if=lambda stop: stop is None)] = None

    @model_validator(mode="before")
    @classmethod
    def _named_by_an_older_version(cls, data: object) -> object:
        return {"id": data.get("name"), **data} if isinstance(data, dict) else data

    @property
    def hashed_name(self) -> str:
        """The name under which its spec was hashed."""
        names = (*self.former_names, self.name)
        return self.id if self.id in names else names[0]

    @property
    def steerers(self) -> tuple[Steerer, ...]:
        """Its owner, if it was created on the dashboard, and the users with whom it is shared."""
        owner = () if self.owner is None else (Steerer(user=self.owner, since=self.created_at),)
        return (*owner, *self.shared_with)


class Event(Record):
    """An entry of the append-only audit log, under a deterministic id."""

    schema_version: Literal[1] = 1
    id: str
    campaign: str
    kind: str
    at: AwareDatetime
    data: PlainData = Field(default_factory=dict)
