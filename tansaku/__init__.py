"""tansaku (探索): active-learning campaigns for materials."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tansaku.tasks.act.measurements.campaign_view import CampaignView

__version__ = "0.2.0"


def open(name: str) -> CampaignView:  # noqa: A001 - the public name reads `tansaku.open("my-campaign")`
    """Opens a stored campaign for reading in a notebook.

    Args:
        name: Campaign name.

    Raises:
        NotFoundError: No campaign of this name is stored.
    """
    from tansaku.tasks.act.measurements.campaign_view import CampaignView

    return CampaignView.open(name)
