"""Looks up frozen results by candidate."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from tansaku.models.domain.adoption import ADOPTED, Known
from tansaku.models.domain.errors import CalculationError, NotFoundError, StoreError
from tansaku.models.domain.ports import ArtifactStore, CampaignStore, Space
from tansaku.models.domain.records import Outcome
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.loop.reuse.freezing import kept_results
from tansaku.tasks.loop.reuse.keys import only_energy, structure_key


class KnownResults:
    """Results that a campaign adopts; the same answers at every start, because they were frozen with the campaign.

    Args:
        space: Builds its structures.
        artifacts: Keeps the results and the files that they name.
        store: Gives the present names of campaigns.

    Attributes:
        beforehand: Results that are known before the first proposal by candidate, in the order in which they were computed.

    Raises:
        NotFoundError: The frozen results are no longer stored.
    """

    def __init__(self, spec: CampaignSpec, space: Space, artifacts: ArtifactStore, store: CampaignStore) -> None:
        self._space, self._artifacts, self._with_info = space, artifacts, not only_energy(spec)
        self._by_structure = not spec.structureless
        self._results = {} if spec.reuse_sha256 is None else kept_results(artifacts, spec.reuse_sha256)
        self._names = _present_names(store) if self._results else {}
        found = sorted(self._results.values(), key=_computed)
        self.beforehand = {candidate: known for known in found for candidate in known.candidates}
        self._found: dict[str, Known | None] = dict(self.beforehand)

    def find(self, candidate: str) -> Known | None:
        """The result of a candidate's structure, None where there is none."""
        if not self._by_structure or not self._results:
            return self._found.get(candidate)
        if candidate not in self._found:
            try:
                key = structure_key(self._space.structure(candidate), with_info=self._with_info)
            except CalculationError:
                key = ""  # it cannot be built: its job says why
            self._found[candidate] = self._results.get(key)
        return self._found[candidate]

    def outcome_of(self, known: Known) -> Outcome:
        """The adopted outcome: it costs nothing, names its origin, and keeps the files that are still stored."""
        origin, outcome = known.origin, known.outcome
        if origin.created_at is not None:
            name = self._names.get((origin.campaign, origin.created_at), origin.campaign)
            origin = origin.model_copy(update={"campaign": name})
        files = {what: sha256 for what, sha256 in outcome.artifacts.items() if self._artifacts.exists(sha256)}
        return outcome.model_copy(
            update={
                "properties": outcome.properties | {ADOPTED: origin.model_dump(mode="json")},
                "artifacts": files,
                "wall_time": 0.0,
                "cores": 1,
            }
        )


def _computed(known: Known) -> tuple[bool, str, str, int]:
    """Order of results: those of the oldest campaign first, those of a table last."""
    origin = known.origin
    moment = "" if origin.created_at is None else origin.created_at.astimezone(UTC).isoformat()
    return origin.created_at is None, moment, origin.campaign, origin.number


def _present_names(store: CampaignStore) -> Mapping[tuple[str, datetime], str]:
    """Present names of renamed campaigns, by a former one and the time of their creation."""
    found: dict[tuple[str, datetime], str] = {}
    for name in store.campaign_names():
        try:
            record = store.campaign(name)
        except (NotFoundError, StoreError):
            continue
        found |= {(former, record.created_at): name for former in record.former_names}
    return found
