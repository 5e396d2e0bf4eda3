"""A campaign of any size for views: read once, then updated with changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tansaku.models.domain.adoption import ADOPTED
from tansaku.models.domain.certificate import Certificate
from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import CampaignRecord, Evaluation, Lease, Refit
from tansaku.models.domain.retraining import Retrain, RetrainEnd
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import StopReason
from tansaku.models.domain.views import BoolArray, Columns
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.backends.stores.columns import columns_of
from tansaku.tasks.loop.steps.certificates import last_certificate
from tansaku.tasks.node.jobs.document import LATTICE_WARNING
from tansaku.tasks.read.views.costs import costs_of
from tansaku.tasks.read.views.failures import FailedEvaluation, Incident, incident_of
from tansaku.tasks.read.views.prospects import Prospects, RecentPools

_BATCH = 500
_PROPERTIES = (LATTICE_WARNING, ADOPTED)

Retrains = tuple[tuple[Retrain, RetrainEnd | None], ...]


@dataclass(frozen=True)
class StoredCampaign:
    """A stored campaign.

    Attributes:
        record: The campaign as stored.
        lease: Of its driver; None: nobody drove it when the record was read.
        spec: Its resolved spec, edits applied.
        arrays: Its evaluations.
        incidents: Failures of evaluations, by number, in proposal order.
        refits: In order.
        retrains: In order, each with its end if it has ended.
        certificate: The latest; None before the first.
        stop: Why its search has ended, as its driver decided; None: it continues.
        prospects: What may still be proposed; None where the space cannot be opened.
        unopened: Why it cannot.
    """

    record: CampaignRecord
    lease: Lease | None
    spec: CampaignSpec
    arrays: Columns
    incidents: Mapping[int, Incident]
    refits: tuple[Refit, ...]
    retrains: Retrains
    certificate: Certificate | None
    stop: StopReason | None
    prospects: Prospects | None
    unopened: str | None

    @classmethod
    def load(cls, store: CampaignStore, record: CampaignRecord, pools: RecentPools, lease: Lease | None) -> StoredCampaign:
        """Reads a campaign.

        Args:
            store: Where it is.
            record: As stored.
            pools: Spaces that were opened before.
            lease: Of its driver, see :func:`~tansaku.tasks.read.views.status.live_lease`.

        Raises:
            StoreError: It cannot be read here; single evaluations that cannot are left out and said.
            MissingComponentError: Its space needs a package that is not installed.
        """
        name, spec = record.name, stored_spec(record)
        further = spec.objective.further
        arrays = store.columns(name, quantities=[goal.property for goal in further], properties=_PROPERTIES)
        refits, numbers = tuple(store.refits(name)), arrays.numbers[arrays.incidents].tolist()
        incidents: dict[int, Incident] = {}
        for begin in range(0, len(numbers), _BATCH):
            found = store.numbered(name, numbers[begin : begin + _BATCH])
            incidents |= {evaluation.proposal.number: incident_of(evaluation) for evaluation in found}
        read = cls(
            record=record,
            lease=lease,
            spec=spec,
            arrays=arrays,
            incidents=incidents,
            refits=refits,
            retrains=tuple(store.retrains(name)),
            certificate=last_certificate(store, name),
            stop=_stop(store, record, lease),
            prospects=None,
            unopened=None,
        )
        return read._opened(lambda: pools.prospects(spec.space, record.base_path).priced(refits), arrays)

    def updated(
        self, store: CampaignStore, record: CampaignRecord, lease: Lease | None, evaluations: Sequence[Evaluation]
    ) -> StoredCampaign:
        """Returns the campaign with all changes since.

        Args:
            store: Where it is.
            record: The campaign as it now is, with the same creation.
            lease: Of its driver now.
            evaluations: New and changed ones.
        """
        before, name = self.record, record.name
        # A report of values may describe candidates, so commands count too.
        same = record.spec == before.spec and len(record.commands) == len(before.commands)
        spec = self.spec if same else stored_spec(record)
        refits = self.refits if record.last_refit == before.last_refit else tuple(store.refits(name))
        trained = (record.last_retrain, record.last_retrain_end) == (before.last_retrain, before.last_retrain_end)
        further = spec.objective.further
        changed = columns_of(evaluations, [goal.property for goal in further], _PROPERTIES)
        arrays = self.arrays.updated(changed)
        found = {item.proposal.number: incident_of(item) for item in evaluations}
        numbers = found.keys()
        incidents = {number: incident for number, incident in self.incidents.items() if number not in numbers}
        incidents |= {number: incident for number, incident in found.items() if incident.happened}
        now = replace(
            self,
            record=record,
            lease=lease,
            spec=spec,
            arrays=arrays,
            incidents=dict(sorted(incidents.items())) if numbers else self.incidents,
            refits=refits,
            retrains=self.retrains if trained else tuple(store.retrains(name)),
            certificate=last_certificate(store, name),
            stop=_stop(store, record, lease),
        )
        known = self.prospects
        if known is None:
            return now
        return now._opened(lambda: known if refits is self.refits else known.priced(refits), changed)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about results, in proposal order."""
        return tuple(str(note) for note in self.arrays.properties[LATTICE_WARNING] if note is not None)

    @cached_property
    def adopted(self) -> BoolArray:
        """Whether results were adopted, shape ``(n,)``."""
        return np.array([origin is not None for origin in self.arrays.properties[ADOPTED]], dtype=np.bool_)

    @property
    def failures(self) -> tuple[FailedEvaluation, ...]:
        """Failed evaluations of search and final relaxation, in proposal order."""
        return tuple(incident.failed for incident in self.incidents.values() if incident.failed is not None)

    @property
    def costs(self) -> FloatArray:
        """Costs of the evaluations: measured if cost is learned and they have ended, else predicted; shape ``(n,)``."""
        return costs_of(self.arrays, self.spec.space)

    @property
    def counted(self) -> BoolArray:
        """Whether evaluations count as the search's in the budget, shape ``(n,)``."""
        return self.arrays.counted if self.spec.known_first is None else self.arrays.counted & ~self.adopted

    @property
    def pool(self) -> CandidatePool | None:
        """The candidates at the costs that the last refit predicts, without features; None: the space cannot be opened."""
        return None if self.prospects is None else self.prospects.pool

    def _opened(self, prospects: Callable[[], Prospects], proposed: Columns) -> StoredCampaign:
        """The campaign with what may still be proposed after some proposals."""
        searched = np.flatnonzero(proposed.searched).tolist()
        try:
            left = prospects().without(proposed.candidates[place] for place in searched)
        except (ConfigurationError, NotFoundError) as error:
            return replace(self, prospects=None, unopened=f"the space cannot be opened: {error.message}")
        return replace(self, prospects=left, unopened=None)


def added(values: FloatArray) -> float:
    """The sum of values, one after the other."""
    return float(np.cumsum(values)[-1]) if len(values) else 0.0


def _stop(store: CampaignStore, record: CampaignRecord, lease: Lease | None) -> StopReason | None:
    """Returns why a search has ended. Of one that an earlier version ended, only the audit says so."""
    if record.stop is not None or lease is not None:
        return None if record.stop is None else record.stop.reason
    ended = next(iter(store.events(record.name, kind="stopped", limit=1)), None)
    if ended is None or ended.data.get("at_number") != record.last_number:
        return None
    if any(command.applied_at_number is not None and command.created_at > ended.at for command in record.commands):
        return None
    reason = ended.data.get("reason")
    return next((known for known in StopReason if known.value == reason and known is not StopReason.CANCELLED), None)
