"""The ports of tansaku, as Protocols. A docstring is the whole contract; ``tests/contracts`` tests every implementation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, runtime_checkable

import numpy as np

from tansaku.models.domain.identifiers import shown
from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
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
    Provenance,
    Refit,
    Steerer,
    StopDecision,
)
from tansaku.models.domain.retraining import Retrain, RetrainEnd
from tansaku.models.domain.states import EvaluationState, JobState
from tansaku.models.domain.views import CampaignViews

if TYPE_CHECKING:
    from ase import Atoms

    from tansaku.models.domain.specs.relaxation import RelaxationSpec


# ---------------------------------------------------------------- spaces


@runtime_checkable
class Space(Protocol):
    """The candidates of a search.

    ``pool()`` is deterministic: the same spec gives the same ids, codes, features and costs on every machine and version.
    It builds no structure. ``structure`` builds the one of a candidate and raises ``CalculationError('overlap')`` for a
    start that no relaxation can resolve, ``NotFoundError`` for an id outside the pool.
    """

    def pool(self) -> CandidatePool:
        """All candidates."""
        ...

    def structure(self, candidate: str) -> Atoms:
        """Unrelaxed atoms of a candidate; ``atoms.info`` carries the metadata that exports show."""
        ...

    def elements(self) -> frozenset[str]:
        """Every element in a candidate; none for a space without structures."""
        ...

    def describe_systems(self) -> Sequence[JsonDict]:
        """One plain dict per system, in the pool's order: ``system`` and what a results table shows of it."""
        ...


@runtime_checkable
class VariedSpace(Space, Protocol):
    """A space whose candidates need not all have the same elements; those of other spaces have all of its elements."""

    def elements_of(self, candidate: str) -> frozenset[str]:
        """Elements of a candidate, without building its structure. Raises NotFoundError for an id outside the pool."""
        ...


@runtime_checkable
class TabulatedSpace(Space, Protocol):
    """A space whose values are known beforehand; campaigns on it need no calculator."""

    def recorded(self, candidate: str) -> Outcome:
        """The recorded outcome; a NaN in the table is a science failure with reason ``recorded_failure``."""
        ...

    def quantity(self, name: str, unit: str) -> FloatArray:
        """A further result of all candidates [``unit``], NaN where it has none, shape ``(n_candidates,)``."""
        ...

    def values(self) -> FloatArray:
        """Objective of all candidates, NaN where it failed, shape ``(n_candidates,)``."""
        ...


@dataclass(frozen=True)
class DescribedColumn:
    """A column that describes candidates of a space whose candidates are rows.

    Attributes:
        name: Name of the column.
        unit: Unit of its numbers, None where none is known.
        tolerance: Difference from a proposed number at which a reported one counts as the proposed [unit].
        allowed: What it may hold; None: any number.
    """

    name: str
    unit: str | None = None
    allowed: tuple[str, ...] | None = None
    tolerance: float = 0.0

    def category(self, cell: object) -> str:
        """A category as the column spells it; ``TRUE`` and True are ``true``. Raises ValueError for another one."""
        allowed, text = self.allowed or (), str(cell)
        found = text.lower() if set(allowed) <= {"true", "false"} else text
        if found not in allowed:
            known = ", ".join(allowed[:12]) + (" …" if len(allowed) > 12 else "")
            raise ValueError(f"{self.name}: {shown(text)} is not a known category; expected one of {known}")
        return found


@runtime_checkable
class DescribedSpace(Space, Protocol):
    """A space whose candidates are rows of named cells."""

    def cells(self, candidate: str) -> Mapping[str, str | float]:
        """Values of the columns for a candidate. Raises NotFoundError."""
        ...


