"""The one read model of a campaign: results, status, notebooks, pages, figures and commands read from it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import compress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import numpy as np
from pydantic import AwareDatetime

from tansaku.models.domain.adoption import ADOPTED, KNOWN_BEFORE
from tansaku.models.domain.certificate import Certificate
from tansaku.models.domain.errors import ConfigurationError, NotFoundError, StoreError
from tansaku.models.domain.history import result_keeps
from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
from tansaku.models.domain.ports import ArtifactStore, CampaignStore, Space
from tansaku.models.domain.records import CampaignRecord, Evaluation, JsonDict, Lease, Refit
from tansaku.models.domain.retraining import Retrain, RetrainEnd
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.energy_space import ENERGY_PER_ATOM
from tansaku.models.domain.states import StopReason
from tansaku.models.domain.views import BoolArray, Columns, are_given
from tansaku.spaces.space_registry import open_space, outline_with, pool_with
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.backends.stores.columns import columns_of
from tansaku.tasks.loop.ledger.rounds import priced_by
from tansaku.tasks.loop.steps.certificates import CERTIFICATE, last_certificate, stored_certificates
from tansaku.tasks.node.configuration.references import pending_phases, with_computed
from tansaku.tasks.node.jobs.document import DOUBT, LATTICE_WARNING
from tansaku.tasks.read.views.costs import CostComparison, compare_costs, costs_of
from tansaku.tasks.read.views.failures import FailedEvaluation, Incident, incident_of
from tansaku.tasks.read.views.origins import outlying
from tansaku.tasks.read.views.prospects import Prospects, RecentPools

if TYPE_CHECKING:
    from tansaku.models.engine.transfer.data import SourceData


_MOST_WHOLE = 200


def _quantities(spec: CampaignSpec) -> list[str]:
    """Quantities of evaluations that columns of a campaign hold."""
    energy = [] if pending_phases(spec) is None else [ENERGY_PER_ATOM]
    return list(dict.fromkeys([*(goal.property for goal in spec.objective.further), *energy]))


def _with_energies(spec: CampaignSpec, columns: Columns) -> CampaignSpec:
    """The spec with the energies of elements that are done."""
    rows = columns.references
    if rows is None or pending_phases(spec) is None:
        return spec
    found = zip(rows.candidates, rows.quantities[ENERGY_PER_ATOM], strict=True)
    return with_computed(spec, {element: energy.value for element, energy in found if energy is not None})


Made = TypeVar("Made")


@dataclass
class _Slot:
    """An entry that one thread makes while the others wait."""

    lock: Lock = field(default_factory=Lock)
    done: bool = False
    made: Any = None


class Once:
    """Cache that computes each entry at its first request.

    Args:
        known: Entries that were made before.
    """

    def __init__(self, known: Mapping[str, Any] | None = None) -> None:
        self._lock = Lock()
        self._slots: dict[object, _Slot] = {key: _Slot(done=True, made=made) for key, made in (known or {}).items()}

    def get(self, key: object, make: Callable[[], Made]) -> Made:
        """Returns the entry of a key, made if it is missing while others wait. After an error the next caller tries again.

        Args:
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
    """Whole evaluations of a campaign, read when they are asked for; the last 200 are kept."""

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


_BATCH = 500
PROPERTIES = (LATTICE_WARNING, ADOPTED, KNOWN_BEFORE, DOUBT)
"""Properties of outcomes among the columns."""

Purpose = Literal["search", "look", "polish", "reference", "all"]


