"""Descriptions of candidates whose ids say nothing, such as those of parameters."""

from __future__ import annotations

from pathlib import Path

from tansaku.models.domain.ports import DescribedSpace, Space
from tansaku.models.domain.records import CampaignRecord, JsonDict
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.backends.stores.campaigns import stored_spec


def cells_of(space: Space, candidate: str | None) -> JsonDict:
    """Returns the description of a candidate by column; empty where its space describes none.

    Args:
        space: The space of the campaign.
        candidate: Its id; None: there is no candidate.

    Raises:
        NotFoundError: The space has no such candidate.
    """
    return dict(space.cells(candidate)) if candidate is not None and isinstance(space, DescribedSpace) else {}


def stored_cells(record: CampaignRecord, candidate: str) -> JsonDict:
    """Returns the description of a candidate of a stored campaign, as :func:`cells_of`.

    Raises:
        ConfigurationError: The space cannot be opened, e.g. because a file is missing.
        NotFoundError: It has no such candidate.
    """
    return cells_of(open_space(stored_spec(record).space, Path(record.base_path)), candidate)
