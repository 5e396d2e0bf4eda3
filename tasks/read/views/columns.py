"""Reads the evaluations of a campaign as columns."""

from __future__ import annotations

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.views import Columns


def complete_columns(store: CampaignStore, name: str) -> Columns:
    """Returns the evaluations of a campaign as columns.

    Raises:
        StoreError: One of them cannot be read.
    """
    columns = store.columns(name)
    if columns.problems:
        raise StoreError(columns.problems[0])
    return columns