@dataclass(frozen=True)
class Campaign:
    """A campaign as it was read: its evaluations as columns, and whatever else of it is asked for.

    What is no field is read from the store, or made, at its first request and then kept. Safe between threads.

    Attributes:
        store: Where it is; it must be open where something is asked for that was not read yet.
        record: The campaign as stored.
        spec: Its resolved spec, edits applied, with the energies of elements that its evaluations have given.
        columns: Its readable evaluations; those of elements are apart from those of candidates.
        kept: Reads whole evaluations by number.
        lease: Of its driver; None: nobody drove it when it was read, or the reader does not care.
        silence: Since when nothing was heard of that driver, in words; None: it was heard lately.
        version: A short text that differs whenever something stored of the campaign differs; empty except on the dashboard.
        artifacts: Where the data of transfer sources are; None: they are not read.
        pools: Spaces that were opened before.
        lasting: Values derived from the space alone, which later readings of the same space may keep.
    """

    store: CampaignStore = field(repr=False, compare=False)
    record: CampaignRecord
    spec: CampaignSpec
    columns: Columns
    kept: KeptEvaluations = field(repr=False, compare=False)
    lease: Lease | None = None
    silence: str | None = None
    version: str = ""
    artifacts: ArtifactStore | None = field(default=None, repr=False, compare=False)
    pools: RecentPools = field(default_factory=RecentPools, repr=False, compare=False)
    lasting: Once = field(default_factory=Once, repr=False, compare=False)
    _once: Once = field(default_factory=Once, repr=False, compare=False)

    @classmethod
    def load(cls, store: CampaignStore, name: str, artifacts: ArtifactStore | None = None) -> Campaign:
        """Reads a campaign for its results.

        Args:
            artifacts: Where the data of transfer sources are; None: they are not read.

        Raises:
            NotFoundError: No campaign of this name is stored.
            StoreError: It, or one of its evaluations, cannot be read.
        """
        found = cls.of(store, store.campaign(name))
        if found.columns.problems:
            raise StoreError(found.columns.problems[0])
        return replace(found, artifacts=artifacts)

    @classmethod
    def of(cls, store: CampaignStore, record: CampaignRecord) -> Campaign:
        """Reads a campaign for overviews: evaluations that cannot be read are left out and said.

        Raises:
            StoreError: It cannot be read here.
        """
        spec = stored_spec(record)
        columns = store.columns(record.name, quantities=_quantities(spec), properties=PROPERTIES)
        return cls(store, record, _with_energies(spec, columns), columns, KeptEvaluations(store, record.name))

    def updated(self, record: CampaignRecord, evaluations: Sequence[Evaluation]) -> Campaign:
        """Returns the campaign with all changes since.

        Args:
            record: The campaign as it now is, with the same creation.
            evaluations: New and changed ones.
        """
        before = self.record
        # A report of values may describe candidates, so commands count too.
        same = record.spec == before.spec and len(record.commands) == len(before.commands) and self.columns.references is None
        spec = self.spec if same else stored_spec(record)
        changed = columns_of(evaluations, _quantities(spec), PROPERTIES)
        columns = self.columns.updated(changed)
        spec = _with_energies(spec, columns)
        found = {item.proposal.number: incident_of(item) for item in evaluations}
        incidents = {number: incident for number, incident in self.incidents.items() if number not in found}
        incidents |= {number: incident for number, incident in found.items() if incident.happened}
        known: dict[str, object] = {"incidents": dict(sorted(incidents.items()))}
        if record.last_refit == before.last_refit:
            known["refits"] = self.refits
        if (record.last_retrain, record.last_retrain_end) == (before.last_retrain, before.last_retrain_end):
            known["retrains"] = self.retrains
        self.kept.note(evaluations)
        now = replace(self, record=record, spec=spec, columns=columns, lasting=Once(), _once=Once(known))
        opened = self.prospects
        if opened is None:
            now.once("prospects", lambda: (None, self.unopened))
        else:
            priced = opened if "refits" in known else opened.priced(now.refits)
            now.once("prospects", lambda: now._with_proposed(lambda: priced, changed))
        return now

    def with_spec(self, spec: CampaignSpec) -> Campaign:
        """Returns this reading with another spec of its space; what was read of the store stays."""
        known: dict[str, object] = {"evaluations": self.evaluations, "refits": self.refits, "sources": self.sources}
        return replace(self, spec=spec, lasting=Once(), _once=Once(known))

    def with_space(self, space: Space) -> Campaign:
        """Returns this reading of another space; what was read of the store stays."""
        found = self.with_spec(self.spec)
        found.once("space", lambda: space)
        return found

    def once(self, key: object, make: Callable[[], Made]) -> Made:
        """Returns a value derived from this reading, computed at most once for all who ask.

        Args:
            make: Makes it; it may ask for other keys.
        """
        return self._once.get(key, make)

    # What the store has of it.

    @property
    def refits(self) -> tuple[Refit, ...]:
        """All refits in order."""
        return self.once("refits", lambda: tuple(self.store.refits(self.record.name)))

    @property
    def retrains(self) -> tuple[tuple[Retrain, RetrainEnd | None], ...]:
        """All trainings in order, each with its end if it has ended."""
        return self.once("retrains", lambda: tuple(self.store.retrains(self.record.name)))

    @property
    def certificate(self) -> Certificate | None:
        """The latest certificate; None before the first."""
        return self.once("certificate", lambda: last_certificate(self.store, self.record.name))

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """All certificates in order, of a search for a bottleneck; else empty."""
        return self.once("certificates", self._read_certificates)

    @property
    def stop(self) -> StopReason | None:
        """The reason why its search has ended, as its driver decided; None: it continues."""
        return self.once("stop", self._read_stop)

    @property
    def incidents(self) -> Mapping[int, Incident]:
        """Failures of evaluations, by number, in proposal order."""
        return self.once("incidents", self._read_incidents)

    @property
    def keeping(self) -> BoolArray:
        """Whether evaluations keep the limits of the objective, shape ``(n,)``; those that do not are no answer."""
        return self.once("keeping", lambda: self.columns.keeping(self.spec.objective.limits))

    def answers(self, evaluations: Sequence[Evaluation]) -> list[Evaluation]:
        """Returns those that keep the limits of the objective."""
        limits = self.spec.objective.limits
        return [item for item in evaluations if not limits or (item.outcome and result_keeps(limits, item.outcome))]

    @property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """All evaluations of candidates in proposal order, those of the final relaxation included.

        Raises:
            StoreError: One of them cannot be read.
        """
        return self.once("evaluations", self._read_evaluations)

    @property
    def references(self) -> Sequence[Evaluation]:
        """Evaluations of the elements to which formation energies refer."""
        return self._apart("references")

    @property
    def looks(self) -> Sequence[Evaluation]:
        """Looks at cheaper levels."""
        return self._apart("looks")

    @property
    def polished(self) -> Sequence[Evaluation]:
        """Evaluations of the final relaxation."""
        return self.once("polished", lambda: self.kept.numbered(self.columns.numbers[~self.columns.searched].tolist()))

    @property
    def sources(self) -> tuple[SourceData, ...]:
        """The data of other searches that the last refit knew; empty where artifacts are not at hand.

        Raises:
            NotFoundError: They are gone.
        """
        return self.once("sources", self._read_sources)

    def whole(self) -> Campaign:
        """This campaign after everything stored of it was read, so that the store may be closed. Raises as what it reads."""
        _ = self.evaluations, self.references, self.looks, self.polished, self.refits, self.sources
        _ = self.certificates, self.certificate
        self.kept.note(self.evaluations)
        return self

    def select(self, purpose: Purpose) -> list[Evaluation]:
        """Evaluations of one purpose, in proposal order."""
        every = sorted((*self.references, *self.looks, *self.evaluations), key=lambda item: item.proposal.number)
        return [evaluation for evaluation in every if purpose in ("all", evaluation.proposal.purpose)]

    # What follows from columns and spec.

    @property
    def sign(self) -> float:
        """1 when the objective is minimised, -1 when it is maximised: ``sign * value`` is to be small."""
        return 1.0 if self.spec.objective.direction == "minimize" else -1.0

    @property
    def listed(self) -> Columns:
        """All readable evaluations as columns, those of elements and looks among them."""
        return self.once("listed", self._listed)

    @property
    def value_key(self) -> str:
        """Name of the value in rows: ``E_gb`` for grain boundaries, ``E_b`` for migration barriers, else ``value``."""
        return self.spec.space.value_key(self.spec.objective.property)

    @property
    def changed_at(self) -> AwareDatetime:
        """Time of the last proposal, result or command."""
        times = [self.record.created_at, *(command.created_at for command in self.record.commands)]
        for rows in filter(len, (self.columns, *self.columns.aside)):
            times.append(datetime.fromtimestamp(int(rows.changed_at.max()) / 1000, UTC))
        return max(times)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about results, in proposal order."""
        notes = self.columns.properties[LATTICE_WARNING]
        return tuple(map(str, compress(notes, are_given(notes))))

    @property
    def adopted(self) -> BoolArray:
        """Whether results were adopted, also if people corrected them since, shape ``(n,)``."""
        found = [self.columns.properties[name] for name in (ADOPTED, KNOWN_BEFORE)]
        return self.once("adopted", lambda: are_given(found[0]) | are_given(found[1]))

    @property
    def outlying(self) -> tuple[IntArray, IntArray]:
        """Places of the values of the search, and of the outliers among them."""
        return self.once("outlying", lambda: outlying(self.columns))

    @property
    def outliers(self) -> BoolArray:
        """Whether values lie so far from all others that something is likely to be wrong with them, shape ``(n,)``."""
        return self.once("outliers", lambda: np.bincount(self.outlying[1], minlength=len(self.columns)) > 0)

    @property
    def failures(self) -> tuple[FailedEvaluation, ...]:
        """Failed evaluations of elements, search and final relaxation, in proposal order."""
        return tuple(incident.failed for incident in self.incidents.values() if incident.failed is not None)

    @property
    def costs(self) -> FloatArray:
        """Costs of the evaluations: measured if cost is learned and they have ended, else predicted; shape ``(n,)``."""
        return self.once("costs", lambda: costs_of(self.columns, self.spec.space))

    def spent_after(self, places: IntArray | BoolArray) -> FloatArray:
        """Cost of some evaluations and of the looks before each of them [the space's cost unit], shape ``(n,)``.

        Args:
            places: Of the evaluations among the columns, in proposal order.
        """
        spent, looks = np.cumsum(self.costs[places]), self.columns.looks
        if looks is None:
            return spent
        before = np.searchsorted(looks.numbers, self.columns.numbers[places])
        return np.asarray(spent + np.concatenate([[0.0], np.cumsum(costs_of(looks, self.spec.space))])[before])

    @property
    def aside_cost(self) -> float:
        """Cost of the evaluations of elements and of the looks [the space's cost unit]."""
        return sum((float(costs_of(rows, self.spec.space).sum()) for rows in self.columns.aside), 0.0)

    @property
    def cost_comparison(self) -> CostComparison | None:
        """Predicted against actual cost, None where cost is not learned."""
        return compare_costs(self.columns, self.refits, self.spec.space) if self.spec.space.learns_cost else None

    @property
    def counted(self) -> BoolArray:
        """Whether they are evaluations of the search, as its budget counts them: no known results, shape ``(n,)``."""
        return self.once("counted", lambda: self.columns.counted & ~self.known)

    @property
    def known(self) -> BoolArray:
        """Whether they are results that were known already: no evaluations of the campaign, at no cost, shape ``(n,)``."""
        first = self.spec.known_first is not None
        return self.once("known", lambda: self.adopted & first & self.columns.counted)

    # What its space has.

    @property
    def space(self) -> Space:
        """The space it searches.

        Raises:
            ConfigurationError: A file it needs is gone or changed.
        """
        return self.once("space", lambda: open_space(self.spec.space, Path(self.record.base_path)))

    @property
    def pool(self) -> CandidatePool:
        """All candidates, at the costs that the last refit predicts. Raises as :attr:`space`."""
        return self.once("pool", lambda: self._priced(pool_with(self.space, self.columns.candidates)))

    @property
    def outline(self) -> CandidatePool:
        """All candidates without their features, at the costs that the last refit predicts. Raises as :attr:`space`."""
        return self.once("outline", lambda: self._priced(outline_with(self.space, self.columns.candidates)))

    @property
    def systems(self) -> tuple[JsonDict, ...]:
        """Descriptions of the systems, in the pool's order."""
        return self.once("systems", lambda: tuple(self.space.describe_systems()))

    @property
    def exhaustive_cost(self) -> FloatArray:
        """Cost of evaluating every candidate of each system, shape ``(n_systems,)``."""
        return self.once("exhaustive_cost", self._exhaustive_cost)

    @property
    def labels(self) -> Mapping[str, str]:
        """Names of systems as people know them, by the space's, where they differ; empty where the space cannot be opened."""
        return {} if self.prospects is None else self.prospects.labels

    @property
    def prospects(self) -> Prospects | None:
        """The candidates as an overview knows them, whose space may be shared; None: the space cannot be opened."""
        return self._shared[0]

    @property
    def unopened(self) -> str | None:
        """The reason why the space cannot be opened; None: it can."""
        return self._shared[1]

    @property
    def _shared(self) -> tuple[Prospects | None, str | None]:
        def opened() -> Prospects:
            return self.pools.prospects(self.spec.space, self.record.base_path).priced(self.refits)

        return self.once("prospects", lambda: self._with_proposed(opened, self.columns))

    def _with_proposed(self, opened: Callable[[], Prospects], proposed: Columns) -> tuple[Prospects | None, str | None]:
        searched = [proposed.candidates[place] for place in np.flatnonzero(proposed.searched).tolist()]
        try:
            return opened().with_proposed(searched, self.columns.candidates), None
        except (ConfigurationError, NotFoundError) as error:
            return None, f"the space cannot be opened: {error.message}"

    def _priced(self, pool: CandidatePool) -> CandidatePool:
        return priced_by(pool, self.refits[-1]) if self.refits else pool

    def _exhaustive_cost(self) -> FloatArray:
        pool = self.outline
        return np.bincount(pool.system_codes, weights=pool.cost, minlength=len(pool.systems)).astype(np.float64)

    def _apart(self, name: Literal["references", "looks"]) -> Sequence[Evaluation]:
        rows: Columns | None = getattr(self.columns, name)
        return self.once(name, lambda: [] if rows is None else self.kept.numbered(rows.numbers.tolist()))

    def _listed(self) -> Columns:
        if not self.columns.aside:
            return self.columns
        whole = replace(self.columns, references=None, looks=None)
        for rows in self.columns.aside:
            whole = whole.updated(rows)
        return whole

    def _read_certificates(self) -> tuple[Certificate, ...]:
        gridded = self.spec.objective.goal.gridded
        return tuple(stored_certificates(self.store.events(self.record.name, kind=CERTIFICATE) if gridded else ()))

    def _read_evaluations(self) -> tuple[Evaluation, ...]:
        # A running campaign may have more than its columns had.
        known = set(self.columns.numbers.tolist())
        return tuple(item for item in self.store.evaluations(self.record.name) if item.proposal.number in known)

    def _read_incidents(self) -> dict[int, Incident]:
        several = (*self.columns.aside, self.columns)
        numbers = sorted(number for rows in several for number in rows.numbers[rows.incidents].tolist())
        parts = (numbers[begin : begin + _BATCH] for begin in range(0, len(numbers), _BATCH))
        read = (evaluation for part in parts for evaluation in self.store.numbered(self.record.name, part))
        return {evaluation.proposal.number: incident_of(evaluation) for evaluation in read}

    def _read_sources(self) -> tuple[SourceData, ...]:
        if self.artifacts is None:
            return ()
        # Imports the models that choose proposals, which overviews do not need.
        from tansaku.tasks.loop.transfer.sources import sources_in_use

        return sources_in_use(self.refits, self.artifacts)

    def _read_stop(self) -> StopReason | None:
        """Returns why the search has ended. Of one that an earlier version ended, only the audit says so."""
        record = self.record
        if record.stop is not None or self.lease is not None:
            return None if record.stop is None else record.stop.reason
        ended = next(iter(self.store.events(record.name, kind="stopped", limit=1)), None)
        if ended is None or ended.data.get("at_number") != record.last_number:
            return None
        if any(command.applied_at_number is not None and command.created_at > ended.at for command in record.commands):
            return None
        reason = ended.data.get("reason")
        return next((known for known in StopReason if known.value == reason and known is not StopReason.CANCELLED), None)