@runtime_checkable
class DescribingSpace(DescribedSpace, Protocol):
    """A space that can describe candidates that it does not list: its spec takes them by ``with_off_pool``."""

    def columns(self) -> tuple[DescribedColumn, ...]:
        """Columns that describe a candidate."""
        ...

    def check_described(self, candidate: str, cells: Mapping[str, str | float]) -> None:
        """Raises ValueError if the space cannot express a new candidate with this id and cells."""
        ...

    def descriptions(self, proposed: Iterable[str]) -> Iterable[tuple[str, tuple[str | float, ...]]]:
        """Ids and cells, in the order of the columns, of the candidates of the pool and of those proposed."""
        ...


@runtime_checkable
class StructuralSpace(Space, Protocol):
    """A space that can describe structures that it does not list."""

    def with_structures(self, structures: Mapping[str, Atoms]) -> StructuralSpace:
        """The space with further structures by id. Raises ConfigurationError where one cannot be computed."""
        ...


@runtime_checkable
class ComposedSpace(Space, Protocol):
    """A space that knows the composition of a candidate without its structure."""

    def composition(self, candidate: str) -> Mapping[str, int] | None:
        """Atoms of each element in the formula of a candidate; None where the space has no formulas. Raises NotFoundError."""
        ...


@runtime_checkable
class RefinedSpace(Space, Protocol):
    """A space with more candidates than its pool lists: neighbours of any candidate, whose ids contain all their parameters."""

    def refined(self, candidates: Sequence[str], incumbents: Sequence[str]) -> CandidatePool:
        """The pool with some further candidates, and with neighbours of the best ones found, the best first."""
        ...


@runtime_checkable
class BoundedSpace(Space, Protocol):
    """A space whose limits leave out part of what could be searched."""

    def left_out(self) -> Sequence[str]:
        """Sentences that say what a limit leaves out, and which one would admit it; none where nothing is left out."""
        ...


@runtime_checkable
class ScreenedSpace(Space, Protocol):
    """A space whose candidates were chosen by rules from a larger set."""

    def census(self) -> Sequence[JsonDict]:
        """Effect of each rule, in the order applied: ``rule``, ``left_out``, ``marked`` and ``left`` after it."""
        ...

    def describe_candidate(self, candidate: str) -> JsonDict:
        """Description of a candidate for tables: ``formula``, ``ions`` by site and ``marks``. Raises NotFoundError."""
        ...


@runtime_checkable
class SurfaceSpace(Space, Protocol):
    """A space whose candidates are positions of an ion in a host, points of one periodic grid of the host's cell."""

    @property
    def host(self) -> Atoms:
        """The host's cell, without the ion."""
        ...

    @property
    def rigid(self) -> bool:
        """Whether the host stays fixed around the ion."""
        ...

    def check_steps(self) -> None:
        """Raises ConfigurationError if a step between neighbouring points of the grid may lead into an atom."""
        ...

    def structure_at(self, fraction: FloatArray) -> Atoms:
        """The structure that is computed for the ion at fractional coordinates of the host's cell; the ion is the last atom."""
        ...


# ---------------------------------------------------------------- calculators


@dataclass(frozen=True)
class RelaxationSteps:
    """Some structures that a relaxation went through, in their order, the first before it moved.

    Attributes:
        numbers: Of the steps.
        positions: [Å], shape ``(n_steps, n_atoms, 3)``.
        cells: Cell vectors as rows [Å], shape ``(n_steps, 3, 3)``.
        energies: [eV], shape ``(n_steps,)``; NaN where it is not known.
    """

    numbers: IntArray
    positions: FloatArray
    cells: FloatArray
    energies: FloatArray


