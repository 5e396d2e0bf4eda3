"""The conditions of a candidate, or the columns of its row of a table, in words."""

from __future__ import annotations

from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.ports import DescribingSpace
from tansaku.models.domain.wording import names_unit, pretty_unit, significant, with_unit
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.parameter_figures import FIGURES, MOST_OPENED, space_of
from tansaku.tasks.read.views.results import cells_of


def conditions_of(campaign: Campaign, candidate: str) -> dict[str, str]:
    """The conditions by name, with units; empty where nothing describes candidates, or the space is closed or large."""
    if numbers := campaign.spec.space.read_id(candidate):
        return {name: _said(value, unit) for name, (value, unit) in numbers.items()}
    prospects = campaign.prospects if campaign.spec.manual or campaign.spec.space.description.figures == FIGURES else None
    if prospects is None or (len(prospects.pool) > MOST_OPENED and not campaign.spec.manual):
        return {}
    try:
        space = space_of(campaign)
        cells = cells_of(space, candidate)
    except (ConfigurationError, NotFoundError):
        return {}
    units = {column.name: column.unit for column in space.columns()} if isinstance(space, DescribingSpace) else {}
    return {name: _said(value, None if names_unit(name) else units.get(name)) for name, value in cells.items()}


def _said(value: str | float, unit: str | None) -> str:
    return value if isinstance(value, str) else with_unit(significant(value), pretty_unit(unit or "1"))


def conditions_told(campaign: Campaign, candidate: str) -> str:
    """The conditions in one line; empty where there are none to tell."""
    return ", ".join(f"{name} {said}" for name, said in conditions_of(campaign, candidate).items())
