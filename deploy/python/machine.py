"""The campaigns of this machine's database, with the names that those of a dashboard have; and a connection to either."""

from __future__ import annotations

from pathlib import Path
from typing import overload

import tansaku_client
from tansaku.deploy.python.campaign import Campaign
from tansaku.deploy.python.places import Database
from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.act.checks.check import CampaignPreview, preview_campaign
from tansaku.tasks.act.commands.create import store_file
from tansaku.tasks.act.measurements.notebook import script_user
from tansaku.tasks.read.views.overview import UnreadableCampaign
from tansaku.tasks.read.views.status import CampaignStatus, every_status
from tansaku_client.connecting import PATIENCE


class Machine:
    """The campaigns of this machine's database, as :class:`tansaku_client.Server` has those of a dashboard."""

    def __init__(self) -> None:
        self._place = Database()
        self._opened: dict[str, Campaign] = {}

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *_: object) -> None:
        """Does nothing: the database is open only while something is read or written."""

    def check(self, spec: str | Path) -> CampaignPreview:
        """Checks a campaign file; stores and computes nothing. Raises ConfigurationError."""
        site = self._place.site
        return preview_campaign(_path(spec), self._place.open, site.limits, site.launcher.evaluation_limits)

    def create(self, spec: str | Path) -> Campaign:
        """Stores the campaign of a file; the same file again opens it. Raises ConfigurationError, SpecChangedError."""
        return self.campaign(store_file(_path(spec), script_user(), self._place.site.limits, self._place.open).name)

    def campaign(self, name: str) -> Campaign:
        """Opens a campaign, always the same object: it runs what was started. Raises NotFoundError."""
        if name not in self._opened:
            self._opened[name] = Campaign.open(name)
        return self._opened[name]

    def __getitem__(self, name: str) -> Campaign:
        return self.campaign(name)

    @property
    def campaigns(self) -> list[CampaignStatus | UnreadableCampaign]:
        """All campaigns, by name."""
        with self._place.open() as resources:
            return list(every_status(resources.store))


@overload
def connect(address: None = None) -> Machine: ...


@overload
def connect(
    address: str, *, token: str | None = None, insecure: bool = False, patience: float = PATIENCE
) -> tansaku_client.Server: ...


def connect(
    address: str | None = None, *, token: str | None = None, insecure: bool = False, patience: float = PATIENCE
) -> Machine | tansaku_client.Server:
    """Connects to a dashboard, or without an address to this machine's own database.

    Args:
        address: See :func:`tansaku_client.connect`, as the other arguments.
        token: Of the dashboard's account page.
        insecure: Whether the token may be sent unencrypted.
        patience: How long a request is repeated while the server does not answer [s].

    Raises:
        ConfigurationError: The address or the token cannot be used.
    """
    if address is None:
        return Machine()
    return tansaku_client.connect(address, token=token, insecure=insecure, patience=patience)


def _path(spec: str | Path) -> Path:
    if isinstance(spec, str) and "\n" in spec:
        raise ConfigurationError("spec: the text of a campaign", hint="write it to a file and give its path")
    return Path(spec)