@dataclass(frozen=True)
class CalculationResult:
    """Result of a calculator for a structure.

    Attributes:
        atoms: The final structure (positions and cell), without a calculator attached.
        energy: Potential energy [eV].
        energies: Energy of each atom [eV], shape ``(n_atoms,)``, None where the code has none.
        forces: Forces [eV/Å], shape ``(n_atoms, 3)``.
        stress: Voigt stress as ASE orders and signs it [eV/Å^3], shape ``(6,)``, None where the code has none.
        converged: Whether the asked-for force (and stress) threshold was met.
        steps: Steps of the minimiser; a step may take several force evaluations.
        wall_time: [s].
        provenance: Code, version, model and settings.
        terms: Parts of the energy by name, as far as the code tells them [eV]. ``free_energy``, where it is there, is what
            forces and stress are derivatives of: at a finite electronic temperature ``energy`` is not.
        charges: Charge of each atom of a molecule [e], shape ``(n_atoms,)``, None where the code has none.
        details: How it was computed, beyond the settings that all structures share: k-points, electrons, steps to
            self-consistency.
        files: Big values by name, in the folder that the calculator was given.
        predicted: Whether energies are a trained model's prediction.
        deviation: Predicted standard deviation of ``energy`` [eV], None where there is none.
        kept_steps: Some structures on the way of a relaxation; None: none were kept.
    """

    atoms: Atoms
    energy: float
    energies: FloatArray | None
    forces: FloatArray
    stress: FloatArray | None
    converged: bool
    steps: int
    wall_time: float
    provenance: Provenance
    terms: Mapping[str, float] = field(default_factory=dict)
    charges: FloatArray | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    predicted: bool = False
    deviation: float | None = None
    kept_steps: RelaxationSteps | None = None


@runtime_checkable
class Calculator(Protocol):
    """Structure in, typed properties out.

    ``evaluate`` leaves the given atoms untouched and returns finite numbers only. It raises ``CalculationError`` with a
    reason (``not_converged``, ``exploded``, ``lost_atoms``, ``nan``, ``overlap``) when the science fails and
    ``TransientError`` when the plumbing does. A warm calculator's result is bit-identical to a fresh one's.
    """

    @property
    def provenance(self) -> Provenance:
        """Provenance of the calculator, which is hashed into the source of every evaluation."""
        ...

    def evaluate(self, structure: Atoms, relaxation: RelaxationSpec | None = None) -> CalculationResult:
        """Computes a structure as it is (``relaxation`` None) or relaxes it first.

        Atoms whose ``structure.arrays['held']`` is True keep their in-plane (x, y) positions during the relaxation when
        ``relaxation.translation`` is ``held``.
        """
        ...

    def close(self) -> None:
        """Releases the calculator's resources."""
        ...


@runtime_checkable
class EnergyCalculator(Calculator, Protocol):
    """A calculator that gives the energy alone in less time and memory than with forces."""

    def energy(self, structure: Atoms) -> float:
        """Energy of a structure as it is [eV]; the checks are those of ``evaluate``, but it may be no finite number."""
        ...


@runtime_checkable
class DescribedCalculator(Calculator, Protocol):
    """A calculator that takes the description of a candidate instead of its structure."""

    def evaluate_described(self, cells: Mapping[str, str | float]) -> Mapping[str, float] | float:
        """Computes the value of the objective, or several quantities by name, from the candidate's columns.

        Raises:
            CalculationError: There is no such number.
        """
        ...


@runtime_checkable
class ScratchCalculator(Calculator, Protocol):
    """A calculator that writes large files and, given a folder, continues after its process was killed."""

    def within(self, folder: Path) -> Calculator:
        """The same calculator, which keeps checkpoints and files in a folder: one for one structure and relaxation.

        Files there of another structure, relaxation or provenance are not used.
        """
        ...


# ---------------------------------------------------------------- proposers


