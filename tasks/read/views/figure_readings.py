"""Figures of campaigns, made once for each version from what the dashboard has read: no viewer costs another reading."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from tansaku.models.domain.errors import ConfigurationError, NotFoundError, StoreError
from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.records import JsonDict
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.campaign_figures import (
    LAST_PROPOSALS,
    AngleCurve,
    CampaignFigures,
    IonMap,
    angle_curve,
    certificate_lines,
    front_points,
    grids_of,
    ion_maps,
    proposal_points,
)
from tansaku.tasks.read.views.ion_grid import IonGrid
from tansaku.tasks.read.views.proposals import last_proposals

_MOST_KEPT = 16


@dataclass(frozen=True)
class _Layout:
    """The part of a space that figures need; it does not change during a campaign.

    Attributes:
        systems: Descriptions of its systems.
        grids: Of its ions.
        ids: Candidates by position, for the grids.
    """

    systems: Sequence[JsonDict] = ()
    grids: tuple[IonGrid, ...] = ()
    ids: Sequence[str] = ()


class FigureReadings:
    """Figures of campaigns, with a cache of the last spaces. Safe between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._layouts: OrderedDict[str, _Layout] = OrderedDict()

    def figures(self, reading: Campaign) -> CampaignFigures:
        """Figures of a campaign as it was read, made at most once."""
        return reading.once(FigureReadings, lambda: self._made(reading))

    def _made(self, reading: Campaign) -> CampaignFigures:
        spec, arrays, certificate = reading.spec, reading.columns, reading.certificate
        # Evaluations that cannot be read are missing here; the page shows the reason.
        angles, maps, problem = self._of_space(reading)
        return CampaignFigures(
            version=reading.version,
            quantity=spec.space.description.value_key,
            unit=spec.objective.unit,
            direction=spec.objective.direction,
            angles=angles,
            maps=maps,
            front=front_points(arrays, spec),
            certificate=None if certificate is None else certificate_lines(certificate),
            proposals=proposal_points(last_proposals(reading, LAST_PROPOSALS)[::-1]),
            problem=problem,
        )

    def _of_space(self, reading: Campaign) -> tuple[AngleCurve | None, tuple[IonMap, ...], str]:
        """The figures that the space's description names, and why they cannot be shown."""
        figures = reading.spec.space.description.figures
        if figures is None:
            return None, (), ""
        try:
            layout = self._layout(reading)
        except (ConfigurationError, NotFoundError, StoreError) as error:
            return None, (), f"the space cannot be opened on this machine: {error.message}"
        if figures == "boundaries":
            return angle_curve(reading.columns, layout.systems, reading.sign), (), ""
        return None, ion_maps(reading.columns, layout.grids, layout.ids), ""

    def _layout(self, reading: Campaign) -> _Layout:
        record, space_spec = reading.record, reading.spec.space
        key = short_hash([record.name, record.created_at.isoformat(), record.base_path, space_spec.model_dump(mode="json")])
        with self._lock:  # opening a space takes long: once for all who wait
            if key not in self._layouts:
                space = open_space(space_spec, Path(record.base_path))
                grids = grids_of(space)
                ids = [str(name) for name in space.pool().ids] if grids else ()
                self._layouts[key] = _Layout(tuple(space.describe_systems()), grids, ids)
            self._layouts.move_to_end(key)
            while len(self._layouts) > _MOST_KEPT:
                self._layouts.popitem(last=False)
            return self._layouts[key]
