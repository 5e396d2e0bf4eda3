"""Reads the figures of campaigns once for each version: many viewers of one version cost one reading."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TypeVar

from tansaku.models.domain.errors import ConfigurationError, NotFoundError, StoreError
from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import CampaignRecord, JsonDict
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.views import Columns
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.views.campaign_figures import (
    AngleCurve,
    CampaignFigures,
    IonMap,
    angle_curve,
    front_points,
    grids_of,
    ion_maps,
    last_certificate,
    last_proposals,
)
from tansaku.tasks.views.ion_grid import IonGrid
from tansaku.tasks.views.overview import stored_spec

_MOST_KEPT = 16
_Kept = TypeVar("_Kept")


@dataclass(frozen=True)
class _Layout:
    """What figures need of a space, which does not change during a campaign.

    Attributes:
        systems: Descriptions of its systems.
        grids: Of its ions.
        ids: Candidates by position, for the grids.
    """

    systems: Sequence[JsonDict] = ()
    grids: tuple[IonGrid, ...] = ()
    ids: Sequence[str] = ()


class FigureReadings:
    """Figures of campaigns, with those of the last versions. Safe between threads.

    Args:
        store: Holds the campaigns.
        version: Present version of a campaign; raises NotFoundError.
    """

    def __init__(self, store: CampaignStore, version: Callable[[str], str]) -> None:
        self._store, self._version = store, version
        self._lock = Lock()
        self._figures: OrderedDict[str, CampaignFigures] = OrderedDict()
        self._layouts: OrderedDict[str, _Layout] = OrderedDict()

    def figures(self, name: str) -> CampaignFigures:
        """Figures of the present version of a campaign.

        Raises:
            NotFoundError: No campaign of this name is stored.
            StoreError: It cannot be read here.
        """
        version = self._version(name)
        with self._lock:
            kept = self._figures.get(name)
        if kept is None or kept.version != version:
            kept = self._read(name, version)
            self._keep(self._figures, name, kept)
        return kept

    def _read(self, name: str, version: str) -> CampaignFigures:
        record = self._store.campaign(name)
        spec = stored_spec(record)
        further = [goal.property for goal in spec.objective.further]
        # Evaluations that cannot be read are missing here; the page shows the reason.
        columns = self._store.columns(name, quantities=further)
        angles, maps, problem = self._of_space(record, spec, columns)
        return CampaignFigures(
            version=version,
            quantity=spec.space.description.value_key,
            unit=spec.objective.unit,
            direction=spec.objective.direction,
            angles=angles,
            maps=maps,
            front=front_points(columns, spec),
            certificate=last_certificate(self._store, name),
            proposals=last_proposals(self._store, name, columns),
            problem=problem,
        )

    def _of_space(
        self, record: CampaignRecord, spec: CampaignSpec, columns: Columns
    ) -> tuple[AngleCurve | None, tuple[IonMap, ...], str]:
        """The figures that the space's description names, and why they cannot be shown."""
        figures = spec.space.description.figures
        if figures is None:
            return None, (), ""
        try:
            layout = self._layout(record, spec)
        except (ConfigurationError, NotFoundError, StoreError) as error:
            return None, (), f"the space cannot be opened on this machine: {error.message}"
        if figures == "boundaries":
            return angle_curve(columns, layout.systems, 1.0 if spec.objective.direction == "minimize" else -1.0), (), ""
        return None, ion_maps(columns, layout.grids, layout.ids), ""

    def _layout(self, record: CampaignRecord, spec: CampaignSpec) -> _Layout:
        key = short_hash([record.name, record.created_at.isoformat(), record.base_path, spec.space.model_dump(mode="json")])
        with self._lock:
            kept = self._layouts.get(key)
        if kept is None:
            space = open_space(spec.space, Path(record.base_path))
            grids = grids_of(space)
            ids = [str(name) for name in space.pool().ids] if grids else ()
            kept = _Layout(tuple(space.describe_systems()), grids, ids)
            self._keep(self._layouts, key, kept)
        return kept

    def _keep(self, shelf: OrderedDict[str, _Kept], key: str, found: _Kept) -> None:
        with self._lock:
            shelf[key] = found
            shelf.move_to_end(key)
            while len(shelf) > _MOST_KEPT:
                shelf.popitem(last=False)