@dataclass(frozen=True)
class History:
    """Known results for a proposer, in proposal order, as positions in the pool.

    Attributes:
        observed: Candidates with a value, shape ``(n_observed,)``.
        values: Their objective values, oriented so that smaller is better, shape ``(n_observed,)``.
        others: Values of further objectives, oriented in the same way, shape ``(n_observed, n_others)``.
        deviations: Standard deviations of the values that are predictions, 0 for computed ones, shape ``(n_observed,)``; empty
            where all are computed.
        noise: Standard deviations of the values that were measured, 0 where none is known, shape ``(n_observed,)``; empty where
            none is known.
        repeats: Measurements that each value is the mean of, shape ``(n_observed,)``; empty where each was measured once.
        failed: Candidates whose evaluation failed: they have no value and may not be proposed again.
        refused: Those of ``failed`` whose science failed, so that others like them are likely to fail too.
        pending: Candidates proposed and not yet known to this proposal, in proposal order.
        unavailable: Further candidates that may not be proposed (e.g. finished, but beyond the horizon: those are in
            ``pending`` as well).
        remaining_cost: Budget left less what pending ones will take, None for no limit; more expensive candidates are masked.
        remaining_evaluations: Proposals that the budget still allows, this one included, None for no limit.
        lowest: Lowest chemical potential of the unit that candidates exchange, by the calculator [eV]; None: not known.
    """

    observed: IntArray
    values: FloatArray
    failed: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    pending: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    unavailable: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    remaining_cost: float | None = None
    remaining_evaluations: int | None = None
    refused: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    others: FloatArray = field(default_factory=lambda: np.empty((0, 0)))
    deviations: FloatArray = field(default_factory=lambda: np.empty(0))
    noise: FloatArray = field(default_factory=lambda: np.empty(0))
    repeats: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    lowest: float | None = None

    @property
    def proposed(self) -> IntArray:
        """Candidates that were proposed and are known to be: observed, failed and pending ones, shape ``(n,)``."""
        return np.concatenate([self.observed, self.failed, self.pending]).astype(np.intp)


@dataclass(frozen=True)
class Choice:
    """A proposer's choice: a position in the pool, with the reason.

    Attributes:
        position: Position in the pool.
        initial: Whether it belongs to the initial design.
        acquisition: Acquisition value, divided by cost where the spec says so.
        mean: Predicted mean, in the oriented objective's unit.
        deviation: Predicted standard deviation, same unit.
        others: Predicted mean and deviation of each further objective, oriented in the same way.
    """

    position: int
    initial: bool = False
    acquisition: float | None = None
    mean: float | None = None
    deviation: float | None = None
    others: tuple[tuple[float, float], ...] = ()


@runtime_checkable
class Proposer(Protocol):
    """The Bayesian-optimisation engine, and simple alternatives to it.

    No hidden state: ``propose`` is a function of its arguments (caches must be rebuildable and change no choice). Never
    proposes a candidate that ``history`` names, never leaves the pool, never exceeds ``remaining_cost``. Ties within 1e-9
    relative go to the lowest id, which is the lowest position.
    """

    @property
    def name(self) -> str:
        """Name of the model in proposals."""
        ...

    def initial_count(self, pool: CandidatePool) -> int:
        """Number of proposals in the initial design; all of them are observed before the next one is chosen."""
        ...

    def refit_due(self, n_observed: int, fitted_at: Sequence[int]) -> bool:
        """Returns whether hyper-parameters are to be fitted before the next proposal.

        Args:
            n_observed: Observations the next proposal is conditioned on.
            fitted_at: Numbers of observations at the earlier refits.
        """
        ...

    def fit(self, pool: CandidatePool, history: History, previous: JsonDict | None) -> JsonDict:
        """Fits hyper-parameters to the observations, starting from the previous ones.

        Returns:
            Plain data with exact floats that ``propose`` takes.

        Raises:
            FitError: The fit failed; the caller keeps the previous values.
        """
        ...

    def propose(
        self,
        pool: CandidatePool,
        history: History,
        number: int,
        rng: np.random.Generator,
        hyperparameters: JsonDict | None = None,
    ) -> Choice | None:
        """Chooses proposal ``number``, or None when no allowed candidate is left."""
        ...


