"""The campaigns of this machine's database, with the names that those of a dashboard have; and connections to either."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from tansaku.deploy.python.campaign import Campaign, say_aside
from tansaku.deploy.python.parts import plain
from tansaku.deploy.python.places import Database
from tansaku.models.domain.errors import ConfigurationError, StateError
from tansaku.models.domain.identifiers import shown
from tansaku.models.domain.roles import Role
from tansaku.tasks.act.checks.check import CampaignPreview, preview_campaign
from tansaku.tasks.act.commands.create import store_file
from tansaku.tasks.act.measurements.notebook import script_user
from tansaku.tasks.ground.formats.yaml_text import YamlText, parse_yaml
from tansaku.tasks.read.views.overview import UnreadableCampaign
from tansaku.tasks.read.views.status import CampaignStatus, every_status
from tansaku_client.calls import is_text
from tansaku_client.connecting import PATIENCE
from tansaku_client.records import User

if TYPE_CHECKING:
    from tansaku_client import AsyncServer, Server

_TEXT = "spec"
"""Name of a campaign file that is given as text, in messages."""


class Machine:
    """The campaigns of this machine's database, as :class:`tansaku_client.Server` has those of a dashboard."""

    def __init__(self) -> None:
        self._place = Database()
        self._opened: dict[str, Campaign] = {}

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Does nothing: the database is open only while something is read or written."""

    @property
    def user(self) -> User:
        """The user of this script: to open the database is to have every right."""
        return User(name=script_user().name, role=Role.ADMIN.value)

    def check(self, spec: str | Path | Mapping[str, Any]) -> CampaignPreview:
        """Checks a campaign file, given as path, text or keys; stores and computes nothing. Raises ConfigurationError."""
        site = self._place.site
        return preview_campaign(_given(spec), self._place.open, site.limits, site.launcher.evaluation_limits)

    def create(self, spec: str | Path | Mapping[str, Any], *, run: bool = False) -> Campaign:
        """Stores the campaign of a file; the same file again opens it.

        Args:
            spec: A campaign file as path, text or keys; relative paths of a text start at the current folder.
            run: Whether it is started at once.

        Raises:
            ConfigurationError: A key is wrong.
            SpecChangedError: A campaign of this name has another spec.
        """
        name = store_file(_given(spec), script_user(), self._place.site.limits, self._place.open, say_aside).name
        campaign = self.campaign(name)
        if run:
            campaign.start()
        return campaign

    def upload(self, path: str | Path, name: str | None = None) -> str:  # noqa: ARG002 - as of a dashboard
        """Raises StateError: campaigns of this machine name files by their paths, and no library is needed."""
        raise StateError(
            f"{Path(path).name}: nothing is uploaded here, as campaigns of this machine name files by their paths",
            hint="name its path in the campaign, or connect to a dashboard",
        )

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
def connect(address: str, *, token: str | None = None, insecure: bool = False, patience: float = PATIENCE) -> Server: ...


def connect(
    address: str | None = None, *, token: str | None = None, insecure: bool = False, patience: float = PATIENCE
) -> Machine | Server:
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
    from tansaku.deploy.python.dashboards import Dashboard

    return Dashboard.at(address, token=token, insecure=insecure, patience=patience)


def connect_async(address: str, *, token: str | None = None, insecure: bool = False, patience: float = PATIENCE) -> AsyncServer:
    """Does the same as :func:`connect` with an address, for coroutines."""
    from tansaku.deploy.python.dashboards import AsyncDashboard

    return AsyncDashboard.at(address, token=token, insecure=insecure, patience=patience)


def _given(spec: str | Path | Mapping[str, Any]) -> Path | YamlText:
    """A campaign file as its path, or as its text. Raises ConfigurationError."""
    if isinstance(spec, Mapping):
        return YamlText(plain(spec, {}, ""), {}, _TEXT)
    if not isinstance(spec, str | Path):
        raise ConfigurationError(f"spec: {shown(spec)}; expected a campaign file as path, text or keys")
    return parse_yaml(spec, _TEXT) if is_text(spec) else Path(spec)
