"""Descriptions of candidates whose ids say nothing, such as those of parameters."""

from __future__ import annotations

from tansaku.models.domain.ports import DescribedSpace, Space
from tansaku.models.domain.records import JsonDict


def cells_of(space: Space, candidate: str | None) -> JsonDict:
    """Returns the description of a candidate by column; empty where its space describes none.

    Args:
        space: The space of the campaign.
        candidate: Its id; None: there is no candidate.

    Raises:
        NotFoundError: The space has no such candidate.
    """
    return dict(space.cells(candidate)) if candidate is not None and isinstance(space, DescribedSpace) else {}