class NextGains(Protocol):
    """Gains of the next evaluations by posterior samples."""

    @property
    def groups(self) -> int:
        """Number of groups: the systems, or one where they have one answer together."""
        ...

    @property
    def rank(self) -> int:
        """Gains are those over the candidate of this rank."""
        ...

    @property
    def threshold(self) -> float | None:
        """Value on whose better side all candidates are wanted [objective's unit, oriented]: gains are their numbers then."""
        ...

    @property
    def volume(self) -> bool:
        """Whether gains are shares by which the volume grows that a front dominates."""
        ...

    @property
    def unknown(self) -> int:
        """Number of groups that have candidates, but no result yet with which their gains can be compared."""
        ...

    def hope(self, count: int) -> tuple[float, str] | None:
        """Probability that one of the next evaluations is the first whose result counts, and what such a one does in words.

        Args:
            count: Number of evaluations.

        Returns:
            None: a result counts already.
        """
        ...

    def gains(self, count: int, scale: float) -> FloatArray:
        """Gain of each group by the next evaluations [objective's unit, or a number], shape ``(n_samples, n_groups)``.

        Args:
            count: Number of evaluations.
            scale: Factor on the samples' deviations from their mean.
        """
        ...

    def rate(self, price: FloatArray, scale: float) -> float:
        """Largest gain for its price that a single next evaluation is expected to bring.

        Args:
            price: Of each candidate of the pool, shape ``(n_candidates,)``.
            scale: Factor on the samples' deviations from their mean.
        """
        ...


class RemainingGain(Protocol):
    """Possible improvement by candidates without a result, by group.

    Groups are the systems, or a single group for a common goal. For the goal ``bottleneck``: the change of the barrier; for
    ``on_hull``: how far above the hull a candidate may be that may also be on it.
    """

    @property
    def estimate(self) -> float | None:
        """Estimate of the barrier [objective's unit]; None for other goals, or where nothing is known yet."""
        ...

    @property
    def ahead(self) -> NextGains | None:
        """Gains of the next evaluations; None where an evaluation gains no amount."""
        ...

    @property
    def believed(self) -> tuple[int, float] | None:
        """The measured candidate with the lowest posterior mean, and that mean [oriented unit]; None: not asked."""
        ...

    @property
    def on_hull(self) -> tuple[IntArray, FloatArray] | None:
        """Candidates that may be on the hull, and the probability of each, shapes ``(n,)``; None for other goals."""
        ...

    def probabilities(self, within: float) -> FloatArray:
        """Probability that nothing remains that is better by more than ``within`` [objective's unit], shape ``(n_groups,)``."""
        ...

    def tolerances(self, confidence: float) -> tuple[float, FloatArray]:
        """Smallest tolerance that reaches a confidence, for all groups together and by group, shape ``(n_groups,)``."""
        ...

    def tolerance_of(self, groups: Sequence[int], confidence: float) -> float:
        """Smallest tolerance at which the joint probability of some groups reaches a confidence."""
        ...


@runtime_checkable
class Certifier(Protocol):
    """A proposer that estimates how much may still be gained, without hidden state and without an effect on proposals."""

    def remaining(
        self, pool: CandidatePool, history: History, rng: np.random.Generator, hyperparameters: JsonDict | None = None
    ) -> RemainingGain:
        """Asks the model; pending candidates count as open."""
        ...


# ---------------------------------------------------------------- stores


