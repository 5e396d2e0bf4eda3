"""Default thickness of grains for repeating the final relaxation."""

from __future__ import annotations

import math

from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.boundary_cell import PeriodicCellSpec
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.steps.source import polish_relaxation

_THICKER = 2.0


def with_thickness(spec: CampaignSpec) -> CampaignSpec:
    """Returns the spec with a number for ``space.cell.polish`` if it is null and the final relaxation can be repeated."""
    usual = _usual(spec)
    if usual is None or getattr(spec.space, "cell", None) != PeriodicCellSpec():
        return spec
    return spec.model_copy(update={"space": spec.space.model_copy(update={"cell": usual})})


def usual_cell(spec: CampaignSpec) -> JsonDict | None:
    """Returns the default of ``space.cell`` for a file without the key; None: nothing is filled in.

    Files that differ only in writing out this default are the same campaign.
    """
    usual = _usual(spec)
    return usual.model_dump(mode="json") if usual is not None else None


def _usual(spec: CampaignSpec) -> PeriodicCellSpec | None:
    calculator, spacing = spec.calculator, getattr(spec.space, "spacing", None)
    if not isinstance(getattr(spec.space, "cell", None), PeriodicCellSpec) or calculator is None or not spec.execution.polish:
        return None
    # There a cell twice as thick costs about ten times as much.
    if calculator.facts.dft or polish_relaxation(spec) is None or spacing is None or not math.isfinite(_THICKER * spacing):
        return None
    return PeriodicCellSpec(polish=_THICKER * spacing)