class CampaignStore(CampaignViews, Protocol):
    """Store of campaigns. Every write is idempotent and fenced.

    * Methods take the name of a campaign, which may change; records refer to it by its id, and so do leases.
    * Driver writes take a ``Lease``; when its epoch is no longer the campaign's, ``FencedError`` is raised in the same
      operation that would have written, and nothing changes.
    * Writes about an attempt take its ``token``; a token that is not the evaluation's current one changes nothing.
    * Every write may be repeated after a crash with the same arguments and ends in the same state.
    * Every acknowledged write survives ``kill -9`` of the process and of the server.
    * ``TransientError`` means: the server could not be reached, try again; nothing is known about the write.
    """

    def create_campaign(self, record: CampaignRecord) -> CampaignRecord:
        """Inserts a campaign; returns the stored one if the name, or else the id, is known already."""
        ...

    def campaign(self, name: str) -> CampaignRecord:
        """Returns a campaign. Raises NotFoundError, and StoreError where what is stored cannot be read."""
        ...

    def campaign_of(self, identifier: str) -> CampaignRecord:
        """Returns the campaign of an id; errors as of :meth:`campaign`."""
        ...

    def campaign_id(self, name: str) -> str:
        """Id of a campaign, also of one whose record is unreadable. Raises NotFoundError."""
        ...

    def campaign_names(self) -> list[str]:
        """Names of all campaigns, sorted, including those whose record is unreadable."""
        ...

    def stored_counts(self, campaign: str) -> dict[str, int]:
        """Numbers of ``evaluations``, ``refits`` and ``events`` of a campaign, including unreadable ones."""
        ...

    def named_artifacts(self) -> Iterator[str]:
        """Every SHA-256 in the stored records of campaigns, readable or not."""
        ...

    def begin_deletion(self, name: str) -> None:
        """Marks a campaign as being deleted: it can no longer be leased, and its former driver is fenced.

        The mark is permanent. An unreadable record can be deleted too. Raises LeaseHeldError while a live driver
        owns it.
        """
        ...

    def delete_campaign(self, name: str) -> None:
        """Deletes a campaign and all that belongs to it, after :meth:`begin_deletion`; the campaign itself goes last.

        Killed in between, it leaves a marked campaign, and calling it again finishes.
        """
        ...

    def rename_campaign(self, name: str, new: str) -> CampaignRecord:
        """Replaces the name of a campaign without a driver, in one write; its last driver is fenced.

        Raises:
            LeaseHeldError: A live driver owns it.
            StoreError: Another campaign has the new name, or this one is being deleted.
        """
        ...

    def move_campaign(self, name: str, base_path: str) -> None:
        """Replaces the folder at which the relative paths of a campaign without a driver start.

        Raises:
            LeaseHeldError: A live driver owns it.
        """
        ...

    def share_campaign(self, name: str, users: tuple[Steerer, ...]) -> None:
        """Replaces the users with whom a campaign is shared."""
        ...

    def acquire_lease(self, campaign: str, owner: LeaseOwner, duration: float, *, steal: bool = False) -> Lease:
        """Takes the campaign over and raises its epoch.

        Completes what a killed driver left half written and fences that driver from every active evaluation.

        Args:
            duration: [s] by the server's clock.
            steal: Take it even though the present lease has not expired (its owner is known to be dead).

        Raises:
            LeaseHeldError: Another owner's lease has not expired; says who, since when and for how long.
        """
        ...

    def renew_lease(self, lease: Lease, duration: float) -> Lease:
        """Extends the lease. Raises FencedError when another driver has taken over."""
        ...

    def release_lease(self, lease: Lease) -> None:
        """Releases the lease; does nothing if another driver holds it."""
        ...

    def now(self) -> datetime:
        """The server's time, by which leases expire, independent of this machine's clock."""
        ...

    def set_runtime(self, lease: Lease, runtime: JsonDict) -> None:
        """Records process ids and paths of this driver and its launcher."""
        ...

    def set_stop(self, lease: Lease, stop: StopDecision | None) -> None:
        """Records why the search has ended; None: it continues."""
        ...

    def add_command(self, campaign: str, command: Command, after: int | None = None) -> None:
        """Stores a user's command; a second command with the same id is ignored.

        Args:
            after: Number of stored commands of its kind by which it was judged; None: none matters.

        Raises:
            OvertakenError: There are more of them.
        """
        ...

    def apply_command(self, lease: Lease, command_id: str, at_number: int, spec: JsonDict | None) -> None:
        """Marks a command as applied from ``at_number`` on, with the spec that an edit results in."""
        ...

    def insert_proposal(self, lease: Lease, proposal: Proposal) -> Evaluation:
        """Commits proposal k and creates its evaluation.

        Returns:
            The stored evaluation; the existing one when k was already committed.

        Raises:
            StoreError: k does not follow the last number, or the candidate has an evaluation under this source and
                replicate.
        """
        ...

    def begin_attempt(self, lease: Lease, evaluation: str, number: int, token: str, job_name: str) -> Evaluation:
        """Compare-and-set: PROPOSED, LOST, FAILED or CANCELLED with ``number - 1`` attempts becomes SUBMITTING with this one.

        Returns:
            The stored evaluation, whoever began its current attempt: a resume uses the stored token.
        """
        ...

    def record_handle(self, lease: Lease, evaluation: str, token: str, handle: JsonDict) -> Evaluation:
        """SUBMITTING becomes SUBMITTED with the launcher's handle."""
        ...

    def mark_running(self, lease: Lease, evaluation: str, token: str) -> Evaluation:
        """SUBMITTED becomes RUNNING."""
        ...

    def accept_outcome(self, lease: Lease, evaluation: str, token: str, outcome: Outcome) -> Evaluation | None:
        """Accepts the result of the current attempt: DONE, or FAILED when it carries a failure.

        Returns:
            The evaluation as stored; None if the result was refused. A late one is stored as unused on its attempt.
        """
        ...

    def replace_outcome(self, lease: Lease, evaluation: str, attempt: Attempt, outcome: Outcome) -> Evaluation:
        """Replaces the result of a DONE or FAILED evaluation by that of one more attempt, in one write.

        The former result stays with its attempt. An attempt that does not follow the last one changes nothing.

        Args:
            lease: The right to write.
            evaluation: Its id.
            attempt: The further attempt.
            outcome: DONE, or FAILED when it carries a failure.
        """
        ...

    def mark_lost(self, lease: Lease, evaluation: str, token: str, failure: Failure, retry_in: float) -> Evaluation:
        """Gives up the current attempt: LOST; no retry before ``retry_in`` seconds have passed."""
        ...

    def fail_evaluation(self, lease: Lease, evaluation: str, token: str, failure: Failure) -> Evaluation:
        """Ends an evaluation whose retries are exhausted: FAILED."""
        ...

    def cancel_evaluation(self, lease: Lease, evaluation: str, done_as: int | None = None) -> Evaluation:
        """Ends an active evaluation: CANCELLED; ``done_as`` is the number of what was measured in its place."""
        ...

    def evaluation(self, evaluation: str) -> Evaluation:
        """Returns one evaluation. Raises NotFoundError."""
        ...

    def evaluations(self, campaign: str, *, states: Sequence[EvaluationState] | None = None) -> list[Evaluation]:
        """Evaluations in proposal order."""
        ...

    def readable_evaluations(self, campaign: str) -> tuple[list[Evaluation], list[str]]:
        """Evaluations in proposal order, and what is wrong with those that cannot be read; for looking, not for driving."""
        ...

    def observations(self, campaign: str) -> list[Observation]:
        """Observations in proposal order."""
        ...

    def rebuild_observations(self, campaign: str) -> int:
        """Derives missing observations from the evaluations; returns how many were missing."""
        ...

    def insert_refit(self, lease: Lease, refit: Refit) -> Refit:
        """Stores a refit; returns the existing one when its number is known."""
        ...

    def refits(self, campaign: str) -> list[Refit]:
        """Refits in order."""
        ...

    def insert_retrain(self, lease: Lease, retrain: Retrain) -> Retrain:
        """Stores a retrain before it begins; returns the existing one when its number is known."""
        ...

    def end_retrain(self, lease: Lease, end: RetrainEnd) -> RetrainEnd:
        """Stores how a retrain ended; returns the existing end when its number is known."""
        ...

    def retrains(self, campaign: str) -> list[tuple[Retrain, RetrainEnd | None]]:
        """Retrains in order, each with its end if it has ended."""
        ...

    def append_event(self, event: Event) -> None:
        """Appends to the audit; an event of the same id is ignored."""
        ...

    def events(self, campaign: str, *, limit: int | None = None, kind: str | None = None) -> list[Event]:
        """Events in order of time; the last ``limit`` ones, of one kind if it is given."""
        ...

    def import_observations(self, campaign: str, evaluations: Sequence[Evaluation]) -> int:
        """Inserts terminal evaluations under their ids, idempotently; returns how many were new.

        They count as observed under their proposal numbers; ``last_number`` follows.
        """
        ...

    def close(self) -> None:
        """Closes connections."""
        ...


class ArtifactStore(Protocol):
    """Content-addressed big values. A killed upload leaves nothing that blocks the next one."""

    def put(self, path: Path, *, content_type: str = "application/octet-stream") -> str:
        """Stores the bytes of a file once; returns their SHA-256."""
        ...

    def get(self, sha256: str, destination: Path) -> Path:
        """Writes a value to a file, checking its hash. Raises NotFoundError."""
        ...

    def open(self, sha256: str) -> BinaryIO:
        """Opens a value for reading. Raises NotFoundError."""
        ...

    def exists(self, sha256: str) -> bool:
        """Returns whether the value is stored completely."""
        ...

    def sweep(self, referenced: Iterator[str], *, older_than: float) -> int:
        """Deletes unreferenced values and half-written uploads older than ``older_than`` seconds; returns how many."""
        ...


# ---------------------------------------------------------------- launchers


@dataclass(frozen=True)
class JobRequest:
    """A unit of work for a backend, as plain data.

    Attributes:
        name: Unique name under which the job is found again.
        token: The attempt's token, carried through to the result.
        document: What the worker reads: space spec, calculator spec, candidate, objective; plain JSON with absolute paths.
        timeout: Wall time after which the job is ended [s].
        cost: Predicted cost, for backends that choose resources by it [the space's cost unit].
    """

    name: str
    token: str
    document: JsonDict
    timeout: float
    cost: float = 0.0


@dataclass(frozen=True)
class JobStatus:
    """Status of a job on its backend.

    Attributes:
        state: QUEUED, RUNNING, FINISHED (a result can be fetched), LOST (it will have none), UNKNOWN (ask again).
        reason: For LOST: ``timeout``, ``worker_died``, ``cancelled`` …
        message: The reason in words.
    """

    state: JobState
    reason: str = ""
    message: str = ""


@dataclass(frozen=True)
class JobResult:
    """A fetched result.

    Attributes:
        token: Token of the attempt that computed it.
        outcome: With artifact names pointing into ``folder``.
        folder: Folder with the files of the job.
    """

    token: str
    outcome: Outcome
    folder: Path


class Launcher(Protocol):
    """Submits, polls, cancels and fetches jobs. A job is found again by its name before it is ever submitted twice.

    Handles are JSON and can be polled by another process after a crash. ``submit`` of a name that is known returns the
    handle of the known job. Jobs outlive a killed driver; their results can be fetched later.
    """

    def start(self) -> None:
        """Makes the backend ready (starts workers)."""
        ...

    def submit(self, job: JobRequest) -> JsonDict:
        """Submits a job once per name; returns its handle. Raises TransientError."""
        ...

    def find(self, name: str) -> JsonDict | None:
        """Handle of the job of this name, or None."""
        ...

    def poll(self, handles: Sequence[JsonDict]) -> list[JobStatus]:
        """States of jobs, in the order asked."""
        ...

    def wait(self, handles: Sequence[JsonDict], timeout: float) -> None:
        """Returns when one of the jobs may have changed its state or ``timeout`` seconds have passed."""
        ...

    def fetch(self, handle: JsonDict) -> JobResult:
        """Result of a FINISHED job. Raises NotFoundError when there is none, TransientError when it cannot be read."""
        ...

    def cancel(self, handle: JsonDict) -> None:
        """Ends a job: TERM, then KILL. A job that is over is left alone."""
        ...

    def discard(self, handle: JsonDict) -> None:
        """Forgets a job that was collected or given up; ``find`` still knows one whose result may come yet."""
        ...

    def runtime(self) -> Mapping[str, Any]:
        """Process ids and paths that a resume may have to reap, as plain data."""
        ...

    def stop(self) -> None:
        """Ends the backend's idle helpers; running jobs continue."""
        ...
